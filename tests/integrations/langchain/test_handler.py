"""
The handler by itself: what it blocks, what it counts, and what it leaves alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import groq
import httpx
import pytest

pytest.importorskip("langchain_core", reason="the langchain tests need langchain-core")
pytest.importorskip("langchain_groq", reason="the langchain tests need langchain-groq")
pytest.importorskip("langchain_openai", reason="the langchain tests need langchain-openai")
pytest.importorskip("langgraph", reason="the langchain tests need langgraph")

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_openai import ChatOpenAI
from openai import OpenAIError

import groq_quota
from groq_quota import QuotaExceededError, QuotaMeter, StorageError
from groq_quota.decorator import quota_guarded
from groq_quota.records import mark
from groq_quota.storage.memory import MemoryStorage
from groq_quota.testing import FakeClock
from groq_quota.transport import QuotaTransport
from groq_quota_langchain import QuotaCallbackHandler

from .modes import MODES, arrived
from .world import CAP, FULL, MODEL, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.simulator import Simulator

# LangChain leaves its own coroutines behind where a handler stops an asynchronous run.
pytestmark = pytest.mark.filterwarnings(
    "ignore:coroutine 'ahandle_event' was never awaited:RuntimeWarning"
)

NAMED = {"metadata": {"ls_model_name": MODEL}}
WITHOUT_AND_WITH = pytest.mark.parametrize("stack", ["H", "P+H"])


def limited(requests: int, **limits: int) -> QuotaMeter:
    """
    A meter in memory that admits so many requests a day.
    """
    return QuotaMeter("memory://", limits={MODEL: {"rpd": requests, **limits}})


def openai(world: World, **options: Any) -> ChatOpenAI:
    """
    LangChain's model for OpenAI, at the look-alike's URL.
    """
    given = {"model": MODEL, "base_url": f"{world.server.base_url}/openai/v1", "api_key": "any"}
    http = {"http_client": world.http, "http_async_client": world.ahttp()}
    return ChatOpenAI(**given | {"max_retries": 0, "max_tokens": CAP} | http | options)


# -- blocking -------------------------------------------------------------------------------------

BLOCKED: dict[str, Callable[[World], Any]] = {
    **{
        name: MODES[name].function
        for name in (
            *("invoke", "stream", "streaming invoke", "batch", "generate of two", "ainvoke"),
            *("astream", "astream events", "abatch", "agenerate of two", "gather"),
            *("chain invoke", "chain stream", "chain ainvoke", "chain astream", "bare threads"),
            *("graph", "graph async", "graph of sync nodes async", "graph streamed"),
            *("agent", "agent async", "cache hit"),
        )
    },
}


@WITHOUT_AND_WITH
@pytest.mark.parametrize("name", BLOCKED)
def test_it_blocks_before_the_request(server: Simulator, name: str, stack: str) -> None:
    """
    At the limit nothing is sent, and the refusal is ours and Groq's, in every way to call.
    """
    world = World(stack, server, limited(0))
    with pytest.raises(QuotaExceededError) as caught:
        world.run(BLOCKED[name])

    assert isinstance(caught.value, groq.RateLimitError)
    assert {} == world.counted()
    assert 0 == len(server.ledger)


@WITHOUT_AND_WITH
def test_parallel_branches_are_blocked_each_for_itself(server: Simulator, stack: str) -> None:
    """
    The branch of a full model sends nothing.
    """
    world = World(stack, server, limited(0))
    with pytest.raises(QuotaExceededError):
        world.run(MODES["parallel"].function)

    assert world.billed() == world.counted()
    assert 0 == server.ledger.requests(MODEL)


@WITHOUT_AND_WITH
def test_threads_never_pass_the_limit(server: Simulator, stack: str) -> None:
    """
    Of 24 threads on a limit of 5, exactly 5 send.
    """
    world, start = World(stack, server, limited(5)), threading.Barrier(24)

    def once(_: int) -> bool:
        llm = world.llm()
        start.wait()
        with contextlib.suppress(QuotaExceededError):
            llm.invoke("hi", world.config)
            return True
        return False

    with ThreadPoolExecutor(24) as pool:
        sent = sum(pool.map(once, range(24)))

    assert (5, 5) == (sent, len(server.ledger))
    assert world.billed() == world.counted()


@WITHOUT_AND_WITH
def test_threads_never_pass_the_limit_outside_the_sdk(server: Simulator, stack: str) -> None:
    """
    The same for runs that do not call the Groq SDK: the handler reserves for them itself.
    """
    world = World(stack, server, limited(5))
    llm = openai(world)

    def once(_: int) -> bool:
        with contextlib.suppress(QuotaExceededError):
            llm.invoke("hi", world.config)
            return True
        return False

    with ThreadPoolExecutor(24) as pool:
        sent = sum(pool.map(once, range(24)))

    assert (5, 5) == (sent, len(server.ledger))
    assert world.billed() == world.counted()


def test_tasks_never_pass_the_limit(server: Simulator) -> None:
    """
    Of 24 tasks on a limit of 5, exactly 5 send.
    """
    world = World("H", server, limited(5))

    async def many(world: World) -> list[Any]:
        llm = world.llm()
        runs = (llm.ainvoke("hi", world.config) for _ in range(24))
        return await asyncio.gather(*runs, return_exceptions=True)

    results = world.run(many)

    assert 19 == sum(isinstance(result, QuotaExceededError) for result in results)
    assert 5 == len(server.ledger)


def test_synchronous_runs_wait_for_a_minute_window(server: Simulator) -> None:
    """
    Without the plugin the handler waits in a thread, as long as it takes up to a minute.
    """
    clock = FakeClock()
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 2}}, clock=clock)
    world, begun = World("H", server, meter), clock()
    for _ in range(3):
        world.llm().invoke("hi", world.config)

    assert pytest.approx(30.0) == clock() - begun
    assert {MODEL: (3, 0, 0)} == world.counted()


def test_asynchronous_runs_are_refused_instead(server: Simulator) -> None:
    """
    Without the plugin an event loop is not kept waiting.
    """
    clock = FakeClock()
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 2}}, clock=clock)
    world, begun = World("H", server, meter), clock()

    async def three(world: World) -> None:
        for _ in range(3):
            await world.llm().ainvoke("hi", world.config)

    with pytest.raises(QuotaExceededError) as caught:
        world.run(three)

    assert pytest.approx(30.0) == caught.value.retry_after
    assert 0 == clock() - begun
    assert {MODEL: (2, 0, 0)} == world.counted()


def test_under_the_plugin_the_plugin_waits(server: Simulator) -> None:
    """
    With the patch, asynchronous runs are not refused for a minute window: the patch waits.
    """
    clock = FakeClock()
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 2}}, clock=clock)
    world, begun = World("P+H", server, meter), clock()

    async def three(world: World) -> None:
        for _ in range(3):
            await world.llm().ainvoke("hi", world.config)

    world.run(three)

    assert pytest.approx(30.0) == clock() - begun
    assert {MODEL: (3, 0, 0)} == world.counted()


def test_with_retry_repeats_refused_runs(server: Simulator) -> None:
    """
    LangChain's retry takes the refusal for an error like any other; each try is blocked.
    """
    world = World("H", server, limited(0))
    llm = world.llm().with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    with pytest.raises(QuotaExceededError):
        llm.invoke("hi", world.config)

    assert 2 == world.meter.usage(MODEL).blocked
    assert 0 == len(server.ledger)


@WITHOUT_AND_WITH
@pytest.mark.parametrize("name", ["generate of two", "agenerate of two"])
def test_a_refused_prompt_gives_back_those_before_it(
    server: Simulator, name: str, stack: str
) -> None:
    """
    `generate` starts all its runs first; where one is refused, none is sent and nothing held.
    """
    world = World(stack, server, limited(1))
    patched = stack == "P+H"
    if patched:  # there the handler refuses only what has reached the limit
        world.ask()
    with pytest.raises(QuotaExceededError):
        world.run(MODES[name].function)

    assert patched == len(server.ledger)
    assert world.billed() == world.counted()


# -- what does not go through the Groq SDK --------------------------------------------------------


@WITHOUT_AND_WITH
def test_an_openai_client_at_groqs_url_is_counted(server: Simulator, stack: str) -> None:
    """
    The handler counts it by itself, also where the SDK is patched.
    """
    world = World(stack, server)
    llm = openai(world, stream_usage=True)

    async def arun(world: World) -> None:
        await llm.ainvoke("hi", world.config)

    llm.invoke("hi", world.config)
    world.run(arun)
    assert list(llm.stream("hi", world.config))

    assert world.billed() == world.counted()
    assert server.ledger.requests() == 3
    assert {} == world.wrong_tokens(unread=False)


@WITHOUT_AND_WITH
def test_a_transport_below_counts_for_the_handler(server: Simulator, stack: str) -> None:
    """
    ChatOpenAI may send through a QuotaTransport: each request is counted once, at the limit too.
    """
    world = World(stack, server)
    world.meter.limits.set(MODEL, {"rpd": 3})
    with httpx.Client(transport=QuotaTransport(meter=world.meter)) as through:
        llm = openai(world, http_client=through)
        llm.invoke("hi", world.config)
        assert list(llm.stream("hi", world.config))
        llm.invoke("hi", world.config)
        with pytest.raises(QuotaExceededError):
            llm.invoke("hi", world.config)

    assert 3 == server.ledger.requests() == world.meter.usage(MODEL).requests
    assert 0 == world.meter.usage(MODEL).reserved


@WITHOUT_AND_WITH
def test_an_openai_stream_without_usage_is_estimated(server: Simulator, stack: str) -> None:
    """
    ChatOpenAI does not ask for usage at other URLs: the run's max_tokens stands.
    """
    world = World(stack, server)
    chunks = openai(world, stream_usage=False).stream("hi", world.config)
    next(chunks)
    held = world.meter.usage(MODEL).reserved_tokens
    assert list(chunks)

    assert world.billed() == world.counted()
    assert held == world.meter.usage(MODEL).tokens > server.ledger.tokens()


@WITHOUT_AND_WITH
def test_an_openai_stream_is_not_mistaken_for_calls_beside_it(
    server: Simulator, stack: str
) -> None:
    """
    A call of the Groq SDK during a paused stream of another client answers for itself only.
    """
    world = World(stack, server)
    chunks = openai(world).stream("hi", world.config)
    next(chunks)
    world.llm().invoke("hi", world.config)
    assert list(chunks)

    assert world.billed() == world.counted()
    assert {MODEL: (2, 0, 0)} == world.counted()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (lambda server: server.fail_next(429), (0, 1, 0)),
        (lambda server: server.fail_next(500), (0, 0, 1)),
        (lambda server: server.fail_next(404), None),
        (lambda server: server.drop_next(), (1, 0, 0)),
    ],
    ids=["429", "500", "404", "cut"],
)
def test_failures_outside_the_sdk_are_known(
    server: Simulator, fault: Callable[[Simulator], None], expected: tuple[int, int, int] | None
) -> None:
    """
    Refusals and failures are told apart; what was cut off counts, as nobody knows its fate.
    """
    world = World("P+H", server)
    fault(server)
    with pytest.raises(OpenAIError):
        openai(world).invoke("hi", world.config)

    assert ({MODEL: expected} if expected else {}) == world.counted()


def test_what_never_left_is_no_request(server: Simulator) -> None:
    """
    A refused connection is a failure.
    """
    world = World("H", server)
    nobody = openai(world, base_url="http://127.0.0.1:9/openai/v1")
    with pytest.raises(OpenAIError):
        nobody.invoke("hi", world.config)

    assert {MODEL: (0, 0, 1)} == world.counted()


def test_failures_in_generate_leave_nothing_behind(server: Simulator) -> None:
    """
    Of three prompts, the second fails: one answered, one failed, and the third was never sent.
    """
    world = World("H", server)
    prompts: Any = [[HumanMessage(text)] for text in ("a", "b", "c")]
    server.fail_next(400, model="never")
    llm = world.llm()
    send, calls = llm.client.create, []

    def second_fails(**body: Any) -> Any:
        calls.append(body)
        if len(calls) == 2:
            server.faults.clear()
            server.fail_next(400)
        return send(**body)

    llm.client = type("Client", (), {"create": staticmethod(second_fails)})()
    with pytest.raises(groq.BadRequestError):
        llm.generate(prompts, **world.config)

    assert 2 == len(calls)
    assert {MODEL: (1, 0, 1)} == world.billed() == world.counted()


@pytest.mark.parametrize("name", ["groq/test-model", "GROQ/Test-Model ", MODEL])
def test_litellms_prefix_is_taken_off(server: Simulator, name: str) -> None:
    """
    LiteLLM puts the provider before the model; Groq's own models of that name keep it.
    """
    world = World("H", server)
    usage: Any = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    message = AIMessage("hi", usage_metadata=usage)
    fake = GenericFakeChatModel(messages=iter([message, message]))
    for model in (name, "groq/compound"):
        config: Any = {**world.config, "metadata": {"ls_model_name": model}}
        fake.invoke("hi", config)

    assert {MODEL: (1, 0, 0), "groq/compound": (1, 0, 0)} == world.counted()
    assert 3 == world.meter.usage(MODEL).tokens


@WITHOUT_AND_WITH
def test_fake_models_are_counted_by_their_text(server: Simulator, stack: str) -> None:
    """
    A fake model with a name counts one request, with its usage or by prompt and answer.
    """
    world = World(stack, server)
    fake = FakeListChatModel(responses=["It rains in Quito."])
    config: Any = {**world.config, **NAMED}
    fake.invoke("And the weather?", config)

    assert {MODEL: (1, 0, 0)} == world.counted()
    assert 5 <= world.meter.usage(MODEL).tokens < 80


def test_a_model_without_a_name_is_left_alone(server: Simulator) -> None:
    """
    Where nothing names a model, nothing is counted.
    """
    world = World("H", server)
    FakeListChatModel(responses=["hi"]).invoke("hi", world.config)

    assert {} == world.counted()


def test_other_providers_are_left_alone(server: Simulator) -> None:
    """
    What goes to OpenAI, or to another vendor by name or URL, is neither checked nor counted.
    """
    world = World("H", server, limited(0))
    message: Any = [[HumanMessage("hi")]]
    openai_run: Any = {"ls_provider": "openai", "ls_model_name": MODEL}
    start = world.handler.on_chat_model_start
    start({}, message, run_id=uuid4(), metadata=openai_run)
    start({}, message, run_id=uuid4(), metadata={**openai_run, "ls_provider": "anthropic"})
    elsewhere = {"kwargs": {"openai_api_base": "https://openrouter.ai/api/v1"}}
    start(elsewhere, message, run_id=uuid4(), metadata=openai_run)

    assert 0 == world.meter.usage(MODEL).blocked


@pytest.mark.parametrize(
    "url", ["https://api.groq.com/openai/v1", "http://localhost:4000", "https://proxy.example"]
)
def test_an_openai_client_at_another_url_is_taken_for_groq(server: Simulator, url: str) -> None:
    """
    The handler was given to it on purpose: at Groq's URL, or a proxy's, it is guarded.
    """
    world = World("H", server, limited(0))
    metadata = {"ls_provider": "openai", "ls_model_name": MODEL}
    at = {"kwargs": {"openai_api_base": url}}
    with pytest.raises(QuotaExceededError):
        world.handler.on_chat_model_start(
            at, [[HumanMessage("hi")]], run_id=uuid4(), metadata=metadata
        )


# -- called by hand -------------------------------------------------------------------------------


def _result(text: str = "hello", **output: Any) -> LLMResult:
    generation = ChatGeneration(message=AIMessage(text))
    return LLMResult(generations=[[generation]], llm_output=output or None)


@WITHOUT_AND_WITH
@pytest.mark.parametrize("run_id", [uuid4(), "a text"], ids=["uuid", "text"])
def test_callbacks_by_hand(server: Simulator, stack: str, run_id: Any) -> None:
    """
    As in users' unit tests: a start and an end are one request with the usage that they give.
    """
    world = World(stack, server)
    world.handler.on_chat_model_start(
        {}, [[HumanMessage("hi")]], run_id=run_id, metadata={"ls_model_name": MODEL}
    )
    world.handler.on_llm_end(_result(token_usage={"total_tokens": 30}), run_id=run_id)

    assert {MODEL: (1, 0, 0)} == world.counted()
    assert 30 == world.meter.usage(MODEL).tokens


def test_callbacks_by_hand_with_an_id_written_twice(server: Simulator) -> None:
    """
    The id of the end need not be the object of the start, and may have been used before.
    """
    world = World("H", server)
    world.handler.on_llm_start({"kwargs": {"model_name": MODEL}}, ["hi"], run_id=UUID(int=7))
    for _ in range(2):
        world.handler.on_llm_start({"kwargs": {"model_name": MODEL}}, ["hi"], run_id=UUID(int=7))
        world.handler.on_llm_end(_result(token_usage={"total_tokens": 30}), run_id=UUID(int=7))

    assert {MODEL: (3, 0, 0)} == world.counted()
    assert 60 < world.meter.usage(MODEL).tokens  # of the first one, its estimate


def test_an_end_without_a_start_counts_nothing(server: Simulator) -> None:
    """
    An unknown run, or a second end, is nobody's.
    """
    world, run_id = World("H", server), uuid4()
    world.handler.on_llm_end(_result(), run_id=run_id)
    world.handler.on_llm_start({}, ["hi"], run_id=run_id, invocation_params={"model": MODEL})
    world.handler.on_llm_error(ValueError("mine"), run_id=run_id)
    world.handler.on_llm_end(_result(), run_id=run_id)

    assert {} == world.counted()


def test_a_start_without_an_end_holds_nothing_for_ever(server: Simulator) -> None:
    """
    A run whose id is gone counts as one of unknown fate, at its estimate.
    """
    world = World("H", server)
    world.handler.on_llm_start(
        {}, ["hi"], run_id=uuid4(), invocation_params={"model": MODEL, "max_tokens": 100}
    )
    held = world.meter.usage(MODEL)

    assert {MODEL: (1, 0, 0)} == world.counted()
    assert 100 < world.meter.usage(MODEL).tokens
    assert 1 == held.reserved + held.requests


# -- two handlers, and other surfaces -------------------------------------------------------------


@WITHOUT_AND_WITH
def test_two_handlers_count_once(server: Simulator, stack: str) -> None:
    """
    A handler of the model's and one of the call's are two that count in the same place.
    """
    world = World(stack, server)
    world.llm(callbacks=[QuotaCallbackHandler(world.meter)]).invoke("hi", world.config)

    assert world.billed() == world.counted()


@WITHOUT_AND_WITH
def test_handlers_of_two_meters_count_in_each(server: Simulator, stack: str) -> None:
    """
    Once holds per meter.
    """
    world, other = World(stack, server), QuotaMeter("memory://")
    world.llm(callbacks=[QuotaCallbackHandler(other)]).invoke("hi", world.config)

    assert world.billed() == world.counted()
    assert 1 == other.usage(MODEL).requests


def test_a_wrapped_client_counts_once(server: Simulator) -> None:
    """
    Where only one client is guarded, it answers for its runs, and the handler for all others.
    """
    world = World("H", server)
    guarded = world.llm()
    groq_quota.wrap(guarded.client._client, world.meter)
    guarded.invoke("hi", world.config)
    world.llm().invoke("hi", world.config)

    assert {MODEL: (2, 0, 0)} == world.billed() == world.counted()
    assert {} == world.wrong_tokens(unread=False)


@pytest.mark.parametrize("stack", ["H", "P+H", "H+D"])
def test_a_mocked_client_is_counted_by_the_handler(server: Simulator, stack: str) -> None:
    """
    A client that somebody replaced reaches no SDK: the run counts itself.
    """
    world = World(stack, server)
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    body = {
        "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": usage,
    }
    llm = world.llm()
    llm.client = type("Client", (), {"create": staticmethod(lambda **_: body)})()
    world.run(lambda world: llm.invoke("hi", world.config))

    assert {MODEL: (1, 0, 0)} == world.counted()
    assert 7 == world.meter.usage(MODEL).tokens


def test_the_default_meter_is_looked_up_at_each_run(server: Simulator) -> None:
    """
    A handler without a meter counts with whatever is the default then.
    """
    world, handler = World("D", server), QuotaCallbackHandler()
    first, second = QuotaMeter("memory://"), QuotaMeter("memory://")
    for meter in (first, second):
        groq_quota.set_default_meter(meter)
        world.llm().invoke("hi", {"callbacks": [handler]})

    assert (1, 1) == (first.usage(MODEL).requests, second.usage(MODEL).requests)


def test_disabled_it_does_nothing(server: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    GROQ_QUOTA_DISABLED switches it off.
    """
    monkeypatch.setenv("GROQ_QUOTA_DISABLED", "1")
    world = World("H", server, limited(0))
    world.llm().invoke("hi", world.config)

    assert {} == world.counted()


@pytest.mark.parametrize("stack", ["H", "P+H"])
def test_a_decorated_function_in_threads_counts_once(server: Simulator, stack: str) -> None:
    """
    Decorated calls that overlap, each with a run of its own.
    """
    world = World(stack, server)
    llm = world.llm()

    @quota_guarded(MODEL, meter=world.meter)
    def ask(text: str) -> str:
        return str(llm.invoke(text, world.config).content)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, "abcdefghijklmnop"))

    assert {MODEL: (16, 0, 0)} == world.billed() == world.counted()


def test_a_decorated_call_during_a_paused_stream_takes_its_place(server: Simulator) -> None:
    """
    Without the patch, as the page says: the stream and the call count as one. With it, as two.
    """
    for stack, expected in (("H", 1), ("P+H", 2)):
        server.reset()
        world = World(stack, server)
        ask = quota_guarded(MODEL, meter=world.meter)(world.ask)
        chunks = world.llm().stream("hi", world.config)
        next(chunks)
        ask()
        assert list(chunks)

        assert {MODEL: (expected, 0, 0)} == world.counted()
        assert 2 == len(server.ledger)


class _Counting(MemoryStorage):
    """
    A storage that counts its operations.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def transact(self, *args: Any) -> Any:
        self.operations += 1
        return super().transact(*args)

    def read(self, *args: Any) -> Any:
        self.operations += 1
        return super().read(*args)


@pytest.mark.parametrize(
    ("stack", "name", "expected"),
    [("H", MODEL, (1, 1)), ("P+H", MODEL, (1, 0)), ("P+H", FULL, (2, 0))],
    ids=["itself", "over the plugin", "refused"],
)
def test_an_event_loop_is_held_up_by_one_operation(
    server: Simulator, stack: str, name: str, expected: tuple[int, int]
) -> None:
    """
    A start and an end are one operation each, once the day has begun; a refusal is counted, too.
    """
    storage = _Counting()
    meter = QuotaMeter(storage, limits={FULL: {"rpd": 0}})
    world, run_id = World(stack, server, meter), uuid4()
    meter.record(MODEL, 1)
    storage.operations = 0
    metadata = {"ls_provider": "groq", "ls_model_name": name}
    with contextlib.suppress(QuotaExceededError):
        world.handler.on_chat_model_start(
            {},
            [[HumanMessage("hi")]],
            run_id=run_id,
            metadata=metadata,
            invocation_params={"_type": "groq-chat"},
        )
    started, storage.operations = storage.operations, 0
    if stack == "P+H":  # as the plugin does; a run that ends unmarked counts itself
        mark(meter)
    world.handler.on_llm_end(_result(token_usage={"total_tokens": 30}), run_id=run_id)

    assert expected == (started, storage.operations)


# -- cancelled, and long-lived --------------------------------------------------------------------


def test_a_cancelled_run_holds_nothing_while_its_task_goes_on(server: Simulator) -> None:
    """
    LangChain says nothing of it; the run's end is seen all the same, within the same task.
    """
    world = World("H", server)

    async def go_on(world: World) -> tuple[int, int]:
        server.stall_next()
        run = asyncio.create_task(world.llm().ainvoke("hi", world.config))
        await arrived(world)
        held = world.meter.usage(MODEL).reserved
        run.cancel()
        await asyncio.wait([run])
        del run
        gc.collect()
        await world.meter.aflush()
        return held, world.meter.usage(MODEL).reserved

    assert (1, 0) == world.run(go_on)
    assert {MODEL: (1, 0, 0)} == world.counted()


def test_finished_runs_leave_nothing_behind(server: Simulator) -> None:
    """
    Neither the list of runs under way nor the finalizers of their ids grow.
    """
    from groq_quota_langchain import run

    world = World("P+H", server)
    llm = world.llm()
    for _ in range(20):
        llm.invoke("hi", world.config)
    with contextlib.suppress(groq.BadRequestError):
        server.fail_next(400)
        llm.invoke("hi", world.config)
    gc.collect()

    assert {} == run._under_way


def test_an_id_that_is_kept_keeps_nothing_of_its_run(server: Simulator) -> None:
    """
    Programs keep the ids of runs, for feedback; the prompts go when the runs end.
    """

    class Prompt(HumanMessage):
        pass

    world, run_id, prompt = World("P+H", server), uuid4(), Prompt(content="hi")
    gone = weakref.ref(prompt)
    config: Any = {**world.config, "run_id": run_id}
    world.llm().invoke([prompt], config)
    del prompt
    gc.collect()

    assert gone() is None


# -- failures of ours -----------------------------------------------------------------------------


class _Broken(MemoryStorage):
    """
    A storage that fails after so many operations, with whatever error.
    """

    def __init__(self, error: Exception, after: int = 0) -> None:
        super().__init__()
        self._error, self._left = error, after

    def _use(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._error

    def transact(self, *args: Any) -> Any:
        self._use()
        return super().transact(*args)

    def read(self, *args: Any) -> Any:
        self._use()
        return super().read(*args)


@WITHOUT_AND_WITH
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_storage_that_fails_breaks_no_chain(
    server: Simulator, stack: str, after: int, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Whatever it raises, and whenever: the answer arrives, and the log says what happened.
    """
    world = World(stack, server, QuotaMeter(_Broken(RuntimeError("odd"), after)))
    with caplog.at_level(logging.ERROR):
        answer = world.llm().invoke("hi", world.config)

    assert "It is made up" in str(answer.content)
    assert "odd" in caplog.text or after >= 3


def test_a_hook_that_fails_breaks_no_chain(server: Simulator) -> None:
    """
    Not even where it is told of a refusal: the refusal arrives.
    """

    def broken(event: object) -> None:
        raise RuntimeError("odd")

    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 1}}, hooks=[broken])
    world = World("H", server, meter)
    world.llm().invoke("hi", world.config)
    with pytest.raises(QuotaExceededError):
        world.llm().invoke("hi", world.config)

    assert world.billed() == world.counted()


@WITHOUT_AND_WITH
def test_who_wants_storage_errors_gets_them(server: Simulator, stack: str) -> None:
    """
    With on_storage_error="refuse" a run is refused that cannot be counted, before it is sent.
    """
    meter = QuotaMeter(_Broken(StorageError("away")), on_storage_error="refuse")
    world = World(stack, server, meter)
    with pytest.raises(StorageError):
        world.llm().invoke("hi", world.config)

    assert 0 == len(server.ledger)


def test_a_handler_that_fails_beside_it_leaves_nothing_held(server: Simulator) -> None:
    """
    Another handler's error stops the run after ours has reserved: that is given up in time.
    """

    class Failing(BaseCallbackHandler):
        raise_error = True

        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            raise KeyError("mine")

    world = World("H", server)
    with contextlib.suppress(KeyError):
        world.llm().invoke("hi", {"callbacks": [world.handler, Failing()]})

    world.counted()
    assert 0 == len(server.ledger)


def test_refusals_can_be_pickled(server: Simulator) -> None:
    """
    A refusal crosses processes with all that it says.
    """
    world = World("H", server, limited(0))
    with pytest.raises(QuotaExceededError) as caught:
        world.llm().invoke("hi", world.config)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # made one line above

    assert (caught.value.details(), 429) == (copy.details(), copy.status_code)
