from __future__ import annotations

from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

from groq_quota.simulator import Answer, Simulator, ToolCall

if TYPE_CHECKING:
    from groq.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

    from .conftest import Clock, Post

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
ABOVE_CAP = (
    "`max_completion_tokens` must be less than or equal to `8192`, the maximum value for "
    "`max_completion_tokens` is less than the `context_window` for this model"
)
USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}


def text_of(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    """
    Join what a stream said in one of its choices.
    """
    return "".join(
        choice.delta.content or ""
        for chunk in chunks
        for choice in chunk.choices
        if choice.index == index
    )


def test_a_plain_answer_is_billed_as_it_says(client: groq.Groq, server: Simulator) -> None:
    """
    The SDK reads the answer, and its usage is what the ledger has.
    """
    answer = client.chat.completions.create(model="m", messages=ASK, max_tokens=7)
    (row,) = server.ledger

    assert answer.usage is not None
    assert (5, 7, 12) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
        answer.usage.total_tokens,
    )
    assert (5, 7, 12) == (row.prompt_tokens, row.completion_tokens, row.total_tokens)
    assert ("chat", "m", 200, True, False) == (
        row.kind,
        row.model,
        row.status,
        row.delivered,
        row.stream,
    )
    assert "length" == answer.choices[0].finish_reason
    whole: dict[str, Any] = answer.to_dict()
    assert row.request_id == whole["x_groq"]["id"]
    assert ("on_demand", "m") == (whole["service_tier"], whole["model"])


def test_a_stream_has_one_chunk_for_each_token(client: groq.Groq, server: Simulator) -> None:
    """
    The last chunk carries the usage in x_groq, and joined the chunks are the plain answer.
    """
    plain = client.chat.completions.create(model="m", messages=ASK)
    chunks = list(client.chat.completions.create(model="m", messages=ASK, stream=True))
    last = chunks[-1]

    assert last.x_groq is not None
    assert last.x_groq.usage is not None
    assert "stop" == last.choices[0].finish_reason
    assert last.x_groq.usage.completion_tokens == len(chunks) - 2
    assert plain.choices[0].message.content == text_of(chunks)
    assert [False, True] == [row.stream for row in server.ledger]
    assert server.ledger[1].total_tokens == last.x_groq.usage.total_tokens
    assert all(row.delivered for row in server.ledger)


def test_a_stream_repeats_its_usage_where_asked_to(client: groq.Groq) -> None:
    """
    With include_usage one chunk more comes, without choices and with the usage on top.
    """
    stream = client.chat.completions.create(
        model="m", messages=ASK, stream=True, max_tokens=3, extra_body=USAGE
    )
    *_, finish, extra = list(stream)

    assert [] == extra.choices
    assert finish.x_groq is not None
    assert extra.usage == finish.x_groq.usage
    assert finish.usage is None


async def test_an_async_client_gets_the_same(server: Simulator) -> None:
    """
    Plain and streaming, over real HTTP.
    """
    async with groq.AsyncGroq(base_url=server.base_url, api_key="any") as client:
        plain = await client.chat.completions.create(model="m", messages=ASK)
        stream = await client.chat.completions.create(model="m", messages=ASK, stream=True)
        chunks = [chunk async for chunk in stream]

    assert plain.choices[0].message.content == text_of(chunks)
    assert (2, 42) == (server.ledger.answered("m"), server.ledger.tokens("m", delivered=True))


async def test_it_works_in_process() -> None:
    """
    An async client on httpx's ASGI transport needs no server.
    """
    simulator = Simulator({})
    transport = httpx.ASGITransport(app=simulator.app)
    async with groq.AsyncGroq(
        base_url="http://groq", api_key="any", http_client=httpx.AsyncClient(transport=transport)
    ) as client:
        plain = await client.chat.completions.create(model="m", messages=ASK)
        stream = await client.chat.completions.create(model="m", messages=ASK, stream=True)
        chunks = [chunk async for chunk in stream]

    assert plain.choices[0].message.content == text_of(chunks)
    assert 2 == simulator.ledger.answered("m")


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_the_prompt_and_all_that_may_come_are_charged(
    post: Post, clock: Clock, field: str
) -> None:
    """
    Groq reserves the allowance and keeps it, however short the answer.
    """
    simulator = Simulator({"m": {"tpm": 8_000, "tpd": 9_000}}, clock=clock, answer="short")
    await post(simulator, **{field: 500})

    assert {"tpm": 7_495, "tpd": 8_495} == simulator.remaining("m")
    assert (505, 6) == (simulator.ledger.charged("m"), simulator.ledger.tokens("m"))


async def test_without_a_maximum_a_default_is_charged(post: Post, clock: Clock) -> None:
    """
    1,024 tokens of output stand for what the request does not say.
    """
    simulator = Simulator({"m": {"tpm": 8_000}}, clock=clock)
    await post(simulator)

    assert {"tpm": 8_000 - 5 - 1_024} == simulator.remaining("m")


@pytest.mark.parametrize("stream", [False, True])
async def test_unused_output_comes_back_with_refund(
    post: Post, clock: Clock, *, stream: bool
) -> None:
    """
    After the answer only what was used is charged; its headers still show the reservation.
    """
    limits = {"tpm": 8_000, "otpm": 1_000, "itpm": 1_000}
    simulator = Simulator({"m": limits}, clock=clock, answer="short", refund=True)
    answer = await post(simulator, max_tokens=500, stream=stream)

    assert "7495" == answer.headers["x-ratelimit-remaining-tokens"]
    assert {"tpm": 7_994, "otpm": 999, "itpm": 995} == simulator.remaining("m")
    assert 6 == simulator.ledger[0].charged


async def test_cached_tokens_come_back_and_are_told(post: Post, clock: Clock) -> None:
    """
    They are charged at admission, given back after the answer, and part of the usage.
    """
    simulator = Simulator(
        {"m": {"tpm": 8_000, "itpm": 8_000}}, clock=clock, count_prompt=lambda _: 300, cached=128
    )
    answer = await post(simulator, max_tokens=10)

    assert 128 == answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"]
    assert {"tpm": 8_000 - 310 + 128, "itpm": 8_000 - 300 + 128} == simulator.remaining("m")
    assert (128, 182) == (simulator.ledger[0].cached_tokens, simulator.ledger[0].charged)


async def test_refused_requests_take_nothing(post: Post, clock: Clock) -> None:
    """
    Eleven refusals leave every bucket as it was.
    """
    simulator = Simulator({"m": {"rpm": 30, "rpd": 100, "tpm": 2_000}}, clock=clock)
    await post(simulator)
    before = simulator.remaining("m")
    statuses = {(await post(simulator)).status_code for _ in range(11)}

    assert {429} == statuses
    assert before == simulator.remaining("m")
    assert (1, 11) == (simulator.ledger.answered("m"), simulator.ledger.refused("m"))
    assert 0 == sum(row.charged for row in simulator.ledger if row.refused)


def test_several_choices_are_several_answers(client: groq.Groq, server: Simulator) -> None:
    """
    Each choice costs its own tokens; streamed, the last one's last chunk has the usage.
    """
    plain = client.chat.completions.create(model="m", messages=ASK, n=2, max_tokens=4)
    chunks = list(
        client.chat.completions.create(model="m", messages=ASK, n=2, max_tokens=4, stream=True)
    )

    assert [0, 1] == [choice.index for choice in plain.choices]
    assert text_of(chunks, 0) == text_of(chunks, 1) == plain.choices[0].message.content
    assert 1 == sum(chunk.x_groq is not None and bool(chunk.x_groq.usage) for chunk in chunks)
    assert [8, 8] == [row.completion_tokens for row in server.ledger]
    assert [13, 13] == [row.charged for row in server.ledger]


def test_reasoning_and_tool_calls_are_told_and_billed() -> None:
    """
    Both count as output, plain and streaming, and the answer ends for its tool calls.
    """
    answer = Answer("so", "first this", (ToolCall("look", '{"at": 1}'),))
    with (
        Simulator({}, answer=answer) as simulator,
        groq.Groq(base_url=simulator.base_url, api_key="any") as client,
    ):
        plain = client.chat.completions.create(model="m", messages=ASK)
        chunks = list(client.chat.completions.create(model="m", messages=ASK, stream=True))
    message = plain.choices[0].message
    deltas = [chunk.choices[0].delta for chunk in chunks]
    (streamed,) = [call for delta in deltas for call in delta.tool_calls or ()]

    whole: dict[str, Any] = plain.to_dict()
    assert 2 == whole["usage"]["completion_tokens_details"]["reasoning_tokens"]
    assert {answer.tokens} == {row.completion_tokens for row in simulator.ledger}
    assert ("so", "first this") == (message.content, message.reasoning)
    assert message.tool_calls is not None
    assert ("look", '{"at": 1}') == (
        message.tool_calls[0].function.name,
        message.tool_calls[0].function.arguments,
    )
    assert "first this" == "".join(delta.reasoning or "" for delta in deltas)
    assert streamed.function is not None
    assert "look" == streamed.function.name
    assert "tool_calls" == plain.choices[0].finish_reason == chunks[-1].choices[0].finish_reason


async def test_a_tool_call_needs_no_text(post: Post) -> None:
    """
    Groq leaves the content out where there is none.
    """
    answer = await post(Simulator({}, answer=Answer(tool_calls=(ToolCall("look"),))))

    assert "content" not in answer.json()["choices"][0]["message"]


async def test_the_request_can_steer_its_answer(post: Post) -> None:
    """
    A callable sees the body and says what is answered; output limits still cut it.
    """
    simulator = Simulator({}, answer=lambda body: body["messages"][0]["content"].upper())
    said = [{"role": "user", "content": "one two three"}]
    whole = await post(simulator, messages=said)
    short = await post(simulator, messages=said, max_tokens=2)

    assert "ONE TWO THREE" == whole.json()["choices"][0]["message"]["content"]
    assert "ONE TWO" == short.json()["choices"][0]["message"]["content"]


async def test_answers_are_the_same_every_time(post: Post, clock: Clock) -> None:
    """
    Two new simulators answer byte for byte alike.
    """
    first = await post(Simulator({}, clock=clock))
    second = await post(Simulator({}, clock=clock))

    assert first.content == second.content


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": None}, "property 'model' is missing"),
        ({"model": 3}, "'model' : invalid"),
        ({"messages": []}, "'messages' : minimum number of items is 1"),
        ({"messages": "hi"}, "'messages' : value must be an array of objects"),
        ({"max_tokens": 0}, "'max_tokens' : number must be at least 1"),
        ({"n": 1.5}, "'n' : number must be at least 1"),
        ({"n": 129}, "'n' : number must be at most 128"),
        ({"max_completion_tokens": 8_193}, ABOVE_CAP),
    ],
)
async def test_a_body_that_makes_no_sense_is_a_bad_request(
    post: Post, body: dict[str, Any], message: str
) -> None:
    """
    It is answered with 400, charged nothing, and left in the ledger as failed.
    """
    simulator = Simulator({"m": {"rpm": 5, "tpm": 100_000}}, max_tokens_cap=8_192)
    answer = await post(simulator, **body)

    assert 400 == answer.status_code
    assert message == answer.json()["error"]["message"]
    assert "invalid_request_error" == answer.json()["error"]["type"]
    assert {"rpm": 5, "tpm": 100_000} == simulator.remaining("m")
    assert (0, 1) == (simulator.ledger.requests(), simulator.ledger.failed())


def test_models_are_listed_without_being_counted(server: Simulator) -> None:
    """
    Listing costs nothing and carries no limit headers; the path of one model may have slashes.
    """
    with (
        Simulator({"a/b": {"rpm": 1}, "c": {}}) as simulator,
        groq.Groq(base_url=simulator.base_url, api_key="any") as client,
    ):
        raw = client.models.with_raw_response.list()
        one = client.models.retrieve("a/b")
        with pytest.raises(groq.NotFoundError, match="`d` does not exist"):
            client.models.retrieve("d")

    assert ["a/b", "c"] == [model.id for model in raw.parse().data]
    assert not [name for name in raw.headers if name.startswith("x-ratelimit")]
    assert ("a/b", "a") == (one.id, one.owned_by)
    assert ["models"] * 3 == [row.kind for row in simulator.ledger]
    assert (0, 0) == (simulator.ledger.requests(), simulator.ledger.failed())


async def test_unknown_models_are_unlimited_or_refused(post: Post) -> None:
    """
    They are answered as long as nobody asks for strictness; then Groq's 404 names them.
    """
    lenient = await post(Simulator({}), model="new")
    strict = await post(Simulator({}, strict_models=True), model="new")

    assert (200, 404) == (lenient.status_code, strict.status_code)
    assert {
        "error": {
            "message": "The model `new` does not exist or you do not have access to it.",
            "type": "invalid_request_error",
            "code": "model_not_found",
        }
    } == strict.json()


async def test_without_limits_it_is_groqs_free_plan(post: Post) -> None:
    """
    A simulator that is given no limits has those that Groq published.
    """
    answer = await post(Simulator(), model="openai/gpt-oss-120b")

    assert ("1000", "8000") == (
        answer.headers["x-ratelimit-limit-requests"],
        answer.headers["x-ratelimit-limit-tokens"],
    )


@pytest.mark.parametrize(
    ("method", "path", "key", "content", "status", "code"),
    [
        ("POST", "/openai/v1/chat/completions", "", "{}", 401, "invalid_api_key"),
        ("POST", "/openai/v1/chat/completions", "Bearer ", "{}", 401, "invalid_api_key"),
        ("GET", "/openai/v1/models", "", "", 401, "invalid_api_key"),
        ("POST", "/openai/v1/chat/completions", "Bearer x", "{", 400, None),
        ("POST", "/openai/v1/chat/completions", "Bearer x", "[]", 400, None),
        ("POST", "/openai/v1/chat/completion", "Bearer x", "{}", 404, "unknown_url"),
        ("GET", "/openai/v1/chat/completions", "Bearer x", "", 404, "unknown_url"),
    ],
)
async def test_what_is_no_request_at_all_gets_groqs_error(
    *, method: str, path: str, key: str, content: str, status: int, code: str | None
) -> None:
    """
    Missing keys, broken bodies and unknown paths are told apart, and recorded.
    """
    simulator = Simulator({})
    transport = httpx.ASGITransport(app=simulator.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://groq") as client:
        headers = {"authorization": key} if key else {}
        answer = await client.request(method, path, headers=headers, content=content)

    assert status == answer.status_code
    assert code == answer.json()["error"].get("code")
    assert [status] == [row.status for row in simulator.ledger]
    assert 0 == simulator.ledger.requests()
