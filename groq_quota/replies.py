"""
What Groq says, read into plain values: rate-limit headers and the texts of refusals.

The forms were collected from Groq's documentation and from public reports of 2024 to 2026. What
cannot be read is left out and noted at debug level, without its text; reading never fails.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, AnyStr, NamedTuple

__all__ = [
    "Observation",
    "Refusal",
    "parse_duration",
    "read_headers",
    "read_refusal",
    "read_standing",
]

logger = logging.getLogger(__name__)

# Larger numbers are damage, not limits or times.
_MOST = 10**15


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A refusal by Groq's limiter; None where its text does not say.

    Attributes:
        kind: The limit that refused: rpm, rpd, tpm, tpd, itpm, otpm, ash or asd.
        retry_after: The printed wait in seconds.
        too_large: The request is larger than the whole limit, so that waiting does not help.
    """

    model: str | None
    service_tier: str | None
    kind: str | None
    limit: int | None
    used: int | None
    requested: int | None
    retry_after: float | None
    too_large: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What the headers of one answer say, by kind of limit: rpd, tpm, ash.

    `reset_after` is the time in seconds until the bucket is full again, not until the next request
    fits (seen: 32 requests of 1,000 a day gave `46m4.8s`). `retry_after` is in seconds.
    """

    limits: Mapping[str, int]
    remaining: Mapping[str, float]
    reset_after: Mapping[str, float]
    retry_after: float | None


def read_headers(headers: Iterable[tuple[bytes, bytes]] | Mapping[str, str]) -> Observation:
    """
    What the headers of an answer say of limits, from a mapping or from raw pairs in any case.

    A header whose value cannot be read counts as absent.
    """
    if isinstance(headers, Mapping):
        return _observe(headers.items(), _TEXT_SLOTS)
    return _observe(headers, _RAW_SLOTS)


def read_standing(
    headers: object,
) -> tuple[dict[str, int], dict[str, float]]:
    """
    Of `read_headers` limits and what is left of them: for the way of every call, in a hurry.

    Args:
        headers: Those of an httpx response, or raw pairs; of anything else nothing is read.
    """
    limits: dict[str, int] = {}
    remaining: dict[str, float] = {}
    raw: Any = getattr(headers, "raw", headers)
    try:
        for name, value in raw:
            slot = _RAW_STANDING[name] if name in _RAW_STANDING else _standing_slot(name)
            if slot is not None:
                _read_into(limits, remaining, slot, name, value)
    except Exception:  # the headers of a response like no other, perhaps a mock
        logger.debug("The headers of an answer could not be read.", exc_info=True)
    return limits, remaining


def _read_into(
    limits: dict[str, int],
    remaining: dict[str, float],
    slot: tuple[str, str],
    name: bytes,
    value: bytes,
) -> None:
    what, kind = slot
    try:
        if what == "limit":
            limits[kind] = _limit(value)
        else:
            remaining[kind] = _amount(value)
    except (ValueError, TypeError):
        logger.debug("The rate-limit header %r has a value that cannot be read.", name)


def _standing_slot(name: bytes) -> tuple[str, str] | None:
    # Of a name that was not seen before, in whatever case: a server sends the same ones each time.
    slot = _RAW_SLOTS.get(name.lower())
    if slot is not None and slot[0] not in {"limit", "remaining"}:
        slot = None
    if len(_RAW_STANDING) < _NAMES_KEPT:
        _RAW_STANDING[name] = slot
    return slot


def _observe(
    pairs: Iterable[tuple[AnyStr, AnyStr]], slots: Mapping[AnyStr, tuple[str, str]]
) -> Observation:
    limits: dict[str, int] = {}
    remaining: dict[str, float] = {}
    reset_after: dict[str, float] = {}
    retry_after: float | None = None
    for name, value in pairs:
        slot = slots.get(name.lower())
        if slot is None:
            continue
        what, kind = slot
        try:
            if what == "limit":
                limits[kind] = _limit(value)
            elif what == "remaining":
                remaining[kind] = _amount(value)
            elif what == "reset":
                reset_after[kind] = _seconds(value)
            else:
                retry_after = _wait(value)
        except (ValueError, TypeError, AttributeError):
            logger.debug("The rate-limit header %r has a value that cannot be read.", name)
    return Observation(limits, remaining, reset_after, retry_after)


def _limit(value: str | bytes) -> int:
    number = int(value)
    if 0 <= number <= _MOST:
        return number
    raise ValueError


def _amount(value: str | bytes) -> float:
    # Overdrawn buckets were seen, so below zero is no damage; audio seconds may be fractional.
    try:
        number: float = int(value)
    except ValueError:
        number = float(value)
    if -_MOST <= number <= _MOST:
        return number
    raise ValueError


def _seconds(value: str | bytes) -> float:
    seconds = parse_duration(value.decode() if isinstance(value, bytes) else value)
    if seconds is None:
        raise ValueError
    return seconds


def _wait(value: str | bytes) -> float:
    try:
        number = float(value)
    except ValueError:
        return _seconds(value)
    if 0 <= number <= _MOST:
        return number
    raise ValueError


# Groq documents `requests` as those of a day and `tokens` as those of a minute; `audio-seconds`,
# seen on Whisper, are those of an hour.
_TEXT_SLOTS = {
    f"x-ratelimit-{what}-{unit}": (what, kind)
    for what in ("limit", "remaining", "reset")
    for unit, kind in (("requests", "rpd"), ("tokens", "tpm"), ("audio-seconds", "ash"))
} | {"retry-after": ("wait", "")}
_RAW_SLOTS = {name.encode(): slot for name, slot in _TEXT_SLOTS.items()}
#: Of names of headers, as they were sent: what they tell of a limit, None for nothing.
_RAW_STANDING: dict[bytes, tuple[str, str] | None] = {}
_NAMES_KEPT = 1_000


_NANOSECONDS = {
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,  # with the micro sign, as Go prints it
    "μs": 1_000,  # with the Greek letter, which Go reads too
    "ns": 1,
}


def parse_duration(text: str) -> float | None:
    """
    The seconds of a duration as Go prints it: `2h31m16.752s`, `1m26.4s`, `585ms`, `370µs`.

    Exact to the nanosecond; blanks between the parts are tolerated. None for anything else.
    """
    if len(text) < 20 and text[-1:] == "s" and not text.strip("0123456789.ms"):
        try:
            return _short_duration(text)
        except ValueError:
            pass
    match = _patterns().duration.fullmatch(text)
    return _long_duration(match) if match else None


def _short_duration(text: str) -> float:
    # What headers mostly hold, `585ms`, `7.66s` and `1m26.4s`: read at every answer, so in haste.
    if text.endswith("ms"):
        return float(text[:-2] + "e-3")
    minutes, between, seconds = text[:-1].rpartition("m")
    if not between:
        return float(seconds)
    return round((int(minutes) * 60 + float(seconds)) * 1e9) / 1e9


def _long_duration(match: re.Match[str]) -> float:
    hours, minutes, whole, fraction, unit = match.groups(default="0")
    size = _NANOSECONDS[unit]
    nanos: int = int(whole) * size + int(fraction) * size // 10 ** len(fraction)
    return (nanos + (int(hours) * 60 + int(minutes)) * 60_000_000_000) / 1_000_000_000


class _Patterns(NamedTuple):
    duration: re.Pattern[str]
    escape: re.Pattern[str]
    head: re.Pattern[str]
    tier: re.Pattern[str]
    code: re.Pattern[str]
    words: re.Pattern[str]
    numbers: re.Pattern[str]
    cut: re.Pattern[str]
    wait: re.Pattern[str]


_DURATION = (
    r"(?:([0-9]{1,9})h\s?)?(?:([0-9]{1,9})m\s?)?([0-9]{1,9})(?:\.([0-9]{1,18}))?\s?([mnuµμ]?s)"
)
# A number, perhaps with the tilde of 2024 or with thousands separators, but never part of one.
_NUMBER = r"~?([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.[0-9]+)?(?!,?[0-9])"
_GAP = r"[^\w~]{1,6}"


@cache
def _patterns() -> _Patterns:
    # Compiled at first use: importing stays light.
    numbers = (
        rf"\blimit{_GAP}{_NUMBER}(?:{_GAP}used{_GAP}{_NUMBER})?(?:{_GAP}requested{_GAP}{_NUMBER})?"
    )
    return _Patterns(
        duration=re.compile(_DURATION),
        escape=re.compile(r"\\+u([0-9a-fA-F]{4})"),
        head=re.compile(
            r"\b(rate\s+limit\s+reached|request\s+too\s+large)"
            r"(?:\s+for\s+model\W{1,6}?([\w./:@+-]+)(?=[^\w./:@+-]))?",
            re.IGNORECASE,
        ),
        tier=re.compile(r"\bservice\s+tier\W{1,6}?([\w-]+)(?=[^\w-])", re.IGNORECASE),
        code=re.compile(r"\(([a-z]{3,4})\)\s*:", re.IGNORECASE),
        words=re.compile(r"\bon\b([a-z\s]*):", re.IGNORECASE),
        numbers=re.compile(numbers, re.IGNORECASE),
        cut=re.compile(r",?\s*(?:$|…|\.\.|[\"'}<\\])"),
        wait=re.compile(rf"\b[Tt]ry\s+again\s+in\s+({_DURATION})"),
    )


# Groq's messages say ASPH and ASPD where its documentation says ASH and ASD.
_KINDS = {
    **{kind: kind for kind in ("rpm", "rpd", "tpm", "tpd", "itpm", "otpm", "ash", "asd")},
    "asph": "ash",
    "aspd": "asd",
    "requests per minute": "rpm",
    "requests per day": "rpd",
    "tokens per minute": "tpm",
    "tokens per day": "tpd",
    "input tokens per minute": "itpm",
    "output tokens per minute": "otpm",
    "seconds of audio per hour": "ash",
    "seconds of audio per day": "asd",
    "": "tpd",  # messages of 2024 and 2025 left the daily token limit without a name
}
# How far the head of a message may stand before its numbers, and the wait behind them.
_REACH = 600


def read_refusal(text: str) -> Refusal | None:
    """
    The refusal of which `text` tells: an error's message, its body as JSON, or a line of a log.

    None if it names no limit. Of a message that was cut, what is left is read, except for a number
    that may have lost its last digits.
    """
    patterns = _patterns()
    text = patterns.escape.sub(lambda escape: chr(int(escape[1], 16)), text)
    numbers = patterns.numbers.search(text)
    until = numbers.start() if numbers else len(text)
    since = max(0, until - _REACH)
    head = _last(patterns.head.finditer(text, since, until))
    where = text[head.end() if head else since : until]
    tier = _last(patterns.tier.finditer(where))
    kind = _kind(where, told=head is not None or tier is not None)
    limit, used, requested = _whole_numbers(numbers) if numbers else (None, None, None)
    if kind is None and (limit is None or head is None):
        logger.debug("A text of %d characters names no limit that can be read.", len(text))
        return None
    return Refusal(
        model=_model(head) if head else None,
        service_tier=tier[1] if tier else None,
        kind=kind,
        limit=limit,
        used=used,
        requested=requested,
        retry_after=_printed_wait(text[numbers.end() :]) if numbers else None,
        too_large=_too_large(head, used, requested),
    )


def _last(matches: Iterable[re.Match[str]]) -> re.Match[str] | None:
    last = None
    for last in matches:  # noqa: B007  the last of them is what is asked for
        pass
    return last


def _model(head: re.Match[str]) -> str | None:
    name, after = head[2], head.string[head.end() : head.end() + 1]
    return None if name is None or after == "…" or name.endswith("..") else name


def _kind(where: str, *, told: bool) -> str | None:
    code = _last(_patterns().code.finditer(where))
    if code:
        return _KINDS.get(code[1].lower())
    words = _last(_patterns().words.finditer(where)) if told else None
    return _KINDS.get(" ".join(words[1].lower().split())) if words else None


def _whole_numbers(numbers: re.Match[str]) -> tuple[int | None, int | None, int | None]:
    limit, used, requested = (int(n.replace(",", "")) if n else None for n in numbers.groups())
    if not _patterns().cut.match(numbers.string, numbers.end()):
        return limit, used, requested
    if requested is None:
        return (limit, None, None) if used is not None else (None, None, None)
    # The last number was told in full if it explains the refusal.
    explained = limit is not None and (used or 0) + requested > limit
    return limit, used, requested if explained else None


def _too_large(head: re.Match[str] | None, used: int | None, requested: int | None) -> bool:
    if head:
        return head[1].lower().startswith("request")
    return used is None and requested is not None


def _printed_wait(tail: str) -> float | None:
    wait = _patterns().wait.search(tail, 0, _REACH)
    return parse_duration(wait[1]) if wait else None
