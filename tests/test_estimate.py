"""
Estimates of requests before they are sent: bounds that hold, counts that come near.

All of them run twice, with the extra `tokens` and without it.

`data/token-counts.json` holds documents of many kinds, with the exact counts of the tokenizers of
three models (as of quicktok-v1 0.4.0).
"""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from statistics import mean
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from groq.types.chat import ChatCompletionMessage
from hypothesis import example, given
from hypothesis import strategies as st

from groq_quota import tokenizers
from groq_quota.estimate import Estimate, careful_count, lower_bound, quick_bound, text_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent / "data" / "token-counts.json"
DOCUMENTS: list[dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))  # mixed, as JSON is
ENCODINGS = {
    "openai/gpt-oss-20b": "o200k_harmony",
    "qwen/qwen3-32b": "qwen3",
    "llama-3.3-70b-versatile": "llama3",
}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather in a given location.",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}


@pytest.fixture(scope="module", autouse=True, params=["exact", "weighed"])
def _extra(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "exact":
        pytest.importorskip("quicktok")
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizers, "_counter", lambda _: None)
        yield


def ask(*contents: object, **options: object) -> dict[str, object]:
    """
    The body of a request with one user message for each content.
    """
    messages = [{"role": "user", "content": content} for content in contents]
    return {"model": "llama-3.1-8b-instant", "messages": messages, **options}


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
parts = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "input_audio", "document"]) | values},
    optional={"text": st.text() | values, "image_url": values, "document": values},
)
message_dicts = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": st.text() | st.lists(parts | st.text(), max_size=3) | values,
        "name": values,
        "reasoning": values,
        "tool_calls": st.just([CALL]) | values,
        "function_call": values,
    },
)
messages = message_dicts | message_dicts.map(lambda fields: SimpleNamespace(**fields)) | values
bodies = st.fixed_dictionaries(
    {"messages": st.lists(messages, max_size=4) | values},
    optional={
        "model": st.sampled_from([*ENCODINGS]) | values,
        "max_tokens": st.integers() | values,
        "max_completion_tokens": st.integers() | values,
        "n": st.integers(-1, 4) | values,
        "tools": st.just([TOOL]) | values,
        "response_format": values,
    },
)


class TestOutput:
    @pytest.mark.parametrize(
        ("options", "output", "capped"),
        [
            ({}, 1024, False),
            ({"max_tokens": 5}, 5, True),
            ({"max_completion_tokens": 7}, 7, True),
            ({"max_completion_tokens": 7, "max_tokens": 5}, 7, True),
            ({"max_completion_tokens": None, "max_tokens": 5}, 5, True),
            ({"max_tokens": 5, "n": 3}, 15, True),
            ({"n": 3}, 3072, False),
            ({"n": 0}, 1024, False),
            ({"n": "3"}, 1024, False),
            ({"max_tokens": 0}, 1024, False),
            ({"max_tokens": -5}, 1024, False),
            ({"max_tokens": True}, 1024, False),
            ({"max_tokens": "100"}, 1024, False),
            ({"max_tokens": 10**400}, 10**400, True),
        ],
    )
    def test_room(self, options: dict[str, object], output: int, capped: bool) -> None:  # noqa: FBT001  a parameter of the table
        """
        The answer's room is what the request allows it, 1,024 if it does not say, for each choice.
        """
        for estimate in (quick_bound(ask("hi", **options)), careful_count(ask("hi", **options))):
            assert (output, capped) == (estimate.output, estimate.capped)
            assert estimate.prompt + output == estimate.total

    def test_lower_bound_takes_the_cap_alone(self) -> None:
        """
        Surely taken are max_tokens and the words; neither an assumed answer nor further choices.
        """
        words = "several quite ordinary words"

        assert 4 == lower_bound(ask(words, n=3))
        assert 504 == lower_bound(ask(words, max_tokens=500, n=3))

    def test_value(self) -> None:
        """
        An estimate is a value.
        """
        assert Estimate(prompt=3, output=4, capped=True) == Estimate(3, 4, True)


class TestPrompt:
    def test_bytes(self) -> None:
        """
        The bound goes by bytes, of ASCII and of all else, lone surrogates included.
        """
        empty = quick_bound(ask("")).prompt

        assert empty + 2000 == quick_bound(ask("x" * 2000)).prompt
        assert empty + 2000 == quick_bound(ask("é" * 1000)).prompt
        assert empty + 3 == quick_bound(ask("\ud800")).prompt

    def test_same_messages_in_other_shapes(self) -> None:
        """
        Dicts, message objects of the SDK, tuples and parts of text weigh the same.
        """
        text = "The quick brown fox jumps over the lazy dog."
        plain = {"messages": [{"role": "assistant", "content": text}]}
        shapes: list[dict[str, object]] = [
            {"messages": ({"role": "assistant", "content": text},)},
            {"messages": [ChatCompletionMessage(role="assistant", content=text)]},
            {"messages": [SimpleNamespace(role="assistant", content=text)]},
            {"messages": [{"role": "assistant", "content": [{"type": "text", "text": text}]}]},
            {
                "messages": [
                    {"role": "assistant", "content": [SimpleNamespace(type="text", text=text)]}
                ]
            },
            {"messages": [{"role": "assistant", "content": [text]}]},
            {"messages": [text]},
        ]

        for body in shapes:
            assert quick_bound(plain) == quick_bound(body)
            assert careful_count(plain) == careful_count(body)
            assert lower_bound(plain) == lower_bound(body)

    def test_iterators_are_left_alone(self) -> None:
        """
        Messages, contents and tools from an iterator are not consumed, and count as nothing.
        """
        gone: list[int] = []

        def once() -> Iterator[object]:
            gone.append(1)
            yield {"role": "user", "content": "hi"}

        for body in ({"messages": once()}, ask(once()), ask("", tools=once())):
            quick, careful = quick_bound(body), careful_count(body)

            assert quick.prompt <= quick_bound(ask("")).prompt
            assert careful.prompt <= quick.prompt
            assert 0 == lower_bound(body)
        assert [] == gone
        assert 0 == quick_bound({"messages": once()}).prompt

    @pytest.mark.parametrize("key", ["tools", "functions", "response_format", "documents"])
    def test_schemas(self, key: str) -> None:
        """
        Tools, response formats and documents go in as JSON.
        """
        schema = [TOOL, TOOL]
        more = quick_bound(ask("hi", **{key: schema})).prompt - quick_bound(ask("hi")).prompt

        assert len(json.dumps(schema)) <= more <= len(json.dumps(schema)) + 200
        assert (
            careful_count(ask("hi")).prompt + 40 < careful_count(ask("hi", **{key: schema})).prompt
        )
        assert quick_bound(ask("hi")) == quick_bound(ask("hi", **{key: None}))

    def test_tool_calls(self) -> None:
        """
        The calls of earlier answers count, from dicts and from the SDK's own objects.
        """
        fields = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        silent = quick_bound({"messages": [{"role": "assistant", "content": None}]}).prompt
        told = quick_bound({"messages": [fields]}).prompt

        assert silent + len('f{"a": 1}') <= told <= silent + 40
        assert told == quick_bound({"messages": [ChatCompletionMessage(**fields)]}).prompt  # type: ignore[arg-type]  # read from plain fields
        assert told == quick_bound({"messages": [{"function_call": CALL["function"]}]}).prompt

    def test_reasoning_and_names(self) -> None:
        """
        Earlier reasoning and names may go in: they count above, not below.
        """
        message = {"role": "assistant", "content": "", "reasoning": "w " * 50, "name": "Ann"}
        bare = {"content": "", "reasoning": "w " * 50}
        body = {"messages": [message]}

        assert quick_bound(ask("")).prompt + 103 == quick_bound(body).prompt
        assert careful_count(ask("")).prompt + 40 < careful_count(body).prompt
        assert 0 == lower_bound(body)
        assert quick_bound(ask("")).prompt + 100 == quick_bound({"messages": [bare]}).prompt

    @pytest.mark.parametrize("kind", ["image_url", "input_audio"])
    def test_flat(self, kind: str) -> None:
        """
        An image or a sound is a flat charge, however long its data is; it is said apart, too.
        """
        data = {"type": kind, kind: {"url": "data:image/png;base64," + "A" * 100_000}}
        extra = quick_bound(ask([data, data])).prompt - quick_bound(ask("")).prompt

        assert 2 * 1_968 <= extra <= 2 * 2_100
        assert extra == careful_count(ask([data, data])).prompt - careful_count(ask([])).prompt
        assert 0 == lower_bound(ask([data]))
        assert 2_000 == quick_bound(ask([data])).flat == careful_count(ask([data])).flat
        assert 0 == quick_bound(ask("text")).flat == careful_count(ask(["text"])).flat

    def test_templates(self) -> None:
        """
        What the templates add to a short question is near what was counted: 36 on Llama for "hi".
        """
        counted = {"llama-3.1-8b-instant": 36, "openai/gpt-oss-20b": 67, "qwen/qwen3-32b": 14}

        for model, tokens in counted.items():
            careful = careful_count(ask("hi", model=model)).prompt

            assert tokens <= careful + 1
            assert careful <= tokens + 2
            assert tokens <= quick_bound(ask("hi", model=model)).prompt

    def test_each_message(self) -> None:
        """
        Each further message adds the marks around it.
        """
        one, many = careful_count(ask("")).prompt, careful_count(ask(*[""] * 101)).prompt

        assert 500 <= many - one <= 530

    def test_long_texts_are_sampled(self) -> None:
        """
        A very long text is weighed by a sample of it, and still comes out right.
        """
        text = "\n".join(document["text"] for document in DOCUMENTS)
        many = 12

        assert len(text) * many > 100_000
        assert text_tokens(text) * many == pytest.approx(text_tokens(text * many), rel=0.05)


class Hostile(dict[str, object]):
    """
    A mapping that cannot be read.
    """

    def get(self, *_: object) -> Any:  # as dict has it
        """
        Never a value.
        """
        raise RuntimeError

    def __contains__(self, _: object) -> bool:
        raise RuntimeError


class TestRubbish:
    @pytest.mark.parametrize(
        "found",
        [None, 7, "hello", b"bytes", {}, {"role": "user"}, object(), range(1000), 10**40],
    )
    def test_unreadable_messages(self, found: object) -> None:
        """
        Messages that are none count as 0, and the answer's room stands.
        """
        body = {"messages": found, "max_tokens": 12}

        assert Estimate(0, 12, capped=True) == quick_bound(body)
        assert Estimate(0, 12, capped=True) == careful_count(body)
        assert 12 == lower_bound(body)

    @pytest.mark.parametrize("body", [None, 7, "hello", [], Hostile(), Hostile(messages=[])])
    def test_unreadable_body(self, body: Any) -> None:  # what no annotation allows
        """
        What is no body at all is estimated as an empty request.
        """
        assert Estimate(0, 1024, capped=False) == quick_bound(body)
        assert Estimate(0, 1024, capped=False) == careful_count(body)
        assert 0 == lower_bound(body)

    def test_hostile_parts(self) -> None:
        """
        A message that raises when it is read leaves the room for the answer.
        """
        body = {"messages": [Hostile()], "max_tokens": 12}

        assert Estimate(0, 12, capped=True) == quick_bound(body)
        assert 12 == careful_count(body).total == lower_bound(body)

    def test_endless_tools(self) -> None:
        """
        Tools that hold themselves, or what is no JSON, do not break the estimate.
        """
        tools: list[object] = [object(), {1, 2}, {("a",): 1}]
        tools.append(tools)

        assert quick_bound(ask("hi")).prompt <= quick_bound(ask("hi", tools=tools)).prompt

    @given(bodies | values)
    @example({"messages": [{"role": "user", "content": "\ud800" * 9}], "tools": ["\udfff"]})
    def test_order(self, body: Any) -> None:  # arbitrary JSON
        """
        On any body: lower bound <= careful count <= quick bound, and nothing raises.
        """
        quick, careful = quick_bound(body), careful_count(body)

        assert 0 <= careful.prompt <= quick.prompt
        assert (quick.output, quick.capped) == (careful.output, careful.capped)
        assert 0 <= lower_bound(body) <= careful.total

    @given(st.lists(st.text(), max_size=4))
    @example(["a" * 10_000])
    def test_at_least_a_quarter_of_the_characters(self, contents: list[str]) -> None:
        """
        The careful count is never below a quarter of the characters.
        """
        assert ceil(len("".join(contents)) / 4) <= careful_count(ask(*contents)).prompt

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """
        Any text has tokens, unless it is empty.
        """
        assert (text_tokens(text) == 0) == (not text)


class TestAccuracy:
    @pytest.mark.parametrize("model", ENCODINGS)
    def test_near(self, model: str) -> None:
        """
        Over all kinds of text the weights are off by 15 % at most, on average.
        """
        errors = [
            abs(text_tokens(document["text"], model=model) / document["tokens"][model] - 1)
            for document in DOCUMENTS
        ]

        assert mean(errors) < 0.15

    @pytest.mark.parametrize("model", ENCODINGS)
    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document["kind"]))
    def test_each_kind(self, document: dict[str, Any], model: str) -> None:
        """
        With its margin, the count of no kind of text is 10 % too low, or twice too high.
        """
        frame = careful_count(ask("", model=model)).prompt
        counted = careful_count(ask(document["text"], model=model)).prompt - frame
        exact = document["tokens"][model]

        assert 0.9 * exact <= counted <= 1.7 * exact
        assert exact <= quick_bound(ask(document["text"], model=model)).prompt
        assert lower_bound(ask(document["text"], model=model)) <= exact

    def test_one_accent(self) -> None:
        """
        An accent here and there does not make English a foreign language.
        """
        english = DOCUMENTS[0]["text"]

        assert text_tokens(english.replace("passengers", "pässengers")) <= text_tokens(english) + 6

    def test_deltas(self) -> None:
        """
        The pieces of a stream add up to no less than the whole, and not to much more.
        """
        text = DOCUMENTS[0]["text"]
        pieces = text.replace(" ", "\0 ").split("\0")

        assert text_tokens(text) <= sum(map(text_tokens, pieces)) <= 1.5 * text_tokens(text)
        assert 1 == text_tokens(" the")
        assert 1 == text_tokens("你")

    @pytest.mark.parametrize("model", ENCODINGS)
    def test_exact_counts(self, model: str) -> None:
        """
        The exact counts that the other tests go by are those of the models' tokenizers.
        """
        encoding = pytest.importorskip("quicktok").get_encoding(ENCODINGS[model])

        assert [document["tokens"][model] for document in DOCUMENTS] == [
            len(encoding.encode(document["text"])) for document in DOCUMENTS
        ]
