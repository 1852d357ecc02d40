"""
The arithmetic of windows: UTC days, refilling buckets, durations as Groq prints them.

Groq keeps every limit, daily ones too, as a bucket that refills continuously: the wait is
`(used + requested - limit) * period / limit` (fits the refusals collected from public issue
threads; from 2025-11-25 on to the digit). Nothing here reads a clock.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from functools import lru_cache

__all__ = [
    "DAY",
    "EPSILON",
    "SKEW",
    "days_apart",
    "drained",
    "go_duration",
    "seconds_to_midnight",
    "utc_date",
    "utc_hour",
    "utc_iso",
    "wait_seconds",
]

DAY = 86_400
# Bucket levels are floats; less than this is rounding, not use.
EPSILON = 1e-6
#: Clocks of threads and processes read a moment apart, and a bucket may begin to refill a little
# later than it was taken from: up to this many seconds ahead is no jump of the clock.
SKEW = 3.0


def wait_seconds(limit: float, period: float, used: float, requested: float) -> float:
    """
    Seconds until `requested` fits into a bucket of `limit` per `period` seconds; 0.0 if it does.

    The order of the float operations is Groq's own: `go_duration` of the result has the digits
    that Groq prints.

    Raises:
        ValueError: If limit or period is not above zero.
    """
    if limit <= 0 or period <= 0:
        msg = f"limit and period must be above zero, not {limit!r} and {period!r}"
        raise ValueError(msg)
    excess = used + requested - limit
    return excess / limit * period if excess > 0 else 0.0


def go_duration(seconds: float) -> str:
    """
    Seconds as Go prints a `time.Duration`: `1m26.4s`, `585ms`, `459.999999ms`, `2h31m16.752s`.

    Cut, not rounded, to whole nanoseconds, as the conversion to a Duration does.
    """
    nanos = int(seconds * 1e9)
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if 0 < nanos < size * 1_000:
            return f"{sign}{_decimal(nanos, size)}{unit}"
    minutes, rest = divmod(nanos, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, 1_000_000_000)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(amount, unit)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).zfill(len(str(unit)) - 1).rstrip('0')}"


def drained(level: float, at: float, now: float, rate: float) -> float:
    """
    What a bucket that stood at `level` at time `at` still holds at `now`.

    `rate` is what it refills per second. A clock that went back gives nothing back.
    """
    if now <= at:
        return level
    left = level - (now - at) * rate
    return left if left > EPSILON else 0.0


def moment(at: float, now: float) -> float:
    """
    The time a bucket is to be kept at: never back by a hair, but back after a jump of the clock.
    """
    return at if 0 < at - now <= SKEW else now


def utc_date(now: float) -> str:
    """
    The UTC day of an epoch time, as ISO text: `2026-11-22`. Such texts compare as days do.
    """
    return _iso_day(int(now // DAY))


@lru_cache(maxsize=1024)
def _iso_day(day: int) -> str:
    return date.fromordinal(719_163 + day).isoformat()


def utc_hour(now: float) -> str:
    """
    The hour of the UTC day, `0` to `23`, as text.
    """
    return _HOURS[int(now % DAY // 3600)]


_HOURS = [str(hour) for hour in range(24)]


def utc_iso(now: float) -> str:
    """
    An epoch time as ISO text in UTC, to the second.
    """
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds")


def days_apart(earlier: str, later: str) -> int:
    """
    How many days `later` lies after `earlier` (negative if before).
    """
    return date.fromisoformat(later).toordinal() - date.fromisoformat(earlier).toordinal()


def seconds_to_midnight(now: float) -> float:
    """
    Seconds until the next UTC day begins.
    """
    return DAY - now % DAY
