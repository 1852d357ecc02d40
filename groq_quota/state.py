"""
What is stored for one scope and model, and how its days go by.

A cell is a plain, JSON-ready dictionary, so that a storage needs to know nothing of quotas. A step
is a pure function of (cell, now): it may change the cell it is given, and the storage keeps the
cell only if the step returns. Values below the second level are replaced, never changed in place:
`clone` relies on it.
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
    "clone",
    "count",
    "is_blank",
    "merge",
    "new_cell",
    "new_counts",
    "reset",
    "roll",
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


def _nothing_held() -> Held:
    return Held(requests=0, tokens=0, audio_seconds=0.0)


def new_cell() -> Cell:
    """
    A cell that nothing was counted in.
    """
    return Cell(
        day="",
        epoch=0,
        today=new_counts(),
        held=_nothing_held(),
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
    A copy that steps may change without changing the original.
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
    here, lifetime = day == cell["day"], cell["lifetime"]
    row = cell["today"] if here else cell["past"].get(day, _ZERO).copy()
    first = not (here and row["requests"])
    for name, number in counted.items():
        if number:
            lifetime[name] += number  # type: ignore[literal-required]  # names of Counts
            row[name] += number  # type: ignore[literal-required]  # names of Counts
    if not here:
        cell["past"][day] = row
    requests = counted.get("requests")
    if not requests:
        return False
    cell["last_request"] = now
    if here:
        hours, hour = cell["hours"], windows.utc_hour(now)
        before, tokens = hours.get(hour, _NO_HOUR)
        hours[hour] = [before + int(requests), tokens + int(counted.get("tokens", 0))]
    return first


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
    _begin(cell, today)
    if today < day:
        # The day may have been before: what was reserved then frees nothing now.
        cell["epoch"] += 1


def reset(cell: Cell, now: float) -> None:
    """
    Move the day's counts to its row and clear the buckets, but for those learned from Groq.
    """
    roll(cell, now)
    if not is_blank(cell):
        _restart(cell)


def _begin(cell: Cell, day: str) -> None:
    if cell["day"]:
        _archive(cell)
    cell["day"] = day
    _clear_day(cell)


def _restart(cell: Cell) -> None:
    _archive(cell)
    _clear_day(cell)
    cell["epoch"] += 1
    learned = cell["learned"]
    cell["windows"] = {kind: was for kind, was in cell["windows"].items() if kind in learned}
    cell["lows"] = {kind: was for kind, was in cell["lows"].items() if kind in learned}


def _archive(cell: Cell) -> None:
    if any(cell["today"].values()):
        _to_row(cell, cell["day"], cell["today"])


def _to_row(cell: Cell, day: str, counts: Counts) -> None:
    cell["past"][day] = add_counts(cell["past"].get(day, _ZERO), counts)


def _clear_day(cell: Cell) -> None:
    cell["today"] = new_counts()
    cell["held"] = _nothing_held()
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


def merge(cell: Cell, *, base: Cell, base_rows: Rows, local: Cell, rows: Rows) -> None:
    """
    Add to a cell what was counted elsewhere between `base` and `local`, with the days' rows.

    For what a process counted by itself while the storage was away.
    """
    if local["day"] > cell["day"]:
        _begin(cell, local["day"])
    days = {day: add_counts(row, base_rows.get(day, _ZERO), -1) for day, row in rows.items()}
    today = local["today"]
    if base["day"] == local["day"] and base["epoch"] == local["epoch"]:
        today = add_counts(today, base["today"], -1)
    elif base["day"]:
        days[base["day"]] = add_counts(days.get(base["day"], _ZERO), base["today"], -1)
    here = local["day"] == cell["day"]
    # Whether nobody else reset it meanwhile: only then are its holds those of `base`.
    alone = cell["epoch"] == base["epoch"]
    if here and local["epoch"] > base["epoch"]:
        _restart(cell)
        cell["epoch"] = local["epoch"] if alone else max(cell["epoch"], local["epoch"] + 1)
    for day, counts in days.items():
        if any(counts.values()):
            _to_row(cell, day, counts)
    if here:
        cell["today"] = add_counts(cell["today"], today)
        if alone:
            _merge_held(cell, base, local)
        _merge_hours(cell, base, local)
        same = base["day"] == local["day"] and base["epoch"] == local["epoch"]
        less = base["estimated"] if same else 0.0
        cell["estimated"] += max(0.0, local["estimated"] - less)
        sent = base["fallbacks"] if same else 0
        cell["fallbacks"] += max(0, local["fallbacks"] - sent)
        cell["told"] = max(cell["told"], local["told"])
    elif any(today.values()):
        _to_row(cell, local["day"], today)
    _merge_rest(cell, base, local)


def _merge_held(cell: Cell, base: Cell, local: Cell) -> None:
    held, more = cell["held"], local["held"]
    same = base["day"] == local["day"] and base["epoch"] == local["epoch"]
    less = base["held"] if same else _nothing_held()
    cell["held"] = Held(
        requests=max(0, held["requests"] + more["requests"] - less["requests"]),
        tokens=max(0, held["tokens"] + more["tokens"] - less["tokens"]),
        audio_seconds=max(
            0.0, held["audio_seconds"] + more["audio_seconds"] - less["audio_seconds"]
        ),
    )


def _merge_hours(cell: Cell, base: Cell, local: Cell) -> None:
    same = base["day"] == local["day"] and base["epoch"] == local["epoch"]
    hours = cell["hours"]
    for hour, (requests, tokens) in local["hours"].items():
        less = base["hours"].get(hour, _NO_HOUR) if same else _NO_HOUR
        known = hours.get(hour, _NO_HOUR)
        hours[hour] = [known[0] + requests - less[0], known[1] + tokens - less[1]]


_NO_HOUR = [0, 0]


def _merge_rest(cell: Cell, base: Cell, local: Cell) -> None:
    counted = add_counts(local["lifetime"], base["lifetime"], -1)
    cell["lifetime"] = add_counts(cell["lifetime"], counted)
    _merge_windows(cell, base, local)
    cell["last_request"] = max(cell["last_request"] or 0.0, local["last_request"] or 0.0) or None
    newer = cell["learned"]
    for kind, learned in local["learned"].items():
        known = newer.get(kind)
        if known is None or float(learned[1] or 0.0) > float(known[1] or 0.0):
            newer[kind] = learned
    _merge_knowledge(cell, base, local)
    if local["active_day"] > max(base["active_day"], cell["active_day"]):
        cell["days_active"] += max(0, local["days_active"] - base["days_active"])
        cell["active_day"] = local["active_day"]
    cell["plan"] = cell["plan"] or local["plan"]


def _merge_knowledge(cell: Cell, base: Cell, local: Cell) -> None:
    # What answers have taught: the newer word counts, and what nobody knew before.
    for kind, heard in local["heard"].items():
        if heard[0] > cell["heard"].get(kind, _NEVER)[0]:
            cell["heard"][kind] = heard
    holds = cell["hold"]
    for kind, hold in local["hold"].items():
        if float(hold[0] or 0.0) > float(holds.get(kind, _NEVER)[0] or 0.0):
            holds[kind] = hold
    fits = cell["fits"]
    for name, fit in local["fits"].items():
        if fit != base["fits"].get(name) and fits.get(name) == base["fits"].get(name):
            fits[name] = fit
    if local["lag"] is not None:
        cell["lag"] = max(local["lag"], cell["lag"] or 0.0)
    if cell["refund"] is None:
        cell["refund"] = local["refund"]


_NEVER = [0.0]


def _merge_windows(cell: Cell, base: Cell, local: Cell) -> None:
    # Where both sides took from a bucket, what each left of it is added: without its rate, the
    # share of `base` that both still hold cannot be told. The safe side, for one window's length.
    lows = cell["lows"]
    for kind, bucket in local["windows"].items():
        before, stored = base["windows"].get(kind), cell["windows"].get(kind)
        if bucket == before:
            continue
        if stored is None or stored == before:
            cell["windows"][kind] = bucket
            lows.pop(kind, None)
            if kind in local["lows"]:
                lows[kind] = local["lows"][kind]
        else:
            at = max(stored[1], bucket[1])
            shift = stored[2] + bucket[2] - (before[2] if before else 0.0)
            cell["windows"][kind] = [stored[0] + bucket[0], at, shift]
            lows[kind] = [at, 0.0]
