"""
Settling a request: what became of it is counted, and its booking brought to what it took.

A step as those of `booking`; what an answer said of limits is learned on the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import lines
from .booking import status_of
from .buckets import give, take
from .learning import learn
from .outcomes import (
    NOTHING,
    Amount,
    Outcome,
    admitted_of,
    charged_of,
    counted_of,
    estimated_of,
    unused_of,
)
from .standing import external, hear, hear_refusal, note_unused
from .state import Cell, count, roll

if TYPE_CHECKING:
    from .booking import Booking, Rules, RulesOf
    from .replies import Refusal
    from .reports import Status

__all__ = ["Settled", "hold_off", "refuse", "settle"]


class Settled(NamedTuple):
    """
    What a step that counted has to say to the meter.

    Attributes:
        first_of_day: True if it booked the model's first request of its day.
        status: The model's status now.
        announce: The status, if it is to be announced: once per day and model.
        day: The day it was counted on.
        learned: True if the answer's headers taught something new.
        cell: The cell as it is now, to be read at once and not kept.
    """

    first_of_day: bool
    status: Status
    announce: Status | None
    day: str
    learned: bool
    cell: Cell


def settle(
    cell: Cell,
    now: float,
    *,
    rules_of: RulesOf,
    outcome: Outcome,
    booking: Booking | None = None,
) -> Settled:
    """
    Count what became of a request; free its reservation, if it had one. Never refuses.

    A reservation belongs to its day: after midnight the row of that day is corrected.
    """
    roll(cell, now)
    heard, amount = outcome.heard, booking.amount if booking else Amount()
    learned = heard is not None and bool(heard.limits) and learn(cell, heard.at, heard.limits)
    rules = rules_of(cell)
    if heard is not None and booking is not None and outcome.at_once:
        hear(cell, now, rules, heard, booking=booking, admitted=admitted_of(outcome, amount))
    day = booking.day if booking else cell["day"]
    counted = counted_of(outcome, amount)
    charged = charged_of(outcome, amount, counted, refund=bool(cell["refund"]))
    if booking is None:
        _charge(cell, now, rules, charged)
    else:
        _correct(cell, now, rules, charged, booking)
        if not cell["refund"] and "tpm" in cell["heard"]:
            note_unused(cell, "tpm", unused_of(outcome, amount))
    first = count(cell, now, day, counted)
    if amount.audio_floor is not None and day == cell["day"]:
        cell["estimated"] += estimated_of(outcome, amount)
    status = status_of(cell, now, rules)
    announce = None
    if status.rank > cell["told"]:
        cell["told"] = status.rank
        announce = status
    return Settled(first, status, announce, day, learned, cell)


def refuse(
    cell: Cell, now: float, *, rules_of: RulesOf, refusal: Refusal, booking: Booking | None
) -> None:
    """
    Learn from a refusal of Groq's: the limit that it names, and what is in its bucket.
    """
    roll(cell, now)
    if refusal.kind is not None and refusal.limit is not None:
        learn(cell, now, {refusal.kind: refusal.limit}, how="refusal")
        hear_refusal(cell, now, rules_of(cell), refusal, booking)


def hold_off(cell: Cell, now: float, *, refusal: Refusal) -> None:
    """
    Hold a model off as long as Groq says, for what it refused of a model behind that one.
    """
    if refusal.kind is not None and refusal.retry_after:
        until = now + refusal.retry_after
        held: list[float | str | None] = [until, refusal.limit, refusal.used, refusal.requested]
        cell["hold"] = {
            **{kind: known for kind, known in cell["hold"].items() if float(known[0] or 0) > now},
            refusal.kind: held,
        }


def _free(cell: Cell, booking: Booking) -> bool:
    # False if its hold went with its day, or a reset.
    if booking.day != cell["day"] or booking.epoch != cell["epoch"]:
        return False
    held, amount = cell["held"], booking.amount
    held["requests"] = max(0, held["requests"] - 1)
    held["tokens"] = max(0, held["tokens"] - amount.tokens)
    held["audio_seconds"] = max(0.0, held["audio_seconds"] - amount.audio_seconds)
    return True


def _charge(cell: Cell, now: float, rules: Rules, charged: dict[str, float]) -> None:
    if charged is NOTHING:
        return
    shared = cell["held"]["requests"] > 0
    for _, kind, metric, _, rate in rules.buckets:
        refill = rate - external(cell, kind).rate
        take(cell, kind, now, refill, charged[metric], shared=shared, late=True)


def _correct(
    cell: Cell,
    now: float,
    rules: Rules,
    charged: dict[str, float],
    booking: Booking,
) -> None:
    # Brings the buckets from what was booked to what was charged, and frees the hold.
    freed, since = _free(cell, booking), booking.begun
    if since is None:
        # It was never sent, or by somebody who did not wait for its turn.
        lines.give_up(cell, booking.amount.needs())
        _charge(cell, now, rules, charged)
        return
    taken, shared = booking.amount.needs(), cell["held"]["requests"] > 0
    for _, kind, metric, _, rate in rules.buckets:
        # A reset empties buckets, and a limit that was not known has none yet.
        inside = (
            kind in booking.marks
            and kind in cell["windows"]
            and (booking.epoch == cell["epoch"] or kind in cell["learned"])
        )
        more = charged[metric] - (taken[metric] if inside else 0)
        if kind in cell["heard"]:
            rate -= external(cell, kind).rate  # noqa: PLW2901  what of it refills for us
        if more > 0:
            take(cell, kind, now, rate, more, shared=shared, late=True)
        elif more < 0 and freed:
            # Else its low points may have gone with the hold: what is left of it will drain.
            give(cell, kind, now, rate, -more, since=since)
