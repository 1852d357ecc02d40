"""
What to do when a model is not free: wait for it, fall back to another, or refuse.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from . import messages, readings
from .booking import Booking, Denial
from .errors import QuotaExceededError, RequestTooLargeError
from .fallbacks import fell_back, is_taken_over
from .limits import normalize_model
from .outcomes import Outcome
from .reports import Status
from .reservation import Reservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .demand import Demand
    from .effects import Operation
    from .operations import Operations

__all__ = ["aadmit", "admit", "waiting"]


def admit(
    meter: Operations,
    model: str,
    demand: Demand,
    *,
    max_wait: float,
    fallbacks: Sequence[str] = (),
) -> Reservation:
    """
    Book a request and wait until it may be sent.

    The cheap upper bound is tried first; only where it does not fit at once is the request
    looked at with care. Minute and hour windows are waited for, up to `max_wait` seconds. Where a
    limit of the day refuses it, the first of the `fallbacks` that can be booked takes over: then
    the reservation is for that one. If none can, the refusal is that of the model itself.

    Raises:
        QuotaExceededError: If it does not fit in time.
        RequestTooLargeError: If even its lower bound is larger than a limit.
    """
    booked = meter.book(model, demand.quick())
    if isinstance(booked, Booking):
        return Reservation(meter, model, booked)
    return meter.run(_with_care(meter, model, demand, max_wait, fallbacks))


async def aadmit(
    meter: Operations,
    model: str,
    demand: Demand,
    *,
    max_wait: float,
    fallbacks: Sequence[str] = (),
) -> Reservation:
    """
    Same as `admit`, without blocking the event loop.
    """
    booked = await meter.abook(model, demand.quick())
    if isinstance(booked, Booking):
        return Reservation(meter, model, booked)
    return await meter.arun(_with_care(meter, model, demand, max_wait, fallbacks))


def _with_care(
    meter: Operations, model: str, demand: Demand, max_wait: float, fallbacks: Sequence[str]
) -> Operation[Reservation]:
    # For what did not fit at once by the cheap bound.
    amount = demand.careful()
    booked = yield from meter.booking(model, amount, max_wait=max_wait, final=not fallbacks)
    if isinstance(booked, Denial) and fallbacks:
        if is_taken_over(booked):
            for name in fallbacks:
                other = yield from _instead(meter, demand, name, max_wait)
                if other is not None:
                    yield from _fallen_back(meter, model, booked, other)
                    return other
        # Now it is final: counted as blocked, unless there is room for it meanwhile.
        booked = yield from meter.booking(model, amount, max_wait=max_wait)
    return (yield from waiting(meter, model, booked, max_wait=max_wait))


def _instead(
    meter: Operations, demand: Demand, name: str, max_wait: float
) -> Operation[Reservation | None]:
    # A place for the request with another model, if it has one in time; else it is not blocked
    # there, where nobody asked for it.
    model, demand = normalize_model(name), demand.for_model(name)
    booked = yield from meter.booking(model, demand.quick(), final=False)
    if isinstance(booked, Denial):
        booked = yield from meter.booking(model, demand.careful(), max_wait=max_wait, final=False)
    if isinstance(booked, Denial):
        return None
    try:
        return (yield from waiting(meter, model, booked, max_wait=max_wait, final=False))
    except (QuotaExceededError, RequestTooLargeError):  # its turn did not come in time
        return None


def _fallen_back(
    meter: Operations, model: str, denial: Denial, other: Reservation
) -> Operation[None]:
    try:
        yield "transact", (meter.scope, model), partial(fell_back, now=meter.now())
    except BaseException:
        # Cancelled, or a storage that fails: nothing is sent.
        meter.settle_later(other.ending(_GIVEN_UP))
        raise
    said = f"{model} falls back to {other.model}: {readings.explain(denial)}"
    limit, seconds = denial.limit, denial.retry_after
    meter.tell(
        "fallback",
        model,
        denial.status,
        said,
        limit=limit,
        seconds=seconds,
        instead=other.model,
    )


def waiting(
    meter: Operations,
    model: str,
    booked: Booking | Denial,
    *,
    max_wait: float,
    final: bool = True,
) -> Operation[Reservation]:
    """
    The operation that turns a booking into a reservation whose time has come.

    With `final=False` a request whose turn does not come in time is not counted as blocked.

    Raises:
        QuotaExceededError: If nothing was booked.
        RequestTooLargeError: If nothing was booked, and never can be.
    """
    while isinstance(booked, Booking):
        reservation = Reservation(meter, model, booked)
        if not booked.wait or (yield from _waited(meter, reservation, booked, max_wait)):
            return reservation
        # Its turn has moved beyond what it may wait: perhaps there is no room for it any more.
        patience = max(0.0, booked.at + max_wait - meter.now())
        booked = yield from meter.booking(model, booked.amount, max_wait=patience, final=final)
    raise meter.refusal(model, booked)


def _waited(
    meter: Operations, reservation: Reservation, booked: Booking, max_wait: float
) -> Operation[bool]:
    model, seconds = reservation.model, booked.wait
    said = f"{model}: waiting {messages.duration(seconds)} for its window"
    try:
        meter.tell("waiting", model, Status.NORMAL, said, seconds=seconds)
        begun = yield from meter.turn(model, booked, max_wait)
        if begun is not None:
            reservation.begin(begun)
            meter.tell("resumed", model, Status.NORMAL, f"{model}: waited, now sent")
            return True
    except BaseException:
        # Cancelled or interrupted: its place is given back, by whoever calls next.
        meter.settle_later(reservation.ending(_GIVEN_UP))
        raise
    yield from reservation.ending(_GIVEN_UP)
    return False


_GIVEN_UP = Outcome(requests=0)
