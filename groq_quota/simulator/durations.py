"""
Durations as Go computes and prints them, which is how Groq words every wait.
"""

from __future__ import annotations

SECOND = 1_000_000_000
_MILLISECOND = 1_000_000
_MICROSECOND = 1_000


def refill_time(amount: int, limit: int, period: int) -> int:
    """
    Return the nanoseconds in which a bucket of *limit* per *period* seconds refills by *amount*.

    The order of the float operations and the cut to whole nanoseconds are Groq's: they reproduce
    its printed waits to the last digit, tails such as ``459.999999ms`` included.
    """
    return int(amount / limit * period * 1e9)


def whole_milliseconds(nanoseconds: int) -> int:
    """
    Cut a duration to whole milliseconds, as Groq does in its ``x-ratelimit-reset-*`` headers.
    """
    return nanoseconds - nanoseconds % _MILLISECOND


def go_duration(nanoseconds: int) -> str:
    """
    Print a duration as Go's ``time.Duration.String`` does: ``585ms``, ``1m26.4s``, ``2h31m0s``.
    """
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < _MICROSECOND:
        return f"{nanoseconds}ns"
    if nanoseconds < _MILLISECOND:
        return _decimal(nanoseconds, _MICROSECOND) + "µs"
    if nanoseconds < SECOND:
        return _decimal(nanoseconds, _MILLISECOND) + "ms"
    minutes, rest = divmod(nanoseconds, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return head + _decimal(rest, SECOND) + "s"


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    digits = len(str(unit)) - 1
    return f"{whole}.{fraction:0{digits}d}".rstrip("0")
