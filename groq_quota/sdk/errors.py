"""
Refusals that are also the SDK's own errors, so that code written for Groq's 429 understands them.
"""

from __future__ import annotations

import math
from typing import Any

import groq
import httpx

from ..errors import QuotaExceededError, RequestTooLargeError
from .endpoints import CHAT

__all__ = ["LocalRateLimitError", "LocalRequestTooLargeError", "local_error"]

_BASE = "https://api.groq.com/openai/v1"


def _response(
    error: QuotaExceededError | RequestTooLargeError, status: int, path: str
) -> httpx.Response:
    headers = {"x-groq-quota": "local"}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    return httpx.Response(
        status,
        headers=headers,
        json=_body(error),
        request=httpx.Request("POST", _BASE + path),
    )


def _body(error: QuotaExceededError | RequestTooLargeError) -> dict[str, Any]:
    metric = error.limit.metric
    kind = {"requests": "requests", "audio_seconds": "seconds"}.get(metric, "tokens")
    return {"error": {"message": error.message, "type": kind, "code": "rate_limit_exceeded"}}


class LocalRateLimitError(QuotaExceededError, groq.RateLimitError):
    """
    A `QuotaExceededError` that is a `groq.RateLimitError` with a 429 made here.

    The response has Groq's body shape, `retry-after` and `x-groq-quota: local`; its request is to
    the endpoint at `path`.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = CHAT.path,
        **details: Any,  # those of QuotaExceededError
    ) -> None:
        QuotaExceededError.__init__(self, message, **details)
        self._path = path
        response = _response(self, 429, path)
        groq.RateLimitError.__init__(self, message, response=response, body=_body(self))

    def details(self) -> dict[str, Any]:
        """
        The arguments that it was made with, but for the message.
        """
        return {**QuotaExceededError.details(self), "path": self._path}


class LocalRequestTooLargeError(RequestTooLargeError, groq.APIStatusError):
    """
    A `RequestTooLargeError` that is a `groq.APIStatusError` with a 413 made here.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str = CHAT.path,
        **details: Any,  # those of RequestTooLargeError
    ) -> None:
        RequestTooLargeError.__init__(self, message, **details)
        self._path = path
        response = _response(self, 413, path)
        groq.APIStatusError.__init__(self, message, response=response, body=_body(self))

    def details(self) -> dict[str, Any]:
        """
        The arguments that it was made with, but for the message.
        """
        return {**RequestTooLargeError.details(self), "path": self._path}


def local_error(
    error: QuotaExceededError | RequestTooLargeError, path: str = CHAT.path
) -> LocalRateLimitError | LocalRequestTooLargeError:
    """
    The same refusal, as one of the SDK's errors too; `path` is that of the endpoint.
    """
    kind = (
        LocalRequestTooLargeError
        if isinstance(error, RequestTooLargeError)
        else LocalRateLimitError
    )
    return kind(error.message, path=path, **error.details())
