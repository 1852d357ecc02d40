from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import groq
import httpx
import pytest

from .driver import ASK, CHAT, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from groq_quota import QuotaMeter
    from groq_quota.simulator import Simulator

T = TypeVar("T")

CAPS = pytest.mark.parametrize("cap", [{"max_tokens": 30}, {}], ids=["cap", "no cap"])


@CAPS
async def test_a_stream_read_to_its_end(
    sdk: Driver, meter: QuotaMeter, server: Simulator, cap: dict[str, Any]
) -> None:
    """
    It counts the usage of its last chunk.
    """
    stream = await sdk.ask(sdk.client(), stream=True, **cap)
    chunks = await sdk.each(stream)

    assert agrees(meter, server).requests == 1
    assert chunks[-1].x_groq.usage.total_tokens == meter.usage(MODEL).tokens


async def test_a_stream_as_a_context_manager(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Reading it in a `with` counts it as reading it without.
    """
    async with sdk.using(await sdk.ask(sdk.client(), stream=True)) as stream:
        await sdk.each(stream)

    assert agrees(meter, server).requests == 1


async def test_a_stream_read_step_by_step(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    `next` reads the same chunks; usage is counted as soon as it is there.
    """
    stream = await sdk.ask(sdk.client(), stream=True)
    while not (await sdk.next(stream)).choices[0].finish_reason:
        pass

    assert agrees(meter, server).requests == 1
    await sdk.close(stream)
    assert agrees(meter, server).requests == 1


async def test_a_streams_response_has_its_headers(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    `.response` is httpx's own, and reading through it counts as well.
    """
    stream = await sdk.ask(sdk.client(), stream=True)
    assert type(stream.response) is httpx.Response
    assert stream.response.headers["x-request-id"]
    lines = stream.response.aiter_lines() if sdk.asynchronous else stream.response.iter_lines()
    read = await sdk.each(lines)

    assert read[-2:] == ["data: [DONE]", ""]
    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("cap", [{"max_tokens": 30}, {}], ids=["cap", "no cap"])
async def test_include_usage_counts_once(
    sdk: Driver, meter: QuotaMeter, server: Simulator, cap: dict[str, Any]
) -> None:
    """
    Usage that is delivered twice is counted once.
    """
    extra = {"stream_options": {"include_usage": True}}
    stream = await sdk.ask(sdk.client(), stream=True, extra_body=extra, **cap)
    chunks = await sdk.each(stream)

    assert chunks[-1].usage is not None
    assert agrees(meter, server).requests == 1


@CAPS
async def test_a_stream_without_usage(
    sdk: Driver, meter: QuotaMeter, server: Simulator, cap: dict[str, Any]
) -> None:
    """
    Where no usage comes, the tokens that were seen stand for it, or the cap.
    """
    server.hide_next_usage()
    await sdk.each(await sdk.ask(sdk.client(), stream=True, **cap))

    usage = agrees(meter, server, capped=bool(cap))
    assert usage.tokens >= server.ledger.tokens()


async def test_a_stream_by_post(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    A stream that the net admitted by itself is watched like any other.
    """
    kind = groq.AsyncStream if sdk.asynchronous else groq.Stream
    body = {"model": MODEL, "messages": ASK, "stream": True}
    stream = await sdk.do(
        sdk.client().post, CHAT, body=body, cast_to=object, stream=True, stream_cls=kind[object]
    )
    await sdk.each(stream)

    assert agrees(meter, server).requests == 1


async def test_the_bytes_of_a_response_that_nobody_holds(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    As with httpx itself, what reads a response keeps it alive.
    """
    stream = await sdk.ask(sdk.client(), stream=True)
    chunks = stream.response.aiter_bytes() if sdk.asynchronous else stream.response.iter_bytes()
    del stream

    assert b"[DONE]" in b"".join(await sdk.each(chunks))
    assert agrees(meter, server, capped=False).requests == 1


async def test_somebody_else_watches_it_too(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    What a hook of the user's has put on the response still sees what goes by.
    """
    seen: list[bytes] = []

    def tap(response: httpx.Response) -> None:
        plain: Any = response.iter_bytes

        def tapped(chunk_size: int | None = None) -> Any:
            for chunk in plain(chunk_size):
                seen.append(chunk)
                yield chunk

        response.iter_bytes = tapped  # type: ignore[method-assign]  # as some do

    async def atap(response: httpx.Response) -> None:
        plain: Any = response.aiter_bytes

        async def tapped(chunk_size: int | None = None) -> Any:
            async for chunk in plain(chunk_size):
                seen.append(chunk)
                yield chunk

        response.aiter_bytes = tapped  # type: ignore[method-assign]  # as some do

    http = sdk.http(event_hooks={"response": [atap if sdk.asynchronous else tap]})
    chunks = await sdk.each(await sdk.ask(sdk.client(http_client=http), stream=True))

    assert len(b"".join(seen).split(b"\n\n")) > len(chunks)
    assert agrees(meter, server).requests == 1


async def test_a_stream_class_of_the_users(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    What it keeps while it is read is found on the stream that the user has.
    """
    kind: Any = groq.AsyncStream if sdk.asynchronous else groq.Stream

    class Counting(kind[T]):  # type: ignore[misc]  # whichever it is
        count = 0

        def _iter_events(self) -> Any:
            self.count += 1
            return super()._iter_events()

    body = {"model": MODEL, "messages": ASK, "stream": True}
    client = sdk.client()
    stream = await sdk.do(
        client.post,
        CHAT,
        cast_to=dict[str, Any],
        body=body,
        stream=True,
        stream_cls=Counting[object],
    )
    await sdk.each(stream)

    assert 1 == stream.count
    assert agrees(meter, server).requests == 1
