"""
Estimates that learn, as a user of the SDK has them: what is held while a request is on its way.
"""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import QuotaMeter, tokenizers
from groq_quota.simulator import Simulator

from .exact import MODELS, count_prompt
from .passages import KINDS, document, passages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from groq_quota import ModelUsage

pytest.importorskip("quicktok")

LONGEST = 50
FREE = dict.fromkeys(("rpm", "rpd", "tpm", "tpd"), None)


@pytest.fixture(autouse=True)
def _no_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "_counter", lambda _: None)


class Program:
    """
    A program of the SDK's, with what its meter holds of a model at each request it sends.
    """

    def __init__(self, server: Simulator, model: str, storage: str = "memory://") -> None:
        self.meter = QuotaMeter(storage, limits={model: FREE})
        self.model = model
        self.held: list[ModelUsage] = []
        http = httpx.Client(event_hooks={"request": [self._look]}, base_url=server.base_url)
        self._client = groq.Groq(api_key="gsk_none", base_url=server.base_url, http_client=http)

    def __enter__(self) -> Program:
        groq_quota.install(self.meter)
        return self

    def __exit__(self, *_: object) -> None:
        groq_quota.uninstall()
        self._client.close()
        self.meter.close()

    def _look(self, _: httpx.Request) -> None:
        self.held.append(self.meter.usage(self.model))

    def ask(self, text: str, **options: Any) -> Any:
        """
        Send one request; the SDK's answer.
        """
        messages: Any = [{"role": "user", "content": text}]
        return self._client.chat.completions.create(model=self.model, messages=messages, **options)


@pytest.fixture(name="groq_server", scope="module")
def _groq_server() -> Iterator[Simulator]:
    with Simulator({}, count_prompt=count_prompt) as simulator:
        yield simulator


@pytest.mark.parametrize("model", MODELS)
def test_prompts(groq_server: Simulator, model: str) -> None:
    """
    After 20 passages of a kind, a document of it is held within 15 % of what it takes on average,
    and never by more than a tenth under it.
    """
    errors = {}
    for kind in KINDS:
        with Program(groq_server, model) as program:
            for text in passages(kind):
                program.ask(text, max_tokens=LONGEST)
            answer = program.ask(document(kind), max_tokens=LONGEST)
            held = program.held[-1].reserved_tokens - LONGEST
            errors[kind] = held / answer.usage.prompt_tokens - 1
            assert 0 == program.meter.usage(model).reserved

    assert 21 == len(errors)
    assert mean(map(abs, errors.values())) <= 0.15
    assert {} == {kind: error for kind, error in errors.items() if error < -0.10}


def test_at_first_all_that_it_may_be(groq_server: Simulator) -> None:
    """
    Of a model that nothing is known of, no request is held for less than it takes.
    """
    with Program(groq_server, "openai/gpt-oss-20b") as program:
        for kind in KINDS[:8]:  # afterwards, what was learned counts
            answer = program.ask(document(kind), max_tokens=LONGEST)
            assert program.held[-1].reserved_tokens >= answer.usage.prompt_tokens + LONGEST


def test_answers(groq_server: Simulator) -> None:
    """
    Without max_tokens, 1,024 are held for an answer; after some answers, what they mostly took.
    """
    with Program(groq_server, "llama-3.3-70b-versatile") as program:
        taken = [program.ask("How deep is the harbour?").usage for _ in range(12)]

    prompt = program.held[0].reserved_tokens - 1_024
    assert prompt > taken[0].prompt_tokens
    longest = max(usage.completion_tokens for usage in taken)
    last = program.held[-1].reserved_tokens
    assert longest <= last - taken[-1].prompt_tokens < 1_024


def test_kept_in_the_storage(groq_server: Simulator, tmp_path: Path) -> None:
    """
    What one process has learned, the next one knows; and each model has its own.
    """
    storage, model = f"sqlite:///{tmp_path}/usage.db", "qwen/qwen3-32b"
    with Program(groq_server, model, storage) as first:
        for text in passages("python"):
            first.ask(text, max_tokens=LONGEST)

    held = {}
    for name in (model, "llama-3.3-70b-versatile"):
        with Program(groq_server, name, storage) as later:
            answer = later.ask(document("python"), max_tokens=LONGEST)
        held[name] = (later.held[0].reserved_tokens - LONGEST) / answer.usage.prompt_tokens

    known, unknown = held.values()
    assert 0.9 <= known <= 1.5
    assert unknown > 2
