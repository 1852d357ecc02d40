"""
The tokens of texts to the last one, counted offline by a model's own tokenizer.

It comes with the extra `tokens` (quicktok-v1), whose counts for GPT-OSS, Qwen 2 to 3 and Llama 3
equal those of independent encoders of the same vocabularies. Without the extra, with one that is
broken, and for other models there are no counts. A vocabulary is loaded when it is first needed,
which holds up everything in the process for a quarter to half a second and takes up to 80 MB: see
`load`. After that the time is in proportion to the length: of 100,000 characters, 1 to 2 ms were
measured for prose and code, up to 30 ms for random signs, and 60 ms for nothing but dashes.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["exact_tokens", "load"]

logger = logging.getLogger(__name__)

# Names of models as Groq has them, and their vocabularies. Qwen 3.5 and later have another one, as
# have Llama 4 and what is built on it.
_VOCABULARIES = {
    r"\bgpt-oss\b": "o200k_harmony",
    r"\bqwen-?(2|2\.5|3)(?![.\d])|\bqwen-qwq\b": "qwen3",
    r"\bllama-?3(\.[0-3])?(?![.\d])|\bllama-guard-3\b": "llama3",
}


def load(model: str) -> bool:
    """
    Load what counts for a model now, at startup rather than when it is first needed.

    False if there is nothing: for want of the extra, or because it does not know the model.
    """
    return _counter(_vocabulary(model)) is not None


def exact_tokens(texts: Iterable[str], model: object) -> int | None:
    """
    The tokens of all texts together, each by itself, without a chat template; None if unknown.

    Marks that have a meaning to the model, such as `<|eot|>`, count as the text that they are.
    """
    count = _counter(_vocabulary(model))
    if count is None:
        return None
    try:
        return sum(count(text) for text in texts)
    except Exception:  # whatever an extension module raises
        logger.debug("A text's tokens could not be counted.")
        return None


def _vocabulary(model: object) -> str:
    name = model.lower() if isinstance(model, str) else ""
    return next((found for rule, found in _VOCABULARIES.items() if re.search(rule, name)), "")


@cache
def _counter(vocabulary: str) -> Callable[[str], int] | None:
    if not vocabulary:
        return None
    try:
        count: Callable[[str], int] = import_module("quicktok").get_encoding(vocabulary).count
        if count("a") != 1:
            raise ValueError(vocabulary)
    except Exception:  # a package that is broken is as one that is not there
        logger.debug("No exact counts by the vocabulary %s: the extra 'tokens'?", vocabulary)
        return None

    def counted(text: str) -> int:
        try:
            return count(text)
        except (TypeError, UnicodeError):  # half a character of two: no tokenizer takes it
            return count(text.encode("utf-8", "replace").decode())

    return counted
