"""
A place in the windows of a model, held for a request that is about to be sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .outcomes import Outcome
from .reports import Usage

if TYPE_CHECKING:
    from types import TracebackType

    from .booking import Booking
    from .effects import Operation
    from .operations import Operations
    from .settling import Settled

__all__ = ["Reservation"]


class Reservation:
    """
    One reserved request; ends by the first `commit` or `release`, later ones do nothing.

    Attributes:
        model: The model it is for.
        wait: Seconds from its booking until it may be sent; 0.0 unless it was booked ahead.
    """

    __slots__ = ("_booking", "_meter", "_open", "model")

    def __init__(self, meter: Operations, model: str, booking: Booking) -> None:
        self._meter = meter
        self._booking = booking
        self.model = model
        # Popping a list's one item is atomic: of two threads that end it, one does.
        self._open = [True]

    @property
    def tokens(self) -> int:
        """
        The tokens it holds.
        """
        return self._booking.amount.tokens

    @property
    def prompt_tokens(self) -> int:
        """
        Of `tokens`, those of the prompt; 0 where the parts are not known.
        """
        return self._booking.amount.prompt

    @property
    def capped(self) -> bool:
        """
        Whether `tokens` is the most that the request can take.
        """
        return self._booking.amount.capped

    @property
    def wait(self) -> float:
        """
        Seconds from its booking until it may be sent; 0.0 unless it was booked ahead.
        """
        return self._booking.wait

    @property
    def booking(self) -> Booking:
        """
        What it has taken.
        """
        return self._booking

    def begin(self, booking: Booking) -> None:
        """
        Take what it holds now that its turn has come.
        """
        self._booking = booking

    @property
    def active(self) -> bool:
        """
        True until it is committed or released.
        """
        return bool(self._open)

    def commit(self, usage: object = None) -> None:
        """
        Count the request with what it used; None counts the estimate.

        Args:
            usage: A `Usage`, a number of tokens, or the SDK's usage object.
        """
        self._meter.run(self._commit(usage))

    async def acommit(self, usage: object = None) -> None:
        """
        Same as `commit`, without blocking the event loop.
        """
        await self._meter.arun(self._commit(usage))

    def _commit(self, usage: object) -> Operation[None]:
        counted = None if usage is None else Usage.of(usage)
        yield from self.ending(Outcome(usage=counted))

    def release(self) -> None:
        """
        Give everything back: nothing was sent.
        """
        self._meter.run(self.ending(Outcome(requests=0)))

    async def arelease(self) -> None:
        """
        Same as `release`, without blocking the event loop.
        """
        await self._meter.arun(self.ending(Outcome(requests=0)))

    def ending(self, outcome: Outcome) -> Operation[Settled | None]:
        """
        The operation that ends it with an outcome; None if it had already ended.
        """
        try:
            self._open.pop()
        except IndexError:
            return None
        return (yield from self._meter.settling(self.model, outcome, self._booking))

    def __enter__(self) -> Reservation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.release()

    async def __aenter__(self) -> Reservation:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.acommit()
        else:
            await self.arelease()
