from __future__ import annotations

import gc
import sys
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import groq_quota
from groq_quota.sdk import installation
from groq_quota.simulator import Answer, Simulator, ToolCall

pytest.register_assert_rewrite("tests.integrations.langchain.world")

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

with warnings.catch_warnings(), suppress(ImportError):
    # Some versions of LangGraph warn of themselves when they are imported.
    warnings.simplefilter("ignore")
    import langgraph.prebuilt  # noqa: F401


def _answer(body: Mapping[str, Any]) -> Answer:
    if body.get("tools") and body["messages"][-1]["role"] == "user":
        return Answer(tool_calls=(ToolCall("weather", '{"city": "Quito"}'),))
    return Answer("It is made up of ten words, or of eleven.")


@pytest.fixture(scope="session")
def _served() -> Iterator[Simulator]:
    # Tests collect garbage, and need not look at LangChain's modules each time.
    gc.collect()
    gc.freeze()
    with Simulator({}, answer=_answer) as simulator:
        yield simulator
    gc.unfreeze()


@pytest.fixture
def server(_served: Simulator) -> Simulator:
    """
    A look-alike of Groq without limits, as new; it asks for a tool where there is one.
    """
    assert _served.wait_idle()
    _served.reset()
    return _served


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """
    What is of the whole process is set back after each test.
    """
    yield
    groq_quota.uninstall()
    installation._state.clients = False
    groq_quota.uninstall()
    groq_quota.set_default_meter(None)
    world = sys.modules.get(f"{__package__}.world")
    if world is not None:
        world.close_worlds()
    gc.collect()  # what a test left behind is its own fault, not the next one's
