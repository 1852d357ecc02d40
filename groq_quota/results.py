"""
What a function's result, or its error, tells of the request that it made.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Awaitable, Generator, Mapping
from threading import Thread
from typing import Any

from .errors import QuotaError
from .outcomes import Outcome
from .reports import Usage

__all__ = ["fate_of", "is_cached", "is_pending", "usage_of"]

_REFUSED = frozenset({413, 429})
_UNKNOWN_MODEL = 404
# Where answers carry their usage: chat completions and their chunks, LangChain's messages.
_PLACES = (
    ("usage",),
    ("x_groq", "usage"),
    ("usage_metadata",),
    ("response_metadata", "token_usage"),
    ("token_usage",),
)
_BARE = (str, bytes, int, float, type(None))


def usage_of(result: object) -> Usage | None:
    """
    The usage that a result carries: an answer of an SDK, a LangChain message, or either as a dict.
    """
    if isinstance(result, _BARE):
        return None
    if isinstance(result, Usage):
        return result
    for place in _PLACES:
        found: Any = result  # of any SDK
        for name in place:
            found = _look(found, name)
        usage = None if found is None else _as_usage(found)
        if usage is not None:
            return usage
    return None


def _look(value: object, name: str) -> Any:  # of any SDK
    if isinstance(value, Mapping):
        return value.get(name)
    try:
        return getattr(value, name, None)
    except Exception:  # properties may do anything; then they are no usage
        return None


def _as_usage(found: object) -> Usage | None:
    if isinstance(found, int):
        return None  # a number that is only called so
    try:
        return Usage.of(found)
    except Exception:  # whatever it is, it is no usage
        return None


def is_pending(result: object) -> bool:
    """
    Whether a result is work that is yet to be done: a future, task, thread, coroutine, generator.
    """
    if isinstance(result, _BARE):
        return False
    if isinstance(result, (Awaitable, Generator, AsyncGenerator, Thread)):
        return True
    futures = sys.modules.get("concurrent.futures")  # without it there are no futures of it
    return futures is not None and isinstance(result, futures.Future)


def is_cached(result: object) -> bool:
    """
    Whether a result is a LangChain message out of LangChain's cache: no request was made for it.
    """
    if isinstance(result, _BARE):
        return False
    metadata = _look(result, "usage_metadata")
    return isinstance(metadata, Mapping) and metadata.get("total_cost") == 0


def fate_of(error: BaseException) -> Outcome | None:
    """
    What an error tells of a request: that it was refused, failed, or was sent; None for nothing.

    Our own refusals tell nothing: no request was sent.
    """
    if isinstance(error, QuotaError):
        return None
    status = _status(error)
    if status in _REFUSED:
        return Outcome(requests=0, refused=1)
    if status is not None:
        unknown = status == _UNKNOWN_MODEL
        return None if unknown else Outcome(requests=0, failed=1)
    return Outcome() if _was_sent(error) else None


def _status(error: BaseException) -> int | None:
    status = _look(error, "status_code")
    if status is None:
        status = _look(_look(error, "response"), "status_code")
    return status if isinstance(status, int) and status >= 400 else None


def _was_sent(error: BaseException) -> bool:
    # Cut or timed out after it was sent, as Groq's SDK says: nobody knows whether it was answered.
    groq, httpx = sys.modules.get("groq"), sys.modules.get("httpx")
    if groq is None or httpx is None or not isinstance(error, groq.APIConnectionError):
        return False
    never = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
    return error.__cause__ is not None and not isinstance(error.__cause__, never)
