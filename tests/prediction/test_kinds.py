"""
What a fresh model learns from twenty passages of one kind, by the counts of real tokenizers.
"""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import tokenizers
from groq_quota.estimate import careful_count, quick_bound
from groq_quota.prediction import Fits, Prediction, features, learn_prompt, predict_prompt

from .exact import MODELS, count_prompt
from .passages import KINDS, document, passages

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("quicktok")


@pytest.fixture(scope="module", autouse=True)
def _no_tokenizer() -> Iterator[None]:
    # The library estimates as it does for those who have not installed one.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokenizers, "_counter", lambda _: None)
        yield


def ask(model: str, text: str) -> dict[str, Any]:
    """
    The body of a request with one message.
    """
    return {"model": model, "messages": [{"role": "user", "content": text}]}


def predicted(model: str, kind: str, *, careful: bool) -> tuple[Prediction, int]:
    """
    What is predicted of a kind's document after its passages were answered, and its true count.
    """
    fits: Fits = {}

    def known(body: dict[str, Any]) -> dict[str, int]:
        return features(quick_bound(body), careful_count(body) if careful else None)

    for text in passages(kind):
        body = ask(model, text)
        learn_prompt(fits, known(body), count_prompt(body))
    body = ask(model, document(kind))
    prediction = predict_prompt(fits, known(body))
    assert prediction is not None
    return prediction, count_prompt(body)


@pytest.mark.parametrize("careful", [True, False], ids=["careful", "quick"])
@pytest.mark.parametrize("model", MODELS)
class TestDocuments:
    def test_each_kind(self, model: str, *, careful: bool) -> None:
        """
        On average within 15 % of the exact count, and of no kind more than 10 % under it.
        """
        assert 21 == len(KINDS)
        for shown in ("likely", "most"):
            errors = {}
            for kind in KINDS:
                prediction, tokens = predicted(model, kind, careful=careful)
                errors[kind] = getattr(prediction, shown) / tokens - 1

            assert mean(map(abs, errors.values())) <= 0.15
            assert {} == {kind: error for kind, error in errors.items() if error < -0.10}

    def test_learning_is_worth_it(self, model: str, *, careful: bool) -> None:
        """
        What was learned comes nearer than what is assumed of a model that nothing is known of.
        """
        learned, assumed = [], []
        for kind in KINDS:
            prediction, tokens = predicted(model, kind, careful=careful)
            body = ask(model, document(kind))
            untaught = careful_count(body) if careful else quick_bound(body)
            learned.append(abs(prediction.likely / tokens - 1))
            assumed.append(abs(untaught.prompt / tokens - 1))

        assert mean(learned) < mean(assumed) / 3


def test_other_words() -> None:
    """
    The documents are not made of the passages' words alone, and longer.
    """
    for kind in ("english", "japanese", "python"):
        known = " ".join(passages(kind)).split()
        text = document(kind)

        assert len(text) > max(map(len, passages(kind)))
        assert set(text.split()) - set(known)


def test_always_the_same() -> None:
    """
    Texts are made by rule.
    """
    for kind in KINDS:
        assert document(kind) == document(kind)
        assert passages(kind) == passages(kind)
        assert 20 == len(set(passages(kind)))
