"""
The steps of booking, with limits as a user sets them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groq_quota.booking import Amount, Booking, Denial, Rules, admit, begin
from groq_quota.limits import Limit
from groq_quota.outcomes import Outcome
from groq_quota.reports import Usage
from groq_quota.settling import Settled, settle

if TYPE_CHECKING:
    from groq_quota.state import Cell

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z
DAY = 86_400.0
MIDNIGHT = NOON + DAY / 2
NOTHING = Outcome(requests=0)


def rules(**amounts: int | None) -> Rules:
    """
    Limits as a user sets them.
    """
    return Rules(Limit(kind, amount, "user") for kind, amount in amounts.items())


def book(
    cell: Cell, holds: Rules, tokens: int = 0, *, now: float = NOON, max_wait: float = 0.0
) -> Booking | Denial:
    """
    Try to book a request of so many tokens.
    """
    return admit(cell, now, rules_of=lambda _: holds, amount=Amount(tokens), max_wait=max_wait)


def booked(
    cell: Cell, holds: Rules, tokens: int = 0, *, now: float = NOON, max_wait: float = 0.0
) -> Booking:
    """
    Book a request of which is known that it fits.
    """
    booking = book(cell, holds, tokens, now=now, max_wait=max_wait)
    assert isinstance(booking, Booking), booking
    return booking


def began(
    cell: Cell, holds: Rules, booking: Booking, *, now: float = NOON, rested: float = 0.0
) -> Booking | float:
    """
    Send what was booked ahead, or say how long it has yet to wait.
    """
    return begin(cell, now, rules_of=lambda _: holds, booking=booking, rested=rested, lag=0.0)


def denied(
    cell: Cell, holds: Rules, tokens: int = 0, *, now: float = NOON, max_wait: float = 0.0
) -> Denial:
    """
    Try to book a request of which is known that it does not fit.
    """
    denial = book(cell, holds, tokens, now=now, max_wait=max_wait)
    assert isinstance(denial, Denial), denial
    return denial


def end(
    cell: Cell,
    holds: Rules,
    booking: Booking | None,
    outcome: Outcome = NOTHING,
    *,
    now: float = NOON,
) -> Settled:
    """
    Settle a booking; without an outcome, release it.
    """
    return settle(cell, now, rules_of=lambda _: holds, outcome=outcome, booking=booking)


def spent(tokens: int) -> Outcome:
    """
    An answer that used so many tokens.
    """
    return Outcome(usage=Usage(tokens))


def level(cell: Cell, kind: str) -> float:
    """
    What a bucket stood at when it was last touched.
    """
    return cell["windows"][kind][0]
