"""
What to do when a model is not free: wait for it, or refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import estimate, messages
from .booking import Amount, Booking, Denial, Outcome
from .reports import Status
from .reservation import Reservation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .effects import Operation
    from .operations import Operations

__all__ = ["admission", "waiting"]


def admission(
    meter: Operations, model: str, body: Mapping[str, Any], *, max_wait: float
) -> Operation[Reservation]:
    """
    The operation that books a chat request and waits until it may be sent.

    The cheap upper bound is tried first; only where it does not fit at once is the body counted
    with care. Minute and hour windows are waited for, up to `max_wait` seconds.

    Raises:
        QuotaExceededError: If it does not fit in time.
        RequestTooLargeError: If even its lower bound is larger than a limit.
    """
    bound = estimate.quick_bound(body)
    amount = Amount(bound.prompt + bound.output, bound.prompt, bound.output, capped=bound.capped)
    booked = yield from meter.booking(model, amount, final=False)
    if isinstance(booked, Denial):
        careful = estimate.careful_count(body)
        amount = Amount(
            careful.prompt + careful.output,
            careful.prompt,
            careful.output,
            floor=estimate.lower_bound(body),
            capped=careful.capped,
        )
        booked = yield from meter.booking(model, amount, max_wait=max_wait)
    elif not booked.wait:  # the way of nearly every call, kept short
        return Reservation(meter, model, booked)
    return (yield from waiting(meter, model, booked))


def waiting(meter: Operations, model: str, booked: Booking | Denial) -> Operation[Reservation]:
    """
    The operation that turns a booking into a reservation whose time has come.

    Raises:
        QuotaExceededError: If nothing was booked.
        RequestTooLargeError: If nothing was booked, and never can be.
    """
    if isinstance(booked, Denial):
        raise meter.refusal(model, booked)
    reservation = Reservation(meter, model, booked)
    if booked.wait > 0:
        yield from _wait(meter, reservation)
    return reservation


def _wait(meter: Operations, reservation: Reservation) -> Operation[None]:
    model, seconds = reservation.model, reservation.wait
    said = f"{model}: waiting {messages.duration(seconds)} for its window"
    meter.tell("waiting", model, Status.NORMAL, said, seconds=seconds)
    try:
        yield "sleep", seconds
    except BaseException:
        # Cancelled or interrupted: its place is given back, by whoever calls next.
        meter.settle_later(reservation.ending(Outcome(requests=0)))
        raise
    meter.tell("resumed", model, Status.NORMAL, f"{model}: waited, now sent")
