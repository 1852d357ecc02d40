"""
Storages that change a cell by compare-and-set: on its last known version, without a lock.

The last known cell is kept, so that a change which nobody disturbs is one trip. The trips are
yielded (see `effects`), so that sync and async callers share all but the waiting. A trip is:

- `("fetch", key)` for a `Record`; `("days", key, days)` for those rows of past days;
- `("swap", changes)` for what stood against each of them: None where it was made;
- `("load", scope)`, `("past", scope, since)` and `("scopes",)` as in `Storage`, but with records.
"""

from __future__ import annotations

import random
import threading
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..effects import Operation, run
from ..errors import StorageError
from ..state import Cell, Rows, add_counts, clone, is_blank, new_cell, new_counts
from .base import BaseStorage, Doubt, Key
from .grouping import Group, Job
from .versions import KEPT_DAYS, NOTHING, Change, DisconnectedError, Lane, Record, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..state import Counts

__all__ = ["VersionedStorage", "cells_of", "replacing"]

T = TypeVar("T")

# Cells whose last known state is kept.
_REMEMBERED = 16_384
# Seconds to try against other processes; and the longest pause between two tries.
_PATIENCE = 10.0
_PAUSE = 0.005

_NO_ROWS: Rows = {}


class _Draft(NamedTuple):
    jobs: list[Job[Work]]
    known: Record
    after: Cell
    past: Rows
    change: Change
    emptied: bool = False


class VersionedStorage(BaseStorage):
    """
    The storage over the trips that a subclass makes in `_perform`.

    `_perform` raises `DisconnectedError` if a change may have been made or not, and another
    `StorageError` if nothing was changed. Threads that come at the same time share one trip.
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Key, Record] = {}
        self._lane = Lane()
        # One thread at a time. It knows which, at any moment; nobody takes it twice.
        self._busy = threading.RLock()
        self._group: Group[Work] = Group(self._commit_in_turn)

    def after_fork(self) -> None:
        """
        In a forked child: a lane of its own, and nobody else's calls.
        """
        self._lane = Lane()
        self._busy = threading.RLock()
        self._group.after_fork()

    @abstractmethod
    def _perform(self, name: str, *args: Any) -> Any:  # what a trip brings: see above
        ...

    def _changed(self, key: Key, step: Callable[[Cell], T]) -> T:
        # Who is alone need not queue.
        if self._group.idle and not self._owned():
            try:
                if self._busy.acquire(blocking=False):
                    made = self._made_alone(key, step)
                    if made is not None:
                        return made[0]
            finally:
                # Nothing comes between a lock that was taken and this, not even Ctrl-C.
                try:  # noqa: SIM105  # `suppress` would let it in
                    self._busy.release()
                except RuntimeError:  # another thread has it
                    pass
        outcome: T = self._queued(Work(key, step))
        return outcome

    def _made_alone(self, key: Key, step: Callable[[Cell], T]) -> tuple[T] | None:
        return self._made_quickly(key, step)

    def _queued(self, work: Work) -> Any:  # what the step returns
        if self._entered():
            raise StorageError(
                "the storage was interrupted in a call of this very thread: no other fits in"
            )
        return self._group.run(work)

    def _entered(self) -> bool:
        # Whether this thread is in the middle of a call: true only in signal handlers and the like.
        return self._owned() or self._group.entered()

    def _owned(self) -> bool:
        return self._busy._is_owned()  # type: ignore[attr-defined, no-any-return]  # as Condition does

    def _commit_in_turn(self, jobs: Sequence[Job[Work]]) -> None:
        with self._busy:
            self._commit(jobs)

    def _commit(self, jobs: Sequence[Job[Work]]) -> None:
        if len(jobs) == 1 and jobs[0].work.rows is None:
            job = jobs[0]
            made = self._made_quickly(job.work.key, job.work.step, job)
            if made is not None:
                (job.outcome,) = made
                job.settled = True
                return
        run(self._made(jobs, self._lane), self._trip)

    def _trip(self, name: str, *args: Any) -> Any:  # what a trip brings
        if name == "pause":
            return time.sleep(*args)
        return self._perform(name, *args)

    # -- changing -----------------------------------------------------------------------------

    def _made_quickly(
        self, key: Key, step: Callable[[Cell], T], job: Job[Work] | None = None
    ) -> tuple[T] | None:
        # The ordinary case, of one change that nobody disturbs, without ceremony: the outcome, or
        # None where more is to be done.
        known = self._known.get(key)
        if known is None:
            return None
        version, _, before = known
        if before is None:
            return None
        cell = before.copy()
        try:
            outcome = step(cell)
        except Exception:  # raised again once it is sure that the cell was the newest
            return None
        if cell["past"] or cell == before or is_blank(cell):
            return None
        record = self._lane.follow(known, cell)
        change = Change(key, version, record, _NO_ROWS, before=before)
        try:
            stands = self._swap_single(change)
        except DisconnectedError as error:
            job = job or Job(Work(key, step), reads=False)
            stands = self._swapped_once_more(_Draft([job], known, cell, _NO_ROWS, change), error)
        if stands is None:
            self._known[key] = record
            return (outcome,)
        self._remember(key, stands)
        return (outcome,) if stands.has(record.version) else None

    def _swapped_once_more(self, draft: _Draft, error: DisconnectedError) -> Record | None:
        try:
            (stands,) = run(self._swapped_again([draft], self._lane, error), self._trip)
        except StorageError:
            if draft.jobs[0].error is not None:
                raise draft.jobs[0].error from None
            raise
        return stands

    def _swap_single(self, change: Change) -> Record | None:
        stands: Record | None = self._perform("swap", (change,))[0]
        return stands

    def _made(self, jobs: Sequence[Job[Work]], lane: Lane) -> Operation[None]:
        # All changes of these jobs: the undisturbed ones in one trip, the others again.
        by_key: dict[Key, list[Job[Work]]] = {}
        for job in jobs:
            by_key.setdefault(job.work.key, []).append(job)
        pause, left = _PAUSE / 32, _PATIENCE
        while True:
            drafts = []
            for key, theirs in by_key.items():
                drafts.append((yield from self._drafted(key, theirs, lane)))
            found = yield from self._swapped(drafts, lane)
            emptied = []
            for draft, stands in zip(drafts, found, strict=True):
                if self._settled(draft, stands):
                    del by_key[draft.change.key]
                    if draft.emptied:
                        emptied.append(draft.change)
            if emptied:
                yield from self._swept(emptied)
            if not by_key:
                return
            if left <= 0:
                raise StorageError(
                    f"{self.uri}: others have changed the same for {_PATIENCE:g} s without pause."
                )
            wait = random.uniform(0, pause)  # noqa: S311  # no secret
            yield "pause", wait
            pause, left = min(_PAUSE, 2 * pause), left - max(wait, _PAUSE / 32)

    def _drafted(self, key: Key, jobs: list[Job[Work]], lane: Lane) -> Operation[_Draft]:
        known = self._known.get(key)
        if known is None:
            known = yield "fetch", key
        before = cell = new_cell() if known.cell is None else known.cell
        replaced: Rows | None = None
        for job in jobs:
            copy = cell.copy()
            job.attempt(copy)
            if job.error is None:
                cell = copy
                replaced = job.work.rows if job.work.rows is not None else replaced
        past, rows = cell["past"], replaced or {}
        if past:
            stored = rows if replaced is not None else (yield "days", key, list(past))
            cell["past"] = {}
            rows = {**rows, **{day: _sum(stored.get(day), past[day]) for day in past}}
        record, emptied = None, False
        if replaced is not None or past or cell != before:
            # A cell that says nothing is not kept. It goes in a change of its own: one that leaves
            # nothing behind could not be told from another's, if its answer was lost.
            blank = replaced is None and is_blank(cell)
            emptied = blank and known.cell is not None
            record = lane.follow(known, cell) if emptied or not blank else NOTHING
        change = Change(key, known.version, record, rows, replaced is not None, known.cell)
        return _Draft(jobs, known, cell, past, change, emptied)

    def _swept(self, made: list[Change]) -> Operation[None]:
        # Takes away cells that were just emptied. All is counted: if it fails, blank ones stay.
        changes = [
            Change(key, record.version, NOTHING, _NO_ROWS)
            for key, _, record, *_ in made
            if record is not None
        ]
        try:
            found: Sequence[Record | None] = yield "swap", changes
        except StorageError:
            for change in changes:
                self._known.pop(change.key, None)
            return
        for change, stands in zip(changes, found, strict=True):
            self._remember(change.key, NOTHING if stands is None else stands)

    def _swapped(self, drafts: list[_Draft], lane: Lane) -> Operation[Sequence[Record | None]]:
        try:
            found: Sequence[Record | None] = yield "swap", [draft.change for draft in drafts]
        except DisconnectedError as error:
            found = yield from self._swapped_again(drafts, lane, error)
        return found

    def _swapped_again(
        self, drafts: list[_Draft], lane: Lane, error: DisconnectedError
    ) -> Operation[Sequence[Record | None]]:
        try:
            if not error.again:
                raise error
            # The same again, with the same versions: at most one of the two is made.
            found: Sequence[Record | None] = yield "swap", [draft.change for draft in drafts]
        except StorageError as last:  # whatever became of the second, the first may have been made
            for draft in drafts:
                self._doubt(draft, last)
            lane.renew()
            raise
        return found

    def _doubt(self, draft: _Draft, error: StorageError) -> None:
        key, record = draft.change.key, draft.change.record
        self._known.pop(key, None)
        if record is None or not record.version:
            return
        before = draft.known.cell or new_cell()
        doubt = Doubt(key, record.version, before, draft.after, draft.past)
        for job in draft.jobs:
            if job.error is None:
                job.fail(error)
                job.error.doubt = doubt  # type: ignore[attr-defined]  # fail() made it a StorageError

    def _settled(self, draft: _Draft, stands: Record | None) -> bool:
        key, record = draft.change.key, draft.change.record
        made = stands is None or (record is not None and stands.has(record.version))
        if made and stands is None:
            stands = draft.known if record is None else record
        if stands is not None:
            self._remember(key, stands)
        if made:
            for job in draft.jobs:
                job.settled = True
        return made

    def _remember(self, key: Key, record: Record) -> None:
        known = self._known
        known[key] = record
        if len(known) > _REMEMBERED:
            known.pop(next(iter(known)), None)

    def _applied(self, key: Key, version: str) -> Operation[bool]:
        lane = Lane()
        while True:
            found: Record = yield "fetch", key
            if found.has(version):
                return True
            # It may still be on its way: what it expects must not be there when it arrives.
            fence = lane.follow(found, new_cell())._replace(cell=found.cell)
            (stands,) = yield "swap", [Change(key, found.version, fence, {})]
            if stands is None:
                self._remember(key, fence)
                return False

    def applied(self, key: Key, version: str) -> bool:
        """
        Whether a change of unknown fate was made; if not, it never will be. See `Doubt`.
        """
        return run(self._applied(key, version), self._trip)

    async def aapplied(self, key: Key, version: str) -> bool:
        """
        Same as `applied`, without blocking the event loop.
        """
        return await self._elsewhere(lambda: self.applied(key, version))

    # -- the storage's methods ----------------------------------------------------------------

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Run `step` on a copy of the cell and save the copy; see `Storage.transact`.
        """
        return self._changed(key, step)

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same as `transact`, without blocking the event loop.
        """
        outcome: T = await self._group.arun(Work(key, step))
        return outcome

    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Replace a cell and its rows.
        """
        self._queued(replacing(key, cell, rows))

    async def aput(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Same as `put`, without blocking the event loop.
        """
        await self._group.arun(replacing(key, cell, rows))

    def read(self, key: Key) -> Cell | None:
        """
        A copy of one cell, or None.
        """
        return self._seen(key, self._perform("fetch", key))

    def load(self, scope: str) -> dict[str, Cell]:
        """
        Copies of all cells of a scope, by model.
        """
        return cells_of(self._perform("load", scope))

    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        The rows of past days from `since` on, by model and day; the newest 400 are kept.
        """
        found: dict[str, Rows] = self._perform("past", scope, since)
        return found

    def scopes(self) -> list[str]:
        """
        The names of all scopes, sorted.
        """
        return sorted(self._perform("scopes"))

    def _seen(self, key: Key, record: Record) -> Cell | None:
        # What was read is what the next change expects, unless a change was made meanwhile.
        if key not in self._known:
            self._remember(key, record)
        return None if record.cell is None else clone(record.cell)

    async def _elsewhere(self, call: Callable[[], T]) -> T:
        outcome: T = await self._group.elsewhere(call)
        return outcome

    def close(self) -> None:
        """
        Let go of files and connections; the next use opens them again.
        """
        self._group.close()


def replacing(key: Key, cell: Cell, rows: Rows) -> Work:
    """
    The work that puts a cell and its rows in place of whatever is there.
    """

    def replace(stored: Cell) -> None:
        stored.update(clone(cell))

    newest = sorted(rows)[-KEPT_DAYS:]
    return Work(key, replace, {day: rows[day].copy() for day in newest})


def cells_of(records: Iterable[tuple[str, Record]]) -> dict[str, Cell]:
    """
    Copies of the cells of records, by model.
    """
    return {model: clone(record.cell) for model, record in records if record.cell is not None}


def _sum(stored: Counts | None, more: Counts) -> Counts:
    return add_counts(stored or new_counts(), more)
