from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota import estimate
from groq_quota.demand import AudioDemand, ChatDemand, EmbeddingDemand, ResponseDemand, SpeechDemand
from groq_quota.outcomes import Amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from groq_quota.demand import Demand

ASK = [{"role": "user", "content": "hi there"}]


def chat(**body: Any) -> tuple[Amount, Amount]:
    """
    What a chat completion demands, quickly and with care.
    """
    demand = ChatDemand({"model": "m", "messages": ASK, **body})
    return demand.quick(), demand.careful()


def response(**body: Any) -> tuple[Amount, Amount]:
    """
    What a request to `/responses` demands, quickly and with care.
    """
    demand = ResponseDemand({"model": "m", **body})
    return demand.quick(), demand.careful()


def test_a_chat_completion_demands_its_prompt_and_its_answer() -> None:
    """
    As it is estimated, with what it surely takes where care is taken.
    """
    quick, careful = chat(max_tokens=50)
    body = {"model": "m", "messages": ASK, "max_tokens": 50}

    assert estimate.quick_bound(body).total == quick.tokens == quick.prompt + quick.output
    assert (50, True, None) == (quick.output, quick.capped, quick.floor)
    assert estimate.careful_count(body).total == careful.tokens
    assert estimate.lower_bound(body) == careful.floor


TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("body", "same"),
    [
        ({"input": "hi there"}, {}),
        ({"input": "hi there", "max_output_tokens": 9}, {"max_completion_tokens": 9}),
        ({"input": ASK}, {}),
        (
            {"input": "hi there", "instructions": "be brief"},
            {"messages": [{"role": "system", "content": "be brief"}, *ASK]},
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi there"}]}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi there"}]}]},
        ),
        (
            {"input": [{"role": "user", "content": [{**PICTURE, "type": "input_image"}]}]},
            {"messages": [{"role": "user", "content": [PICTURE]}]},
        ),
        (
            {"input": [{"type": "function_call", "name": "f", "arguments": '{"a": 1}'}]},
            {"messages": [{"tool_calls": [{"function": {"name": "f", "arguments": '{"a": 1}'}}]}]},
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "1", "output": "rain"}]},
            {"messages": [{"role": "tool", "content": "rain"}]},
        ),
        ({"input": "hi there", "tools": TOOLS}, {"tools": TOOLS}),
        ({"input": "hi there", "tools": []}, {}),
    ],
    ids=[
        *("text", "cap", "items", "instructions", "parts"),
        *("picture", "call", "result", "tools", "no tools"),
    ],
)
def test_a_response_demands_what_the_same_chat_would(
    body: dict[str, Any], same: dict[str, Any]
) -> None:
    """
    Whatever its input is made of.
    """
    assert response(**body) == chat(**same)


def test_embeddings_demand_their_inputs_alone() -> None:
    """
    Texts by their bytes at most, tokens as they are; nothing is set aside for an answer.
    """
    one = EmbeddingDemand({"model": "m", "input": "four words of text"})
    assert Amount(22, 22) == one.quick()
    careful = one.careful()
    assert 4 == careful.floor
    assert 4 <= careful.tokens <= 22
    assert careful.output == 0

    accents = EmbeddingDemand({"model": "m", "input": ["é" * 10, "x"]})
    assert 29 == accents.quick().tokens
    assert 5 == EmbeddingDemand({"input": [1, 2, 3, 4, 5]}).quick().tokens
    assert 5 == EmbeddingDemand({"input": [[1, 2], [3, 4, 5]]}).careful().floor


def test_speech_demands_a_token_for_each_character() -> None:
    """
    As Groq was seen to ask for 121 where the text has 121 characters.
    """
    demand = SpeechDemand({"model": "m", "input": "é" * 121})
    assert Amount(121, 121) == demand.quick()
    assert Amount(121, 121, floor=60) == demand.careful()


def test_audio_demands_its_seconds() -> None:
    """
    Looked at once, and let go of.
    """
    file = io.BytesIO(b"ID3" + bytes(15_997))
    demand = AudioDemand("whisper", file)
    assert Amount(audio_seconds=2, audio_floor=0.08) == demand.quick()
    file.close()
    assert demand.careful() == demand.quick()
    assert demand.model == "whisper"


def once() -> Iterator[str]:
    """
    What can be read only once.
    """
    yield "never read"


class Odd:
    """
    Something that no request should have in it.
    """

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    "given",
    [None, 7, {"a": 1}, [None], [Odd()], once(), Odd(), [{"content": Odd()}], "\ud800"],
    ids=["none", "7", "dict", "nones", "odds", "once", "odd", "odd content", "half a character"],
)
def test_no_body_is_too_odd(given: Any) -> None:
    """
    Estimating never breaks a call, and what can be read only once is left alone.
    """
    body = {"model": given, "input": given, "messages": given, "instructions": given}
    kinds: tuple[Callable[[dict[str, Any]], Demand], ...] = (ChatDemand, ResponseDemand)
    for make in (*kinds, EmbeddingDemand, SpeechDemand):
        demand = make(body)
        assert 0 <= (demand.careful().floor or 0)
        assert 0 <= demand.quick().tokens
    if hasattr(type(given), "gi_frame"):
        assert next(given, "read") == "never read"


@given(st.lists(st.text(max_size=200), max_size=5))
def test_care_never_demands_more(texts: list[str]) -> None:
    """
    And never less than what is sure.
    """
    for body in ({"input": texts}, {"input": "".join(texts)}):
        demand = EmbeddingDemand({"model": "m", **body})
        careful = demand.careful()
        assert (careful.floor or 0) <= careful.tokens <= demand.quick().tokens
