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
from .outcomes import NOTHING, Amount, Outcome, charged_of, counted_of, estimated_of, unused_of
from .prediction import taught
from .replies import read_standing
from .reports import Status, Usage
from .standing import hear, hear_refusal, is_worth_hearing, note_unused, seconds_told
from .state import Cell, count, roll

if TYPE_CHECKING:
    from .booking import Booking, Rules, RulesOf
    from .replies import Refusal
    from .state import Held

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
        cell: The cell as it is now.
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
    amount, rules, learned = booking.amount if booking else _NO_AMOUNT, rules_of(cell), False
    unsure = outcome.usage is None and amount.audio_floor is not None
    if outcome.heard and (unsure or is_worth_hearing(cell, outcome.heard.at, rules)):
        learned, outcome = _listened(cell, now, rules_of, outcome, booking)
        rules = rules_of(cell) if learned else rules
    day = booking.day if booking else cell["day"]
    counted = counted_of(outcome, amount)
    charged = charged_of(outcome, amount, counted, refund=bool(cell["refund"]))
    if booking is None:
        _charge(cell, now, rules, charged)
    else:
        _correct(cell, now, rules, charged, booking)
        if not cell["refund"] and "tpm" in cell["heard"]:
            note_unused(cell, "tpm", unused_of(outcome, amount))
    if outcome.usage is not None and (amount.features or not amount.capped):
        cell["fits"] = taught(cell["fits"], amount, outcome.usage)
    first = count(cell, now, day, counted)
    if amount.audio_floor is not None and day == cell["day"]:
        cell["estimated"] += estimated_of(outcome, amount)
    status, announce = status_of(cell, now, rules), None
    if status is not Status.NORMAL and status.rank > cell["told"]:
        cell["told"] = status.rank
        announce = status
    return Settled(first, status, announce, day, learned, cell)


_NO_AMOUNT = Amount()


def _listened(
    cell: Cell, now: float, rules_of: RulesOf, outcome: Outcome, booking: Booking | None
) -> tuple[bool, Outcome]:
    # Learns from an answer's headers: whether of new limits, and the outcome with what they tell.
    heard = outcome.heard
    if heard is None:
        return False, outcome
    standings = read_standing(heard.headers)
    learned = learn(cell, heard.at, standings[0])
    if booking is not None and outcome.at_once:
        rules = rules_of(cell)
        if outcome.usage is None and booking.amount.audio_floor is not None:
            seconds = seconds_told(cell, now, rules, heard, standings, booking=booking)
            if seconds is not None:
                outcome = outcome._replace(usage=Usage(audio_seconds=seconds))
        hear(cell, now, rules, heard, standings, booking=booking, outcome=outcome)
    return learned, outcome


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


def _freed(held: Held, amount: Amount) -> Held:
    return {
        "requests": max(0, held["requests"] - 1),
        "tokens": max(0, held["tokens"] - amount.tokens),
        "audio_seconds": max(0.0, held["audio_seconds"] - amount.audio_seconds),
    }


def _charge(cell: Cell, now: float, rules: Rules, charged: dict[str, float]) -> None:
    if charged is not NOTHING:
        shared = cell["held"]["requests"] > 0
        take(cell, now, rules.buckets, charged, shared=shared, late=True)


def _correct(
    cell: Cell,
    now: float,
    rules: Rules,
    charged: dict[str, float],
    booking: Booking,
) -> None:
    # Brings the buckets from what was booked to what was charged, and frees the hold.
    same, since = booking.epoch == cell["epoch"], booking.begun
    # Else its hold went with its day, or a reset.
    freed = same and booking.day == cell["day"]
    if freed:
        cell["held"] = _freed(cell["held"], booking.amount)
    if since is None:
        # It was never sent, or by somebody who did not wait for its turn.
        lines.give_up(cell, booking.needs)
        _charge(cell, now, rules, charged)
        return
    taken, shared = booking.needs, cell["held"]["requests"] > 0
    booked, windows = booking.buckets, cell["windows"]
    for row in rules.buckets:
        _, kind, metric, _, rate = row
        more = charged[metric]
        # A reset empties buckets, and a limit that was not known has none yet.
        if kind in booked and kind in windows and (same or kind in cell["learned"]):
            more -= taken[metric]
        if not more:
            continue
        if more > 0:
            take(cell, now, (row,), {metric: more}, shared=shared, late=True)
        elif freed:
            # Else its low points may have gone with the hold: what is left of it will drain.
            give(cell, kind, now, rate, -more, since=since)
