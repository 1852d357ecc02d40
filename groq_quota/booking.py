"""
Booking a request: whether it fits its limits, what it holds, and what became of it.

Every rule is a step, a pure function of (cell, now): `admit` books over all windows or nothing,
`settle` counts what came of it. A storage runs them on the cell it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from . import windows
from .buckets import give, take
from .learning import learn
from .outcomes import NOTHING, Amount, Outcome, charged_of, counted_of
from .reports import Status
from .state import Cell, count, roll

if TYPE_CHECKING:
    from .limits import Limit

__all__ = [
    "NEVER",
    "Amount",
    "Booking",
    "Denial",
    "Outcome",
    "Rules",
    "RulesOf",
    "Settled",
    "admit",
    "day_left",
    "probe",
    "settle",
    "status_of",
    "turn_away",
]

NEVER = float("inf")


class Rules:
    """
    A model's limits, made ready for the steps: what the calendar day holds, and the buckets.
    """

    __slots__ = ("buckets", "daily", "limits")

    def __init__(self, limits: Iterable[Limit]) -> None:
        self.limits = tuple(limits)
        self.daily = tuple(
            (limit, limit.metric, limit.amount)
            for limit in self.limits
            if limit.amount is not None and limit.daily and limit.confirmed
        )
        self.buckets = tuple(
            (limit, limit.kind, limit.metric, limit.amount, limit.amount / limit.period)
            for limit in self.limits
            if limit.amount is not None
        )


RulesOf = Callable[[Cell], Rules]


class Booking(NamedTuple):
    """
    What a reservation took, so that it can be corrected or given back.

    `wait` is in seconds from `at`, the epoch time it was booked at; `undo` has the buckets before
    and after, where it was booked ahead.
    """

    day: str
    epoch: int
    amount: Amount
    wait: float
    at: float
    undo: tuple[_Buckets, _Buckets] | None = None


# A cell's windows and lows.
_Buckets = tuple[dict[str, list[float]], dict[str, list[float]]]


class Denial(NamedTuple):
    """
    Why a request was not booked: the limit that binds, in its own unit.

    `retry_after` is in seconds, None if it never fits; `too_large` if it is larger than the limit.
    """

    limit: Limit
    used: float
    requested: float
    retry_after: float | None
    status: Status
    too_large: bool = False


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


def status_of(cell: Cell, rules: Rules) -> Status:
    """
    The highest status over the daily limits, by what was counted (reservations are not).
    """
    today = cell["today"]
    highest = Status.NORMAL
    for _, metric, amount in rules.daily:
        used = today[metric]  # type: ignore[literal-required]  # daily metrics are names of Counts
        if 100 * used >= 75 * amount:
            highest = max(highest, Status.of(used, amount), key=_rank)
    return highest


def _rank(status: Status) -> int:
    return status.rank


def _fit(need: float, amount: Amount, metric: str, limit: float) -> tuple[float, bool]:
    # Larger than the whole limit by the upper estimate only: it is given the whole window, and
    # Groq decides. Larger even by the lower bound: it never fits.
    if need <= limit or metric == "requests" or limit == 0:
        return need, False
    floor = need if amount.floor is None or metric != "tokens" else amount.floor
    return (need, True) if floor > limit else (limit, False)


def probe(cell: Cell, now: float, rules: Rules, amount: Amount) -> tuple[float, Denial | None]:
    """
    Whether a request would fit: the seconds until it does, and what binds.

    Changes nothing but the day. A wait of infinity is one that no window refills: the day's end
    (`retry_after` says when) or never.
    """
    roll(cell, now)
    needs = amount.needs()
    denial = _daily_denial(cell, now, rules, amount, needs)
    if denial is not None:
        return NEVER, denial
    longest = 0.0
    for limit, kind, metric, size, rate in rules.buckets:
        if not limit.confirmed or limit.daily:
            continue
        need, too_large = _fit(needs[metric], amount, metric, size)
        bucket = cell["windows"].get(kind)
        used = windows.drained(bucket[0], bucket[1], now, rate) if bucket else 0.0
        if too_large or size == 0:
            return NEVER, Denial(limit, used, need, None, status_of(cell, rules), too_large)
        if used + need - size > windows.EPSILON:
            wait = windows.wait_seconds(size, limit.period, used, need)
            if wait > longest:
                longest = wait
                denial = Denial(limit, used, need, wait, status_of(cell, rules))
    return longest, denial


def _daily_denial(
    cell: Cell, now: float, rules: Rules, amount: Amount, needs: dict[str, float]
) -> Denial | None:
    today, held = cell["today"], cell["held"]
    for limit, metric, size in rules.daily:
        used = today[metric] + held[metric]  # type: ignore[literal-required]  # daily metrics are names of both
        need = needs[metric]
        if used + need <= size and used < size:
            continue
        need, too_large = _fit(need, amount, metric, size)
        if used + need <= size and used < size:
            continue
        retry = None if too_large or size == 0 else day_left(cell, now)
        return Denial(limit, used, need, retry, status_of(cell, rules), too_large)
    return None


def day_left(cell: Cell, now: float) -> float:
    """
    Seconds until the cell's day ends; it may be a day ahead of the clock.
    """
    ahead = cell["day"] > windows.utc_date(now)
    return windows.seconds_to_midnight(now) + (windows.DAY if ahead else 0)


def admit(
    cell: Cell,
    now: float,
    *,
    rules_of: RulesOf,
    amount: Amount,
    max_wait: float = 0.0,
    enforce: bool = True,
    final: bool = True,
) -> Booking | Denial:
    """
    Book one request over all windows, or nothing.

    A request that fits within `max_wait` seconds is booked ahead: its place in the buckets is taken
    at once, first come first served. With `final=False` a refusal is not counted as blocked: the
    caller asks again with a better estimate.
    """
    rules = rules_of(cell)
    wait, denial = probe(cell, now, rules, amount)
    if denial is not None and enforce and (wait > max_wait or wait == NEVER):
        if final:
            count(cell, now, cell["day"], _BLOCKED)
        return denial
    if denial is None or not enforce:
        wait = 0.0
    elif wait > 0:
        count(cell, now, cell["day"], {"waited": wait, "avoided": 1})
    before = _buckets(cell) if wait else None
    held, needs = cell["held"], amount.needs()
    shared = held["requests"] > 0
    for _, kind, metric, _, rate in rules.buckets:
        take(cell, kind, now, rate, needs[metric], wait=wait, shared=shared)
    held["requests"] += 1
    held["tokens"] += amount.tokens
    held["audio_seconds"] += amount.audio_seconds
    undo = (before, _buckets(cell)) if before else None
    return Booking(cell["day"], cell["epoch"], amount, wait, now, undo)


_BLOCKED = {"blocked": 1}


def turn_away(cell: Cell, now: float, *, rules_of: RulesOf) -> Denial | None:
    """
    What bars any request until the model's day ends, or for good; then it is counted as blocked.

    Books nothing, and leaves windows that can be waited for alone.
    """
    _, denial = probe(cell, now, rules_of(cell), _ANY)
    if denial is None or not (denial.limit.daily or denial.retry_after is None):
        return None
    count(cell, now, cell["day"], _BLOCKED)
    return denial


_ANY = Amount()


def _buckets(cell: Cell) -> _Buckets:
    return cell["windows"].copy(), cell["lows"].copy()


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
    learned = bool(outcome.limits) and learn(cell, now, outcome.limits or {})
    rules = rules_of(cell)
    amount = booking.amount if booking else Amount()
    day = booking.day if booking else cell["day"]
    counted = counted_of(outcome, amount)
    charged = charged_of(outcome, amount, counted, refund=bool(cell["refund"]))
    if booking is None:
        _charge(cell, now, rules, charged)
    else:
        _correct(cell, now, rules, charged, booking)
    first = count(cell, now, day, counted)
    status = status_of(cell, rules)
    announce = None
    if status.rank > cell["told"]:
        cell["told"] = status.rank
        announce = status
    return Settled(first, status, announce, day, learned, cell)


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
    shared = cell["held"]["requests"] > 0
    for _, kind, metric, _, rate in rules.buckets:
        take(cell, kind, now, rate, charged[metric], shared=shared)


def _correct(
    cell: Cell, now: float, rules: Rules, charged: dict[str, float], booking: Booking
) -> None:
    # Brings the buckets from what was booked to what was charged, and frees the hold.
    freed, since = _free(cell, booking), booking.at + booking.wait
    if booking.undo and charged is NOTHING and booking.undo[1] == _buckets(cell):
        cell["windows"], cell["lows"] = booking.undo[0]
        return
    taken, shared = booking.amount.needs(), cell["held"]["requests"] > 0
    for _, kind, metric, _, rate in rules.buckets:
        # A reset empties buckets, and a limit that was not known has none yet.
        inside = kind in cell["windows"] and (
            booking.epoch == cell["epoch"] or kind in cell["learned"]
        )
        more = charged[metric] - (taken[metric] if inside else 0)
        if more > 0:
            take(cell, kind, now, rate, more, shared=shared)
        elif more < 0 and freed:
            # Else its low points may have gone with the hold: what is left of it will drain.
            give(cell, kind, now, rate, -more, since=since)
