"""
What is stored for one scope and model, and how its days go by.

A cell is a plain, JSON-ready dictionary, so that a storage needs to know nothing of quotas. A step
is a pure function of (cell, now): it puts other values into the cell it is given, and changes none
of them in place. So a storage gives it a `copy()` of the cell, which shares all values with the
original, and keeps that only if the step returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from . import windows

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Cell",
    "Counts",
    "Held",
    "Rows",
    "add_counts",
    "begin_day",
    "clone",
    "count",
    "is_blank",
    "new_cell",
    "new_counts",
    "nothing_held",
    "reset",
    "restart",
    "roll",
    "to_row",
    "touch",
]


class Counts(TypedDict):
    """
    What is counted, for a day or a lifetime; audio and waiting in seconds, the rest whole numbers.
    """

    requests: int
    tokens: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    audio_seconds: float
    blocked: int
    refused: int
    failed: int
    avoided: int
    waited: float


class Held(TypedDict):
    """
    What reservations in flight hold of the day.
    """

    requests: int
    tokens: int
    audio_seconds: float


class Cell(TypedDict):
    """
    All that is kept for one scope and model; the scope's own cell has the model name "".

    Attributes:
        day: The UTC day that `today`, `held` and `hours` belong to, as ISO text.
        epoch: Rises when counting restarts: a reservation from before frees nothing after.
        windows: Of each limit's bucket, the level, the epoch time it was taken at, and all later
            corrections added up: see `buckets`.
        lows: Of buckets in use by several requests, low points in pairs: see `buckets`.
        learned: Limits that Groq told: amount, epoch time, how.
        line: Of requests that wait, by metric: what joined, what left, and the last one's turn.
        heard: Of buckets that Groq's answers tell of, what followed from them: see `standing`.
        lag: Seconds that requests needed to get to Groq at most; None while it is not known.
        hold: What Groq refused for a model behind this one, and until when.
        fits: What estimates have learned: see `prediction`.
        refund: Whether Groq gives unused max_tokens back; None while it is not known.
        estimated: Of today's seconds of audio, those that are only estimated.
        fallbacks: How many of today's requests for it were sent to another model.
        told: Rank of the highest status that was announced on this day.
        past: Counts to be added to the rows of other days; the storage takes them out.
        days_active, active_day, plan: Of the scope's own cell only.
    """

    day: str
    epoch: int
    today: Counts
    held: Held
    hours: dict[str, list[int]]
    lifetime: Counts
    last_request: float | None
    windows: dict[str, list[float]]
    lows: dict[str, list[float]]
    learned: dict[str, list[float | str | None]]
    line: dict[str, list[float]]
    heard: dict[str, list[float]]
    lag: float | None
    hold: dict[str, list[float | str | None]]
    fits: dict[str, list[float]]
    refund: bool | None
    estimated: float
    fallbacks: int
    told: int
    past: dict[str, Counts]
    days_active: int
    active_day: str
    plan: str | None


#: Counts of past days, by ISO day.
Rows = dict[str, Counts]


def new_counts() -> Counts:
    """
    Counts of nothing.
    """
    return _ZERO.copy()


_ZERO = Counts(
    requests=0,
    tokens=0,
    prompt_tokens=0,
    completion_tokens=0,
    cached_tokens=0,
    audio_seconds=0.0,
    blocked=0,
    refused=0,
    failed=0,
    avoided=0,
    waited=0.0,
)


def nothing_held() -> Held:
    """
    The holds of nobody.
    """
    return Held(requests=0, tokens=0, audio_seconds=0.0)


def new_cell() -> Cell:
    """
    A cell that nothing was counted in.
    """
    return Cell(
        day="",
        epoch=0,
        today=new_counts(),
        held=nothing_held(),
        hours={},
        lifetime=new_counts(),
        last_request=None,
        windows={},
        lows={},
        learned={},
        line={},
        heard={},
        lag=None,
        hold={},
        fits={},
        refund=None,
        estimated=0.0,
        fallbacks=0,
        told=0,
        past={},
        days_active=0,
        active_day="",
        plan=None,
    )


def clone(cell: Cell) -> Cell:
    """
    A copy that shares nothing that anybody might change: for those outside.
    """
    copy = cell.copy()
    copy["today"] = cell["today"].copy()
    copy["held"] = cell["held"].copy()
    copy["hours"] = cell["hours"].copy()
    copy["lifetime"] = cell["lifetime"].copy()
    copy["windows"] = cell["windows"].copy()
    copy["lows"] = cell["lows"].copy()
    copy["learned"] = cell["learned"].copy()
    copy["line"] = cell["line"].copy()
    copy["heard"] = cell["heard"].copy()
    copy["hold"] = cell["hold"].copy()
    copy["fits"] = cell["fits"].copy()
    copy["past"] = cell["past"].copy()
    return copy


def is_blank(cell: Cell) -> bool:
    """
    Whether a cell says nothing that a new one would not, so that it need not be stored.
    """
    return not (
        cell["lifetime"]["requests"]
        or cell["held"]["requests"]
        or any(cell["lifetime"].values())
        or any(cell["today"].values())
        or cell["learned"]
        or cell["past"]
        or cell["active_day"]
        or cell["plan"]
        # What was reserved before a reset must still be told from what is reserved after it.
        or cell["epoch"]
        or cell["fallbacks"]
        or any(bucket[0] for bucket in cell["windows"].values())
    )


def count(cell: Cell, now: float, day: str, counted: Mapping[str, float]) -> bool:
    """
    Add to a day and the lifetime; True if it was the model's first request of that day.

    A day other than the cell's own is corrected in its row. `counted` has names of `Counts`.
    """
    if not counted:
        return False
    here, lifetime = day == cell["day"], cell["lifetime"].copy()
    row = (cell["today"] if here else cell["past"].get(day, _ZERO)).copy()
    first = not (here and row["requests"])
    for name, number in counted.items():
        if number:
            lifetime[name] += number  # type: ignore[literal-required]  # names of Counts
            row[name] += number  # type: ignore[literal-required]  # names of Counts
    cell["lifetime"] = lifetime
    if here:
        cell["today"] = row
    else:
        cell["past"] = {**cell["past"], day: row}
    requests = counted.get("requests")
    if not requests:
        return False
    cell["last_request"] = now
    if here:
        hours, hour = cell["hours"], windows.utc_hour(now)
        before, tokens = hours.get(hour, _NO_HOUR)
        row_of_hour = [before + int(requests), tokens + int(counted.get("tokens", 0))]
        cell["hours"] = {**hours, hour: row_of_hour}
    return first


_NO_HOUR = [0, 0]


def add_counts(total: Counts, more: Counts, sign: int = 1) -> Counts:
    """
    `total + sign * more`, as new counts, none below 0.
    """
    # mypy sees a plain dict in it, though it has exactly the names of Counts.
    return {name: max(0, total[name] + sign * more[name]) for name in _ZERO}  # type: ignore[literal-required, return-value]  # see above


def roll(cell: Cell, now: float) -> None:
    """
    Begin a new UTC day if `now` lies in one: the old day's counts go to its row.

    Days only move forward. An earlier `now` counts on the stored day, unless that lies more than a
    day ahead (a clock that was set wrong): then it is archived and counting restarts.
    """
    today, day = windows.utc_date(now), cell["day"]
    if today == day:
        return
    if day and today < day and windows.days_apart(today, day) <= 1:
        return
    begin_day(cell, today)
    if today < day:
        # The day may have been before: what was reserved then frees nothing now.
        cell["epoch"] += 1


def reset(cell: Cell, now: float) -> None:
    """
    Move the day's counts to its row and clear the buckets, but for those learned from Groq.
    """
    roll(cell, now)
    if not is_blank(cell):
        restart(cell)


def begin_day(cell: Cell, day: str) -> None:
    """
    Put the counts of the cell's day to its row, and begin another day.
    """
    if cell["day"]:
        _archive(cell)
    cell["day"] = day
    _clear_day(cell)


def restart(cell: Cell) -> None:
    """
    Begin the day anew: what was reserved before frees nothing after.
    """
    _archive(cell)
    _clear_day(cell)
    cell["epoch"] += 1
    learned = cell["learned"]
    cell["windows"] = {kind: was for kind, was in cell["windows"].items() if kind in learned}
    cell["lows"] = {kind: was for kind, was in cell["lows"].items() if kind in learned}


def _archive(cell: Cell) -> None:
    if any(cell["today"].values()):
        to_row(cell, cell["day"], cell["today"])


def to_row(cell: Cell, day: str, counts: Counts) -> None:
    """
    Add counts to the row of a past day.
    """
    past = cell["past"]
    cell["past"] = {**past, day: add_counts(past.get(day, _ZERO), counts)}


def _clear_day(cell: Cell) -> None:
    cell["today"] = new_counts()
    cell["held"] = nothing_held()
    cell["hours"] = {}
    cell["estimated"] = 0.0
    cell["fallbacks"] = 0
    cell["told"] = 0


def touch(cell: Cell, day: str) -> bool:
    """
    Count a UTC day as active, in the scope's own cell; False if it already was.

    As in `roll`, a last active day more than a day ahead is that of a clock that was set wrong.
    """
    last = cell["active_day"]
    if day == last or (day < last and windows.days_apart(day, last) <= 1):
        return False
    cell["active_day"] = day
    cell["days_active"] += 1
    return True
