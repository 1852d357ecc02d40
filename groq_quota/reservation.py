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
        booking: What it has taken.
    """

    __slots__ = ("_meter", "_open", "booking", "model")

    def __init__(self, meter: Operations, model: str, booking: Booking) -> None:
        self._meter = meter
        self.booking = booking
        self.model = model
        # Popping the one item is atomic: of two threads that end it, one does.
        self._open = {"open": True}

    @property
    def tokens(self) -> int:
        """
        The tokens it holds.
        """
        return self.booking.amount.tokens

    @property
    def prompt_tokens(self) -> int:
        """
        Of `tokens`, those of the prompt; 0 where the parts are not known.
        """
        return self.booking.amount.prompt

    @property
    def capped(self) -> bool:
        """
        Whether `tokens` is the most that the request can take.
        """
        return self.booking.amount.capped

    @property
    def wait(self) -> float:
        """
        Seconds from its booking until it may be sent; 0.0 unless it was booked ahead.
        """
        return self.booking.wait

    def begin(self, booking: Booking) -> None:
        """
        Take what it holds now that its turn has come.
        """
        self.booking = booking

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
        self.end(Outcome(usage=None if usage is None else Usage.of(usage)))

    async def acommit(self, usage: object = None) -> None:
        """
        Same as `commit`, without blocking the event loop.
        """
        await self.aend(Outcome(usage=None if usage is None else Usage.of(usage)))

    def release(self) -> None:
        """
        Give everything back: nothing was sent.
        """
        self.end(Outcome(requests=0))

    async def arelease(self) -> None:
        """
        Same as `release`, without blocking the event loop.
        """
        await self.aend(Outcome(requests=0))

    def end(self, outcome: Outcome) -> None:
        """
        End it with an outcome; nothing if it has ended already.
        """
        if self._open.pop("open", False):
            self._meter.settle(self.model, outcome, self.booking)

    async def aend(self, outcome: Outcome) -> None:
        """
        Same as `end`, without blocking the event loop.
        """
        if self._open.pop("open", False):
            await self._meter.asettle(self.model, outcome, self.booking)

    def ending(self, outcome: Outcome) -> Operation[Settled | None]:
        """
        The operation that ends it with an outcome; None if it had already ended.
        """
        if not self._open.pop("open", False):
            return None
        return (yield from self._meter.settling(self.model, outcome, self.booking))

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
