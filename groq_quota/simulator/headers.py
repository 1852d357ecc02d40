"""
Groq's response headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .durations import SECOND, go_duration, whole_milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .buckets import Bucket
    from .limiter import Refusal

# The only limits that have headers: requests are per day, tokens per minute, audio per hour.
_SUBJECTS = {"rpd": "requests", "tpm": "tokens", "ash": "audio-seconds"}


def common(request_id: str) -> dict[str, str]:
    """
    Return the headers that every answer carries.
    """
    return {"x-request-id": request_id, "x-groq-region": "sim"}


def rate_limits(
    standing: Mapping[str, Bucket], refusal: Refusal | None = None, retry_after: float | None = None
) -> dict[str, str]:
    """
    Return the ``x-ratelimit-*`` headers, and ``retry-after`` where it is known.

    A refusal on requests carries no token headers: seen for requests per minute, assumed for
    requests per day.
    """
    headers: dict[str, str] = {}
    for name, subject in _SUBJECTS.items():
        on_requests = refusal is not None and refusal.kind.counts == "requests"
        if name in standing and not (on_requests and subject != "requests"):
            headers |= _of(subject, standing[name])
    if retry_after is not None:
        headers["retry-after"] = f"{retry_after:.3f}".rstrip("0").rstrip(".")
    elif refusal is not None and refusal.wait is not None:
        headers["retry-after"] = str(-(-refusal.wait // SECOND))
    return headers


def _of(subject: str, bucket: Bucket) -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{subject}": str(bucket.limit),
        f"x-ratelimit-remaining-{subject}": str(bucket.remaining),
        f"x-ratelimit-reset-{subject}": go_duration(whole_milliseconds(bucket.full_after)),
    }
