"""
Moving everything from one storage to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, StorageError
from ..state import Counts, add_counts, new_cell, new_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..state import Cell
    from .base import Key, Rows, Storage

__all__ = ["Moved", "migrate"]

_FROM_THE_START = "0001-01-01"


@dataclass(frozen=True, slots=True)
class Moved:
    """
    What was moved: so many scopes, models, days of the past, and the lifetime's counts.

    `dropped_days` are rows of the past that the target does not keep.
    """

    scopes: int
    models: int
    days: int
    dropped_days: int
    requests: int
    tokens: int


def migrate(source: Storage, target: Storage, *, force: bool = False) -> Moved:
    """
    Copy all scopes, cells and rows, then read them back and compare; the source stays as it is.

    Nothing may count in either meanwhile.

    Args:
        force: Also into a target that holds something: cells of the same scope and model are
            replaced, others stay.

    Raises:
        ConfigurationError: Both are one place, the source is empty, or the target is not.
        StorageError: A place cannot be read or written, or what was read back differs.
    """
    if source is target or source.uri == target.uri != "memory://":
        raise ConfigurationError(f"{target.uri}: is where the counts are already")
    held = target.scopes()
    if held and not force:
        raise ConfigurationError(f"{target.uri}: is not empty: use another place, or force")
    before = dict(_everything(source))
    if not before:
        raise ConfigurationError(f"{source.uri}: nothing is kept there")
    for key, (cell, rows) in before.items():
        target.put(key, cell, rows)
    after = {key: both for key, both in _everything(target) if key in before}
    return _compared(before, after, target)


def _everything(storage: Storage) -> Iterator[tuple[Key, tuple[Cell, Rows]]]:
    for scope in storage.scopes():
        cells, past = storage.load(scope), storage.past(scope, _FROM_THE_START)
        for model in sorted({*cells, *past}):
            yield (scope, model), (cells.get(model) or new_cell(), past.get(model, {}))


Everything = dict["Key", tuple["Cell", "Rows"]]


def _compared(before: Everything, after: Everything, target: Storage) -> Moved:
    days = dropped = 0
    for key, (cell, rows) in before.items():
        new_cell_, kept = after.get(key, (new_cell(), {}))
        # A storage keeps the newest days, so many of them.
        newest = dict(sorted(rows.items())[len(rows) - len(kept) :])
        same = _told(cell) == _told(new_cell_)
        if not same or kept != newest or (rows and not kept):
            name = " ".join(key) or "the scope"
            raise StorageError(f"{target.uri}: what was written for {name} reads otherwise")
        days, dropped = days + len(kept), dropped + len(rows) - len(kept)
    total = _sum(cell["lifetime"] for cell, _ in before.values())
    return Moved(
        scopes=len({scope for scope, _ in before}),
        models=sum(1 for _, model in before if model),
        days=days,
        dropped_days=dropped,
        requests=total["requests"],
        tokens=total["tokens"],
    )


def _told(cell: Cell) -> tuple[object, ...]:
    return cell["day"], cell["today"], cell["lifetime"], cell["days_active"]


def _sum(all_counts: Iterable[Counts]) -> Counts:
    total = new_counts()
    for counts in all_counts:
        total = add_counts(total, counts)
    return total
