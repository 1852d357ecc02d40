"""
The handler for every run of the process.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

pytest.importorskip("langchain_core", reason="the langchain tests need langchain-core")
pytest.importorskip("langchain_groq", reason="the langchain tests need langchain-groq")
pytest.importorskip("langgraph", reason="the langchain tests need langgraph")

from langchain_core.callbacks import CallbackManager
from langchain_core.outputs import Generation, LLMResult

import groq_quota
from groq_quota import QuotaExceededError, QuotaMeter
from groq_quota_langchain import QuotaCallbackHandler, attach_globally, detach_globally

from .modes import MODES
from .world import MODEL, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota.simulator import Simulator

WITHOUT_AND_WITH = pytest.mark.parametrize("stack", ["", "P"])
KNOWN = "llama-3.1-8b-instant"


@pytest.fixture(autouse=True)
def _detached() -> Iterator[None]:
    yield
    detach_globally()


@WITHOUT_AND_WITH
@pytest.mark.parametrize(
    "name", ["invoke", "astream", "batch", "bare threads", "graph async", "agent", "in an executor"]
)
def test_every_run_is_counted(server: Simulator, name: str, stack: str) -> None:
    """
    Without passing callbacks, in bare threads too.
    """
    world = World(stack, server)
    attach_globally(world.meter)
    world.run(MODES[name].function)

    assert world.billed() == world.counted()
    assert {} == world.wrong_tokens(unread=False)


@WITHOUT_AND_WITH
def test_every_run_is_blocked(server: Simulator, stack: str) -> None:
    """
    At the limit nothing is sent.
    """
    world = World(stack, server, QuotaMeter("memory://", limits={MODEL: {"rpd": 0}}))
    attach_globally(world.meter)
    with pytest.raises(QuotaExceededError):
        world.llm().invoke("hi")

    assert 0 == len(server.ledger)


@WITHOUT_AND_WITH
def test_an_explicit_handler_is_not_doubled(server: Simulator, stack: str) -> None:
    """
    Neither one given to the run, nor one that only a model within a chain has.
    """
    world = World(stack, server)
    attach_globally(world.meter)
    world.llm().invoke("hi", {"callbacks": [world.handler]})
    inner = world.llm(callbacks=[QuotaCallbackHandler(world.meter)])
    (inner | (lambda message: message)).invoke("hi")

    assert {MODEL: (2, 0, 0)} == world.billed() == world.counted()


def test_attaching_twice_counts_once_with_the_last_meter(server: Simulator) -> None:
    """
    A second call replaces the meter.
    """
    world, second = World("", server), QuotaMeter("memory://")
    attach_globally(world.meter)
    attach_globally(second)
    world.llm().invoke("hi")

    assert {} == world.counted()
    assert 1 == second.usage(MODEL).requests


def test_without_a_meter_the_default_one_is_looked_up(server: Simulator) -> None:
    """
    As with the handler.
    """
    world = World("", server)
    attach_globally()
    groq_quota.set_default_meter(world.meter)
    world.llm().invoke("hi")

    assert {MODEL: (1, 0, 0)} == world.counted()


def test_detached_it_touches_nothing(server: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Nothing is counted, and no default meter is made, whatever the environment says.
    """
    world = World("", server)
    attach_globally()
    detach_globally()
    monkeypatch.setenv("GROQ_QUOTA_PLAN", "no such plan")
    world.llm().invoke("hi")

    assert {} == world.counted()
    assert 1 == len(server.ledger)


def test_what_is_under_way_is_counted_after_detaching(server: Simulator) -> None:
    """
    A stream that began before ends as it would have.
    """
    world = World("", server)
    attach_globally(world.meter)
    chunks = world.llm().stream("hi")
    next(chunks)
    detach_globally()
    assert list(chunks)

    assert {MODEL: (1, 0, 0)} == world.billed() == world.counted()
    assert {} == world.wrong_tokens(unread=False)


@pytest.mark.parametrize(
    ("metadata", "counted"),
    [
        ({"ls_provider": "groq", "ls_model_name": "new-model"}, True),
        ({"ls_model_name": KNOWN}, True),
        ({"ls_model_name": "groq/llama-3.1-8b-instant"}, True),
        ({"ls_model_name": "some-model"}, False),
        ({"ls_provider": "openai", "ls_model_name": "gpt-4o"}, False),
        ({"ls_provider": "huggingface", "ls_model_name": "openai/gpt-oss-20b"}, False),
        ({}, False),
    ],
)
def test_only_what_goes_to_groq_is_guarded(
    server: Simulator, metadata: dict[str, Any], *, counted: bool
) -> None:
    """
    By provider, model and URL: runs of others, and fake models, are left alone.
    """
    world, run_id = World("", server), uuid4()
    attach_globally(world.meter)
    (handler,) = {type(one): one for one in CallbackManager.configure().handlers}.values()
    handler.on_llm_start({}, ["hi"], run_id=run_id, metadata=metadata)
    handler.on_llm_end(LLMResult(generations=[[Generation(text="hi")]]), run_id=run_id)

    assert counted == bool(world.counted())


def test_many_threads_attach_and_detach(server: Simulator) -> None:
    """
    However often it is attached, a run has one handler.
    """
    world = World("", server)

    def attach_and_detach() -> None:
        attach_globally(world.meter)
        detach_globally()

    threads = [threading.Thread(target=attach_and_detach) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attach_globally(world.meter)

    async def ask(world: World) -> None:
        await asyncio.gather(*(world.llm().ainvoke("hi") for _ in range(4)))

    world.run(ask)

    assert {MODEL: (4, 0, 0)} == world.counted()
