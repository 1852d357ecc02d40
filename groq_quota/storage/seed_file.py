"""
The seed's own keys of the document, which win over ours: `last_reset_date`, `daily_usage` and
`total_lifetime`, of the scope "default".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..state import Cell, Rows, add_counts, new_cell, new_counts
from ..windows import utc_iso

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCOPE", "Daily", "Foreign", "Seed", "adopt", "read_seed", "shown", "whole_number"]

#: The scope whose counts the seed's keys show.
SCOPE = "default"

_Counted = Literal["requests", "tokens"]
_COUNTED: tuple[_Counted, _Counted] = ("requests", "tokens")


class Daily(NamedTuple):
    """
    A model's entry of `daily_usage`; None where it says nothing that can be read.
    """

    requests: int | None
    tokens: int | None
    last_request: float | None


@dataclass(frozen=True, slots=True)
class Seed:
    """
    What the seed's keys say; None where they say nothing that can be read.
    """

    day: str | None = None
    daily: Mapping[str, Daily] | None = None
    lifetime: Mapping[_Counted, int] = field(default_factory=dict)
    days_active: int | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """
    What others wrote into the document, to be written again as it is.

    Attributes:
        top: Keys beside the seed's and ours.
        daily: Entries of `daily_usage` that cannot be read, of the day `day`.
        notes: Keys inside those entries that can, by model.
        lifetime: Keys inside `total_lifetime`.
        ours: Keys under our own key, of a version to come.
        cells: Cells there that cannot be read.
    """

    day: str = ""
    top: Mapping[str, object] = field(default_factory=dict)
    daily: Mapping[str, object] = field(default_factory=dict)
    notes: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    lifetime: Mapping[str, object] = field(default_factory=dict)
    ours: Mapping[str, object] = field(default_factory=dict)
    cells: Mapping[str, object] = field(default_factory=dict)


def read_seed(top: Mapping[str, object], problems: list[str]) -> tuple[Seed, Foreign]:
    """
    Read the seed's keys; `problems` gets the names of what cannot be read.
    """
    rest = dict(top)
    day = _iso_day(rest.pop("last_reset_date", None), problems)
    daily, odd, notes = _read_daily(rest.pop("daily_usage", None), problems)
    totals = rest.pop("total_lifetime", None)
    if totals is not None and not isinstance(totals, dict):
        problems.append("total_lifetime")
    totals = dict(totals) if isinstance(totals, dict) else {}
    lifetime = {}
    for name in _COUNTED:
        number = _said(totals, name, "total_lifetime", problems)
        if number is not None:
            lifetime[name] = number
    days_active = _said(totals, "days_active", "total_lifetime", problems)
    foreign = Foreign(day=day or "", top=rest, daily=odd, notes=notes, lifetime=totals)
    return Seed(day, daily, lifetime, days_active), foreign


def _iso_day(value: object, problems: list[str]) -> str | None:
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        problems.append("last_reset_date")
        return None


def _said(entry: dict[str, object], name: str, where: str, problems: list[str]) -> int | None:
    # Takes the number out of the entry, so that what is not ours is left.
    value = entry.pop(name, None)
    number = whole_number(value)
    if number is None and value is not None:
        problems.append(f"{where}.{name}")
    return number


def whole_number(value: object) -> int | None:
    """
    A count, also where it was written as `150.0`; None if it is none.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return None
    return value


def _read_daily(
    daily: object, problems: list[str]
) -> tuple[dict[str, Daily] | None, dict[str, object], dict[str, Mapping[str, object]]]:
    read: dict[str, Daily] = {}
    odd: dict[str, object] = {}
    notes: dict[str, Mapping[str, object]] = {}
    if not isinstance(daily, dict):
        if daily is not None:
            problems.append("daily_usage")
        return None, odd, notes
    for model, entry in daily.items():
        if not isinstance(entry, dict) or not model.strip():
            problems.append(f"daily_usage[{model!r}]")
            odd[model] = entry
            continue
        rest = dict(entry)
        where = f"daily_usage[{model!r}]"
        requests = _said(rest, "requests", where, problems)
        tokens = _said(rest, "tokens", where, problems)
        last_request = _moment(rest.pop("last_request", None), where, problems)
        read[model] = Daily(requests, tokens, last_request)
        if rest:
            notes[model] = rest
    return read, odd, notes


def _moment(value: object, where: str, problems: list[str]) -> float | None:
    # Without an offset it is local time, as the seed's own code wrote it.
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError, OSError):
        problems.append(f"{where}.last_request")
        return None
    return moment if math.isfinite(moment) else None


def adopt(
    seed: Seed, odd: Mapping[str, object], cells: dict[str, Cell], rows: dict[str, Rows], day: str
) -> str:
    """
    Make the cells and rows of the default scope agree with the seed's keys; the document's day.

    Args:
        odd: Entries of `daily_usage` that say nothing.
        day: The day of entries where nothing else tells it.
    """
    newest = max((cell["day"] for cell in cells.values()), default="")
    current = seed.day or newest or (day if seed.daily else "")
    changed = False
    if seed.daily is not None:
        entries = _by_cell(seed.daily, cells)
        for model, entry in entries.items():
            if model in cells or entry.requests or entry.tokens:
                cell = cells.setdefault(model, new_cell())
                changed |= _adopt_day(cell, entry, rows.setdefault(model, {}), current)
        if seed.day:
            for model in cells.keys() - entries.keys() - odd.keys():
                _drop_day(cells[model], rows.setdefault(model, {}), current)
    _adopt_lifetime(seed, cells)
    _adopt_days(seed, cells, current if changed else "")
    return current


def _by_cell(daily: Mapping[str, Daily], cells: Mapping[str, Cell]) -> dict[str, Daily]:
    # Models are kept in lower case; the seed's own code took any.
    entries: dict[str, Daily] = {}
    for name, entry in daily.items():
        model = name if name in cells else name.strip().lower()
        entries[model] = entry if model not in entries else _both(entries[model], entry)
    return entries


def _both(one: Daily, other: Daily) -> Daily:
    return Daily(
        (one.requests or 0) + (other.requests or 0),
        (one.tokens or 0) + (other.tokens or 0),
        max(one.last_request or 0.0, other.last_request or 0.0) or None,
    )


def _adopt_day(cell: Cell, entry: Daily, rows: Rows, day: str) -> bool:
    # True if somebody else has counted here.
    changed = cell["day"] != day
    if cell["day"] < day:
        _archive(cell, rows)
    cell["day"] = day
    said: dict[_Counted, int | None] = {"requests": entry.requests, "tokens": entry.tokens}
    for name, number in said.items():
        more = 0 if number is None else number - cell["today"][name]
        if more:
            changed = True
            cell["today"][name] += more
            cell["lifetime"][name] = max(0, cell["lifetime"][name] + more)
            cell["told"] = cell["told"] if more > 0 else 0
    known = cell["last_request"]
    if entry.last_request is not None and shown(known) != shown(entry.last_request):
        cell["last_request"] = entry.last_request
    return changed and bool(cell["today"]["requests"])


def _drop_day(cell: Cell, rows: Rows, day: str) -> None:
    # The day was begun anew, by another program or by hand; what was counted goes to the history.
    if cell["day"] >= day and any(cell["today"][name] for name in _COUNTED):
        _archive(cell, rows)
        cell["day"] = day


def _archive(cell: Cell, rows: Rows) -> None:
    if any(cell["today"].values()):
        rows[cell["day"]] = add_counts(rows.get(cell["day"]) or new_counts(), cell["today"])
    blank = new_cell()
    cell["today"], cell["held"], cell["hours"] = blank["today"], blank["held"], blank["hours"]
    cell["told"] = 0


def _adopt_lifetime(seed: Seed, cells: dict[str, Cell]) -> None:
    # What no model accounts for is carried by the scope's own cell.
    for name, total in seed.lifetime.items():
        more = total - sum(cell["lifetime"][name] for cell in cells.values())
        if more > 0:
            cells.setdefault("", new_cell())["lifetime"][name] += more
        if more < 0:
            _take_off(cells, name, -more)


def _take_off(cells: dict[str, Cell], name: _Counted, surplus: int) -> None:
    for model in sorted(cells):  # the scope's own cell, "", first
        counts = cells[model]["lifetime"]
        less = min(counts[name], surplus)
        counts[name] -= less
        surplus -= less


def _adopt_days(seed: Seed, cells: dict[str, Cell], counted: str) -> None:
    # `counted` is the day, if others counted requests on it: they counted it as active, too.
    own = cells.get("") or new_cell()
    if seed.days_active is not None:
        own["days_active"] = seed.days_active
    own["active_day"] = max(own["active_day"], counted)
    if own["days_active"] or own["active_day"]:
        cells[""] = own


def shown(moment: float | None) -> str | None:
    """
    A moment as `last_request` shows it: ISO text in UTC, to the second.
    """
    if moment is None:
        return None
    try:
        return utc_iso(moment)
    except (ValueError, OverflowError, OSError):
        return None
