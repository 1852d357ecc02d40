"""
What a file holds: all cells and the rows of past days, as one value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ..state import Cell, Rows, clone, is_blank, new_cell
from ..windows import days_apart
from .base import Key, keep_rows
from .seed_file import Foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Document", "Draft"]

T = TypeVar("T")
V = TypeVar("V")

_KEPT_DAYS = 62

_NO_CELLS: Mapping[str, Cell] = {}
_NO_ROWS: Mapping[str, Rows] = {}


@dataclass(frozen=True, slots=True)
class Document:
    """
    All that is kept, as it was at one moment: nothing in it ever changes.

    Attributes:
        scopes: The cells by scope and model.
        rows: Counts of past days by scope, model and day.
        day: The newest day, which the seed's keys show.
        foreign: What others wrote into it.
    """

    scopes: Mapping[str, dict[str, Cell]] = field(default_factory=dict)
    rows: Mapping[str, dict[str, Rows]] = field(default_factory=dict)
    day: str = ""
    foreign: Foreign = field(default_factory=Foreign)

    def cell(self, key: Key) -> Cell | None:
        """
        A copy of one cell, or None.
        """
        cell = self.scopes.get(key[0], _NO_CELLS).get(key[1])
        return None if cell is None else clone(cell)

    def cells(self, scope: str) -> dict[str, Cell]:
        """
        Copies of all cells of a scope, by model.
        """
        return {model: clone(cell) for model, cell in self.scopes.get(scope, _NO_CELLS).items()}

    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        Copies of the rows of past days from `since` on, by model and day.
        """
        return {
            model: {day: counts.copy() for day, counts in rows.items() if day >= since}
            for model, rows in self.rows.get(scope, _NO_ROWS).items()
        }

    def names(self) -> list[str]:
        """
        The scopes that anything is kept for, sorted.
        """
        kept = (*self.scopes.items(), *self.rows.items())
        return sorted({scope for scope, models in kept if models})


class Draft:
    """
    The next document while it is made; what was not touched is shared with the one before.

    Attributes:
        changed: The keys of what was touched.
    """

    __slots__ = ("_day", "_rows", "_scopes", "before", "changed")

    def __init__(self, before: Document) -> None:
        self.before = before
        self.changed: set[Key] = set()
        self._day = before.day
        self._scopes: dict[str, dict[str, Cell]] | None = None
        self._rows: dict[str, dict[str, Rows]] | None = None

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Run a step on a copy of a cell, and keep the copy if the step returns.
        """
        scope, model = key
        scopes = self.before.scopes if self._scopes is None else self._scopes
        known = scopes.get(scope, _NO_CELLS).get(model)
        cell = new_cell() if known is None else known.copy()
        outcome = step(cell)
        if cell == known:
            return outcome
        self.changed.add(key)
        if cell["past"]:
            rows = dict(self._rows_of(scope).get(model, {}))
            keep_rows(rows, cell, _KEPT_DAYS)
            self._rows_of(scope)[model] = rows
        if not is_blank(cell):
            self._cells_of(scope)[model] = cell
        elif known is None:
            return outcome
        else:
            del self._cells_of(scope)[model]
        if known is None or cell["day"] != known["day"]:
            self._see(cell["day"], back=True)
        return outcome

    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Replace a cell and its rows.
        """
        scope, model = key
        self.changed.add(key)
        self._cells_of(scope)[model] = clone(cell)
        kept = {day: counts.copy() for day, counts in rows.items()}
        keep_rows(kept, new_cell(), _KEPT_DAYS)
        if kept:
            self._rows_of(scope)[model] = kept
        else:
            self._rows_of(scope).pop(model, None)
        self._see(cell["day"])

    def finish(self) -> Document:
        """
        The document; the one before, if nothing was changed.
        """
        before = self.before
        if self._scopes is None and self._rows is None:
            return before
        scopes = before.scopes if self._scopes is None else self._scopes
        rows = before.rows if self._rows is None else self._rows
        return Document(scopes, rows, self._day, before.foreign)

    def _cells_of(self, scope: str) -> dict[str, Cell]:
        if self._scopes is None:
            self._scopes = dict(self.before.scopes)
        return _own(self._scopes, self.before.scopes, scope)

    def _rows_of(self, scope: str) -> dict[str, Rows]:
        if self._rows is None:
            self._rows = dict(self.before.rows)
        return _own(self._rows, self.before.rows, scope)

    def _see(self, day: str, *, back: bool = False) -> None:
        # Days only move forward, but for a clock that was set wrong; see `state.roll`.
        if not day or day == self._day:
            return
        if day > self._day or (back and days_apart(day, self._day) > 1):
            self._day = day


def _own(
    mine: dict[str, dict[str, V]], before: Mapping[str, dict[str, V]], scope: str
) -> dict[str, V]:
    # A scope's part that may be changed: copied when it is first touched.
    part = mine.get(scope)
    if part is None or part is before.get(scope):
        part = mine[scope] = dict(part or {})
    return part
