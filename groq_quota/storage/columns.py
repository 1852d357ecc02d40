"""
A cell as the columns of a table: what people ask for in columns of its own, the rest as JSON.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, cast

from ..errors import StorageError
from ..state import Cell, Counts, new_cell, new_counts
from .fields import is_day, read_cell, read_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "CELL",
    "COUNTS",
    "Texts",
    "Where",
    "cell_from",
    "cell_of",
    "counts_of",
    "decoded",
    "encode",
    "is_row",
    "only_state",
    "slim",
    "state_of",
    "values_of",
]

logger = logging.getLogger("groq_quota")

#: What is counted, in the order of the columns.
COUNTS: tuple[str, ...] = tuple(new_counts())
#: The columns of a cell.
CELL: tuple[str, ...] = (
    "day",
    *COUNTS,
    *(f"lifetime_{name}" for name in COUNTS),
    "last_request",
    "state",
)

_FORMAT = 1
_NEW = new_cell()
_REST = tuple(
    (name, new)
    for name, new in _NEW.items()
    if name not in ("day", "today", "lifetime", "last_request", "past")
)
_LIFETIME = 1 + len(COUNTS)


def _encoder() -> Callable[[object], str]:
    plain = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
    try:
        # What `plain` makes anew for each value; a tenth of a whole change.
        make = json.encoder.c_make_encoder  # type: ignore[attr-defined]  # not in typeshed
        quote = json.encoder.encode_basestring_ascii
        parts = make(None, None, quote, None, ":", ",", False, False, True)
        if "".join(parts([1.5, {"a": None}], 0)) == plain([1.5, {"a": None}]):
            return lambda value: "".join(parts(value, 0))
    except (AttributeError, TypeError):
        pass
    return plain


#: A value as JSON, without blanks.
encode = _encoder()


#: Where an entry is: the storage's place; the scope, the model and the day of the entry.
Where = tuple[str, ...]

#: Parts of a state as they were written last, by name, with what they were written from.
Texts = dict[str, tuple[object, str]]


def values_of(cell: Cell, texts: Texts | None = None) -> tuple[Any, ...]:
    """
    The values of a cell's columns; `texts` as for `state_of`.
    """
    today, lifetime = cell["today"].values(), cell["lifetime"].values()
    return (cell["day"], *today, *lifetime, cell["last_request"], state_of(cell, texts))


def state_of(cell: Cell, texts: Texts | None = None) -> str:
    """
    The value of the last column, with all that has no column of its own.

    What is found in `texts` as it was is not written anew; the rest is kept there.
    """
    texts = {} if texts is None else texts
    parts = []
    for name, new in _REST:
        value = cell[name]  # type: ignore[literal-required]  # names of Cell
        if value != new:
            found = texts.get(name)
            if found is None or found[0] != value:
                found = texts[name] = (value, f'"{name}":{encode(value)}')
            parts.append(found[1])
    return f"{{{','.join(parts)}}}"


def only_state(cell: Cell, before: Cell | None) -> bool:
    """
    Whether no other column has changed, as when a request is reserved. Counts are looked at by
    identity: whoever changes them puts others in their place.
    """
    return (
        before is not None
        and cell["today"] is before["today"]
        and cell["lifetime"] is before["lifetime"]
        and cell["day"] == before["day"]
        and cell["last_request"] == before["last_request"]
    )


def slim(cell: Cell) -> dict[str, Any]:
    """
    A cell for JSON alone: without what is as in a new one, counts in the order of `COUNTS`.
    """
    found = {name: value for name, new in _REST if (value := cell[name]) != new}  # type: ignore[literal-required]  # names of Cell
    found["day"] = cell["day"]
    found["today"] = [*cell["today"].values()]
    found["lifetime"] = [*cell["lifetime"].values()]
    found["last_request"] = cell["last_request"]
    return found


def cell_from(slim: object, where: Where) -> Cell:
    """
    The cell that `slim` was made of; what of it is damaged counts anew, and that is said loudly.
    """
    if not isinstance(slim, dict):
        _say_damaged("cell", repr(slim), where)
        slim = {}
    return _checked(slim, slim.get("today", ()), slim.get("lifetime", ()), where)


def cell_of(values: Sequence[Any], where: Where) -> Cell:
    """
    The cell from the values of its columns, as by `cell_from`.
    """
    rest = {**decoded(values[-1], where), "day": str(values[0]), "last_request": values[-2]}
    return _checked(rest, values[1:_LIFETIME], values[_LIFETIME : _LIFETIME + len(COUNTS)], where)


def counts_of(values: Sequence[Any], where: Where) -> Counts:
    """
    Counts from the values of their columns, as by `cell_from`.
    """
    problems: list[str] = []
    counts = read_counts(_named(values), _none(), "counts", problems)
    if problems:
        _say_damaged(", ".join(problems), repr(values), where)
    return cast("Counts", counts)


def is_row(day: object, where: Where) -> bool:
    """
    Whether a row of a past day says a day; if not, it is left alone, and that is said loudly.
    """
    if day and is_day(day):
        return True
    _say_damaged(f"day {day!r:.40}", repr(day), where)
    return False


def _checked(rest: Mapping[str, Any], today: object, lifetime: object, where: Where) -> Cell:
    problems: list[str] = []
    raw = {name: value for name, value in rest.items() if value is not None}
    raw["today"], raw["lifetime"] = _named(today), _named(lifetime)
    cell = read_cell(raw, "cell", problems)
    if problems:
        _say_damaged(", ".join(problems), repr(raw), where)
    return cell


def _named(values: object) -> dict[str, Any]:
    if not isinstance(values, (list, tuple)):
        return {"": values}  # no name of a count
    return dict(zip(COUNTS, values, strict=False))


def _none() -> dict[str, Any]:
    return cast("dict[str, Any]", new_counts())


def decoded(text: str | bytes, where: Where) -> Mapping[str, Any]:
    """
    A JSON object of ours; an empty one, said loudly, if it is damaged.

    Raises:
        StorageError: If a newer version of groq-quota wrote it.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        _say_damaged("no JSON object", text, where)
        return {}
    version = found.get("format", _FORMAT)
    if isinstance(version, int) and version > _FORMAT:
        raise StorageError(
            f"{where[0]} was written by a newer version of groq-quota: update this one."
        )
    return found


# Damaged entries that nobody overwrites, such as those of past days, are told of once.
_damaged: set[tuple[Where, str | bytes]] = set()


def _say_damaged(what: str, entry: str | bytes, where: Where) -> None:
    known = where, entry[:1_024]
    if known not in _damaged and len(_damaged) < 1_024:
        _damaged.add(known)
        place, *names = where
        logger.error(
            "%s: a damaged entry (%s of %s) cannot be read, and counts anew.",
            place,
            what,
            "/".join(names),
        )
