"""
Refilling buckets that requests take from, and give back to.

Who gives back what he took a while ago may give no more than the bucket has held ever since: the
rest has drained meanwhile, and is not there twice. So while several requests are in flight, a
bucket's low points are noted: times, and what it held just then.

What is corrected later, a bucket adds up as its shift: so it can be told what it held, by today's
knowledge, when a request was sent. Nothing here reads a clock.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, TypeAlias

from .windows import EPSILON, SKEW, drained, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .kinds import Limit
    from .state import Cell

__all__ = ["Bucket", "Row", "give", "move", "standing", "take"]

#: A limit made ready: itself, its kind, its metric, its amount, and what of it refills per second.
Row: TypeAlias = "tuple[Limit, str, str, int, float]"

#: As a cell keeps it: level, the epoch time it was taken at, and all later corrections added up.
Bucket: TypeAlias = "list[float]"

# Low points kept of a bucket; beyond, the two that differ least are taken for one, the lower. As
# each of so many may be twice the one before it, nothing is lost of a whole minute's rush.
_LOWS = 8


def take(
    cell: Cell,
    now: float,
    rows: Iterable[Row],
    needs: Mapping[str, float],
    *,
    lag: float = 0.0,
    shared: bool = False,
    late: bool = False,
) -> dict[str, Bucket]:
    """
    Take a request from buckets; returns each of them as that leaves it, for `standing`.

    Args:
        rows: The limits that the buckets are of. What others take, does not refill for us.
        needs: By metric, what is taken.
        lag: Seconds that the request may need to get to Groq. A bucket that is empty by then is
            refilled from its arrival on, and no earlier.
        shared: True while other requests are in flight, which may yet give back.
        late: True for what was sent before, and is only known now.
    """
    windows, heard = cell["windows"].copy(), cell["heard"]
    if shared or cell["lows"]:
        _note_lows(cell, now, rows, shared=shared)
    taken = {}
    for _, kind, metric, _, rate in rows:
        need = needs[metric]
        if kind in heard:
            rate -= heard[kind][1]  # noqa: PLW2901  what of it refills for us
        level, at, shift = windows.get(kind) or (0.0, now, 0.0)
        # `drained` and `moment`, without calls: this is where a call's time goes.
        ahead = at - now
        if ahead < 0:
            level += ahead * rate
            level, ahead = (level if level > EPSILON else 0.0), 0.0
        elif ahead > SKEW:
            ahead = 0.0
        if lag and rate:
            idle = lag - ahead - level / rate
            if idle > 0:
                ahead += idle
        if late:
            shift += need
        windows[kind] = taken[kind] = [level + need, now + ahead, shift]
    cell["windows"] = windows
    return taken


def _note_lows(cell: Cell, now: float, rows: Iterable[Row], *, shared: bool) -> None:
    # What the buckets hold before they are taken from; forgotten once nobody may give back.
    lows, windows, heard = cell["lows"].copy(), cell["windows"], cell["heard"]
    for _, kind, _, _, rate in rows:
        if shared:
            level, at, _ = windows.get(kind) or (0.0, now, 0.0)
            refill = rate - heard[kind][1] if kind in heard else rate
            lows[kind] = _with_low([*lows.get(kind, ())], now, drained(level, at, now, refill))
        else:
            lows.pop(kind, None)
    cell["lows"] = lows


def standing(bucket: Bucket, shift: float, rate: float, now: float) -> float:
    """
    What a bucket holds at `now` of a request and all before it.

    Args:
        bucket: As `take` returned it.
        shift: What it is now.
    """
    level, at, before = bucket
    return level + (shift - before) - rate * (now - at)


def move(cell: Cell, kind: str, now: float, rate: float, amount: float) -> None:
    """
    Raise a bucket by an `amount` that others took of it, or lower it by one below 0.
    """
    level, at, shift = cell["windows"].get(kind) or (0.0, now, 0.0)
    level = drained(level, at, now, rate)
    amount = max(amount, -level)
    bucket = [level + amount, moment(at, now), shift + amount]
    cell["windows"] = {**cell["windows"], kind: bucket}


def _with_low(lows: list[float], time: float, low: float) -> list[float]:
    while lows and lows[-1] >= low:
        del lows[-2:]
    lows += (time, low)
    if len(lows) > 2 * _LOWS:
        nearest, least = 1, inf
        for place in range(1, len(lows) - 2, 2):
            ratio = lows[place + 2] / (lows[place] or EPSILON)
            if ratio < least:
                nearest, least = place, ratio
        lows[nearest - 1] = lows[nearest + 1]
        del lows[nearest + 1 : nearest + 3]
    return lows


def give(
    cell: Cell,
    kind: str,
    now: float,
    rate: float,
    amount: float,
    *,
    since: float,
) -> None:
    """
    Give back to a bucket, at `now`, an `amount` of what was taken from it at `since`; its `rate` is
    what it refills per second, for us and for others.
    """
    level, at, shift = cell["windows"][kind]
    if kind in cell["heard"]:
        rate -= cell["heard"][kind][1]
    if kind in cell["lows"]:
        amount = _from_lows(cell, kind, amount, since)
    level, at = drained(level, at, now, rate), moment(at, now)
    amount = min(amount, level)
    cell["windows"] = {**cell["windows"], kind: [level - amount, at, shift - amount]}


def _from_lows(cell: Cell, kind: str, amount: float, since: float) -> float:
    # How much of it can still be given back, and the low points without it.
    lows = [*cell["lows"][kind]]
    first = next((place for place in range(0, len(lows), 2) if lows[place] > since), None)
    if first is None:
        return amount
    amount = min(amount, lows[first + 1])
    for place in range(first, len(lows), 2):
        lows[place + 1] -= amount
    while first and lows[first - 1] >= lows[first + 1]:
        # What was higher before a lower point is no low point any more.
        first -= 2
        del lows[first : first + 2]
    cell["lows"] = {**cell["lows"], kind: lows}
    return amount
