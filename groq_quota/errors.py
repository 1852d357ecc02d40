"""
The errors of groq-quota: one tree under `QuotaError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .limits import Limit

__all__ = [
    "ConfigurationError",
    "QuotaError",
    "QuotaExceededError",
    "RefusalError",
    "RequestTooLargeError",
    "StorageError",
    "WrongTypeError",
]


class QuotaError(Exception):
    """
    The root of every error that groq-quota raises.
    """


class ConfigurationError(QuotaError, ValueError):
    """
    A setting, a table or an argument has a value that cannot be; nothing was changed.
    """


class WrongTypeError(ConfigurationError, TypeError):
    """
    A setting, a table or an argument is of the wrong type; nothing was changed.
    """


class StorageError(QuotaError):
    """
    The storage cannot be reached, read or written.

    The message names the place (without any password) and the cause.
    """


class RefusalError(QuotaError):
    """
    What both refusals know; numbers are in the limit's own unit (requests, tokens, seconds).
    """

    def __init__(
        self,
        message: str,
        *,
        model: str,
        limit: Limit,
        used: float,
        requested: float,
        remaining: float,
        retry_after: float | None,
    ) -> None:
        # Not super(): in subclasses that are the SDK's errors too, its __init__ would come next.
        Exception.__init__(self, message)
        self.message = message
        self.model = model
        self.limit = limit
        self.used = used
        self.requested = requested
        self.remaining = remaining
        self.retry_after = retry_after

    def details(self) -> dict[str, Any]:
        """
        The keyword arguments that make an equal error again.
        """
        names = ("model", "limit", "used", "requested", "remaining", "retry_after")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.details())


def _rebuild(kind: type[RefusalError], message: str, details: dict[str, Any]) -> RefusalError:
    return kind(message, **details)


class QuotaExceededError(RefusalError):
    """
    A limit leaves no room for the request; it was not sent.

    Attributes:
        model: The model that was asked for.
        limit: The `Limit` that binds: its kind, its amount, its window.
        used: What is taken of it, reservations included.
        requested: What the request would take.
        remaining: What is left, never below 0.
        retry_after: Seconds until the request fits.
    """


class RequestTooLargeError(RefusalError):
    """
    The request alone is larger than a whole limit; it would never fit and was not sent.

    The attributes are those of `QuotaExceededError`; `retry_after` is None.
    """
