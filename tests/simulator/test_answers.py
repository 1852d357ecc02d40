from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.simulator import Answer, ToolCall
from groq_quota.simulator.answers import cut, pieces, prompt_tokens, words


@given(st.text())
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    """
    Nothing is lost or added, and only an empty text has no tokens.
    """
    assert text == "".join(pieces(text))
    assert bool(text) == bool(pieces(text))


def test_long_words_and_signs_are_tokens_of_their_own() -> None:
    """
    Words count once for each eight letters, other characters one each.
    """
    assert ["extraord", "inarily", " good", "!", "?\n"] == pieces("extraordinarily good!?\n")


@given(st.integers(min_value=0, max_value=500))
def test_made_up_words_have_the_length_that_is_asked_for(count: int) -> None:
    """
    A made-up text of so many tokens counts as so many.
    """
    assert count == Answer(words(count)).tokens


@given(st.text(), st.text(), st.integers(min_value=0, max_value=40))
def test_a_cut_answer_keeps_to_its_budget(text: str, reasoning: str, budget: int) -> None:
    """
    It is a beginning of the answer, uses the budget, and says that it ended for its length.
    """
    whole = Answer(text, reasoning)
    short = cut(whole, budget)

    assert text.startswith(short.text)
    assert reasoning.startswith(short.reasoning)
    assert min(budget, whole.tokens) == short.tokens
    assert ("stop" if whole.tokens <= budget else "length") == short.ending


def test_tool_calls_are_kept_whole_or_left_out() -> None:
    """
    Arguments are never broken in the middle.
    """
    call = ToolCall("look", '{"at":"it"}')
    cost = Answer(tool_calls=(call,)).tokens
    answer = Answer("one two", tool_calls=(call, call))

    assert (call,) == cut(answer, 2 + cost * 2 - 1).tool_calls
    assert "tool_calls" == cut(answer, 2 + cost * 2).ending


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"messages": [{"content": "hi"}]}, 5),
        ({"messages": [{"content": "a" * 400}, {"content": None}]}, 108),
        ({"messages": [{"content": [{"type": "text", "text": "a" * 8}]}]}, 6),
        ({"messages": [{"content": "hi"}], "tools": [{"a": "b" * 29}]}, 15),
    ],
)
def test_a_prompt_counts_a_quarter_of_its_characters(body: dict[str, object], tokens: int) -> None:
    """
    Four tokens come on top for each message; parts of a message and tools count as well.
    """
    assert tokens == prompt_tokens(body)
