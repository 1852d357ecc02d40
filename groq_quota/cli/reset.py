"""
`groq-quota reset`: starting the day's count anew, once somebody has said yes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .complaint import Complaint
from .status import where

if TYPE_CHECKING:
    from ..meter import QuotaMeter
    from .language import Language

__all__ = ["reset"]


def reset(meter: QuotaMeter, model: str | None, language: Language, *, sure: bool) -> str | None:
    """
    Reset, and what is to be said of it; None if the answer was no.

    Raises:
        Complaint: Nobody is there to be asked.
    """
    counted = meter.summary() if model is None else meter.usage(model)
    requests = language.counted("count_requests", counted.requests)
    tokens = language.counted("count_tokens", counted.tokens)
    if not sure:
        name = "reset_ask_all" if model is None else "reset_ask"
        place = where(meter.storage.uri, meter.scope, language)
        question = language.say(name, model=model, requests=requests, tokens=tokens, place=place)
        if not _agreed(question, language):
            return None
    meter.reset(model)
    return language.say("reset_done", requests=requests, tokens=tokens)


def _agreed(question: str, language: Language) -> bool:
    if not sys.stdin.isatty():
        raise Complaint("reset_unattended")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in language.say("reset_yes").split()
