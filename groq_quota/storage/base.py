"""
The storage protocol, and what storages share.
"""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from ..state import Cell, Rows, add_counts, new_counts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BaseStorage", "Doubt", "Key", "Rows", "Storage", "keep_rows"]

T = TypeVar("T")

#: The scope and the model; the scope's own cell has the model name "".
Key = tuple[str, str]


class Doubt(NamedTuple):
    """
    A change that a storage beyond a network may have made or not: the connection broke.

    Such a storage sets it as `doubt` on the `StorageError`, and has `applied(key, change)`, which
    finds out later and sees to it that what was not made then never will be.

    Attributes:
        change: The change's own name.
        before, after: The cell without and with it.
        past: What it adds to the rows of past days.
    """

    key: Key
    change: str
    before: Cell
    after: Cell
    past: Rows


class Storage(Protocol):
    """
    An atomic cell for each scope and model, and rows of past days beside it.

    A storage knows no rule of quotas. It raises `StorageError`, and nothing else of its own, when
    its place cannot be reached, read or written; then nothing of the change was kept.
    """

    @property
    def uri(self) -> str:
        """
        Where it is, for people: without passwords.
        """
        ...

    @property
    def offset(self) -> float:
        """
        Seconds to add to this machine's clock to get the storage's own; 0.0 if it has none.
        """
        ...

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Load a cell (a new one if there is none), run `step` on it, save it, return the outcome.

        Nothing else may change the cell meanwhile. If the step raises, nothing is kept. The step
        may be run more than once, always on a freshly loaded cell, or on a `copy()` of one: it
        changes no value in place. `cell["past"]` is added to the rows and emptied; a blank cell is
        not stored.
        """
        ...

    def read(self, key: Key) -> Cell | None:
        """
        A copy of one cell, or None.
        """
        ...

    def load(self, scope: str) -> dict[str, Cell]:
        """
        Copies of all cells of a scope, by model.
        """
        ...

    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        The rows of past days from the ISO day `since` on, by model and day.
        """
        ...

    def scopes(self) -> list[str]:
        """
        The names of all scopes that anything is kept for, sorted.
        """
        ...

    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Replace a cell and its rows, for moving between storages.
        """
        ...

    def close(self) -> None:
        """
        Let go of files and connections; the next use opens them again.
        """
        ...

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same as `transact`, without blocking the event loop.
        """
        ...

    async def aread(self, key: Key) -> Cell | None:
        """
        Same as `read`, without blocking the event loop.
        """
        ...

    async def aload(self, scope: str) -> dict[str, Cell]:
        """
        Same as `load`, without blocking the event loop.
        """
        ...

    async def apast(self, scope: str, since: str) -> dict[str, Rows]:
        """
        Same as `past`, without blocking the event loop.
        """
        ...

    async def ascopes(self) -> list[str]:
        """
        Same as `scopes`, without blocking the event loop.
        """
        ...

    async def aput(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Same as `put`, without blocking the event loop.
        """
        ...

    async def aclose(self) -> None:
        """
        Same as `close`, without blocking the event loop.
        """
        ...


class BaseStorage(ABC):
    """
    A start for a storage whose operations never wait: its async methods are its sync ones.

    A storage that waits overrides `_elsewhere`, or the async methods themselves.
    """

    def __init__(self) -> None:
        _living.add(self)

    @property
    @abstractmethod
    def uri(self) -> str:
        """
        Where it is, for people: without passwords.
        """

    @property
    def offset(self) -> float:
        """
        0.0: it has no clock of its own.
        """
        return 0.0

    def after_fork(self) -> None:
        """
        In a forked child: drop the locks and connections that the parent's threads may hold.
        """

    @abstractmethod
    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        See `Storage.transact`.
        """

    @abstractmethod
    def read(self, key: Key) -> Cell | None:
        """
        See `Storage.read`.
        """

    @abstractmethod
    def load(self, scope: str) -> dict[str, Cell]:
        """
        See `Storage.load`.
        """

    @abstractmethod
    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        See `Storage.past`.
        """

    @abstractmethod
    def scopes(self) -> list[str]:
        """
        See `Storage.scopes`.
        """

    @abstractmethod
    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        See `Storage.put`.
        """

    def close(self) -> None:
        """
        See `Storage.close`.
        """

    async def _elsewhere(self, call: Callable[[], T]) -> T:
        # Where a call that may wait is run: here, at once, since it does not.
        return call()

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same as `transact`, without blocking the event loop.
        """
        return await self._elsewhere(lambda: self.transact(key, step))

    async def aread(self, key: Key) -> Cell | None:
        """
        Same as `read`, without blocking the event loop.
        """
        return await self._elsewhere(lambda: self.read(key))

    async def aload(self, scope: str) -> dict[str, Cell]:
        """
        Same as `load`, without blocking the event loop.
        """
        return await self._elsewhere(lambda: self.load(scope))

    async def apast(self, scope: str, since: str) -> dict[str, Rows]:
        """
        Same as `past`, without blocking the event loop.
        """
        return await self._elsewhere(lambda: self.past(scope, since))

    async def ascopes(self) -> list[str]:
        """
        Same as `scopes`, without blocking the event loop.
        """
        return await self._elsewhere(self.scopes)

    async def aput(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Same as `put`, without blocking the event loop.
        """
        await self._elsewhere(lambda: self.put(key, cell, rows))

    async def aclose(self) -> None:
        """
        Same as `close`, without blocking the event loop.
        """
        await self._elsewhere(self.close)


_living: weakref.WeakSet[BaseStorage] = weakref.WeakSet()


def _after_fork() -> None:
    for storage in list(_living):
        storage.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_after_fork)


def keep_rows(rows: Rows, cell: Cell, days: int) -> None:
    """
    Add what a cell has for past days to its rows, and keep the newest `days` of them.
    """
    for day, counts in cell["past"].items():
        rows[day] = add_counts(rows.get(day) or new_counts(), counts)
    cell["past"] = {}
    for day in sorted(rows)[: max(0, len(rows) - days)]:
        del rows[day]
