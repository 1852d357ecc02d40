"""
One call of a decorated function: whether it may run, and what is counted of it.

Under the plugin it books nothing: the plugin accounts for what the function sends, and only a call
that ends unanswered for is counted here. Without the plugin it reserves itself.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .defaults import default_meter
from .errors import ConfigurationError, QuotaError, QuotaExceededError, RequestTooLargeError
from .hooks import logger
from .limits import normalize_model
from .outcomes import Amount, Outcome
from .policy import waiting
from .records import Record, close_record, enclosing, mark, open_record, take_over
from .reports import Usage, whole
from .results import fate_of, is_cached, is_pending, usage_of
from .sdk import installed, takers_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from .effects import Operation
    from .meter import QuotaMeter
    from .reservation import Reservation

__all__ = ["GuardedCall", "Options"]

# The longest wait for a minute or hour window where there is no plugin to say, in seconds.
_MAX_WAIT = 60.0


class Options(NamedTuple):
    """
    What `quota_guarded` was told; `name` is made ready for use, the rest is as it was given.
    """

    name: str | None
    model: Callable[..., str] | None
    attr: str | None
    meter: QuotaMeter | None
    tokens: int | Callable[..., int] | None
    usage: Callable[[Any], object] | None
    on_refused: object
    counting: Literal["auto", "always", "never"]


class GuardedCall:
    """
    A call between its admission and its settlement.

    Args:
        args: What the function is called with, `self` or `cls` first where there is one.

    Raises:
        ConfigurationError: If it cannot be told which model is called.
    """

    __slots__ = (
        "_args",
        "_begun",
        "_held",
        "_kwargs",
        "_meter",
        "_model",
        "_options",
        "_plugin",
        "_record",
        "_seen",
    )

    def __init__(
        self,
        options: Options,
        wrapped: Callable[..., object],
        instance: object,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self._options = options
        self._args = args if instance is None else (instance, *args)
        self._kwargs = kwargs
        name = options.name
        self._model = name if name is not None else self._named(wrapped, instance)
        meter = self._meter = options.meter or default_meter()
        plugin = installed()
        self._plugin = plugin is not None and plugin.same_count(meter)
        self._record: Record | None = None
        self._held: list[Reservation] = []
        self._begun = False
        self._seen: Usage | None = None

    def _named(self, wrapped: Callable[..., object], instance: object) -> str:
        options = self._options
        if options.model is not None:
            return normalize_model(options.model(*self._args, **self._kwargs))
        found: Any = _owner(wrapped, instance, self._args)
        try:
            for part in (options.attr or "").split("."):
                found = getattr(found, part)
        except AttributeError as error:
            msg = (
                f"quota_guarded(attr={options.attr!r}): {error}; attr= is for methods, "
                "a callable for model= gets all arguments"
            )
            raise ConfigurationError(msg) from None
        return normalize_model(found)

    # -- before it runs -----------------------------------------------------------------------

    def open(self) -> None:
        """
        Admit the call, and open its record in this context.

        Raises:
            QuotaExceededError: If it is refused.
            RequestTooLargeError: If it can never fit.
            StorageError: If the user asked for it.
        """
        self._meter.run(self._opening())

    async def aopen(self) -> None:
        """
        Same as `open`, without blocking the event loop.
        """
        await self._meter.arun(self._opening())

    def _opening(self) -> Operation[None]:
        books = not self._plugin and self._options.counting != "never"
        tokens = self._estimate() if books else 0
        try:
            if books:
                yield from self._reserving(Amount(tokens))
            else:
                yield from self._checking()
        except (QuotaExceededError, RequestTooLargeError) as error:
            raise (_as_sdk_error(error) if self._plugin else error) from None
        except QuotaError:
            raise
        except Exception:
            logger.exception("The guard failed; the call goes on unguarded.")
            return
        if self._options.counting == "auto":
            self._record = open_record(self._meter, "call", self._model)
            self._record.held = self._held

    def _checking(self) -> Operation[None]:
        if not self._plugin and self._is_within_its_own():
            return
        others = takers_over(self._model) if self._plugin else ()
        barred = yield from self._meter.barring(self._model, others)
        if barred is not None:
            mark(self._meter)  # what is refused here is answered for
            raise self._meter.refusal(self._model, barred)

    def _is_within_its_own(self) -> bool:
        # What an enclosing call holds is held for this one, too.
        around = enclosing(self._meter)
        return any(record.held and record.model == self._model for record in around)

    def _reserving(self, amount: Amount) -> Operation[None]:
        meter, model = self._meter, self._model
        reservation = take_over(meter, model)
        mark(meter)
        if reservation is None:
            booked = yield from meter.booking(model, amount, max_wait=_MAX_WAIT)
            reservation = yield from waiting(meter, model, booked, max_wait=_MAX_WAIT)
        self._held.append(reservation)

    def _estimate(self) -> int:
        tokens = self._options.tokens
        if tokens is None:
            return 0
        return whole(tokens(*self._args, **self._kwargs) if callable(tokens) else tokens, "tokens")

    def answer(self, error: BaseException) -> Any:  # the user's own answer, awaitable or not
        """
        What `on_refused` says to a refusal.
        """
        given = self._options.on_refused
        return given(error, *self._args, **self._kwargs) if callable(given) else given

    # -- after it ran -------------------------------------------------------------------------

    def see(self, item: object) -> None:
        """
        Look at what a generator yields: its last usage counts.
        """
        self._begun = True
        if self._record is None or not self._record.marked:
            self._seen = self._usage_of(item) or self._seen

    def end(self, result: object = None, error: BaseException | None = None) -> None:
        """
        Count the call where nothing closer to the wire did. A failure of ours is logged.
        """
        try:
            operation = self._ending(result, error)
            if operation is not None:
                self._meter.run(operation)
        except Exception:
            logger.exception("A call of %s could not be counted.", self._model)

    async def aend(self, result: object = None, error: BaseException | None = None) -> None:
        """
        Same as `end`, without blocking the event loop.
        """
        try:
            operation = self._ending(result, error)
            if operation is not None:
                await self._meter.arun(operation)
        except Exception:
            logger.exception("A call of %s could not be counted.", self._model)

    def end_later(self, error: BaseException | None = None) -> None:
        """
        Same as `end` at the meter's next call: for cancelled tasks and dropped generators.
        """
        try:
            operation = self._ending(None, error)
            if operation is not None:
                self._meter.settle_later(operation)
        except Exception:
            logger.exception("A call of %s could not be counted.", self._model)

    def _ending(self, result: object, error: BaseException | None) -> Operation[Any] | None:
        # What concerns this context and thread is done at once, the rest is left to the storage.
        record, meter = self._record, self._meter
        if record is not None:
            close_record(record)
        if not self._plugin:
            return self._releasing(result, error)
        if record is None:
            if self._options.counting != "always":
                return None
        elif record.marked:
            return None
        elif meter.notes.claim_for_call(record):
            mark(meter)
            return None
        outcome = self._outcome(result, error)
        if outcome is None:
            return None
        mark(meter)
        return meter.settling(self._model, outcome)

    def _releasing(self, result: object, error: BaseException | None) -> Operation[Any] | None:
        try:
            reservation = self._held.pop()
        except IndexError:  # given back when it was marked, or nothing was ever held
            return None
        if self._record is not None and self._meter.notes.claim_for_call(self._record):
            outcome = Outcome(requests=0)  # a LangChain run in another thread was counted
        else:
            outcome = self._outcome(result, error) or Outcome(requests=0)
        if outcome.requests:
            mark(self._meter)
        return reservation.ending(outcome)

    def _outcome(self, result: object, error: BaseException | None) -> Outcome | None:
        # None where no request was made, as far as can be told.
        if error is not None:
            known = fate_of(error)
            if known is not None:
                return self._one(None) if known.requests else known
            return self._one(self._seen) if self._broke_off(error) else None
        if self._begun:
            return self._one(self._seen)
        if self._options.counting != "always":
            if self._plugin and (result is None or is_pending(result)):
                return None
            if is_cached(result):
                return None
        return self._one(self._usage_of(result))

    def _broke_off(self, error: BaseException) -> bool:
        # Whether a request was probably made, whatever became of it: the generator was in the
        # middle of its answer; or it was cancelled, and no plugin knows that nothing was sent.
        if isinstance(error, (QuotaError, SystemExit)):
            return False
        return self._begun or not (self._plugin or isinstance(error, Exception))

    def _one(self, usage: Usage | None) -> Outcome:
        # Where it was booked, the estimate is known already.
        tokens = self._estimate() if usage is None and self._plugin else None
        return Outcome(usage=usage, tokens=tokens)

    def _usage_of(self, result: object) -> Usage | None:
        given = self._options.usage
        if given is None:
            return usage_of(result)
        try:
            found = given(result)
            return None if found is None else Usage.of(found)
        except Exception:
            logger.exception("usage= of quota_guarded failed; the estimate stands.")
            return None


def _owner(wrapped: object, instance: object, args: tuple[Any, ...]) -> object:
    # Whose attribute is meant: of a partial, its method's; of a class method in Python 3.13, where
    # it comes without an instance, the first argument's.
    if instance is not None:
        return instance
    bound = getattr(getattr(wrapped, "func", None), "__self__", None)
    return args[0] if bound is None and args else bound


def _as_sdk_error(error: QuotaExceededError | RequestTooLargeError) -> Exception:
    # As the plugin itself would refuse: whoever catches the SDK's errors catches this one.
    if "groq" not in sys.modules:
        return error
    from .sdk.errors import local_error

    return local_error(error)
