"""
Refilling buckets that requests take from, also ahead of time, and give back to.

Who gives back what he took a while ago may give no more than the bucket has held ever since: the
rest has drained meanwhile, and is not there twice. So while several requests are in flight, a
bucket's low points are noted: times, and what it held just then. Nothing here reads a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .windows import EPSILON, drained, moment

if TYPE_CHECKING:
    from .state import Cell

__all__ = ["give", "take"]

# Low points kept of a bucket; beyond, the newest two are taken for one, which gives less back.
_LOWS = 4


def take(
    cell: Cell,
    kind: str,
    now: float,
    rate: float,
    need: float,
    *,
    wait: float = 0.0,
    shared: bool = False,
) -> None:
    """
    Take `need` from a bucket at `now + wait`.

    Args:
        rate: What it refills per second.
        wait: What is booked ahead must still find its room at its start, so a bucket that would be
            empty by then is filled up to what will have drained.
        shared: True while other requests are in flight, which may yet give back.
    """
    level, at = cell["windows"].get(kind) or (0.0, now)
    if now > at:  # as nearly always; this is where a call's time goes
        level -= (now - at) * rate
        level, at = (level if level > EPSILON else 0.0), now
    else:
        at = moment(at, now)
    if wait:
        level = max(level, rate * wait)
    lows = cell["lows"].get(kind, [])
    if shared or wait or (lows and lows[-2] > now):
        cell["lows"][kind] = _with_low([*lows], now + wait, level - rate * wait)
    elif lows:
        del cell["lows"][kind]
    cell["windows"][kind] = [level + need, at]


def _with_low(lows: list[float], time: float, low: float) -> list[float]:
    if lows and lows[-2] > time:
        # Until what is booked ahead begins it only drains: it holds no less now than then.
        return lows
    while lows and lows[-1] >= low:
        del lows[-2:]
    if len(lows) < 2 * _LOWS:
        return [*lows, time, low]
    lows[-2] = time
    return lows


def give(cell: Cell, kind: str, now: float, rate: float, amount: float, *, since: float) -> None:
    """
    Give back to a bucket, at `now`, an `amount` of what was taken from it at `since`.
    """
    level, at = cell["windows"][kind]
    lows = [*cell["lows"].get(kind, ())]
    first = next((place for place in range(0, len(lows), 2) if lows[place] > since), None)
    if first is not None:
        amount = min(amount, lows[first + 1])
        for place in range(first, len(lows), 2):
            lows[place + 1] -= amount
        while first and lows[first - 1] >= lows[first + 1]:
            # What was higher before a lower point is no low point any more.
            first -= 2
            del lows[first : first + 2]
        cell["lows"][kind] = lows
    cell["windows"][kind] = [max(0.0, drained(level, at, now, rate) - amount), moment(at, now)]
