"""
What a meter reports: usage, status, decisions and days, as values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError, WrongTypeError
from .windows import utc_iso

if TYPE_CHECKING:
    from .limits import Limit

__all__ = ["DailySummary", "Decision", "ModelUsage", "Status", "Usage", "WindowUsage"]


class Status(str, Enum):
    """
    How near a model is to a daily limit, by the highest percentage used.

    normal < 75 % <= warning < 90 % <= critical < 100 % <= limit_reached.
    """

    NORMAL = "normal"
    WARNING = "warning"
    CRITICAL = "critical"
    LIMIT_REACHED = "limit_reached"

    def __str__(self) -> str:
        return self.value

    @property
    def rank(self) -> int:
        """
        0 for normal up to 3 for limit_reached.
        """
        return _RANKS[self]

    @classmethod
    def of(cls, used: float, limit: float | None) -> Status:
        """
        The status of one limit; None is unlimited, 0 is always reached. Compares without rounding.
        """
        if limit is None:
            return cls.NORMAL
        for percent, status in _STEPS:
            if 100 * used >= percent * limit:
                return status
        return cls.NORMAL


_RANKS = {status: rank for rank, status in enumerate(Status)}
_STEPS = ((100, Status.LIMIT_REACHED), (90, Status.CRITICAL), (75, Status.WARNING))


@dataclass(frozen=True, slots=True)
class Usage:
    """
    What one answer used, in tokens, by Groq's words.
    """

    total_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    audio_seconds: float = 0.0

    @classmethod
    def of(cls, value: object) -> Usage:
        """
        A `Usage` from a `Usage`, a number of tokens, a mapping or the SDK's usage object.

        Raises:
            ConfigurationError: For a negative number.
            WrongTypeError: For anything that carries no token counts.
        """
        if isinstance(value, Usage):
            return _checked(value)
        if isinstance(value, int):
            return cls(total_tokens=whole(value, "usage"))
        return _of_chat(value) or cls._of_any(value)

    @classmethod
    def _of_any(cls, value: object) -> Usage:
        prompt = _read(value, "prompt_tokens", "input_tokens")
        completion = _read(value, "completion_tokens", "output_tokens")
        total = _read(value, "total_tokens")
        if prompt is None and completion is None and total is None:
            kind = type(value).__name__
            msg = f"usage must be a Usage, an int or a usage object of the SDK, not {kind}"
            raise WrongTypeError(msg)
        prompt, completion = prompt or 0, completion or 0
        if _get(value, "prompt_tokens") is not None:
            details = _get(value, "prompt_tokens_details")
        else:  # of /responses, or of LangChain
            details = _get(value, "input_tokens_details") or _get(value, "input_token_details")
        cached = (_read(details, "cached_tokens", "cache_read") or 0) if details is not None else 0
        return cls(prompt + completion if total is None else total, prompt, completion, cached)


def _of_chat(value: object) -> Usage | None:
    # Of the SDK's own object for chat without any details, as nearly always: so in haste.
    try:
        total, prompt = value.total_tokens, value.prompt_tokens  # type: ignore[attr-defined]  # see the except
        completion = value.completion_tokens  # type: ignore[attr-defined]  # see the except
    except AttributeError:
        return None
    if getattr(value, "prompt_tokens_details", None) is not None:
        return None
    if not (type(total) is type(prompt) is type(completion) is int):
        return None
    if total < 0 or prompt < 0 or completion < 0:
        return None
    return Usage(total, prompt, completion)


def _checked(usage: Usage) -> Usage:
    for name in ("total_tokens", "prompt_tokens", "completion_tokens", "cached_tokens"):
        whole(getattr(usage, name), f"usage.{name}")
    if not 0 <= usage.audio_seconds < math.inf:
        msg = f"usage.audio_seconds must not be negative, not {usage.audio_seconds!r}"
        raise ConfigurationError(msg)
    return usage


def whole(value: object, name: str) -> int:
    """
    `value` if it is a whole number not below 0, and below 2**53, so that every storage can add to
    it; else an error that names `name`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{name} must be a whole number, not {value!r}"
        raise WrongTypeError(msg)
    if value < 0:
        msg = f"{name} must not be negative, not {value!r}"
        raise ConfigurationError(msg)
    if value >= _TOO_MANY:
        msg = f"{name} must be below 2**53"
        raise ConfigurationError(msg)
    return value


_TOO_MANY = 2**53


def _get(value: object, name: str) -> Any:  # usage objects come from any SDK, of any shape
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _read(value: object, *names: str) -> int | None:
    for name in names:
        found = _get(value, name)
        if found is not None:
            return whole(found, f"usage.{name}")
    return None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    Whether a request may be sent now, and if not, which limit says no and for how long.

    Attributes:
        allowed: True if the request fits every window that is enforced.
        status: The model's status by its daily limits.
        message: One sentence for people, in the chosen language.
        limit: The `Limit` that binds, None if allowed.
        retry_after: Seconds until it fits; 0.0 if allowed, None if it never will.
        used: What is taken of that limit, reservations included.
        requested: What was asked for.
    """

    allowed: bool
    status: Status
    message: str
    limit: Limit | None = None
    retry_after: float | None = 0.0
    used: float = 0
    requested: float = 0

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(frozen=True, slots=True)
class WindowUsage:
    """
    One limit of a model and what is taken of it now.

    `used` and `remaining` are in the limit's unit; `reset_after` is in seconds until all is free.
    `external` is what others of the organization were seen to take of it today, by what Groq's
    answers said was left.
    """

    limit: Limit
    used: float
    remaining: float | None
    reset_after: float
    external: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """
    A model's counts of the UTC day, its limits and what is left.

    `requests` were answered by Groq or are of unknown fate; `blocked` were stopped here, `refused`
    by Groq's limiter, `failed` for other reasons. Of the `audio_seconds`, `estimated_seconds` are
    an estimate by the size of a file, or by less. `fallbacks` were asked of this model and sent to
    another, which counts them. `reserved` requests and `reserved_tokens` are in flight. `waited` is
    in seconds; `last_request` is an epoch time.
    """

    model: str
    date: str
    description: str | None
    requests: int
    tokens: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    audio_seconds: float
    estimated_seconds: float
    blocked: int
    refused: int
    failed: int
    avoided: int
    fallbacks: int
    waited: float
    reserved: int
    reserved_tokens: int
    status: Status
    windows: tuple[WindowUsage, ...]
    hours: Mapping[int, tuple[int, int]]
    last_request: float | None
    lifetime_requests: int
    lifetime_tokens: int

    def window(self, kind: str) -> WindowUsage | None:
        """
        The window of a limit by its short name (`rpm`, `rpd`, `tpm`, `tpd`, ...), if it has one.
        """
        return next((window for window in self.windows if window.limit.kind == kind), None)

    def to_dict(self) -> dict[str, Any]:  # JSON-ready, so of mixed values
        """
        The same as JSON-ready values: durations are named `..._seconds`, times are ISO text (UTC).
        """
        data = {name: getattr(self, name) for name in self.__slots__ if name not in _RENDERED}
        last = None if self.last_request is None else utc_iso(self.last_request)
        windows = {
            window.limit.kind: {
                "limit": window.limit.amount,
                "used": window.used,
                "remaining": window.remaining,
                "reset_after_seconds": window.reset_after,
                "external": window.external,
                "origin": window.limit.origin,
                "enforced": window.limit.confirmed,
            }
            for window in self.windows
        }
        hours = {str(hour): list(counts) for hour, counts in self.hours.items()}
        return {
            **data,
            "status": self.status.value,
            "waited_seconds": self.waited,
            "last_request_at": last,
            "windows": windows,
            "hours": hours,
        }


_RENDERED = frozenset({"status", "waited", "last_request", "windows", "hours"})


@dataclass(frozen=True, slots=True)
class DailySummary:
    """
    One UTC day over all models of a scope; `models` has each model's counts.

    The lifetime figures are those of today, and 0 in days of the history.
    """

    date: str
    requests: int = 0
    tokens: int = 0
    blocked: int = 0
    refused: int = 0
    failed: int = 0
    models: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lifetime_requests: int = 0
    lifetime_tokens: int = 0
    days_active: int = 0

    def to_dict(self) -> dict[str, Any]:  # JSON-ready, so of mixed values
        """
        The same as JSON-ready values: durations are named `..._seconds`.
        """
        models = {model: _with_units(counts) for model, counts in self.models.items()}
        return {**asdict(self), "models": models}


def _with_units(counts: Mapping[str, float]) -> dict[str, float]:
    return {("waited_seconds" if name == "waited" else name): n for name, n in counts.items()}
