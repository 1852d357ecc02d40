from __future__ import annotations

from typing import TYPE_CHECKING, Any

import groq
import pytest

from groq_quota.simulator import Answer, Simulator, ToolCall

if TYPE_CHECKING:
    from .conftest import Clock

PATH = "/openai/v1/responses"


def ask(client: groq.Groq, **body: Any) -> Any:
    """
    The body of a plain answer.
    """
    return client.post(PATH, body={"model": "m", "input": "hi", **body}, cast_to=object)


def stream(client: groq.Groq, **body: Any) -> list[dict[str, Any]]:
    """
    The events of a streamed answer.
    """
    made = client.post(
        PATH,
        body={"model": "m", "input": "hi", **body, "stream": True},
        cast_to=object,
        stream=True,
        stream_cls=groq.Stream[object],
    )
    events: list[Any] = list(made)
    assert [event["event"] for event in events] == [event["data"]["type"] for event in events]
    return [event["data"] for event in events]


def test_a_plain_answer_is_billed_as_it_says(client: groq.Groq, server: Simulator) -> None:
    """
    By the names of this endpoint.
    """
    answer = ask(client, instructions="be brief", max_output_tokens=7)
    (row,) = server.ledger

    assert ("response", "incomplete") == (answer["object"], answer["status"])
    assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
    assert answer["output"][0]["content"][0]["type"] == "output_text"
    usage = answer["usage"]
    assert (11, 7, 18) == (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"])
    assert (11, 7, 18) == (row.prompt_tokens, row.completion_tokens, row.charged)
    assert ("responses", True) == (row.kind, row.delivered)


def test_a_stream_ends_with_the_whole_answer(client: groq.Groq, server: Simulator) -> None:
    """
    Its pieces are the answer's text, its events are numbered, and the usage is in the last.
    """
    events = stream(client, max_output_tokens=50)
    pieces = [one["delta"] for one in events if one["type"] == "response.output_text.delta"]
    whole = events[-1]["response"]

    assert list(range(len(events))) == [event["sequence_number"] for event in events]
    assert ("response.created", "response.completed") == (events[0]["type"], events[-1]["type"])
    assert "".join(pieces) == whole["output"][0]["content"][0]["text"]
    assert len(pieces) == whole["usage"]["output_tokens"] == server.ledger[0].completion_tokens
    assert server.ledger[0].stream
    assert events[0]["response"]["usage"] is None


def test_reasoning_and_calls_are_items_of_their_own() -> None:
    """
    Told in the same order, plain and streamed.
    """
    said = Answer("fine", "let me think", (ToolCall("weather", '{"city": "Lima"}'),))
    with Simulator({}, answer=said, cached=2) as server:
        client = groq.Groq(base_url=server.base_url, api_key="any")
        answer, events = ask(client), stream(client)

    kinds = ["reasoning", "message", "function_call"]
    assert kinds == [item["type"] for item in answer["output"]]
    assert kinds == [item["type"] for item in events[-1]["response"]["output"]]
    assert answer["output"][2]["arguments"] == '{"city": "Lima"}'
    assert answer["usage"]["output_tokens_details"]["reasoning_tokens"] == 3
    assert answer["usage"]["input_tokens_details"]["cached_tokens"] == 2
    told = [event["type"] for event in events]
    assert "response.function_call_arguments.delta" in told
    assert "response.reasoning_text.delta" in told


@pytest.mark.parametrize(
    ("given", "tokens"),
    [
        ("x" * 40, 14),
        ([{"role": "user", "content": "x" * 40}], 14),
        ([{"role": "user", "content": [{"type": "input_text", "text": "x" * 40}]}], 14),
        ([{"type": "function_call_output", "call_id": "1", "output": "x" * 40}], 14),
    ],
    ids=["text", "item", "parts", "result"],
)
def test_inputs_are_counted_as_the_messages_of_chat(
    client: groq.Groq, server: Simulator, given: Any, tokens: int
) -> None:
    """
    Whatever form they have.
    """
    ask(client, input=given)
    assert server.ledger[0].prompt_tokens == tokens


def test_the_limiter_takes_prompt_and_cap(clock: Clock) -> None:
    """
    As of chat; and 1,024 where there is no cap.
    """
    with Simulator({"m": {"tpm": 2_000}}, clock=clock) as server:
        client = groq.Groq(base_url=server.base_url, api_key="any", max_retries=0)
        ask(client)
        assert server.remaining("m") == {"tpm": 2_000 - 5 - 1_024}
        with pytest.raises(groq.RateLimitError, match="Requested 1005"):
            ask(client, max_output_tokens=1_000)


@pytest.mark.parametrize(
    "body",
    [
        {"input": None},
        {"input": []},
        {"input": ["hi"]},
        {"input": 7},
        {"max_output_tokens": 0},
        {"max_output_tokens": 100_000},
        {"model": None},
    ],
)
def test_what_makes_no_sense_is_refused(
    client: groq.Groq, server: Simulator, body: dict[str, Any]
) -> None:
    """
    With the message of a bad request, and no bill.
    """
    with pytest.raises(groq.BadRequestError):
        ask(client, **body)

    assert (server.ledger.failed(), server.ledger.tokens()) == (1, 0)


@pytest.mark.parametrize("after", [0, 3])
def test_a_stream_can_end_with_an_error(client: groq.Groq, server: Simulator, after: int) -> None:
    """
    As of chat; the usage is not delivered.
    """
    server.break_next_stream(after=after)
    with pytest.raises(groq.APIError):
        stream(client)

    assert not server.ledger[0].delivered
