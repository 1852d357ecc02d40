"""
A storage that can be made to fail: in memory, of the same promises as any other.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from groq_quota.errors import StorageError
from groq_quota.storage.base import BaseStorage
from groq_quota.storage.memory import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.state import Cell, Rows
    from groq_quota.storage.base import Key

T = TypeVar("T")


class Flaky(BaseStorage):
    """
    Keeps everything in memory while it is up.

    Attributes:
        up: False: nothing can be reached.
        writable: False: it can be read, and a change fails after its step was run, as on a full
            disk.
        refuses: Cells that it does not take.
        writes: How many changes it has kept.
        before_write, after_write: Called before and after each change.
        pause: Awaited in the middle of async changes, after they were kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept = MemoryStorage()
        self.up = True
        self.writable = True
        self.refuses: set[Key] = set()
        self.writes = 0
        self.before_write: Callable[[], object] = int
        self.after_write: Callable[[], object] = int
        self.pause: asyncio.Event | None = None

    @property
    def uri(self) -> str:
        """
        A place that does not exist.
        """
        return "flaky://shelf"

    def _reached(self) -> MemoryStorage:
        if not self.up:
            msg = "flaky://shelf: does not answer."
            raise StorageError(msg)
        return self.kept

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        See `Storage.transact`.
        """
        kept = self._reached()
        self.before_write()

        def written(cell: Cell) -> T:
            outcome = step(cell)
            if not self.writable or key in self.refuses:
                msg = "flaky://shelf: is full."
                raise StorageError(msg)
            return outcome

        outcome = kept.transact(key, written)
        self.writes += 1
        self.after_write()
        return outcome

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same, but other tasks have a turn before and after.
        """
        await asyncio.sleep(0)
        outcome = self.transact(key, step)
        await (self.pause.wait() if self.pause else asyncio.sleep(0))
        return outcome

    async def _elsewhere(self, call: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        return call()

    def read(self, key: Key) -> Cell | None:
        """
        See `Storage.read`.
        """
        return self._reached().read(key)

    def load(self, scope: str) -> dict[str, Cell]:
        """
        See `Storage.load`.
        """
        return self._reached().load(scope)

    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        See `Storage.past`.
        """
        return self._reached().past(scope, since)

    def scopes(self) -> list[str]:
        """
        See `Storage.scopes`.
        """
        return self._reached().scopes()

    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        See `Storage.put`.
        """
        self._reached().put(key, cell, rows)
