"""
Storages that wait for a network: natively in every event loop, with a clock of their own.
"""

from __future__ import annotations

import logging
import time
import weakref
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..effects import arun
from .grouping import Job
from .versioned import VersionedStorage, cells_of, replacing
from .versions import DisconnectedError, Lane, Work

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from ..state import Cell, Rows
    from .base import Key

__all__ = ["Lent", "NetworkStorage"]

C = TypeVar("C")
T = TypeVar("T")

logger = logging.getLogger("groq_quota")

# Seconds between two looks at the server's clock, and what is no difference.
_CLOCK_EVERY = 60.0
_CLOCK_SAME = 0.1


class Lent(Generic[C]):
    """
    A client, and how many trips are under way with it: none of them is to lose its connection.

    Attributes:
        over: Whether it is given up, so that who is last closes it.
    """

    __slots__ = ("client", "over", "trips")

    def __init__(self, client: C) -> None:
        self.client = client
        self.trips = 0
        self.over = False

    def give_up(self) -> bool:
        """
        Have it closed; true if that is to be done now.
        """
        self.over = True
        return not self.trips

    def end(self) -> bool:
        """
        End a trip; true if the client is to be closed now.
        """
        self.trips -= 1
        return self.over and not self.trips


class _Loop(Generic[C]):
    """
    What belongs to one event loop: its client, and the changes that its tasks wait for.

    Those that come while a trip is under way share the next one.
    """

    def __init__(self, client: C, commit: Callable[[Sequence[Job[Work]]], Awaitable[None]]) -> None:
        self.lent = Lent(client)
        self.lane = Lane()
        self._commit = commit
        self._jobs: list[Job[Work]] = []
        self._draining: Task[None] | None = None
        self.keeper: AsyncGenerator[None, None] | None = None

    async def run(self, work: Work) -> Any:  # what the step returns
        """
        Have a change made. Cancelled before it began, it is not made.
        """
        from asyncio import get_running_loop

        from ..detached import detached

        job = Job(work, reads=False)
        job.future = get_running_loop().create_future()
        self._jobs.append(job)
        if self._draining is None:
            self._draining = detached(self._drain())
        return await job.future

    async def _drain(self) -> None:
        jobs: list[Job[Work]] = []
        try:
            while jobs := [job for job in self._jobs if job.future and not job.future.done()]:
                self._jobs = []
                try:
                    await self._commit(jobs)
                except Exception as error:  # it belongs to everybody on this trip
                    for job in jobs:
                        if not job.settled:
                            job.fail(error)
                for job in jobs:
                    _resolve(job)
        finally:
            self._draining = None
            for job in (*jobs, *self._jobs):  # none, unless the loop ends
                if job.future is not None:
                    job.future.cancel()


def _resolve(job: Job[Work]) -> None:
    future = job.future
    if future is None or future.done():
        return
    if job.error is None:
        future.set_result(job.outcome)
    else:
        future.set_exception(job.error)


class NetworkStorage(VersionedStorage, Generic[C]):
    """
    A `VersionedStorage` with a client for each event loop, besides that of the threads.

    `C` is the client of an event loop.
    """

    def __init__(self, *args: Any) -> None:  # those of the class that comes next
        super().__init__(*args)
        self._loops: weakref.WeakKeyDictionary[AbstractEventLoop, _Loop[C]] = (
            weakref.WeakKeyDictionary()
        )
        self._offset = 0.0
        self._clock_at = 0.0

    @property
    def offset(self) -> float:
        """
        The server's clock against this machine's in seconds; 0.0 if they agree to 0.1 s.
        """
        return self._offset

    def after_fork(self) -> None:
        """
        In a forked child: clients of its own.
        """
        super().after_fork()
        self._loops = weakref.WeakKeyDictionary()

    def _clock_due(self) -> bool:
        now = time.monotonic()
        if now < self._clock_at:
            return False
        self._clock_at = now + _CLOCK_EVERY
        return True

    def _set_clock(self, before: float, theirs: float, after: float) -> None:
        offset = theirs - (before + after) / 2
        same = _CLOCK_SAME + (after - before) / 2
        self._offset = 0.0 if abs(offset) <= same else offset

    # -- clients of event loops ---------------------------------------------------------------

    @abstractmethod
    def _connect(self) -> C:
        """
        A client for the running event loop.
        """

    @abstractmethod
    async def _disconnect(self, client: C) -> None:
        """
        Close a client, in its event loop.
        """

    @abstractmethod
    async def _aperform(self, client: C, name: str, *args: Any) -> Any:  # what a trip brings
        ...

    async def _here(self) -> _Loop[C]:
        from asyncio import get_running_loop

        loop = get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            here = self._loops[loop] = _Loop(self._connect(), self._acommit)
            # A loop that ends lets its generators finish: that is when the client is closed.
            here.keeper = self._kept(here.lent)
            await here.keeper.__anext__()
        return here

    async def _kept(self, lent: Lent[C]) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if lent.give_up():
                await self._let_go(lent.client)

    async def _let_go(self, client: C) -> None:
        try:
            await self._disconnect(client)
        except Exception:  # the loop is ending, and is not to be disturbed
            logger.debug("A client of %s was not closed.", self.uri, exc_info=True)

    async def _acommit(self, jobs: Sequence[Job[Work]]) -> None:
        here = await self._here()
        await arun(self._made(jobs, here.lane), self._detached_trip)

    async def _detached_trip(self, name: str, *args: Any) -> Any:  # what a trip brings
        from asyncio import CancelledError

        try:
            return await self._atrip(name, *args)
        except CancelledError as error:
            # Nobody cancels this task, but the end of a loop those that a client makes for itself
            # (as `asyncio.wait_for` does before Python 3.12).
            said = f"{self.uri}: the event loop was ending"
            raise DisconnectedError(said, again=True) from error

    async def _atrip(self, name: str, *args: Any) -> Any:  # what a trip brings
        if name == "pause":
            from asyncio import sleep

            return await sleep(*args)
        lent = (await self._here()).lent
        lent.trips += 1
        try:
            return await self._aperform(lent.client, name, *args)
        finally:
            if lent.end():
                await self._let_go(lent.client)

    # -- the storage's methods ----------------------------------------------------------------

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same as `transact`, without blocking the event loop.
        """
        outcome: T = await (await self._here()).run(Work(key, step))
        return outcome

    async def aput(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Same as `put`, without blocking the event loop.
        """
        await (await self._here()).run(replacing(key, cell, rows))

    async def aread(self, key: Key) -> Cell | None:
        """
        Same as `read`, without blocking the event loop.
        """
        return self._seen(key, await self._atrip("fetch", key))

    async def aload(self, scope: str) -> dict[str, Cell]:
        """
        Same as `load`, without blocking the event loop.
        """
        return cells_of(await self._atrip("load", scope))

    async def apast(self, scope: str, since: str) -> dict[str, Rows]:
        """
        Same as `past`, without blocking the event loop.
        """
        found: dict[str, Rows] = await self._atrip("past", scope, since)
        return found

    async def ascopes(self) -> list[str]:
        """
        Same as `scopes`, without blocking the event loop.
        """
        return sorted(await self._atrip("scopes"))

    async def aapplied(self, key: Key, version: str) -> bool:
        """
        Same as `applied`, without blocking the event loop.
        """
        return await arun(self._applied(key, version), self._atrip)

    async def aclose(self) -> None:
        """
        Let go of this event loop's connections and of the threads'.
        """
        from asyncio import get_running_loop

        here = self._loops.pop(get_running_loop(), None)
        if here is not None and here.keeper is not None:
            await here.keeper.aclose()
        self.close()
