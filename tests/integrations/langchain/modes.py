"""
The ways in which programs use Groq through LangChain, each as a function of a world.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, TypeVar

import groq
from langchain_core.caches import InMemoryCache
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph

from groq_quota import QuotaExceededError

from .world import FULL, OTHER, World

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["MODES", "Mode", "arrived"]


class Mode(NamedTuple):
    """
    A way to use Groq.

    Attributes:
        sent: The HTTP requests that it makes.
        unread: Whether usage may be sent that its client does not read.
    """

    function: Callable[[World], Any]
    sent: int
    unread: bool


MODES: dict[str, Mode] = {}
F = TypeVar("F", bound=Callable[[World], Any])


def mode(sent: int, *, unread: bool = False) -> Callable[[F], F]:
    """
    Put a function into the list, by its name.
    """

    def enlist(function: F) -> F:
        MODES[function.__name__.replace("_", " ")] = Mode(function, sent, unread)
        return function

    return enlist


# -- one model, called in every way ---------------------------------------------------------------


@mode(1)
def invoke(world: World) -> Any:
    return world.llm().invoke("hi", world.config)


@mode(1)
def invoke_returning_text(world: World) -> str:
    return str(world.llm().invoke("hi", world.config).content)


@mode(1)
def stream(world: World) -> str:
    return "".join(str(chunk.content) for chunk in world.llm().stream("hi", world.config))


@mode(1)
def streaming_invoke(world: World) -> Any:
    return world.llm(streaming=True).invoke("hi", world.config)


@mode(3)
def batch(world: World) -> Any:
    return world.llm().batch(["a", "b", "c"], world.config)


@mode(2)
def generate_of_two(world: World) -> Any:
    return world.llm().generate([[HumanMessage("a")], [HumanMessage("b")]], **world.config)


@mode(1)
async def ainvoke(world: World) -> Any:
    return await world.llm().ainvoke("hi", world.config)


@mode(1)
async def astream(world: World) -> str:
    return "".join([str(one.content) async for one in world.llm().astream("hi", world.config)])


@mode(1)
async def astream_events(world: World) -> int:
    events = world.llm().astream_events("hi", world.config, version="v2")
    return len([event async for event in events])


@mode(3)
async def abatch(world: World) -> Any:
    return await world.llm().abatch(["a", "b", "c"], world.config)


@mode(2)
async def agenerate_of_two(world: World) -> Any:
    return await world.llm().agenerate([[HumanMessage("a")], [HumanMessage("b")]], **world.config)


@mode(3)
async def gather(world: World) -> Any:
    llm = world.llm()
    return await asyncio.gather(*(llm.ainvoke(text, world.config) for text in "abc"))


@mode(2)
def two_calls_returning_text(world: World) -> str:
    llm = world.llm()
    first = llm.invoke("hi", world.config)
    return str(llm.invoke([first, HumanMessage("and?")], world.config).content)


# -- chains ---------------------------------------------------------------------------------------


def _chain(world: World) -> Runnable[Any, str]:
    chain: Runnable[Any, str] = (
        ChatPromptTemplate.from_template("about {it}") | world.llm() | StrOutputParser()
    )
    return chain


@mode(1)
def chain_invoke(world: World) -> str:
    return _chain(world).invoke({"it": "rain"}, world.config)


@mode(1)
def chain_stream(world: World) -> str:
    return "".join(_chain(world).stream({"it": "rain"}, world.config))


@mode(1)
async def chain_ainvoke(world: World) -> str:
    return await _chain(world).ainvoke({"it": "rain"}, world.config)


@mode(1)
async def chain_astream(world: World) -> str:
    return "".join([text async for text in _chain(world).astream({"it": "rain"}, world.config)])


def _parallel(world: World) -> Runnable[Any, Any]:
    return RunnableParallel(one=world.llm(), two=world.llm(OTHER))


@mode(2)
def parallel(world: World) -> Any:
    return _parallel(world).invoke("hi", world.config)


@mode(2)
async def aparallel(world: World) -> Any:
    return await _parallel(world).ainvoke("hi", world.config)


@mode(3)
def bare_threads(world: World) -> Any:
    llm = world.llm()
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda text: llm.invoke(text, world.config), "abc"))


@mode(1)
def stream_over_contexts(world: World) -> list[Any]:
    # As web servers do: each step in a thread of the pool, in a copy of the context.
    chunks, done = world.llm().stream("hi", world.config), object()
    with ThreadPoolExecutor(1) as pool:
        step: Any = lambda: copy_context().run(next, chunks, done)  # noqa: E731  # it is short
        return list(iter(lambda: pool.submit(step).result(), done))


@mode(1)
async def in_an_executor(world: World) -> Any:
    loop, llm = asyncio.get_running_loop(), world.llm()
    return await loop.run_in_executor(None, lambda: llm.invoke("hi", world.config))


# -- LangGraph and agents -------------------------------------------------------------------------


class _State(TypedDict):
    text: str


def _graph(world: World, *, asynchronous: bool) -> Any:
    llm = world.llm()

    def say(state: _State) -> _State:
        return {"text": str(llm.invoke(state["text"]).content)}

    async def asay(state: _State) -> _State:
        return {"text": str((await llm.ainvoke(state["text"])).content)}

    graph = StateGraph(_State)
    node: Any = RunnableLambda(asay) if asynchronous else RunnableLambda(say)
    graph.add_node("first", node)
    graph.add_node("second", node)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    graph.add_edge("second", END)
    return graph.compile()


@mode(2)
def graph(world: World) -> Any:
    return _graph(world, asynchronous=False).invoke({"text": "hi"}, world.config)


@mode(2)
async def graph_async(world: World) -> Any:
    return await _graph(world, asynchronous=True).ainvoke({"text": "hi"}, world.config)


@mode(2)
async def graph_of_sync_nodes_async(world: World) -> Any:
    return await _graph(world, asynchronous=False).ainvoke({"text": "hi"}, world.config)


@mode(2)
async def graph_streamed(world: World) -> int:
    graph = _graph(world, asynchronous=True)
    steps = graph.astream({"text": "hi"}, world.config, stream_mode="messages")
    return len([step async for step in steps])


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


def _agent(llm: BaseChatModel) -> Any:
    try:
        from langchain.agents import create_agent
    except ImportError:  # langchain 0.3
        from langgraph.prebuilt import create_react_agent

        return create_react_agent(llm, [weather])
    return create_agent(llm, [weather])


@mode(2)
def agent(world: World) -> Any:
    question = {"messages": [("user", "The weather in Quito?")]}
    return _agent(world.llm()).invoke(question, world.config)


@mode(2)
async def agent_async(world: World) -> Any:
    question = {"messages": [("user", "The weather in Quito?")]}
    return await _agent(world.llm()).ainvoke(question, world.config)


# -- caches, and calls of the SDK beside ----------------------------------------------------------


@mode(1)
def cache_hit(world: World) -> Any:
    llm = world.llm(cache=InMemoryCache())
    llm.invoke("hi", world.config)
    return llm.invoke("hi", world.config)


@mode(1)
async def cache_hit_async(world: World) -> Any:
    llm = world.llm(cache=InMemoryCache())
    await llm.ainvoke("hi", world.config)
    return await llm.ainvoke("hi", world.config)


@mode(2)
def call_of_the_SDK_after_a_run(world: World) -> Any:  # noqa: N802  # it is a title
    world.llm().invoke("hi", world.config)
    return world.ask()


@mode(2)
def call_of_the_SDK_during_a_paused_stream(world: World) -> None:  # noqa: N802  # it is a title
    chunks = world.llm().stream("hi", world.config)
    next(chunks)
    world.ask()
    for _ in chunks:
        pass


@mode(2)
def run_during_a_paused_stream(world: World) -> None:
    chunks = world.llm().stream("hi", world.config)
    next(chunks)
    world.llm().invoke("hi", world.config)
    for _ in chunks:
        pass


# -- what goes wrong ------------------------------------------------------------------------------


@mode(2)
def retry_after_an_error(world: World) -> Any:
    world.server.fail_next(500)
    return world.llm(max_retries=1).invoke("hi", world.config)


@mode(2)
def retry_after_a_refusal(world: World) -> Any:
    world.server.fail_next(429, retry_after=0.01)
    return world.llm(max_retries=1).invoke("hi", world.config)


@mode(1)
def HTTP_400(world: World) -> None:  # noqa: N802  # it is a title
    world.server.fail_next(400)
    try:
        world.llm().invoke("hi", world.config)
    except groq.BadRequestError:
        return
    raise AssertionError


@mode(1)
def HTTP_400_raised(world: World) -> None:  # noqa: N802  # it is a title
    world.server.fail_next(400)
    world.llm().invoke("hi", world.config)


@mode(1)
async def HTTP_429_raised(world: World) -> None:  # noqa: N802  # it is a title
    world.server.fail_next(429)
    await world.llm().ainvoke("hi", world.config)


@mode(2)
def HTTP_400_in_generate(world: World) -> None:  # noqa: N802  # it is a title
    world.server.delay_next(0)
    world.server.fail_next(400)
    prompts: Any = [[HumanMessage(text)] for text in "abc"]
    world.llm().generate(prompts, **world.config)


@mode(2)
async def HTTP_400_in_agenerate(world: World) -> None:  # noqa: N802  # it is a title
    world.server.fail_next(400)
    await world.llm().agenerate([[HumanMessage("a")], [HumanMessage("b")]], **world.config)


@mode(1)
def cut_connection(world: World) -> None:
    world.server.drop_next()
    world.llm().invoke("hi", world.config)


@mode(1)
async def cut_stream(world: World) -> None:
    world.server.drop_next(after=2)
    async for _ in world.llm().astream("hi", world.config):
        pass


@mode(1)
def error_within_a_stream(world: World) -> None:
    world.server.break_next_stream(after=2)
    for _ in world.llm().stream("hi", world.config):
        pass


@mode(1)
def no_usage_delivered(world: World) -> Any:
    world.server.hide_next_usage()
    return world.llm().invoke("hi", world.config)


@mode(1, unread=True)
def early_close(world: World) -> None:
    chunks = world.llm().stream("hi", world.config)
    next(chunks)
    getattr(chunks, "close")()  # noqa: B009  # the type is Iterator


@mode(1, unread=True)
def dropped_stream(world: World) -> None:
    next(world.llm().stream("hi", world.config))


@mode(1, unread=True)
async def early_close_async(world: World) -> None:
    chunks = world.llm().astream("hi", world.config)
    await anext(chunks)
    await getattr(chunks, "aclose")()  # noqa: B009  # the type is AsyncIterator


async def arrived(world: World) -> None:
    """
    Wait until the server has a request.
    """
    while not len(world.server.ledger):  # noqa: ASYNC110  # it is of another thread
        await asyncio.sleep(0.001)


@mode(1, unread=True)
async def cancellation(world: World) -> None:
    world.server.stall_next()
    task = asyncio.create_task(world.llm().ainvoke("hi", world.config))
    await arrived(world)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@mode(1, unread=True)
async def cancelled_stream(world: World) -> None:
    world.server.stall_next(after=2)

    async def read() -> None:
        async for _ in world.llm().astream("hi", world.config):
            pass

    task = asyncio.create_task(read())
    await arrived(world)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@mode(1, unread=True)
async def timeout_around_a_run(world: World) -> None:
    world.server.stall_next()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(world.llm().ainvoke("hi", world.config), 0.2)


@mode(2)
def fallback_after_an_error(world: World) -> Any:
    world.server.fail_next(500)
    llm = world.llm().with_fallbacks([world.llm(OTHER)])
    return llm.invoke("hi", world.config)


@mode(1)
def fallback_after_our_refusal(world: World) -> Any:
    only = (groq.RateLimitError,)
    llm = world.llm(FULL).with_fallbacks([world.llm(OTHER)], exceptions_to_handle=only)
    return llm.invoke("hi", world.config)


@mode(1)
async def fallback_after_our_refusal_async(world: World) -> Any:
    only = (groq.RateLimitError,)
    llm = world.llm(FULL).with_fallbacks([world.llm(OTHER)], exceptions_to_handle=only)
    return await llm.ainvoke("hi", world.config)


@mode(2)
def with_retry(world: World) -> Any:
    world.server.fail_next(500)
    llm = world.llm().with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    return llm.invoke("hi", world.config)


@mode(0)
def nothing_sent(world: World) -> str:
    if not {"P", "H"}.isdisjoint(world.surfaces):
        with contextlib.suppress(QuotaExceededError):
            world.llm(FULL).invoke("hi", world.config)
    return "nothing"
