"""
Grouping: callers of one process that wait at the same time share one trip to the storage.

The first to come leads, and takes along everybody who queued before it set out; afterwards one of
those who came too late leads. Tasks of event loops are led by one thread, one trip per batch.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..errors import StorageError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["Group", "Job"]

W = TypeVar("W", bound=Callable[..., Any])

# Nobody is woken by one who was interrupted (KeyboardInterrupt) just then: so each looks up himself
# from time to time, and whether the one who leads is still there. In seconds.
_LOOK_UP = 1.0


class Job(Generic[W]):
    """
    A piece of work on its way to the storage, and what became of it.

    Attributes:
        work: What is to be done; only the storage knows how.
        reads: True if it changes nothing.
        outcome: What the work returned: set by the storage, or `error` instead.
        settled: True once nothing can change any more.
    """

    __slots__ = ("error", "future", "outcome", "reads", "settled", "work")

    def __init__(self, work: W, *, reads: bool) -> None:
        self.work = work
        self.reads = reads
        self.outcome: Any = None  # whatever the work returns
        self.error: BaseException | None = None
        self.settled = False
        self.future: Future[Any] | None = None

    def attempt(self, *args: Any) -> None:  # whatever the work takes
        """
        Do the work; what it raises belongs to the one who asked for it.
        """
        self.error = None
        try:
            self.outcome = self.work(*args)
        except Exception as error:  # see above
            self.error = error

    def result(self) -> Any:  # whatever the work returns
        """
        The outcome; the error is raised.
        """
        if self.error is not None:
            raise self.error
        return self.outcome

    def fail(self, error: BaseException) -> None:
        """
        Settle it with what befell the whole trip.
        """
        self.error = error
        if isinstance(error, StorageError):
            # Each thread raises one of its own: tracebacks are not shared.
            self.error = StorageError(*error.args)
            self.error.__cause__ = error.__cause__
        self.settled = True


class _Turn(Generic[W]):
    """
    A thread in the queue, with the jobs it brings; as leader, with those it takes along.
    """

    __slots__ = ("batch", "gone", "jobs", "thread", "wake")

    def __init__(self, jobs: Sequence[Job[W]]) -> None:
        self.jobs = jobs
        self.thread = threading.get_ident()
        self.gone = False
        self.batch: list[_Turn[W]] = [self]
        self.wake: threading.Lock | None = None

    def done(self) -> bool:
        return self.gone or all(job.settled for job in self.jobs)

    def under_way(self) -> bool:
        """
        Whether its thread is still at it, by what that is doing: an interruption may come before
        anything can be noted of it.
        """
        frame = sys._current_frames().get(self.thread)
        while frame is not None:
            if frame.f_code is _TAKING and frame.f_locals.get("turn") is self:
                return True
            frame = frame.f_back
        return False

    def waken(self) -> None:
        if self.wake is not None:
            with suppress(RuntimeError):  # it is awake
                self.wake.release()


class Group(Generic[W]):
    """
    The callers of one storage in this process.

    Args:
        commit: Does all jobs it is given in one trip and settles them; called by one thread at a
            time. If it raises, the jobs that it did not settle have failed.
    """

    def __init__(self, commit: Callable[[Sequence[Job[W]]], None]) -> None:
        self._commit = commit
        self.after_fork()

    def after_fork(self) -> None:
        """
        In a forked child: nobody queues, nobody leads; those who did are in the parent.
        """
        # Reentrant: a signal handler may come in at any place.
        self._mutex = threading.RLock()
        self._leader: _Turn[W] | None = None
        self._queue: deque[_Turn[W]] = deque()
        self._inside: dict[int, _Turn[W]] = {}
        self._tasks: deque[Job[W]] = deque()
        self._draining = False
        self._executor: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """
        Let go of the thread that leads for event loops; the next of their calls starts another.
        """
        with self._mutex:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    def entered(self) -> bool:
        """
        Whether this thread is in the middle of a call: true only in signal handlers and the like.
        """
        turn = self._inside.get(threading.get_ident())
        if turn is None or turn.under_way():
            return turn is not None
        # It was interrupted on its way out.
        self._withdraw(turn)
        self._inside.pop(turn.thread, None)
        return False

    @property
    def idle(self) -> bool:
        """
        Whether no thread is on its way just now, so that a lone caller need not queue.
        """
        return self._leader is None

    # -- threads ------------------------------------------------------------------------------

    def run(self, work: W, *, reads: bool = False) -> Any:  # whatever the work returns
        """
        Have some work done, alone or with others, and return its outcome.

        Raises:
            StorageError: If this thread is in the middle of a call already (a signal handler that
                came in between): it would wait for itself.
        """
        job = Job(work, reads=reads)
        self._take_turn(_Turn((job,)))
        return job.result()

    def _take_turn(self, turn: _Turn[W]) -> None:
        if self.entered():
            raise StorageError(
                "the storage was interrupted in a call of this very thread: no other fits in"
            )
        try:
            self._inside[turn.thread] = turn
            self._queue_up(turn)
            if turn.wake is not None:
                self._wait(turn, turn.wake)
            if self._leader is turn:
                self._lead(turn)
        finally:
            self._withdraw(turn)
            self._inside.pop(turn.thread, None)

    def _queue_up(self, turn: _Turn[W]) -> None:
        with self._mutex:
            if self._leader is None:
                self._leader = turn
            else:
                turn.wake = threading.Lock()
                turn.wake.acquire()
                self._queue.append(turn)

    def _wait(self, turn: _Turn[W], wake: threading.Lock) -> None:
        # Until the turn is done, or has the lead.
        while not wake.acquire(timeout=_LOOK_UP):
            if turn.done() or self._leader is turn:
                return
            leader = self._leader
            if leader is not None and not leader.under_way():
                self._withdraw(leader)

    def _lead(self, turn: _Turn[W]) -> None:
        with self._mutex:
            turn.batch += [each for each in self._queue if each is not turn and not each.gone]
            self._queue.clear()
        jobs: Sequence[Job[W]] = turn.jobs
        if len(turn.batch) > 1:
            jobs = [job for each in turn.batch for job in each.jobs]
        try:
            self._commit(jobs)
        except Exception as error:  # it belongs to everybody on this trip
            for job in jobs:
                if not job.settled:
                    job.fail(error)

    def _withdraw(self, turn: _Turn[W]) -> None:
        # Also from the middle of something, by KeyboardInterrupt: what an interrupted leader left
        # undone is done by others. No step takes harm from being done twice.
        with self._mutex:
            if self._leader is not turn:
                turn.gone = True
                return
        others = turn.batch[1:]
        for each in others:
            if each.done():
                each.waken()
        with self._mutex:
            if self._leader is not turn:  # somebody else has done all this for one who is gone
                return
            undone = [each for each in others if not each.done() and each not in self._queue]
            self._queue.extendleft(reversed(undone))
            self._appoint()

    def _appoint(self) -> None:
        while self._queue:
            heir = self._queue[0]
            if not heir.gone:
                self._leader = heir
                self._queue.popleft()
                heir.waken()
                return
            self._queue.popleft()
        self._leader = None

    # -- event loops --------------------------------------------------------------------------

    async def arun(self, work: W, *, reads: bool = False) -> Any:  # whatever the work returns
        """
        Same as `run`, without blocking the event loop. Cancelled before it began, it is not done.
        """
        from asyncio import get_running_loop

        job = Job(work, reads=reads)
        job.future = get_running_loop().create_future()
        with self._mutex:
            self._tasks.append(job)
            if not self._draining:
                self._start_draining()
        return await job.future

    async def elsewhere(self, call: Callable[[], Any]) -> Any:  # whatever the call returns
        """
        Make a call in the thread that leads for event loops.
        """
        from asyncio import get_running_loop

        try:
            waiting = get_running_loop().run_in_executor(self._threads(), call)
        except RuntimeError as error:
            raise _ended(error) from error
        return await waiting

    def _threads(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        with self._mutex:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="groq-quota")
            return self._executor

    def _start_draining(self) -> None:
        try:
            self._threads().submit(self._drain)
        except RuntimeError as error:
            self._tasks.clear()
            raise _ended(error) from error
        self._draining = True

    def _drain(self) -> None:
        while True:
            with self._mutex:
                jobs = [job for job in self._tasks if job.future and not job.future.cancelled()]
                self._tasks.clear()
                if not jobs:
                    self._draining = False
                    return
            try:
                self._take_turn(_Turn(jobs))
            except BaseException as error:  # it belongs to those who wait
                for job in jobs:
                    if not job.settled:
                        job.fail(error)
            _deliver(jobs)


_TAKING = Group._take_turn.__code__


def _deliver(jobs: Iterable[Job[Any]]) -> None:
    loops: dict[AbstractEventLoop, list[Job[Any]]] = {}
    for job in jobs:
        if job.future is not None:
            loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, theirs in loops.items():
        with suppress(RuntimeError):  # closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(_resolve, theirs)


def _resolve(jobs: Iterable[Job[Any]]) -> None:
    for job in jobs:
        future = job.future
        if future is None or future.done():
            continue
        if job.error is None:
            future.set_result(job.outcome)
        else:
            future.set_exception(job.error)


def _ended(error: RuntimeError) -> StorageError:
    # The interpreter is shutting down, and starts no threads any more.
    return StorageError(f"the storage cannot be used any more: {error}")
