"""
Refusals that are also the SDK's own errors, so that code written for Groq's 429 understands them.
"""

from __future__ import annotations

import math
from typing import Any

import groq
import httpx

from ..errors import QuotaExceededError, RequestTooLargeError

__all__ = ["LocalRateLimitError", "LocalRequestTooLargeError", "local_error"]

_URL = "https://api.groq.com/openai/v1/chat/completions"


def _response(error: QuotaExceededError | RequestTooLargeError, status: int) -> httpx.Response:
    headers = {"x-groq-quota": "local"}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    return httpx.Response(
        status,
        headers=headers,
        json=_body(error),
        request=httpx.Request("POST", _URL),
    )


def _body(error: QuotaExceededError | RequestTooLargeError) -> dict[str, Any]:
    metric = error.limit.metric
    kind = {"requests": "requests", "audio_seconds": "seconds"}.get(metric, "tokens")
    return {"error": {"message": error.message, "type": kind, "code": "rate_limit_exceeded"}}


class LocalRateLimitError(QuotaExceededError, groq.RateLimitError):
    """
    A `QuotaExceededError` that is a `groq.RateLimitError` with a 429 made here.

    The response has Groq's body shape, `retry-after` and `x-groq-quota: local`.
    """

    def __init__(self, message: str, **details: Any) -> None:  # those of QuotaExceededError
        QuotaExceededError.__init__(self, message, **details)
        body = _body(self)
        groq.RateLimitError.__init__(self, message, response=_response(self, 429), body=body)


class LocalRequestTooLargeError(RequestTooLargeError, groq.APIStatusError):
    """
    A `RequestTooLargeError` that is a `groq.APIStatusError` with a 413 made here.
    """

    def __init__(self, message: str, **details: Any) -> None:  # those of RequestTooLargeError
        RequestTooLargeError.__init__(self, message, **details)
        body = _body(self)
        groq.APIStatusError.__init__(self, message, response=_response(self, 413), body=body)


def local_error(
    error: QuotaExceededError | RequestTooLargeError,
) -> LocalRateLimitError | LocalRequestTooLargeError:
    """
    The same refusal, as one of the SDK's errors too.
    """
    if isinstance(error, RequestTooLargeError):
        return LocalRequestTooLargeError(error.message, **error.details())
    return LocalRateLimitError(error.message, **error.details())
