"""
A storage in this process's memory.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from ..state import Cell, clone, is_blank, new_cell
from .base import BaseStorage, Key, Rows, keep_rows

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MemoryStorage"]

T = TypeVar("T")

_KEPT_DAYS = 400


class MemoryStorage(BaseStorage):
    """
    Keeps everything in memory, exact over all threads; gone with the process.
    """

    def __init__(self) -> None:
        super().__init__()
        self._cells: dict[Key, Cell] = {}
        self._rows: dict[Key, Rows] = {}
        self._lock = threading.RLock()

    @property
    def uri(self) -> str:
        """
        `memory://`.
        """
        return "memory://"

    def after_fork(self) -> None:
        """
        In a forked child: a lock that no other thread holds.
        """
        self._lock = threading.RLock()

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Run `step` on a copy of the cell and keep the copy; see `Storage.transact`.
        """
        with self._lock:
            known = self._cells.get(key)
            cell = new_cell() if known is None else known.copy()
            outcome = step(cell)
            if cell["past"]:
                keep_rows(self._rows.setdefault(key, {}), cell, _KEPT_DAYS)
            if is_blank(cell):
                self._cells.pop(key, None)
            else:
                self._cells[key] = cell
            return outcome

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same as `transact`: it never waits.
        """
        return self.transact(key, step)

    def read(self, key: Key) -> Cell | None:
        """
        A copy of one cell, or None.
        """
        cell = self._cells.get(key)
        return None if cell is None else clone(cell)

    def load(self, scope: str) -> dict[str, Cell]:
        """
        Copies of all cells of a scope, by model.
        """
        with self._lock:
            return {
                model: clone(cell) for (name, model), cell in self._cells.items() if name == scope
            }

    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        The rows of past days from `since` on, by model and day.
        """
        with self._lock:
            return {
                model: {day: counts.copy() for day, counts in rows.items() if day >= since}
                for (name, model), rows in self._rows.items()
                if name == scope
            }

    def scopes(self) -> list[str]:
        """
        The names of all scopes, sorted.
        """
        with self._lock:
            return sorted({scope for scope, _ in (*self._cells, *self._rows)})

    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Replace a cell and its rows.
        """
        with self._lock:
            self._cells[key] = clone(cell)
            self._rows.pop(key, None)
            if rows:
                self._rows[key] = {day: counts.copy() for day, counts in rows.items()}
