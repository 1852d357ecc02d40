from __future__ import annotations

from typing import TYPE_CHECKING, Any

import groq
import pytest

from groq_quota import QuotaExceededError
from tests.sdk.judge import agrees

if TYPE_CHECKING:
    from groq_quota import QuotaMeter
    from groq_quota.simulator import Simulator

_WHY = "pydantic-ai-slim[groq] is not installed"
pydantic_ai: Any = pytest.importorskip("pydantic_ai", reason=_WHY)
models: Any = pytest.importorskip("pydantic_ai.models.groq", reason=_WHY)
providers: Any = pytest.importorskip("pydantic_ai.providers.groq", reason=_WHY)


def agent(client: groq.AsyncGroq) -> Any:
    """
    An agent that calls Groq by this client.
    """
    provider = providers.GroqProvider(groq_client=client)
    return pydantic_ai.Agent(models.GroqModel("test-model", provider=provider))


async def test_runs_are_counted(meter: QuotaMeter, server: Simulator) -> None:
    """
    A run, and one whose answer is streamed, are counted as the server counts them.
    """
    async with groq.AsyncGroq(base_url=server.base_url, api_key="any") as client:
        plain = await agent(client).run("Who?")
        async with agent(client).run_stream("Who?") as streamed:
            text = await streamed.get_output()

    assert plain.output == text
    assert agrees(meter, server).requests == 2


async def test_a_run_at_the_limit(meter: QuotaMeter, server: Simulator) -> None:
    """
    Nothing is sent; the refusal reaches the user, as it is or as the cause.
    """
    async with groq.AsyncGroq(base_url=server.base_url, api_key="any") as client:
        for _ in range(3):
            await agent(client).run("Who?")
        with pytest.raises(Exception, match="3 of 3") as refused:
            await agent(client).run("Who?")

    assert any(isinstance(e, QuotaExceededError) for e in (refused.value, refused.value.__cause__))
    assert 3 == len(server.ledger)
    assert agrees(meter, server).blocked == 1
