"""
Exact counts: with the extra `tokens`, without it, and with one that is broken.

The exact counts of `data/token-counts.json` are those of the models' tokenizers.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import tokenizers
from groq_quota.estimate import careful_count, quick_bound
from groq_quota.tokenizers import exact_tokens, load

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent / "data" / "token-counts.json"
DOCUMENTS: list[dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))  # mixed, as JSON is
MODELS = ("openai/gpt-oss-20b", "qwen/qwen3-32b", "llama-3.3-70b-versatile")
OTHERS = (
    "qwen/qwen3.6-27b",
    "meta-llama/llama-4-scout-17b-16e-instruct",
    "meta-llama/llama-guard-4-12b",
    "meta-llama/llama-prompt-guard-2-22m",
    "deepseek-r1-distill-llama-70b",
    "moonshotai/kimi-k2-instruct",
    "groq/compound",
    "gemma2-9b-it",
    "",
    None,
    7,
)


def ask(*texts: str, model: str = MODELS[0], **options: object) -> dict[str, object]:
    """
    The body of a request with one message for each text.
    """
    messages = [{"role": "user", "content": text} for text in texts]
    return {"model": model, "messages": messages, **options}


@pytest.fixture
def fresh() -> Iterator[None]:
    """
    Nothing is loaded, before and after.
    """
    tokenizers._counter.cache_clear()
    yield
    tokenizers._counter.cache_clear()


@pytest.fixture
def missing(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The extra is not installed.
    """
    monkeypatch.setitem(sys.modules, "quicktok", None)


class TestInstalled:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("quicktok")

    @pytest.mark.parametrize("model", MODELS)
    def test_as_the_models_count(self, model: str) -> None:
        """
        Texts of all kinds have as many tokens as the model's own tokenizer makes of them.
        """
        assert load(model)
        for document in DOCUMENTS:
            assert document["tokens"][model] == exact_tokens([document["text"]], model)
        together = sum(document["tokens"][model] for document in DOCUMENTS)
        assert together == exact_tokens([document["text"] for document in DOCUMENTS], model)
        assert 0 == exact_tokens([], model) == exact_tokens([""], model)

    @pytest.mark.parametrize("model", MODELS)
    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document["kind"]))
    def test_careful_count(self, document: dict[str, Any], model: str) -> None:
        """
        The estimate is exact, with no margin but a quarter of the characters for the least.
        """
        text = document["text"]
        empty = careful_count(ask("", model=model))
        counted = careful_count(ask(text, model=model))

        assert counted.exact is not None
        assert empty.prompt == empty.exact
        assert document["tokens"][model] == counted.exact - empty.prompt
        least = -(-len(text) // 4)
        assert max(document["tokens"][model], least) == counted.prompt - empty.prompt

    def test_each_message_by_itself(self) -> None:
        """
        Marks stand between them, so no token spans two; schemas and calls are counted, too.
        """
        one, two = careful_count(ask("under")), careful_count(ask("und", "er"))
        tool = {"type": "function", "function": {"name": "f", "parameters": {}}}

        assert one.exact is not None
        assert two.exact is not None
        assert one.exact + 5 <= two.exact <= one.exact + 7
        with_tool = careful_count(ask("under", tools=[tool])).exact
        assert with_tool is not None
        assert one.exact + 20 <= with_tool

    @pytest.mark.parametrize("model", MODELS)
    def test_any_text(self, model: str) -> None:
        """
        Half a character of two counts as a replacement; what a model has marks for, as text.
        """
        for text in ("\ud800", "a\udfffb", "\0", "🎉", "<|endoftext|>", "<|eot_id|>", "<|im_end|>"):
            tokens = exact_tokens([text], model)

            assert tokens is not None
            assert 1 <= tokens <= len(text.encode("utf-8", "surrogatepass"))
        counted = careful_count(ask("\ud800", model=model))
        assert counted.prompt <= quick_bound(ask("\ud800", model=model)).prompt

    def test_very_long_texts_are_sampled(self) -> None:
        """
        Beyond 100,000 characters nothing is counted exactly: an event loop may be waiting.
        """
        text = "word " * 20_000

        assert careful_count(ask(text)).exact is not None
        assert careful_count(ask(text + ".")).exact is None
        assert careful_count(ask(text[:50_000], text[50_000:] + ".")).exact is None

    @pytest.mark.parametrize("model", OTHERS)
    def test_other_models(self, model: Any) -> None:
        """
        Whose tokenizer it does not have, for those the weights stand.
        """
        assert not load(model)
        assert exact_tokens(["text"], model) is None
        assert careful_count({**ask("text"), "model": model}).exact is None

    @pytest.mark.parametrize(
        "model",
        [
            *("openai/gpt-oss-120b", "openai/gpt-oss-safeguard-20b", "OpenAI/GPT-OSS-20B"),
            *("qwen-2.5-coder-32b", "qwen-qwq-32b"),
            *("llama-3.1-8b-instant", "llama3-70b-8192", "llama-3.2-3b-preview"),
        ],
    )
    def test_its_models(self, model: str) -> None:
        """
        By all names that Groq has had for them.
        """
        assert load(model)

    def test_in_threads(self, fresh: None) -> None:
        """
        Several may need it at the same time.
        """
        found: list[int | None] = []
        threads = [
            threading.Thread(target=lambda: found.append(exact_tokens(["one two"], MODELS[1])))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [2] * 8 == found


class TestNotInstalled:
    def test_no_counts(self, missing: None) -> None:
        """
        Nothing can be loaded, and nothing is known.
        """
        assert not load(MODELS[0])
        assert exact_tokens(["text"], MODELS[0]) is None

    @pytest.mark.parametrize("model", MODELS)
    def test_the_weights_stand(self, model: str, missing: None) -> None:
        """
        The estimate is the one without a tokenizer.
        """
        counted = careful_count(ask(DOCUMENTS[0]["text"], model=model))

        assert counted.exact is None
        assert counted.prompt > DOCUMENTS[0]["tokens"][model]

    def test_said_once(self, missing: None, caplog: pytest.LogCaptureFixture) -> None:
        """
        One line for each vocabulary that is missing, for those who debug.
        """
        with caplog.at_level(logging.DEBUG, "groq_quota"):
            for _ in range(3):
                careful_count(ask("text"))

        assert 1 == len(caplog.records)
        assert ("DEBUG", True) == (caplog.records[0].levelname, "o200k" in caplog.text)


def raising(*_: object) -> int:
    """
    As a package does whose data is missing.
    """
    msg = "no such vocabulary"
    raise RuntimeError(msg)


class TestBroken:
    @pytest.mark.parametrize(
        "package",
        [
            SimpleNamespace(),
            SimpleNamespace(get_encoding=raising),
            SimpleNamespace(get_encoding=lambda _: SimpleNamespace()),
            SimpleNamespace(get_encoding=lambda _: SimpleNamespace(count=raising)),
            SimpleNamespace(get_encoding=lambda _: SimpleNamespace(count=lambda _: "many")),
            SimpleNamespace(get_encoding=lambda _: SimpleNamespace(count=lambda _: 0)),
        ],
    )
    def test_as_if_not_installed(
        self,
        package: SimpleNamespace,
        fresh: None,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """
        A package that is not what it should be, or cannot find its data.
        """
        monkeypatch.setitem(sys.modules, "quicktok", package)

        with caplog.at_level(logging.DEBUG, "groq_quota"):
            assert not load(MODELS[0])
            assert careful_count(ask("text")).exact is None
        assert 1 == len(caplog.records)

    def test_in_the_middle(self, fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        If one text cannot be counted, the weights stand for this prompt.
        """

        def count(text: str) -> int:
            return 1 if text == "a" else raising()

        broken = SimpleNamespace(get_encoding=lambda _: SimpleNamespace(count=count))
        monkeypatch.setitem(sys.modules, "quicktok", broken)

        assert load(MODELS[0])
        assert exact_tokens(["text"], MODELS[0]) is None
        assert careful_count(ask("text")).exact is None
