"""
The fields of a cell as somebody may have written them: what each may hold.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import cycle
from typing import TYPE_CHECKING, Any, cast

from ..state import Cell, new_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Check = Callable[[Any], bool]

__all__ = ["COUNTS", "dict_of", "is_day", "read_cell", "read_counts"]

#: The fields that are counts.
COUNTS = ("today", "held", "lifetime")


def dict_of(value: object, where: str, problems: list[str]) -> dict[str, Any]:
    """
    The value if it is an object; else an empty one, which is a problem if there was another value.
    """
    if isinstance(value, dict):
        return value
    if value is not None:
        problems.append(where)
    return {}


def read_cell(raw: Mapping[str, Any], where: str, problems: list[str]) -> Cell:
    """
    The cell of these fields; those that cannot be read, which are noted, are as in a new one.
    """
    cell: dict[str, Any] = {**new_cell()}
    for name, value in raw.items():
        if name in COUNTS:
            counts = dict_of(value, f"{where}.{name}", problems)
            cell[name] = read_counts(counts, cell[name], f"{where}.{name}", problems)
        elif name not in cell or _fits(name, value, cell[name]):
            cell[name] = value  # also what a version to come has in cells
        else:
            problems.append(f"{where}.{name}")
    return cast("Cell", cell)


def _fits(name: str, value: object, blank: object) -> bool:
    reader = _READERS.get(name)
    if reader is not None:
        return reader(value)
    return blank is None or isinstance(value, type(blank))


def read_counts(
    raw: Mapping[str, Any], blank: dict[str, Any], where: str, problems: list[str]
) -> dict[str, Any]:
    """
    `blank` with these numbers; those that are no count, which are noted, are left as they are.
    """
    for name, number in raw.items():
        is_one = _is_number if isinstance(blank.get(name), float) else _is_count
        if name in blank and is_one(number) and number >= 0:
            blank[name] = number
        else:
            problems.append(f"{where}.{name}")
    return blank


def is_day(value: object) -> bool:
    """
    Whether it is an ISO day, or none: "".
    """
    return isinstance(value, str) and _is_iso(value)


@lru_cache(maxsize=256)
def _is_iso(text: str) -> bool:
    try:
        return not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_number(value: object) -> bool:
    # Not a number is neither above nor below.
    return (type(value) is int or isinstance(value, float)) and -_MOST < value < _MOST


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST


# What is counted next (below 2**53) can be added within the 64 bits of a database's column.
_MOST = 2**62


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _maybe(is_kind: _Check) -> _Check:
    return lambda value: value is None or is_kind(value)


def _lists_of(*kinds: _Check, times: int | None = 1) -> _Check:
    # A dictionary of lists, whose parts are of these kinds, so many times over; None is any.
    def check(value: object) -> bool:
        return isinstance(value, dict) and all(
            isinstance(each, list)
            and len(each) == len(kinds) * (len(each) // len(kinds) if times is None else times)
            and all(is_kind(part) for is_kind, part in zip(cycle(kinds), each, strict=False))
            for each in value.values()
        )

    return check


_HOURS = frozenset(map(str, range(24)))
_are_pairs = _lists_of(_is_count, _is_count)


def _are_hours(value: object) -> bool:
    return isinstance(value, dict) and _HOURS.issuperset(value) and _are_pairs(value)


_READERS: dict[str, _Check] = {
    "day": is_day,
    "epoch": _is_count,
    "hours": _are_hours,
    "last_request": _is_number,
    "lows": _lists_of(_is_number, _is_number, times=None),
    "windows": _lists_of(_is_number, _is_number, _is_number),
    "learned": _lists_of(_maybe(_is_count), _maybe(_is_number), _is_text),
    "line": _lists_of(_is_number, _is_number, _is_number),
    "heard": _lists_of(*[_is_number] * 9),
    "lag": _is_number,
    "hold": _lists_of(*[_maybe(_is_number)] * 4),
    "fits": _lists_of(_is_number, times=None),
    "refund": lambda value: isinstance(value, bool),
    "estimated": _is_number,
    "fallbacks": _is_count,
    "told": _is_count,
    "past": lambda value: value == {},
    "days_active": _is_count,
    "active_day": is_day,
    "plan": _is_text,
}
