"""
What a meter tells: events, who listens, and the log that listens by default.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from .reports import Status

if TYPE_CHECKING:
    from .limits import Limit

__all__ = ["EventKind", "QuotaEvent", "QuotaHook", "log_event"]

logger = logging.getLogger("groq_quota")

EventKind = Literal["status", "blocked", "fallback", "waiting", "resumed", "contradicted", "reset"]


@dataclass(frozen=True, slots=True)
class QuotaEvent:
    """
    Something that happened to a model's quota; it never carries prompts, answers or keys.

    Attributes:
        kind: "status": a daily limit's use passed 75, 90 or 100 %, once per day, model and status.
            "blocked": a request was refused here. "fallback": it was sent to another model.
            "waiting", "resumed": a request waits for a window, and is sent. "contradicted": Groq's
            headers differ from the table in use. "reset": counting was started anew.
        at: Epoch seconds by the meter's clock.
        seconds: How long a request waits, or until a refused one would fit; None if never.
        message: The same for people, in English.
        instead: The model that a request was sent to in place of `model`, of a "fallback".
    """

    kind: EventKind
    scope: str
    model: str
    at: float
    status: Status
    message: str
    limit: Limit | None = None
    seconds: float | None = None
    instead: str | None = None


class QuotaHook(Protocol):
    """
    Anything that can be called with an event. What it raises is logged and goes no further.
    """

    def __call__(self, event: QuotaEvent, /) -> None:
        """
        Take note of an event; called after the storage's lock is free.
        """
        ...


_LOUD = {
    Status.NORMAL: logging.INFO,
    Status.WARNING: logging.WARNING,
    Status.CRITICAL: logging.ERROR,
    Status.LIMIT_REACHED: logging.CRITICAL,
}


_WARNED = frozenset({"blocked", "fallback", "contradicted"})


def log_event(event: QuotaEvent) -> None:
    """
    Write an event to the logger `groq_quota`: states by their weight, all else at INFO.
    """
    if event.kind == "status":
        level = _LOUD[event.status]
    else:
        level = logging.WARNING if event.kind in _WARNED else logging.INFO
    logger.log(level, "%s", event.message)
