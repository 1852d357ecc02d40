from __future__ import annotations

import asyncio
import contextvars
import inspect
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import QuotaMeter
from groq_quota.sdk.calls import CURRENT

from .driver import ASK, CHAT, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from groq_quota.simulator import Simulator

    Scene = Callable[[Driver, Simulator, Any], Awaitable[Any]]

CHANGING = {"id", "created", "x_groq"}


async def plain(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A plain answer: its type, its text, its JSON.
    """
    answer = await sdk.ask(client, n=2, max_tokens=5)
    return type(answer), answer.model_dump(exclude=CHANGING), repr(type(answer.choices[0].message))


async def stream(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A stream: its type, its attributes, its chunks.
    """
    made = await sdk.ask(client, stream=True, max_tokens=5)
    facts = [type(made), type(made.response), type(made._iterator), sorted(vars(made))]
    chunks = await sdk.each(made)
    facts += [type(chunks[0]), [chunk.model_dump(exclude=CHANGING) for chunk in chunks]]
    return [*facts, made.response.is_closed, sorted(vars(made.response))]


async def exhausted(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    What a stream does when it is read again.
    """
    made = await sdk.ask(client, stream=True, max_tokens=5)
    await sdk.each(made)
    return await sdk.each(made), await said(sdk.next, made)


async def closed(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    What a stream does after it was closed.
    """
    made = await sdk.ask(client, stream=True, max_tokens=5)
    await sdk.close(made)
    return await said(sdk.each, made)


async def raw(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A raw answer: its type, its headers, and that parsing it twice gives the same object.
    """
    answer = await sdk.ask(client.with_raw_response, max_tokens=5)
    once, twice = await sdk.do(answer.parse), await sdk.do(answer.parse)
    return type(answer), sorted(answer.headers), type(once), once is twice, answer.retries_taken


async def raw_stream(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A raw stream, parsed.
    """
    answer = await sdk.do(
        client.chat.completions.with_raw_response.create,
        model=MODEL,
        messages=ASK,
        stream=True,
        max_tokens=5,
    )
    parsed = await sdk.do(answer.parse)
    return type(answer), type(parsed), len(await sdk.each(parsed))


async def streaming(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A streaming answer, read by lines, and a second time.
    """
    create = client.chat.completions.with_streaming_response.create
    async with sdk.using(create(model=MODEL, messages=ASK, stream=True, max_tokens=5)) as answer:
        lines = await sdk.each(answer.iter_lines())
        return type(answer), len(lines), await said(sdk.each, answer.iter_lines())


async def refused(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    Groq's own 429, with all that the error holds.
    """
    server.fail_next(429, retry_after=3)
    return await said(sdk.ask, client)


async def failed(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A 500.
    """
    server.fail_next(500)
    return await said(sdk.ask, client, stream=True)


async def cut(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A connection dropped before the answer.
    """
    server.drop_next()
    return await said(sdk.ask, client)


async def broken(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    A stream that ends with an error event.
    """
    server.break_next_stream(after=2)
    return await said(sdk.each, await sdk.ask(client, stream=True))


async def mistaken(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    Wrong arguments of every kind.
    """
    create = client.chat.completions.create
    return [
        await said(sdk.do, create),
        await said(sdk.do, create, "positional"),
        await said(sdk.do, create, model=MODEL),
        await said(sdk.do, create, model=MODEL, messages=ASK, nonsense=1),
        await said(sdk.do, create, model=MODEL, messages=ASK, max_tokens=object()),
        await said(sdk.do, client.post, CHAT, body=object(), cast_to=object),
    ]


async def retried(sdk: Driver, server: Simulator, client: Any) -> Any:
    """
    The SDK's retries: how many, and the headers that say so.
    """
    server.fail_next(429, retry_after=0.01, times=2)
    answer = await sdk.ask(client.with_options(max_retries=2).with_raw_response)
    return answer.retries_taken, [row.retry for row in server.ledger]


async def said(call: Any, *args: Any, **kwargs: Any) -> Any:
    """
    What a call raises, in every detail.
    """
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # whatever it is, it must be the same
        await call(*args, **kwargs)
    error: Any = caught.value
    response = getattr(error, "response", None)
    facts = [type(error), str(error), getattr(error, "body", None), type(error.__cause__)]
    return [*facts, error.__suppress_context__, response and sorted(response.headers)]


SCENES = [
    plain,
    stream,
    exhausted,
    closed,
    raw,
    raw_stream,
    streaming,
    refused,
    failed,
    cut,
    broken,
    mistaken,
    retried,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_everything_is_as_without_us(sdk: Driver, server: Simulator, scene: Scene) -> None:
    """
    Types, answers, streams, raw variants and exceptions are the same with the plugin.
    """
    bare = await scene(sdk, server, sdk.client())
    server.reset()
    meter = groq_quota.install(QuotaMeter("memory://"))
    guarded = await scene(sdk, server, sdk.client())

    assert bare == guarded
    usage = meter.usage(MODEL)
    assert (server.ledger.requests(), 0) == (usage.requests, usage.reserved)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_functions_look_as_before(kind: str) -> None:
    """
    Names, signatures, documentation and kinds of functions survive.
    """
    sdk = Driver(kind, "http://groq")
    made, client = sdk.client(), sdk.client_class

    def looks() -> list[Any]:
        found = [sdk.completions.create, client.request, client.copy, client.with_options]
        found += [made.chat.completions.create, made.with_options]
        return [
            (
                thing.__name__,
                thing.__qualname__,
                thing.__module__,
                thing.__doc__,
                inspect.signature(thing),
                inspect.iscoroutinefunction(thing),
                callable(thing),
            )
            for thing in found
        ]

    before = looks()
    groq_quota.install(QuotaMeter("memory://"))
    assert before == looks()


async def test_the_wire_is_as_without_us(sdk: Driver) -> None:
    """
    No header and no byte of a request differs.
    """
    seen: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        headers = [item for item in request.headers.raw if item[0].lower() != b"x-mark"]
        seen.append((request.method, str(request.url), headers, request.content))
        return httpx.Response(200, json={})

    client = sdk.client(http_client=sdk.http(transport=httpx.MockTransport(answer)))
    body = {"temperature": 0.5, "extra_headers": {"x-mine": "1"}, "extra_query": {"a": "b"}}
    await sdk.ask(client, **body)
    groq_quota.install(QuotaMeter("memory://"))
    await sdk.ask(client, **body)

    assert seen[0] == seen[1]


async def test_arguments_are_not_changed(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    What the user passed in is left as it was.
    """
    body: dict[str, Any] = {
        "messages": [{"role": "user", "content": "hi"}],
        "extra_body": {"seed": 3},
        "extra_headers": {"x-mine": "1"},
    }
    await sdk.ask(sdk.client(), **body)

    assert {
        "messages": [{"role": "user", "content": "hi"}],
        "extra_body": {"seed": 3},
        "extra_headers": {"x-mine": "1"},
    } == body


async def test_the_context_is_left_as_it_was(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Neither after an answer nor after an error nor within a stream is a call left in the context.
    """
    before = contextvars.copy_context()
    client = sdk.client()
    await sdk.ask(client)
    server.fail_next(500)
    with pytest.raises(groq.APIError):
        await sdk.ask(client)
    stream = await sdk.ask(client, stream=True)
    assert CURRENT.get() is None
    await sdk.next(stream)
    await sdk.ask(client)
    await sdk.each(stream)

    after = contextvars.copy_context()
    ours = [variable for variable in after if variable.name.startswith("groq_quota")]
    assert {variable: before.get(variable, variable.get()) for variable in ours} == {
        variable: after[variable] for variable in ours
    }
    assert agrees(meter, server).requests == 3


async def test_a_call_given_up_in_another_context(meter: QuotaMeter) -> None:
    """
    A coroutine that its loop leaves behind is closed without a sound.
    """

    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sent.set()
            await asyncio.Event().wait()
            raise AssertionError

    sent = asyncio.Event()
    sdk = Driver("async", "http://groq")
    client = sdk.client(http_client=sdk.http(transport=Silent()))
    call = sdk.ask(client, max_tokens=5)
    context = contextvars.copy_context()
    waiting_for = context.run(call.send, None)
    while not sent.is_set():
        # It is driven by hand, as a loop would drive it.
        if waiting_for is not None:
            waiting_for._asyncio_future_blocking = False
            await asyncio.wait([waiting_for])
        waiting_for = context.run(call.send, None)
    call.close()
    await sdk.stop()

    usage = meter.usage(MODEL)
    assert (1, 0) == (usage.requests, usage.reserved)
