"""
Where a process counts while its storage is away.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..effects import Operation, arun, run
from ..errors import StorageError
from ..merging import merge
from ..state import Cell, clone, is_blank, new_cell
from .base import BaseStorage, Doubt, Key, Rows, Storage, keep_rows
from .memory import MemoryStorage

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Callable

__all__ = ["Shelter"]

T = TypeVar("T")

logger = logging.getLogger("groq_quota")

# Seconds between two tries to reach a storage that is away.
_RETRY = 1.0
# Cells that are remembered for the case that it goes away.
_REMEMBERED = 4_096
# How often a try hands over what others have counted since; then it is put off.
_ROUNDS = 8
# So many cells that a storage does not take, though it answers, end a try.
_REFUSED = 8

_tickets = count(1)


class _Watched(Generic[T]):
    """
    A step, and the cell as it left it; `ticket` says in which order steps were run.
    """

    __slots__ = ("cell", "step", "ticket")

    def __init__(self, step: Callable[[Cell], T]) -> None:
        self.step = step
        self.cell: Cell | None = None
        self.ticket = 0

    def __call__(self, cell: Cell) -> T:
        outcome = self.step(cell)
        self.cell, self.ticket = cell, next(_tickets)
        return outcome


class Shelter(BaseStorage):
    """
    A storage in front of another: while that one fails, it counts in memory.

    It goes on from the last cells this process saw, says so once with the place and the cause, and
    adds what it counted as soon as the storage answers again.
    """

    def __init__(self, storage: Storage, *, ticks: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._storage = storage
        self._ticks = ticks
        self._retry_at = 0.0
        self._returning = False
        self._seen: dict[Key, tuple[int, Cell]] = {}
        # While away: what is counted here, and how much of it the storage already has.
        self._local: MemoryStorage | None = None
        self._base: dict[Key, tuple[Cell, Rows]] = {}
        # Changes on their way to the storage.
        self._flying: set[_Watched[Any]] = set()
        # By name: changes that the storage may have made or not, and what was on its way when that
        # came out. Those that were on the same trip bring the same doubt, some of them late.
        self._doubts: dict[str, tuple[Doubt, frozenset[_Watched[Any]]]] = {}
        self._lock = threading.RLock()
        self._return: Task[None] | None = None

    @property
    def uri(self) -> str:
        """
        Where the storage behind is.
        """
        return self._storage.uri

    @property
    def offset(self) -> float:
        """
        The storage's clock against ours, in seconds.
        """
        return self._storage.offset

    @property
    def away(self) -> bool:
        """
        True while the storage behind does not answer.
        """
        return self._local is not None

    def after_fork(self) -> None:
        """
        In a forked child: a free lock, and nothing due: what the parent counted it will write.
        """
        self._lock = threading.RLock()
        self._returning = False
        self._flying = set()
        self._doubts = {}
        if self._local is not None:
            self._local.after_fork()
            self._base = {key: self._snapshot(key, self._local) for key in self._base}

    def _snapshot(self, key: Key, local: MemoryStorage) -> tuple[Cell, Rows]:
        with self._lock:
            cell = local.read(key)
            if cell is None:
                # Blank, so not kept; its holds were those of the day and epoch it began with.
                base, _ = self._base[key]
                cell = new_cell()
                cell["day"], cell["epoch"] = base["day"], base["epoch"]
            return cell, local.past(key[0], "").get(key[1], {})

    # -- the one operation, for sync and async alike ------------------------------------------

    def _call(self, name: str, *args: Any) -> Operation[Any]:
        # Any of the storage's methods: by the storage, or by memory while it is away.
        while True:
            if self._local is not None and self._ticks() >= self._retry_at:
                yield ("return",)
            if self._local is None:
                return (yield from self._reach(name, args))
            with self._lock:
                # Under the lock, as another thread may have brought the storage back just now.
                if self._local is not None:
                    return self._count(self._local, name, args)

    def _count(self, local: MemoryStorage, name: str, args: tuple[Any, ...]) -> Any:  # as `_call`
        if name in ("transact", "read"):
            self._bring(args[0], local)
        return getattr(local, name)(*args)

    def _reach(self, name: str, args: tuple[Any, ...]) -> Operation[Any]:
        # The storage itself. Only what it has kept is remembered, not what it failed to keep.
        if name == "transact":
            key, step = args
            watched: _Watched[Any] = _Watched(step)
            self._flying.add(watched)
            try:
                outcome = yield name, key, watched
                self._remember(key, watched)
            except StorageError as error:
                outcome = self._leave(error, name, args)
            finally:
                self._flying.discard(watched)
            return outcome
        try:
            found = yield (name, *args)
        except StorageError as error:
            return self._leave(error, name, args)
        if name == "read" and found is not None and args[0] not in self._seen:
            self._seen[args[0]] = (0, clone(found))
        return found

    def _remember(self, key: Key, watched: _Watched[Any]) -> None:
        with self._lock:
            known = self._seen.get(key)
            if watched.cell is not None and (known is None or known[0] < watched.ticket):
                self._seen[key] = (watched.ticket, watched.cell)
            if len(self._seen) > _REMEMBERED:
                del self._seen[next(iter(self._seen))]

    def _leave(self, error: StorageError, name: str, args: tuple[Any, ...]) -> Any:  # as `_call`
        # What failed is done here before the lock is free: a return in between would take it for
        # done, if it was in doubt, and then it would be done again.
        with self._lock:
            self._retry_at = self._ticks() + _RETRY
            self._note(error)
            if self._local is None:
                logger.warning(
                    "%s Counting goes on in memory, and is added when the storage is back.", error
                )
                self._local = MemoryStorage()
                for key in list(self._seen):
                    self._bring(key, self._local)
            return self._count(self._local, name, args)

    def _note(self, error: StorageError) -> None:
        doubt: Doubt | None = getattr(error, "doubt", None)
        if doubt is not None:
            self._doubts.setdefault(doubt.change, (doubt, frozenset(self._flying)))

    def _bring(self, key: Key, local: MemoryStorage) -> None:
        # The cell as it was when the storage went away: what is counted here starts from it.
        if key not in self._base:
            seen = self._seen.get(key)
            base = new_cell() if seen is None else clone(seen[1])
            base["past"] = {}
            self._base[key] = (base, {})
            if not is_blank(base):
                local.put(key, base, {})

    def _try_return(self) -> Operation[None]:
        with self._lock:
            local = self._local
            if local is None or self._returning:
                return
            self._returning = True
            first = next(iter(self._base), ("", ""))
        try:
            yield "read", first
            for _ in range(_ROUNDS):
                yield from self._hand_over(local)
                if self._arrived(local):
                    return
            self._retry_at = self._ticks() + _RETRY
        except StorageError as error:
            self._retry_at = self._ticks() + _RETRY
            self._note(error)
        finally:
            self._returning = False

    def _hand_over(self, local: MemoryStorage) -> Operation[None]:
        yield from self._resolve(local)
        refused: list[StorageError] = []
        for key, (cell, rows) in list(self._base.items()):
            with self._lock:
                doubted = any(key == doubt.key for doubt, _ in self._doubts.values())
                newer = self._snapshot(key, local)
            if doubted or newer == (cell, rows):
                continue
            step = partial(merge, base=cell, base_rows=rows, local=newer[0], rows=newer[1])
            watched: _Watched[None] = _Watched(step)
            try:
                yield "transact", key, watched
            except StorageError as error:
                # Is it the storage, or what is to be kept? Then others need not wait for this one.
                refused.append(error)
                self._note(error)
                with self._lock:
                    self._base[key] = self._base.pop(key)
                if len(refused) == _REFUSED:
                    break
                yield "read", key
                continue
            # What it has now is what this process has seen last, if it goes away again.
            self._remember(key, watched)
            self._base[key] = newer
        if refused:
            raise refused[0]

    def _resolve(self, local: MemoryStorage) -> Operation[None]:
        # What the storage has of them it need not be given again.
        for name, (doubt, flying) in list(self._doubts.items()):
            if not flying.isdisjoint(self._flying):
                continue  # another of that trip may not be counted here yet
            if (yield "applied", doubt.key, name):
                with self._lock:
                    self._bring(doubt.key, local)
                    self._base[doubt.key] = _with(doubt, *self._base[doubt.key])
            self._doubts.pop(name, None)

    def _arrived(self, local: MemoryStorage) -> bool:
        with self._lock:
            changed = bool(self._doubts) or any(
                self._snapshot(key, local) != base for key, base in self._base.items()
            )
            if changed:
                return False
            self._local = None
            self._base = {}
            logger.warning("The storage %s answers again; what was counted is added.", self.uri)
            return True

    def _perform(self, name: str, *args: Any) -> Any:  # whatever a storage method returns
        if name == "return":
            return run(self._try_return(), self._perform)
        return getattr(self._storage, name)(*args)

    async def _aperform(self, name: str, *args: Any) -> Any:  # whatever a storage method returns
        if name != "return":
            return await getattr(self._storage, "a" + name)(*args)
        import asyncio  # whoever awaits has it already

        from ..detached import detached

        # Its caller may be cancelled; what is being handed over then must not be forgotten, lest
        # it is handed over again.
        self._return = detached(arun(self._try_return(), self._aperform))
        await asyncio.shield(self._return)
        return None

    # -- the storage's methods ----------------------------------------------------------------

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        By the storage, or in memory while it is away; see `Storage.transact`.
        """
        if self._local is None:
            watched = _Watched(step)
            self._flying.add(watched)
            try:
                outcome = self._storage.transact(key, watched)
                self._remember(key, watched)
            except StorageError as error:
                return self._leave(error, "transact", (key, step))  # type: ignore[no-any-return]  # what the step returns
            finally:
                self._flying.discard(watched)
            return outcome
        return run(self._call("transact", key, step), self._perform)  # type: ignore[no-any-return]  # what the step returns

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same as `transact`, without blocking the event loop.
        """
        return await arun(self._call("transact", key, step), self._aperform)

    def read(self, key: Key) -> Cell | None:
        """
        See `Storage.read`.
        """
        return run(self._call("read", key), self._perform)  # type: ignore[no-any-return]  # what a step returns

    async def aread(self, key: Key) -> Cell | None:
        """
        Same as `read`, without blocking the event loop.
        """
        return await arun(self._call("read", key), self._aperform)

    def load(self, scope: str) -> dict[str, Cell]:
        """
        See `Storage.load`.
        """
        return run(self._call("load", scope), self._perform)

    async def aload(self, scope: str) -> dict[str, Cell]:
        """
        Same as `load`, without blocking the event loop.
        """
        return await arun(self._call("load", scope), self._aperform)

    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        See `Storage.past`; while the storage is away, only the days closed since.
        """
        return run(self._call("past", scope, since), self._perform)

    async def apast(self, scope: str, since: str) -> dict[str, Rows]:
        """
        Same as `past`, without blocking the event loop.
        """
        return await arun(self._call("past", scope, since), self._aperform)

    def scopes(self) -> list[str]:
        """
        See `Storage.scopes`.
        """
        return run(self._call("scopes"), self._perform)

    async def ascopes(self) -> list[str]:
        """
        Same as `scopes`, without blocking the event loop.
        """
        return await arun(self._call("scopes"), self._aperform)

    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        See `Storage.put`; it has no use while the storage is away, and raises.
        """
        self._storage.put(key, cell, rows)

    async def aput(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Same as `put`, without blocking the event loop.
        """
        await self._storage.aput(key, cell, rows)

    def flush(self) -> None:
        """
        Try at once to bring back a storage that is away.
        """
        self._perform("return")

    async def aflush(self) -> None:
        """
        Same as `flush`, without blocking the event loop.
        """
        await self._aperform("return")

    def close(self) -> None:
        """
        See `Storage.close`.
        """
        self._storage.close()

    async def aclose(self) -> None:
        """
        Same as `close`, without blocking the event loop.
        """
        await self._storage.aclose()


def _with(doubt: Doubt, cell: Cell, rows: Rows) -> tuple[Cell, Rows]:
    # What is known of a cell, and the change that turned out to have been made.
    cell, rows = cell.copy(), dict(rows)
    merge(cell, base=doubt.before, base_rows={}, local=doubt.after, rows=doubt.past)
    keep_rows(rows, cell, len(rows) + len(cell["past"]))
    return cell, rows
