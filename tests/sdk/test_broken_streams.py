from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

from groq_quota.simulator import Answer, Simulator, ToolCall

from .driver import MODEL, Driver
from .judge import agrees, settled

if TYPE_CHECKING:
    from groq_quota import QuotaMeter


CAPS = pytest.mark.parametrize("cap", [{"max_tokens": 30}, {}], ids=["cap", "no cap"])


@pytest.mark.parametrize("how", ["close", "drop", "leave"])
@CAPS
async def test_a_stream_broken_off(
    sdk: Driver, meter: QuotaMeter, server: Simulator, how: str, cap: dict[str, Any]
) -> None:
    """
    A stream that is closed, dropped or left halfway is one request at its estimate.
    """
    server.stall_next(after=5)
    stream = await sdk.ask(sdk.client(), stream=True, **cap)
    if how == "leave":
        async with sdk.using(stream):
            await sdk.next(stream)
    else:
        await sdk.next(stream)
    if how == "close":
        await sdk.close(stream)
    del stream
    await settled(server)

    assert agrees(meter, server, capped=bool(cap)).requests == 1
    assert meter.usage(MODEL).tokens >= server.ledger.rows[0].prompt_tokens


async def test_a_stream_dropped_is_free_without_the_collector(
    sdk: Driver, meter: QuotaMeter
) -> None:
    """
    Nothing stays reserved until the garbage collector runs.
    """
    gc.collect()
    gc.disable()
    try:
        stream = await sdk.ask(sdk.client(), stream=True)
        assert meter.usage(MODEL).reserved == 1
        del stream
        assert meter.usage(MODEL).reserved == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("how", ["close", "drop", "leave"])
async def test_a_stream_never_read(
    sdk: Driver, meter: QuotaMeter, server: Simulator, how: str
) -> None:
    """
    It was answered, so it is a request; its tokens are the whole estimate.
    """
    stream = await sdk.ask(sdk.client(), stream=True, max_tokens=40)
    if how == "close":
        await sdk.close(stream)
    if how == "leave":
        async with sdk.using(stream):
            pass
    del stream

    assert agrees(meter, server, unread=True).tokens >= 45


@pytest.mark.parametrize("model", [{"answer": "so " * 40}, {"answer": None}], ids=["text", "short"])
async def test_a_stream_without_cap_counts_what_was_seen(
    sdk: Driver, meter: QuotaMeter, server: Simulator, model: dict[str, Any]
) -> None:
    """
    Where the length of the answer was not known, a broken stream counts the deltas that came.
    """
    server.stall_next(after=7)
    stream = await sdk.ask(sdk.client(), stream=True)
    for _ in range(8):
        await sdk.next(stream)
    await sdk.close(stream)

    usage = agrees(meter, server, capped=False)
    assert 5 + 7 <= usage.tokens < 1_000


async def test_include_usage_does_not_hide_what_was_seen(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Chunks that say `"usage": null` count by their deltas like any other.
    """
    server.stall_next(after=12)
    extra = {"stream_options": {"include_usage": True}}
    stream = await sdk.ask(sdk.client(), stream=True, extra_body=extra)
    for _ in range(13):
        await sdk.next(stream)
    seen_at_least = server.ledger.rows[0].prompt_tokens + 12
    prompt_most = meter.usage(MODEL).reserved_tokens - 1_024
    await sdk.close(stream)

    tokens = agrees(meter, server, capped=False).tokens
    assert tokens >= seen_at_least
    assert tokens >= prompt_most + 12


async def test_reasoning_and_tool_calls_are_seen(sdk: Driver, meter: QuotaMeter) -> None:
    """
    All deltas that are billed count, also those without content.
    """
    answer = Answer("", "because " * 10, (ToolCall("weather", '{"city": "Lima"}'),))
    with Simulator({}, answer=answer) as server:
        server.stall_next(after=10)
        stream = await sdk.ask(sdk.client(base_url=server.base_url), stream=True)
        for _ in range(11):
            await sdk.next(stream)
        prompt_most = meter.usage(MODEL).reserved_tokens - 1_024
        await sdk.close(stream)
        assert agrees(meter, server, capped=False).tokens >= prompt_most + 10

        meter.reset()
        server.reset()
        server.hide_next_usage()
        await sdk.each(await sdk.ask(sdk.client(base_url=server.base_url), stream=True))
        assert agrees(meter, server, capped=False).tokens >= server.ledger.tokens()
        await sdk.stop()


@CAPS
async def test_a_stream_that_is_cut(
    sdk: Driver, meter: QuotaMeter, server: Simulator, cap: dict[str, Any]
) -> None:
    """
    A connection lost halfway is httpx's error, unchanged, and a request at its estimate.
    """
    server.drop_next(after=3)
    stream = await sdk.ask(sdk.client(), stream=True, **cap)
    with pytest.raises(httpx.RemoteProtocolError):
        await sdk.each(stream)

    assert agrees(meter, server, capped=bool(cap)).requests == 1


@CAPS
async def test_a_stream_that_ends_with_an_error(
    sdk: Driver, meter: QuotaMeter, server: Simulator, cap: dict[str, Any]
) -> None:
    """
    An error event is the SDK's own error, and a request at its estimate.
    """
    server.break_next_stream(after=3)
    stream = await sdk.ask(sdk.client(), stream=True, **cap)
    with pytest.raises(groq.APIError) as caught:
        await sdk.each(stream)
    assert type(caught.value) is groq.APIError
    del stream, caught

    assert agrees(meter, server, capped=bool(cap)).requests == 1


async def test_an_error_in_the_users_loop_leaves_nothing_reserved(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    What the user's code raises passes through, and the stream is settled.
    """
    server.stall_next(after=5)

    async def fail_halfway() -> None:
        async with sdk.using(await sdk.ask(sdk.client(), stream=True, max_tokens=9)) as stream:
            await sdk.next(stream)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_halfway()

    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("how", ["read", "half", "unread"])
async def test_what_was_streamed_is_freed(
    sdk: Driver, meter: QuotaMeter, server: Simulator, how: str
) -> None:
    """
    The guard keeps no stream and no response alive.
    """
    if how == "half":
        server.stall_next(after=3)
    stream = await sdk.ask(sdk.client(), stream=True, max_tokens=30)
    if how == "read":
        await sdk.each(stream)
    elif how == "half":
        await sdk.next(stream)
    alive = [weakref.ref(stream), weakref.ref(stream.response)]
    del stream
    await settled(server)
    gc.collect()

    assert [None, None] == [ref() for ref in alive]
    assert agrees(meter, server, unread=how == "unread").requests == 1


async def test_more_than_one_answer_in_a_stream(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    With n answers, a broken stream counts all of them.
    """
    server.stall_next(after=5)
    stream = await sdk.ask(sdk.client(), stream=True, n=4, max_tokens=16)
    await sdk.next(stream)
    await sdk.close(stream)

    assert agrees(meter, server).tokens >= 4 * 16


async def test_what_was_seen_never_passes_the_reservation(sdk: Driver, meter: QuotaMeter) -> None:
    """
    However much of an answer goes by, without usage it counts at most what was reserved.
    """
    delta = b'data: {"choices": [{"delta": {"content": "so many words as this"}}]}\n\n'
    body = httpx.ByteStream(delta * 3_000)
    canned = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    client = sdk.client(http_client=sdk.http(transport=canned))
    stream = await sdk.ask(client, stream=True)
    reserved = meter.usage(MODEL).reserved_tokens
    await sdk.each(stream)

    assert reserved == meter.usage(MODEL).tokens


async def test_a_long_piece_counts_by_its_text(sdk: Driver, meter: QuotaMeter) -> None:
    """
    A hundred words in one event are not one token.
    """
    words = b"word " * 100
    body = httpx.ByteStream(b'data: {"choices": [{"delta": {"content": "' + words + b'"}}]}\n\n')
    canned = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    client = sdk.client(http_client=sdk.http(transport=canned))
    await sdk.each(await sdk.ask(client, stream=True))

    assert 70 < meter.usage(MODEL).tokens < 1_000
