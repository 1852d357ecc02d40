"""
Groq's error bodies, word for word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .durations import SECOND, go_duration, refill_time
from .limiter import KINDS, Refusal

Error = dict[str, Any]

_FREE_TAIL = "Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
_PAID_TAIL = "Visit https://groq.com/self-serve-support/ to request higher limits."

_INVALID = "invalid_request_error"
_INTERNAL = "internal_server_error"

_NO_MODEL = "The model `{model}` does not exist or you do not have access to it."
_NO_JSON = (
    "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details."
)
_OVER_CAPACITY = (
    "`{model}` is currently over capacity. Please try again and back off exponentially. "
    "Visit https://groqstatus.com to see if there is an active incident."
)
_ERRORS: dict[int, tuple[str, str, str | None]] = {
    400: (_NO_JSON, _INVALID, "json_validate_failed"),
    401: ("Invalid API Key", _INVALID, "invalid_api_key"),
    404: (_NO_MODEL, _INVALID, "model_not_found"),
    413: ("Request Entity Too Large", _INVALID, "request_too_large"),
    429: ("Rate limit reached for model `{model}`", "requests", "rate_limit_exceeded"),
    498: ("`flex` tier capacity exceeded for model `{model}`", _INTERNAL, "capacity_exceeded"),
    500: ("Internal Server Error", _INTERNAL, None),
    503: (_OVER_CAPACITY, _INTERNAL, None),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """
    What the refusals of one organization say beside the numbers.
    """

    organization: str
    paid: bool = False

    def refusal(self, refusal: Refusal, model: str) -> Error:
        """
        Return the body of a refusal in the form that Groq uses since the autumn of 2025.
        """
        too_large, kind = refusal.too_large, refusal.kind
        message = (
            f"{'Request too large' if too_large else 'Rate limit reached'} for model `{model}` "
            f"in organization `{self.organization}` service tier `on_demand` on {kind.words}: "
            f"{_too_large(refusal) if too_large else _reached(refusal)} "
            f"Need more tokens? {_PAID_TAIL if self.paid else _FREE_TAIL}"
        )
        return error(message, kind.type, "rate_limit_exceeded")


class RejectedError(Exception):
    """
    The request cannot be served: the status and the body that say so.
    """

    def __init__(self, status: int, body: Error, model: str = "") -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.model = model


def error(message: str, kind: str, code: str | None = None, **more: str) -> Error:
    """
    Return an error body; Groq leaves out what does not apply.
    """
    body = {"message": message, "type": kind}
    if code is not None:
        body["code"] = code
    return {"error": body | more}


def refusal_status(refusal: Refusal) -> int:
    """
    Return the status of a refusal: output tokens get 429 even where waiting cannot help.
    """
    return 413 if refusal.too_large and refusal.kind.name != "otpm" else 429


def bad_request(message: str, model: str = "", **more: str) -> RejectedError:
    """
    Return the rejection of a body that makes no sense.
    """
    return RejectedError(400, error(message, _INVALID, **more), model)


def above_cap(field: str, cap: int, model: str) -> RejectedError:
    """
    Return the rejection of more output tokens than the model can make.
    """
    message = (
        f"`{field}` must be less than or equal to `{cap}`, the maximum value for `{field}` "
        "is less than the `context_window` for this model"
    )
    return bad_request(message, model, param=field)


def invalid_key() -> RejectedError:
    """
    Return the rejection of a request without a key.
    """
    return RejectedError(401, made_up_error(401, None, ""))


def unknown_model(model: str) -> RejectedError:
    """
    Return the rejection of a model that there is not.
    """
    return RejectedError(404, made_up_error(404, None, model), model)


def unknown_url(method: str, path: str) -> RejectedError:
    """
    Return the rejection of a path that there is not.
    """
    message = (
        f"Unknown request URL: {method} {path}. Please check the URL for typos, "
        "or see the docs at https://console.groq.com/docs/"
    )
    return RejectedError(404, error(message, _INVALID, "unknown_url"))


def made_up_refusal(limit: int | None, retry_after: float | None) -> Refusal:
    """
    Return a refusal on requests per minute that no bucket has asked for.

    *limit* is the model's own, if it has one; *retry_after* is the wait to be printed.
    """
    kind = KINDS["rpm"]
    limit = limit or 30
    wait = refill_time(1, limit, kind.period)
    if retry_after is not None:
        wait = round(retry_after * SECOND)
    return Refusal(kind, limit, 1, limit, wait)


def made_up_error(status: int, message: str | None, model: str) -> Error:
    """
    Return the body of an error that was asked for.
    """
    words, kind, code = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
    return error(message or words.format(model=model), kind, code)


def _reached(refusal: Refusal) -> str:
    return (
        f"Limit {refusal.limit}, Used {refusal.used}, Requested {refusal.requested}. "
        f"Please try again in {go_duration(refusal.wait or 0)}."
    )


def _too_large(refusal: Refusal) -> str:
    numbers = f"Limit {refusal.limit}, Requested {refusal.requested}"
    if refusal.kind.name == "otpm":
        return (
            f"{numbers}. The request's expected output tokens exceed the enforced limit; "
            "reduce max_tokens (or the request's expected output) and try again."
        )
    return f"{numbers}, please reduce your message size and try again."
