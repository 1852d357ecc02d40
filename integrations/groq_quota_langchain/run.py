"""
One run of LangChain between its start and its end: what it reserved, and what is counted of it.

The runs under way are kept by their ids, and each is forgotten with the object that is its id:
LangChain does not tell of runs that are cancelled, but it lets go of that object then.
"""

from __future__ import annotations

import asyncio
import os
import sys
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from groq_quota import QuotaError, Usage
from groq_quota.demand import ChatDemand
from groq_quota.estimate import careful_count
from groq_quota.outcomes import Outcome
from groq_quota.policy import admit
from groq_quota.records import Record, close_record, mark, open_record, take_over
from groq_quota.results import fate_of
from groq_quota.sdk import installed, takers_over

from . import reading

if TYPE_CHECKING:
    from uuid import UUID

    from langchain_core.outputs import LLMResult

    from groq_quota import QuotaMeter
    from groq_quota.effects import Operation
    from groq_quota.reservation import Reservation

    from .reading import Asked

__all__ = ["Run", "begin", "drop_batch", "enter", "in_event_loop", "known", "leave"]

# The longest wait of a synchronous run for a minute window, in seconds, where there is no plugin.
_MAX_WAIT = 60.0


class Run:
    """
    A run on its way.

    Attributes:
        owner: The handler that began it.
        batch: What all runs of one `generate` of several prompts share; None for a single run.
        orphan: True once nobody is left who could tell of its end.
    """

    __slots__ = ("_asked", "_record", "batch", "meter", "model", "orphan", "owner")

    def __init__(self, meter: QuotaMeter, model: str, asked: Asked, record: Record) -> None:
        self.meter = meter
        self.model = model
        self.owner: object = None
        self.batch: object = None
        self.orphan = False
        self._asked = asked
        self._record = record

    @property
    def order(self) -> int:
        """
        Its place among all runs.
        """
        return self._record.order

    # -- its end ------------------------------------------------------------------------------

    def end(self, response: LLMResult) -> None:
        """
        Count a finished run, if nobody nearer to the wire has done so.
        """
        if self._answered_for():
            return
        if reading.is_cached(response):
            mark(self.meter, only="call")
            self.give_back()
        else:
            self._count(self._outcome(response))

    def fail(self, error: BaseException, partial: LLMResult | None) -> None:
        """
        Count what is known of a run that failed, or was closed half read.
        """
        if self._answered_for():
            return
        outcome = _fate(error, partial)
        if outcome is None or (self._asked.through_sdk and not self._holds and outcome.requests):
            self.give_back()  # never sent, as far as is known; the plugin would have said so
            return
        self._count(self._outcome(partial) if outcome.requests else outcome)

    def give_back(self) -> None:
        """
        End it uncounted.
        """
        self._record.closed = True
        if self._holds:
            self.meter.run(self._ending(Outcome(requests=0)))

    def abandoned(self, key: object) -> Operation[None]:
        """
        The operation that counts a run whose end nobody told: as sent, at its estimate.
        """
        if not _forget(key, self):
            return
        self._record.closed = True
        if self._holds and not self._record.marked:
            yield from self._ending(Outcome())

    @property
    def _holds(self) -> bool:
        return bool(self._record.held)

    def _answered_for(self) -> bool:
        close_record(self._record)
        if self._record.marked:
            self.give_back()
        return self._record.marked

    def _count(self, outcome: Outcome) -> None:
        meter = self.meter
        decorated = mark(meter, only="call")
        meter.run(self._ending(outcome))
        if outcome.requests:
            # For decorated functions that are not in this context, and for `track_request`.
            meter.note(self.model, meter.now(), decorated=decorated)

    def _ending(self, outcome: Outcome) -> Operation[Any]:
        try:
            reservation = self._record.held.pop()
        except IndexError:  # it had none: what it took is counted without one
            return self.meter.settling(self.model, outcome)
        return reservation.ending(outcome)

    def _outcome(self, response: LLMResult | None) -> Outcome:
        usage = None if response is None else reading.usage_of(response)
        if usage is not None:
            return Outcome(usage=usage)
        # What was seen; but where max_tokens was given, all of it.
        asked = careful_count(self._asked.body(self.model))
        seen = 0 if response is None else reading.seen_tokens(response)
        total = asked.total if asked.capped else asked.prompt + min(seen, asked.output)
        if self._holds:
            booked = self._record.held[0]
            return Outcome(tokens=None if booked.capped else min(total, booked.tokens))
        return Outcome(usage=Usage(total))


def _fate(error: BaseException, partial: LLMResult | None) -> Outcome | None:
    # None where nothing was sent, as far as is known.
    if isinstance(error, QuotaError):
        return None
    if not isinstance(error, Exception) or _was_answered(error, partial):
        return Outcome()  # closed, cancelled or interrupted under way; or broken off
    sent = _was_sent(error)
    if sent is None:
        return fate_of(error)
    return Outcome() if sent else Outcome(requests=0, failed=1)


def _was_answered(error: BaseException, partial: LLMResult | None) -> bool:
    # Part of a stream came; or the error of an event within it, which is what the SDKs of Groq and
    # OpenAI raise this class itself for.
    begun = partial is not None and reading.seen_tokens(partial) > 0
    return begun or type(error).__name__ == "APIError"


def _was_sent(error: BaseException) -> bool | None:
    # Of connections that failed or timed out, by what httpx said; None for all other errors.
    httpx = sys.modules.get("httpx")
    if httpx is None:
        return None
    never = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    cause: BaseException | None = error
    for _ in range(8):
        if cause is None:
            break
        if isinstance(cause, httpx.TransportError):
            return not isinstance(cause, never)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return True if "timeout" in type(error).__name__.lower() else None


# -- its start --------------------------------------------------------------------------------


def begin(meter: QuotaMeter, model: str, asked: Asked) -> Run:
    """
    Admit a run: check it where the plugin will book it, else reserve for it.

    Raises:
        QuotaExceededError: If it is refused.
        RequestTooLargeError: If it can never fit.
    """
    outside = asked.through_sdk is False
    plugin = installed()
    if not outside and plugin is not None and plugin.same_count(meter):
        # The plugin will wait for minute windows; only what bars a request for longer is said here.
        # And only what no other model takes over.
        barred = meter.run(meter.barring(model, takers_over(model)))
        if barred is not None:
            mark(meter, only="call")
            raise meter.refusal(model, barred)
        return Run(meter, model, asked, open_record(meter, "run", model))
    reservation = _reserve(meter, model, asked)
    # What never calls the Groq SDK has nothing to do with calls that do, beside it in its context;
    # but it may send through a `QuotaTransport`.
    record = open_record(meter, "run", model, outside=outside)
    record.held.append(reservation)
    return Run(meter, model, asked, record)


def _reserve(meter: QuotaMeter, model: str, asked: Asked) -> Reservation:
    taken = take_over(meter, model, only="call")
    mark(meter, only="call")
    if taken is not None:
        if taken.tokens:
            return taken
        # A decorated function that was not told how many tokens: here more is known.
        taken.release()
    # An event loop is not kept waiting: there the handler refuses.
    patience = 0.0 if in_event_loop() else _MAX_WAIT
    demand = ChatDemand(asked.body(model))
    return admit(meter, model, demand, max_wait=patience)


def in_event_loop() -> bool:
    """
    Whether this thread runs an event loop just now.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


# -- the runs under way -----------------------------------------------------------------------

_under_way: dict[object, list[Run]] = {}

if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    # What is under way in the parent, the parent will count.
    os.register_at_fork(after_in_child=_under_way.clear)


def _key(run_id: UUID) -> object:
    # Not the id itself, which would then never be gone.
    return getattr(run_id, "int", run_id)


def known(run_id: UUID, meter: QuotaMeter) -> bool:
    """
    Whether a run is under way that counts in the same place: two handlers may be given to one.
    """
    runs = _under_way.get(_key(run_id), ())
    return any(run.meter.same_count(meter) and not run.orphan for run in runs)


def enter(run_id: UUID, run: Run) -> None:
    """
    Keep a run until its end, or until its id is gone.
    """
    key = _key(run_id)
    _under_way.setdefault(key, []).append(run)
    with suppress(TypeError):  # of another kind, by hand: only its end will tell
        weakref.finalize(run_id, _orphaned, key).atexit = False


def leave(run_id: UUID, owner: object) -> Run | None:
    """
    The run that a handler began; it is under way no longer.
    """
    key = _key(run_id)
    runs = _under_way.get(key, ())
    run = next((run for run in reversed(runs) if run.owner is owner), None)
    if run is not None:
        _forget(key, run)
    return run


def drop_batch(batch: object, *, after: Run | None = None) -> None:
    """
    Give up the runs of one `generate` that will not be sent any more: all, or those after a run.

    LangChain starts all of them first, and tells of none of them when one start fails, nor of those
    that come after one that failed.
    """
    if batch is None:
        return
    for key, runs in list(_under_way.items()):
        for run in list(runs):
            if run.batch is batch and (after is None or run.order > after.order):
                _forget(key, run)
                run.give_back()


def _forget(key: object, run: Run) -> bool:
    runs = _under_way.get(key, [])
    if run not in runs:
        return False
    runs.remove(run)
    if not runs:
        _under_way.pop(key, None)
    return True


def _orphaned(key: object) -> None:
    # Called by the garbage collector: the next call of the meter does the work. An id that is only
    # written down, as in tests, may yet come again until then.
    for run in _under_way.get(key, ()):
        run.orphan = True
        run.meter.settle_later(run.abandoned(key))
