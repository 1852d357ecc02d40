"""
Bringing two counts of one cell together, that of a storage and that of a process cut off from it.
"""

from __future__ import annotations

from .state import (
    Cell,
    Held,
    Rows,
    add_counts,
    begin_day,
    clone,
    new_counts,
    nothing_held,
    restart,
    to_row,
)

__all__ = ["merge"]

_NO_COUNTS = new_counts()
_NO_HOUR = [0, 0]


def merge(cell: Cell, *, base: Cell, base_rows: Rows, local: Cell, rows: Rows) -> None:
    """
    Add to a cell what was counted elsewhere between `base` and `local`, with the days' rows.

    For what a process counted by itself while the storage was away.
    """
    cell.update(clone(cell))  # so that it may be changed in place, as it is from here on
    if local["day"] > cell["day"]:
        begin_day(cell, local["day"])
    days = {day: add_counts(row, base_rows.get(day, _NO_COUNTS), -1) for day, row in rows.items()}
    today = local["today"]
    if base["day"] == local["day"] and base["epoch"] == local["epoch"]:
        today = add_counts(today, base["today"], -1)
    elif base["day"]:
        days[base["day"]] = add_counts(days.get(base["day"], _NO_COUNTS), base["today"], -1)
    here = local["day"] == cell["day"]
    # Whether nobody else reset it meanwhile: only then are its holds those of `base`.
    alone = cell["epoch"] == base["epoch"]
    if here and local["epoch"] > base["epoch"]:
        restart(cell)
        cell["epoch"] = local["epoch"] if alone else max(cell["epoch"], local["epoch"] + 1)
    for day, counts in days.items():
        if any(counts.values()):
            to_row(cell, day, counts)
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
        to_row(cell, local["day"], today)
    _merge_rest(cell, base, local)


def _merge_held(cell: Cell, base: Cell, local: Cell) -> None:
    held, more = cell["held"], local["held"]
    same = base["day"] == local["day"] and base["epoch"] == local["epoch"]
    less = base["held"] if same else nothing_held()
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
