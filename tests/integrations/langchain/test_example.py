"""
The example of an agent, which is the seed's.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("langchain_groq", reason="the example needs langchain-groq")
pytest.importorskip("langgraph", reason="the example needs langgraph")

import groq_quota
from groq_quota import QuotaMeter, UsageTracker

from .world import World

if TYPE_CHECKING:
    from types import ModuleType

    from groq_quota.simulator import Simulator

FILE = Path(__file__).parents[3] / "docs" / "examples" / "agent.py"
REFUSED = "🚫 Límite diario alcanzado: 6 de 6 requests utilizados."


@pytest.fixture(name="example", scope="module")
def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("agent_example", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # nothing closes ChatGroq's connections
async def test_the_program_runs_by_itself(
    example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Without a key it starts the simulator, and asks until the limit is reached.
    """
    await example.main()
    said = capsys.readouterr().out

    assert ["5 de 6 consultas de hoy (83.3 %)" in said, "🚨 6 de 6" in said] == [True, True]
    assert f"7. {REFUSED}" in said
    assert said.endswith(f"{example.MODEL}: 6 de 6 consultas\n")


@pytest.mark.parametrize("patched", [True, False], ids=["patched", "decorator alone"])
def test_the_agent_sends_what_the_limit_allows(
    example: ModuleType, server: Simulator, *, patched: bool
) -> None:
    """
    Six of eight questions are sent, each is counted once, and the health says how it stands.
    """
    meter = QuotaMeter("memory://", limits={example.MODEL: {"rpd": 6}})
    world = World("P" if patched else "", server, meter)
    groq_quota.set_default_meter(meter)
    agent = example.CloudIoTAgent(world.llm(example.MODEL), UsageTracker(meter=meter))

    async def ask(_: World) -> list[str]:
        return [await agent.process_query("¿Cuál es la temperatura?") for _ in range(8)]

    answers: Any = world.run(ask)
    health = agent.health_check()

    assert 6 == len(server.ledger)
    assert world.billed() == world.counted()
    assert [False] * 6 + [True] * 2 == [answer.startswith(REFUSED) for answer in answers]
    if patched:  # else a call is counted after it has returned, with its footer
        assert [False] * 4 + [True] * 2 == ["consultas de hoy" in answer for answer in answers[:6]]
    assert ("degraded", 6) == (health["agent"], health["api_usage"]["requests_used"])
    assert agent.tracker.get_usage_info(example.MODEL) == health["api_usage"]
    assert json.loads(json.dumps(health)) == health
