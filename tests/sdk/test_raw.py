from __future__ import annotations

import gc
import itertools
import pickle
import weakref
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

from .driver import ASK, MODEL, Driver
from .judge import agrees, settled

if TYPE_CHECKING:
    from groq_quota import QuotaMeter
    from groq_quota.simulator import Simulator

BODY: dict[str, Any] = {"model": MODEL, "messages": ASK, "max_tokens": 20}
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
# Ways to read an answer, by the method of `APIResponse`; events are not JSON.
READS = ["parse", "read", "text", "iter_bytes", "iter_text", "iter_lines"]


async def read(sdk: Driver, answer: Any, how: str) -> Any:
    """
    Read an answer to its end in one of the ways.
    """
    found = await sdk.do(getattr(answer, how))
    streamed = isinstance(found, (groq.Stream, groq.AsyncStream))
    return await sdk.each(found) if streamed or how.startswith("iter") else found


@pytest.mark.parametrize(
    ("stream", "how"), [(False, "json"), *itertools.product([False, True], READS)]
)
async def test_a_streaming_response_read_in_any_way(
    sdk: Driver, meter: QuotaMeter, server: Simulator, how: str, *, stream: bool
) -> None:
    """
    However the body is read, the usage in it is counted.
    """
    create = sdk.client().chat.completions.with_streaming_response.create
    async with sdk.using(create(**BODY, stream=stream)) as answer:
        assert answer.headers["x-request-id"]
        assert await read(sdk, answer, how)

    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("size", [1, 10_000])
@STREAMED
async def test_a_body_read_in_pieces_of_any_size(
    sdk: Driver, meter: QuotaMeter, server: Simulator, size: int, *, stream: bool
) -> None:
    """
    The last pieces may come when the response is closed already: their usage counts.
    """
    create = sdk.client().chat.completions.with_streaming_response.create
    async with sdk.using(create(**BODY, stream=stream)) as answer:
        assert await sdk.each(answer.iter_bytes(size))

    assert agrees(meter, server).requests == 1


@STREAMED
async def test_a_streaming_response_that_nobody_reads(
    sdk: Driver, meter: QuotaMeter, server: Simulator, *, stream: bool
) -> None:
    """
    It was answered: one request at its estimate.
    """
    create = sdk.client().chat.completions.with_streaming_response.create
    async with sdk.using(create(**BODY, stream=stream)):
        pass

    assert agrees(meter, server, unread=True).requests == 1


@STREAMED
async def test_a_streaming_response_closed_early(
    sdk: Driver, meter: QuotaMeter, server: Simulator, *, stream: bool
) -> None:
    """
    One that is closed after the first bytes is one request at its estimate.
    """
    server.stall_next(after=3)
    create = sdk.client().chat.completions.with_streaming_response.create
    async with sdk.using(create(**BODY, stream=stream)) as answer:
        if stream:
            await sdk.next(answer.iter_bytes())
        await sdk.close(answer)

    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("how", ["parse", "read", "json", "text"])
async def test_a_raw_response_is_counted_before_it_is_read(
    sdk: Driver, meter: QuotaMeter, server: Simulator, how: str
) -> None:
    """
    Its body is there already, and its usage counts whether or not somebody looks.
    """
    raw = await sdk.ask(sdk.client().with_raw_response, max_tokens=20)
    assert agrees(meter, server).requests == 1
    assert raw.http_response.is_closed
    assert await read(sdk, raw, how)

    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("how", READS)
async def test_a_raw_response_of_a_stream(
    sdk: Driver, meter: QuotaMeter, server: Simulator, how: str
) -> None:
    """
    Its headers are there before the stream is read, and reading it counts.
    """
    raw = await sdk.do(sdk.client().chat.completions.with_raw_response.create, **BODY, stream=True)
    assert raw.headers["x-request-id"]
    assert meter.usage(MODEL).reserved == 1
    await read(sdk, raw, how)

    assert agrees(meter, server).requests == 1


async def test_a_raw_stream_dropped_unread(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    It is settled when the collector frees it.
    """
    raw = await sdk.do(sdk.client().chat.completions.with_raw_response.create, **BODY, stream=True)
    response = weakref.ref(raw.http_response)
    del raw
    gc.collect()
    await settled(server)

    assert response() is None
    assert agrees(meter, server, unread=True).requests == 1


async def test_a_header_of_the_users_makes_the_answer_raw(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    The SDK's own header works as ever, from the call or from the client.
    """
    header = {"X-Stainless-Raw-Response": "true"}
    first = await sdk.ask(sdk.client(), extra_headers=header)
    second = await sdk.ask(sdk.client(default_headers=header))

    parsed = [await sdk.do(answer.parse) for answer in (first, second)]
    assert ["chat.completion"] * 2 == [answer.object for answer in parsed]
    assert agrees(meter, server).requests == 2


@STREAMED
async def test_the_raw_body_can_be_taken_undecoded(
    sdk: Driver, meter: QuotaMeter, server: Simulator, *, stream: bool
) -> None:
    """
    Bytes read past everything that we watch count as the estimate.
    """
    create = sdk.client().chat.completions.with_streaming_response.create
    async with sdk.using(create(**BODY, stream=stream)) as answer:
        http = answer.http_response
        assert await sdk.each(http.aiter_raw() if sdk.asynchronous else http.iter_raw())

    assert agrees(meter, server, unread=True).requests == 1


@STREAMED
async def test_a_response_that_was_read_can_be_pickled(
    sdk: Driver, meter: QuotaMeter, *, stream: bool
) -> None:
    """
    When it is over, httpx's response is as httpx made it.
    """
    create = sdk.client().chat.completions.with_streaming_response.create
    async with sdk.using(create(**BODY, stream=stream)) as answer:
        await sdk.do(answer.read)

    again = pickle.loads(pickle.dumps(answer.http_response))  # noqa: S301  # our own
    assert answer.http_response.content == again.content


async def test_a_body_of_many_lines_is_understood(sdk: Driver, meter: QuotaMeter) -> None:
    """
    The usage of a plain answer counts however its JSON is laid out.
    """
    text = """{
      "id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [],
      "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "total_tokens": 7
      }
    }"""
    headers = {"content-type": "application/json; charset=utf-8"}
    body = httpx.ByteStream(text.encode())
    canned = httpx.MockTransport(lambda _: httpx.Response(200, stream=body, headers=headers))
    client = sdk.client(http_client=sdk.http(transport=canned))
    create = client.chat.completions.with_streaming_response.create
    async with sdk.using(create(**BODY)) as answer:
        await sdk.do(answer.read)

    assert (1, 7) == (meter.usage(MODEL).requests, meter.usage(MODEL).tokens)
