"""
What a meter does, as operations: shared by its sync and async methods, and by the surfaces.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from . import messages, readings
from .booking import Booking, Denial, admit, begin, turn_away
from .core import drained, when_done
from .effects import arun, run
from .errors import ConfigurationError, QuotaExceededError, RequestTooLargeError, StorageError
from .fallbacks import is_taken_over
from .hooks import QuotaEvent, logger
from .learning import forget, learned_limits
from .limits import normalize_model
from .outcomes import Amount, Outcome
from .reports import Status, whole
from .reservation import Reservation
from .settling import Settled, hold_off, refuse, settle
from .state import new_cell, reset, touch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .booking import Rules, RulesOf
    from .core import Core
    from .effects import Operation
    from .hooks import EventKind
    from .limits import Limit
    from .records import Note, Notes
    from .replies import Refusal
    from .state import Cell
    from .storage import Doubt

__all__ = ["Operations"]

T = TypeVar("T")

# Clocks have no more digits than these, in seconds: a turn comes when it is over for certain.
_HAIR = 2e-6
# Who has waited this long does not give up his place for another second.
_GRACE = 1.0


class Operations:
    """
    The operations of one scope of a meter; `run` and `arun` run them.

    Those without an underscore are for the surfaces: the plugin, the decorator, the handlers.
    """

    __slots__ = ("__weakref__", "_core", "_scope")

    _core: Core
    _scope: str

    @property
    def scope(self) -> str:
        """
        Whose quota this meter counts.
        """
        return self._scope

    @property
    def notes(self) -> Notes:
        """
        What the plugin noted of the calls it accounted for.
        """
        return self._core.notes

    def note(self, model: str, at: float, *, decorated: bool) -> Note:
        """
        Leave a note of a call that the plugin accounts for, made at an epoch time.
        """
        return self._core.notes.leave(self._scope, model, at, decorated=decorated)

    def same_count(self, other: Operations) -> bool:
        """
        Whether both count in one place for one scope: what one counts, the other has counted.
        """
        mine, its = self._core, other._core
        if self._scope != other._scope:
            return False
        return mine is its or mine.storage.uri == its.storage.uri != "memory://"

    def now(self) -> float:
        """
        Epoch seconds by the storage's clock where it has one, else by this meter's.
        """
        return self._core.clock() + self._core.storage.offset

    def run(self, operation: Operation[T]) -> T:
        """
        Run one of this meter's operations.
        """
        return run(operation, self._core.perform)

    async def arun(self, operation: Operation[T]) -> T:
        """
        Same as `run`, without blocking the event loop.
        """
        return await arun(operation, self._core.aperform)

    def _ready(self) -> Operation[None]:
        # What is due from before, and the plan that this or another process has recognised.
        core = self._core
        if core.later:
            try:
                yield from drained(core)
            except StorageError:  # still due; whether what was asked for can be done, will be seen
                logger.debug("What is due cannot be counted yet.", exc_info=True)
        if self._scope not in core.plans:
            cell = yield "read", (self._scope, "")
            core.plans[self._scope] = cell["plan"] if cell else None

    def _read(self, model: str) -> Operation[tuple[Cell, Rules]]:
        if self._core.later or self._scope not in self._core.plans:
            yield from self._ready()
        cell = (yield "read", (self._scope, model)) or new_cell()
        return cell, self._core.rules(model, self._scope, cell)

    def _rules_of(self, model: str) -> RulesOf:
        return partial(self._core.rules, model, self._scope)

    def _reserve(self, model: str, tokens: int) -> Operation[Reservation]:
        name, amount = normalize_model(model), Amount(whole(tokens, "tokens"))
        booked = yield from self.booking(name, amount)
        if isinstance(booked, Denial):
            raise self.refusal(name, booked)
        return Reservation(self, name, booked)

    def booking(
        self,
        model: str,
        amount: Amount,
        *,
        max_wait: float = 0.0,
        final: bool = True,
    ) -> Operation[Booking | Denial]:
        """
        The operation that books a request, ahead by at most `max_wait` seconds; see `admit`.
        """
        core = self._core
        if core.later or self._scope not in core.plans:
            yield from self._ready()
        step = self._admitting(model, amount, max_wait, final=final)
        try:
            booked: Booking | Denial = yield "transact", (self._scope, model), step
        except BaseException as error:
            when_done(error, partial(self._unbook, model))
            raise
        if final and isinstance(booked, Denial):
            self._tell_blocked(model, booked)
        return booked

    def book(self, model: str, amount: Amount) -> Booking | Denial:
        """
        Book a request that is to be sent at once; a refusal is not final. The way of nearly every
        call, so without an operation.
        """
        core = self._core
        if core.later or self._scope not in core.plans:
            return self.run(self.booking(model, amount, final=False))
        step = self._admitting(model, amount, 0.0, final=False)
        return core.storage.transact((self._scope, model), step)

    async def abook(self, model: str, amount: Amount) -> Booking | Denial:
        """
        Same as `book`, without blocking the event loop.
        """
        if self._core.at_once:
            return self.book(model, amount)
        return await self.arun(self.booking(model, amount, final=False))

    def _admitting(
        self, model: str, amount: Amount, max_wait: float, *, final: bool
    ) -> Callable[[Cell], Booking | Denial]:
        core = self._core
        return partial(
            admit,
            now=self.now(),
            rules_of=self._rules_of(model),
            amount=amount,
            max_wait=max_wait,
            enforce=core.enforce,
            final=final,
            lag=core.lag,
        )

    def turn(self, model: str, booking: Booking, patience: float) -> Operation[Booking | None]:
        """
        The operation that waits for the turn of a request booked ahead, and takes its room; None if
        the turn moved beyond the `patience`, in seconds since its booking.
        """
        key, rests, rested = (self._scope, model), self._core.rests, 0.0
        ticket, seconds = rests.join(key), booking.wait
        try:
            while not rested or rested + seconds <= patience + _GRACE:
                rested += yield "rest", ticket, seconds + _HAIR
                step = partial(
                    begin,
                    rules_of=self._rules_of(model),
                    booking=booking,
                    rested=rested,
                    lag=self._core.lag,
                )
                # Only looked at first: mostly there is still some time left.
                found = step((yield "read", key) or new_cell(), self.now())
                if isinstance(found, Booking):
                    found = yield "transact", key, partial(step, now=self.now())
                    if isinstance(found, Booking):
                        return found
                seconds = found
        finally:
            rests.leave(ticket)
        return None

    def _unbook(self, model: str, booked: Booking | Denial) -> None:
        # Who asked for it was cancelled meanwhile.
        if isinstance(booked, Booking):
            self.settle_later(self.settling(model, Outcome(requests=0), booked))

    def barring(self, model: str, fallbacks: Sequence[str] = ()) -> Operation[Denial | None]:
        """
        The operation that says what bars any request of a model for the rest of its day, or for
        good. It books nothing; what is barred is counted as blocked.

        For surfaces that leave minute windows, the booking and the choice among the `fallbacks` to
        whoever sends the request: while one of them is not barred, the model is not.
        """
        barred = yield from self._barred(model)
        if barred is None or not self._core.enforce:
            return None
        if is_taken_over(barred):
            for name in fallbacks:
                if (yield from self._barred(normalize_model(name))) is None:
                    return None
        # That was on copies. Now for good, unless the day has ended meanwhile.
        step = partial(turn_away, now=self.now(), rules_of=self._rules_of(model))
        denial: Denial | None = yield "transact", (self._scope, model), step
        if denial is not None:
            self._tell_blocked(model, denial)
        return denial

    def _barred(self, model: str) -> Operation[Denial | None]:
        cell, rules = yield from self._read(model)
        return turn_away(cell, self.now(), rules_of=lambda _: rules)

    def refusal(self, model: str, denial: Denial) -> QuotaExceededError | RequestTooLargeError:
        """
        The error that says why a request was not booked.
        """
        kind = RequestTooLargeError if denial.too_large else QuotaExceededError
        amount = denial.limit.amount or 0
        return kind(
            f"{model}: {readings.explain(denial)} (not sent)",
            model=model,
            limit=denial.limit,
            used=denial.used,
            requested=denial.requested,
            remaining=max(0, amount - denial.used),
            retry_after=denial.retry_after,
        )

    def settling(
        self,
        model: str,
        outcome: Outcome,
        booking: Booking | None = None,
        *,
        lasting: bool = True,
    ) -> Operation[Settled]:
        """
        The operation that counts what became of a request and frees its booking; see `settle`.

        What a storage cannot take, as it is away, is kept until the meter's next call. With
        `lasting=False` it is not: whoever asked may ask again.
        """
        core, key = self._core, (self._scope, model)
        if core.later or self._scope not in core.plans:
            try:
                yield from self._ready()
            except BaseException as error:
                # Cancelled before it was counted, or a storage that is away: that is still due.
                away = isinstance(error, StorageError)
                if (lasting and away) or not isinstance(error, Exception):
                    self.settle_later(self.settling(model, outcome, booking))
                raise
        step = self._settling(model, outcome, booking)
        try:
            settled: Settled = yield "transact", key, step
        except BaseException as error:
            keep_due = partial(self._keep_due, model, outcome, booking)
            if lasting and isinstance(error, StorageError):
                keep_due(error)
            when_done(error, lambda done: self.settle_later(self._followed(model, done)), keep_due)
            raise
        yield from self._followed(model, settled)
        return settled

    def settle(self, model: str, outcome: Outcome, booking: Booking | None = None) -> None:
        """
        Run `settling`; as in `book`, mostly without an operation.
        """
        core = self._core
        if core.later or self._scope not in core.plans:
            self.run(self.settling(model, outcome, booking))
            return
        step = self._settling(model, outcome, booking)
        try:
            settled = core.storage.transact((self._scope, model), step)
        except StorageError as error:
            self._keep_due(model, outcome, booking, error)
            raise
        brought = settled.first_of_day or settled.learned or settled.announce is not None
        if brought or core.rests.lines:
            self.run(self._followed(model, settled))

    async def asettle(self, model: str, outcome: Outcome, booking: Booking | None = None) -> None:
        """
        Same as `settle`, without blocking the event loop.
        """
        if self._core.at_once:
            self.settle(model, outcome, booking)
        else:
            await self.arun(self.settling(model, outcome, booking))

    def _settling(
        self, model: str, outcome: Outcome, booking: Booking | None
    ) -> Callable[[Cell], Settled]:
        rules_of = self._rules_of(model)
        return partial(settle, now=self.now(), rules_of=rules_of, outcome=outcome, booking=booking)

    def _keep_due(
        self, model: str, outcome: Outcome, booking: Booking | None, error: StorageError
    ) -> None:
        # What a storage did not take, as it is away, is counted once it can be: at the next call.
        doubt: Doubt | None = getattr(error, "doubt", None)
        self.settle_later(self._settling_again(model, outcome, booking, doubt))

    def _settling_again(
        self, model: str, outcome: Outcome, booking: Booking | None, doubt: Doubt | None
    ) -> Operation[None]:
        if doubt is not None:
            try:
                made = yield "applied", doubt.key, doubt.change
            except BaseException:  # nobody knows yet
                self.settle_later(self._settling_again(model, outcome, booking, doubt))
                raise
            if made:
                # What it had to say was lost with the answer: the most that it can have been.
                day, cell = doubt.after["day"], doubt.after
                told = Settled(
                    first_of_day=True,
                    status=Status.NORMAL,
                    announce=None,
                    day=day,
                    learned=True,
                    cell=cell,
                )
                yield from self._followed(model, told)
                return
        yield from self.settling(model, outcome, booking)

    def hearing(self, reservation: Reservation, refusal: Refusal) -> Operation[None]:
        """
        The operation that learns from a refusal of Groq's. One that names another model, behind
        the one that was asked for, holds off both.
        """
        model, booking = reservation.model, reservation.booking
        try:
            named = normalize_model(refusal.model or model)
        except ConfigurationError:
            named = model
        now = self.now()
        step = partial(
            refuse,
            now=now,
            rules_of=self._rules_of(named),
            refusal=refusal,
            booking=booking if named == model else None,
        )
        yield "transact", (self._scope, named), step
        if named != model:
            yield "transact", (self._scope, model), partial(hold_off, now=now, refusal=refusal)

    def _followed(self, model: str, settled: Settled) -> Operation[None]:
        # What a count brings with it: room for others, an active day, a plan that is recognised, an
        # event. The count itself is made, so it does not fail if the storage does by then.
        if self._core.rests.lines:
            self._core.rests.wake_first((self._scope, model))
        try:
            if settled.first_of_day:
                yield "transact", (self._scope, ""), partial(touch, day=settled.day)
            if settled.learned:
                yield from self._recognise(model, settled.cell)
        except StorageError:
            logger.debug("What a count brings with it is still due.", exc_info=True)
            self.settle_later(self._followed(model, settled))
            return
        if settled.announce is not None:
            self._announce(model, settled)

    def settle_later(self, operation: Operation[Any]) -> None:
        """
        Keep an operation for the next call, flush or exit: for finalizers and cancelled tasks.
        """
        self._core.owe(operation)

    def _recognise(self, model: str, cell: Cell) -> Operation[None]:
        core, learned = self._core, learned_limits(cell)
        heard = {kind: known.amount for kind, known in learned.items()}
        plan = core.table.infer_plan(model, heard.get("rpd"), heard.get("tpm"), heard.get("ash"))
        if plan is not None and plan != core.plans.get(self._scope):
            yield "transact", (self._scope, ""), partial(_set_plan, plan=plan)
            core.plans[self._scope] = plan
        dropped = core.table.contradicted(model, learned, core.plans.get(self._scope))
        if dropped:
            kinds = ", ".join(kind.upper() for kind in dropped)
            said = (
                f"{model}: Groq's headers differ from the table of limits; {kinds} not known, "
                "not enforced (set plan= or limits= if you know them)"
            )
            self.tell("contradicted", model, Status.NORMAL, said)

    def _reset(self, model: str | None) -> Operation[None]:
        if self._core.later or self._scope not in self._core.plans:
            yield from self._ready()
        if model is None:
            cells: dict[str, Cell] = yield "load", self._scope
            names = [name for name in sorted(cells) if name]
        else:
            names = [normalize_model(model)]
        for name in names:
            yield "transact", (self._scope, name), partial(reset, now=self.now())
            self.tell("reset", name, Status.NORMAL, f"{name}: the day's count was reset")

    def _forget_limits(self, model: str | None) -> Operation[None]:
        if model is not None:
            yield "transact", (self._scope, normalize_model(model)), forget
            return
        cells: dict[str, Cell] = yield "load", self._scope
        for name in sorted(name for name, cell in cells.items() if cell["learned"]):
            yield "transact", (self._scope, name), forget
        yield "transact", (self._scope, ""), partial(_set_plan, plan=None)
        self._core.plans[self._scope] = None

    def tell(
        self,
        kind: EventKind,
        model: str,
        status: Status,
        message: str,
        *,
        limit: Limit | None = None,
        seconds: float | None = None,
        instead: str | None = None,
    ) -> None:
        """
        Give an event to all hooks; what they raise is logged.
        """
        event = QuotaEvent(
            kind, self._scope, model, self.now(), status, message, limit, seconds, instead
        )
        for hook in self._core.hooks:
            try:
                hook(event)
            except Exception:  # a listener's failure is not the caller's
                logger.exception("A hook failed on the event %r.", kind)

    def _tell_blocked(self, model: str, denial: Denial) -> None:
        said = f"{model}: {readings.explain(denial)}"
        limit, seconds = denial.limit, denial.retry_after
        self.tell("blocked", model, denial.status, said, limit=limit, seconds=seconds)

    def _announce(self, model: str, settled: Settled) -> None:
        rules = self._core.rules(model, self._scope, settled.cell)
        metric, used, amount = readings.nearest_daily(settled.cell, self.now(), rules)
        said = messages.standing(settled.status, metric, used, amount)
        self.tell("status", model, settled.status, f"{model}: {said}")


def _set_plan(cell: Cell, plan: str | None) -> None:
    cell["plan"] = plan
