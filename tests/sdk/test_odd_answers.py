from __future__ import annotations

from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

from .driver import ASK, MODEL, Driver

if TYPE_CHECKING:
    from groq_quota import QuotaMeter
    from groq_quota.simulator import Simulator


@pytest.mark.parametrize(
    "body",
    [
        {"messages": None},
        {"temprature": 1},
        {"stream_options": {"include_usage": True}},
        {"max_tokens": object()},
        {"messages": [{"role": "user", "content": object()}]},
    ],
    ids=["no messages", "misspelt", "unknown", "no number", "no text"],
)
async def test_bad_arguments_are_the_sdks_to_complain_of(
    sdk: Driver, meter: QuotaMeter, server: Simulator, body: dict[str, Any]
) -> None:
    """
    A TypeError of the SDK comes unchanged, and nothing stays reserved.
    """
    given = {"model": MODEL, "messages": ASK} | body
    if body.get("messages", ASK) is None:
        del given["messages"]
    with pytest.raises(TypeError):
        await sdk.do(sdk.client().chat.completions.create, **given)

    assert len(server.ledger) == 0
    assert {} == meter.usages()


@pytest.mark.parametrize("model", [None, "", "   ", 7])
async def test_a_model_that_is_none_is_left_to_groq(
    sdk: Driver, meter: QuotaMeter, server: Simulator, model: Any
) -> None:
    """
    Without a name there is nothing to count by: the request goes out as it would without us.
    """
    try:
        await sdk.ask(sdk.client(), model=model)
    except groq.BadRequestError:
        assert server.ledger.failed() == 1
    else:
        assert server.ledger.answered() == 1
    assert {} == meter.usages()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("<html>busy</html>", "text/html"),
        ("", "text/plain"),
        ("[]", "application/json"),
        ("{", "application/json"),
        ('{"usage": 3}', "application/json"),
        ('{"usage": {"total_tokens": -1}}', "application/json"),
    ],
    ids=["html", "empty", "list", "broken", "odd usage", "negative"],
)
async def test_an_odd_body_is_a_request_all_the_same(
    sdk: Driver, meter: QuotaMeter, content: str, kind: str
) -> None:
    """
    Whatever the SDK makes of it, it was answered with 2xx; its tokens are the estimate.
    """
    answer = httpx.Response(200, text=content, headers={"content-type": kind})
    canned = httpx.MockTransport(lambda _: answer)
    client = sdk.client(http_client=sdk.http(transport=canned))
    try:
        await sdk.ask(client, max_tokens=30)
    except ValueError:
        assert content == "{"

    usage = meter.usage(MODEL)
    assert (1, 0, 0) == (usage.requests, usage.failed, usage.reserved)
    assert usage.tokens >= (3 if content == '{"usage": 3}' else 30)


async def test_an_answer_that_does_not_validate(sdk: Driver, meter: QuotaMeter) -> None:
    """
    With strict validation the SDK's error comes; the answer was one, and its usage counts.
    """
    text = '{"id": [], "choices": 3, "usage": {"prompt_tokens": 3, "total_tokens": 7}}'
    canned = httpx.MockTransport(
        lambda _: httpx.Response(200, text=text, headers={"content-type": "application/json"})
    )
    client = sdk.client(http_client=sdk.http(transport=canned), _strict_response_validation=True)
    with pytest.raises(groq.APIResponseValidationError):
        await sdk.ask(client)

    usage = meter.usage(MODEL)
    assert (1, 7, 0, 0) == (usage.requests, usage.tokens, usage.failed, usage.reserved)


@pytest.mark.parametrize(
    "line",
    [
        b"data: " + b"[" * 100_000,
        b"data: \xff\xfe",
        b'data: {"usage": [], "x_groq": {"usage": 3}}',
        b'data: {"choices": [{"delta": {"content": 7, "tool_calls": [null, {"a": []}]}}, 3]}',
        b'data: {"error": null}',
        b'{"usage": "error"}',
        b": a comment",
        b"data:",
    ],
    ids=["deep", "bytes", "odd usage", "odd delta", "no error", "no data", "comment", "empty"],
)
async def test_odd_events_are_no_trouble_of_ours(
    sdk: Driver, meter: QuotaMeter, line: bytes
) -> None:
    """
    Whatever goes by is handed on untouched, and the call is settled.
    """
    body = line + b"\n\ndata: [DONE]\n\n"
    canned = httpx.MockTransport(lambda _: httpx.Response(200, stream=httpx.ByteStream(body)))
    client = sdk.client(http_client=sdk.http(transport=canned))
    create = client.chat.completions.with_streaming_response.create
    async with sdk.using(create(model=MODEL, messages=ASK, stream=True)) as answer:
        assert body == b"".join(await sdk.each(answer.iter_bytes()))

    assert (1, 0) == (meter.usage(MODEL).requests, meter.usage(MODEL).reserved)


async def test_usage_in_a_last_line_without_an_end(sdk: Driver, meter: QuotaMeter) -> None:
    """
    A body that ends in the middle of a line is read to its end.
    """
    body = httpx.ByteStream(b'data: {"x_groq": {"usage": {"total_tokens": 7}}}')
    canned = httpx.MockTransport(lambda _: httpx.Response(200, stream=body))
    client = sdk.client(http_client=sdk.http(transport=canned))
    create = client.chat.completions.with_streaming_response.create
    async with sdk.using(create(model=MODEL, messages=ASK, stream=True)) as answer:
        await sdk.do(answer.read)

    assert (1, 7) == (meter.usage(MODEL).requests, meter.usage(MODEL).tokens)
