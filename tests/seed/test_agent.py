"""
The second of the seed's three suites: an agent that checks, answers, tracks and reports its health.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from groq_quota.testing import FakeClock
    from groq_quota.tracker import UsageTracker

MODEL = "llama-3.1-8b-instant"


class Integration:
    """
    What the agent asks for answers: it keeps the prompts, and fails when it is told to.
    """

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.broken = False

    def generate_response(self, prompt: str, model: str) -> str:
        """
        An answer of four words.
        """
        self.prompts.append(prompt)
        if self.broken:
            raise ConnectionError(model)
        return "La temperatura es 21.5"


class CloudIoTAgent:
    """
    An agent as the seed describes it, line by line.
    """

    def __init__(self, groq_integration: Integration, usage_tracker: UsageTracker) -> None:
        self.groq_model = MODEL
        self.groq_integration = groq_integration
        self.usage_tracker = usage_tracker

    async def process_query(self, prompt: str) -> dict[str, Any]:
        """
        The answer, or why there is none.
        """
        can_make_request, usage_message = self.usage_tracker.check_can_make_request(self.groq_model)
        if not can_make_request:
            return {
                "success": False,
                "response": usage_message,
                "usage": self.usage_tracker.get_usage_info(self.groq_model),
            }
        response = self.groq_integration.generate_response(prompt, model=self.groq_model)
        estimated_tokens = len(prompt.split()) + len(response.split())
        usage_info = self.usage_tracker.track_request(self.groq_model, estimated_tokens)
        return {"success": True, "response": response, "usage": usage_info}

    def health_check(self) -> dict[str, Any]:
        """
        How the agent is, with its use of the API.
        """
        health: dict[str, Any] = {"agent": "healthy", "model": self.groq_model}
        health["api_usage"] = self.usage_tracker.get_usage_info(self.groq_model)
        return health


@pytest.fixture(name="integration")
def _integration() -> Integration:
    return Integration()


@pytest.fixture(name="agent")
def _agent(integration: Integration, tracker: UsageTracker) -> CloudIoTAgent:
    tracker.daily_limits[MODEL] = {"requests": 4, "tokens": 1_000, "description": "Llama"}
    return CloudIoTAgent(integration, tracker)


async def test_answers_and_tracks(agent: CloudIoTAgent) -> None:
    """
    An answered question is one request, with the tokens that the agent estimated.
    """
    answer = await agent.process_query("¿Cuál es la temperatura?")
    usage = answer["usage"]

    assert "La temperatura es 21.5" == answer["response"]
    assert (1, 8, "normal") == (usage["requests_used"], usage["tokens_used"], usage["status"])


async def test_stops_at_the_limit(agent: CloudIoTAgent, integration: Integration) -> None:
    """
    Past the limit it answers with the message, and sends nothing.
    """
    answers = [await agent.process_query("hola") for _ in range(6)]
    expected = "Límite diario alcanzado: 4 de 4 requests utilizados"

    assert [True] * 4 + [False] * 2 == [answer["success"] for answer in answers]
    assert [expected] * 2 == [answer["response"] for answer in answers[4:]]
    assert 4 == len(integration.prompts)
    assert 4 == answers[-1]["usage"]["requests_used"]


async def test_warns_on_the_way(agent: CloudIoTAgent) -> None:
    """
    The state climbs with use, and the last request's answer says that it was the last.
    """
    answers = [await agent.process_query("hola") for _ in range(4)]
    seen = [(each["usage"]["status"], each["usage"]["can_make_request"]) for each in answers]

    assert [("normal", True)] * 2 + [("warning", True), ("limit_reached", False)] == seen


async def test_goes_on_the_next_day(agent: CloudIoTAgent, clock: FakeClock) -> None:
    """
    The same agent answers again after midnight UTC.
    """
    for _ in range(4):
        await agent.process_query("hola")
    blocked = await agent.process_query("hola")
    clock.advance(86_400)
    answered = await agent.process_query("hola")

    assert (False, True) == (blocked["success"], answered["success"])
    assert 5 == answered["usage"]["lifetime_stats"]["requests"]


async def test_tracks_no_failure(agent: CloudIoTAgent, integration: Integration) -> None:
    """
    A question whose answer never came is not tracked by the seed's flow.
    """
    integration.broken = True
    with pytest.raises(ConnectionError):
        await agent.process_query("hola")

    assert 0 == agent.health_check()["api_usage"]["requests_used"]


async def test_health_carries_the_usage(agent: CloudIoTAgent, tracker: UsageTracker) -> None:
    """
    The health check has the model's usage, and counts nothing itself.
    """
    await agent.process_query("hola")
    first, second = agent.health_check(), agent.health_check()

    assert tracker.get_usage_info(MODEL) == first["api_usage"] == second["api_usage"]
    assert ("healthy", 1) == (first["agent"], first["api_usage"]["requests_used"])


async def test_many_questions_at_once(agent: CloudIoTAgent) -> None:
    """
    Questions of many tasks are all counted.
    """
    agent.usage_tracker.daily_limits[MODEL]["requests"] = None
    await asyncio.gather(*(agent.process_query("hola") for _ in range(50)))

    assert 50 == agent.health_check()["api_usage"]["requests_used"]
