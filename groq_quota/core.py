"""
What is behind all scopes of a meter.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from .booking import Rules
from .effects import run
from .errors import StorageError
from .exits import at_exit, heed_multiprocessing
from .hooks import log_event, logger
from .learning import learned_limits
from .records import Notes
from .rests import Rests
from .standing import FIRST_LAG
from .storage.memory import MemoryStorage
from .storage.shelter import Shelter
from .trios import aside, in_trio

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from .effects import Operation
    from .hooks import QuotaHook
    from .limits import LimitTable
    from .rests import Ticket
    from .state import Cell
    from .storage import Storage

__all__ = ["Core", "drained", "flushed", "when_done"]

T = TypeVar("T")

# After how many seconds the first of this process looks for what other processes have counted.
_SOONEST, _LATEST = 0.05, 1.0


class Core:
    """
    What all scopes of a meter share: limits, a storage and a clock, and what is still due.
    """

    def __init__(
        self,
        storage: Storage,
        table: LimitTable,
        *,
        enforce: bool,
        rolling: bool,
        hooks: Iterable[QuotaHook],
        clock: Callable[[], float],
    ) -> None:
        self.storage = storage
        self.table = table
        self.enforce = enforce
        self.rolling = rolling
        self.hooks = (log_event, *hooks)
        self.clock = clock
        # A clock of tests brings its own way to wait.
        self._sleep: Callable[[float], None] | None = getattr(clock, "sleep", None)
        self._asleep: Callable[[float], Awaitable[None]] | None = getattr(clock, "asleep", None)
        self.rests = Rests()
        # Nor does anything take time by such a clock.
        self.lag = FIRST_LAG if self._sleep is None else 0.0
        # Whether storage operations are done without waiting, so that nothing can come in between.
        self.at_once = type(storage) is MemoryStorage
        self._at_work: set[Future[Any]] = set()
        self.plans: dict[str, str | None] = {}
        self.later: deque[Operation[Any]] = deque()
        self.notes = Notes()
        self._rules: dict[tuple[str, str | None], tuple[int, dict[str, Any], Rules]] = {}
        _living.add(self)
        heed_multiprocessing()

    def rules(self, model: str, scope: str, cell: Cell) -> Rules:
        """
        The limits that hold for a model, made ready; computed again only when they may differ.
        """
        plan = self.plans.get(scope)
        known = self._rules.get((model, plan))
        learned, version = cell["learned"], self.table.version
        if known is not None and known[0] == version and known[1] == learned:
            return known[2]
        known_limits = learned_limits(cell)
        told = {kind: known_limit.amount for kind, known_limit in known_limits.items()}
        limits = self.table.effective(model, known_limits, plan)
        rules = Rules(limits, told, rolling=self.rolling)
        self._rules[model, plan] = (version, dict(learned), rules)
        return rules

    def owe(self, operation: Operation[Any]) -> None:
        """
        Keep an operation until `drained`, and with it this core.
        """
        self.later.append(operation)
        _owing.add(self)

    def perform(self, name: str, *args: Any) -> Any:  # what an operation asks for: see effects
        """
        Do what an operation yields.
        """
        if name == "rest":
            return self._rest(*args)
        return getattr(self.storage, name)(*args)

    async def aperform(
        self, name: str, *args: Any
    ) -> Any:  # what an operation asks for: see effects
        """
        Same as `perform`, awaiting it.
        """
        if name == "rest":
            return await self._arest(*args)
        if not self.at_once and in_trio():
            return await aside(self.perform, name, *args)
        if name == "transact" and not self.at_once:
            return await self._to_its_end(self.storage.atransact(*args))
        return await getattr(self.storage, "a" + name)(*args)

    def _rest(self, ticket: Ticket, seconds: float) -> float:
        if self._sleep is None:
            return ticket.rest(self._look(ticket, seconds))
        self._sleep(seconds)
        return seconds

    async def _arest(self, ticket: Ticket, seconds: float) -> float:
        if self._asleep is None:
            return await ticket.arest(self._look(ticket, seconds))
        await self._asleep(seconds)
        return seconds

    def _look(self, ticket: Ticket, seconds: float) -> float:
        # What other processes count, nobody tells: the first in line looks now and then.
        if self.at_once or self.rests.first(ticket.key) is not ticket:
            return seconds
        return min(seconds, max(_SOONEST, min(_LATEST, seconds / 4)))

    async def _to_its_end(self, change: Coroutine[Any, Any, T]) -> T:
        # A change is not broken off halfway: if its caller is cancelled it goes on alone, and the
        # cancellation says where (see `when_done`).
        import asyncio  # whoever awaits has it already; whoever does not need not load it

        from .detached import detached

        work = detached(change)
        self._at_work.add(work)
        work.add_done_callback(self._at_work.discard)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError as error:
            error.at_work = work  # type: ignore[attr-defined]  # read by `when_done` alone
            raise


def when_done(
    error: BaseException,
    then: Callable[[Any], None],
    failed: Callable[[StorageError], None] = lambda _: None,
) -> None:
    """
    Have the outcome of a change that a cancellation has left behind, when it is there, or what the
    storage said. Nothing is heard of any other error: it left no change behind.
    """
    work: Future[Any] | None = getattr(error, "at_work", None)
    if work is None:
        return

    def done(work: Future[Any]) -> None:
        if work.cancelled():
            return
        problem = work.exception()
        if problem is None:
            then(work.result())
        elif isinstance(problem, StorageError):
            failed(problem)

    work.add_done_callback(done)


_living: weakref.WeakSet[Core] = weakref.WeakSet()
# Those with something due: they outlive the last meter that knows them, until it is done.
_owing: set[Core] = set()


@at_exit
def _finish() -> None:
    for core in list(_living):
        try:
            try:
                run(flushed(core), core.perform)
            finally:
                core.storage.close()
        except Exception:  # the program is ending, and its own exit must not fail
            logger.debug("What was left to count could not be written at exit.", exc_info=True)


def _after_fork() -> None:
    # What is due in the parent, the parent will do; and a lock of its threads is let go by nobody.
    for core in list(_living):
        core.later.clear()
        _owing.discard(core)
        core.notes = Notes()
        core.rests = Rests()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_after_fork)


def flushed(core: Core) -> Operation[None]:
    """
    The operation that does what is due, and brings back a storage that was away.
    """
    yield from drained(core)
    if isinstance(core.storage, Shelter):
        yield ("flush",)


def drained(core: Core) -> Operation[None]:
    """
    The operation that does what finalizers and cancelled tasks have left to be done.
    """
    _owing.discard(core)
    # Taken out first: each of them would do the next one within itself.
    due: deque[Operation[Any]] = deque()
    try:
        while core.later:
            due.append(core.later.popleft())
    except IndexError:  # another thread took it
        pass
    try:
        while due:
            try:
                yield from due.popleft()
            except StorageError:
                raise
            except Exception:  # it failed whoever asked for it: the next call is not to blame
                logger.exception("What was left to count cannot be counted.")
    finally:
        if due:
            core.later.extendleft(reversed(due))
            _owing.add(core)
