"""
Booking a request: whether it fits its limits, and what it holds.

Every rule is a step, a pure function of (cell, now): `admit` books over all windows or nothing. A
storage runs them on the cell it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, cast

from . import lines, windows
from .buckets import Bucket, Row, take
from .kinds import Limit
from .outcomes import Amount
from .prediction import foretold
from .reports import Status
from .standing import external
from .state import Cell, count, roll

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "NEVER",
    "Amount",
    "Booking",
    "Denial",
    "Rules",
    "RulesOf",
    "admit",
    "begin",
    "day_left",
    "day_level",
    "probe",
    "status_of",
    "turn_away",
]

NEVER = float("inf")
_NONE: Mapping[str, int | None] = {}
_NOWHERE: Mapping[str, float] = MappingProxyType({})


class Rules:
    """
    A model's limits, made ready for the steps: what the calendar day holds, and the buckets.

    Args:
        told: Limits that Groq named, by kind. Its day buckets refuse beside the calendar day.
        rolling: Whether there is no calendar day: then the day's buckets alone hold.
    """

    __slots__ = ("buckets", "by_kind", "daily", "enforced", "limits", "rolling")

    def __init__(
        self,
        limits: Iterable[Limit],
        told: Mapping[str, int | None] = _NONE,
        *,
        rolling: bool = False,
    ) -> None:
        self.limits = tuple(limits)
        self.rolling = rolling
        self.daily = tuple(
            (limit, limit.metric, limit.amount)
            for limit in self.limits
            if limit.amount is not None and limit.daily and limit.confirmed
        )
        self.buckets: tuple[Row, ...] = tuple(
            (limit, limit.kind, limit.metric, limit.amount, limit.amount / limit.period)
            for limit in self.limits
            if limit.amount is not None
        )
        self.by_kind = {row[1]: row for row in self.buckets}
        self.enforced = tuple(
            row
            for row in self.buckets
            if row[0].confirmed and (rolling or not row[0].daily or told.get(row[1]) == row[3])
        )


RulesOf = Callable[[Cell], Rules]


class Booking(NamedTuple):
    """
    What a reservation took, so that it can be corrected or given back.

    Attributes:
        needs: The amount by metric.
        wait: Seconds from `at`, the epoch time it was booked at, until its turn as it looked then.
        place: By metric, how much had joined the line before it; None if it need not wait.
        begun: When it was sent, in epoch seconds; None while it waits.
        buckets: Each as it left it: see `buckets.standing`.
        before: By metric, what others had on their way when it was sent.
    """

    day: str
    epoch: int
    amount: Amount
    needs: Mapping[str, float]
    wait: float
    at: float
    place: Mapping[str, float] | None = None
    begun: float | None = None
    buckets: Mapping[str, Bucket] = MappingProxyType({})
    before: Mapping[str, float] = _NOWHERE

    @property
    def start(self) -> float:
        """
        When it was sent, or booked, if it was sent without waiting for its turn.
        """
        return self.at if self.begun is None else self.begun


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


def status_of(cell: Cell, now: float, rules: Rules) -> Status:
    """
    The highest status over the daily limits, by what was counted (reservations are not); where
    there is no calendar day, by what their buckets hold.
    """
    today, highest, rolling = cell["today"], Status.NORMAL, rules.rolling
    for limit, metric, amount in rules.daily:
        # Daily metrics are names of Counts.
        used = day_level(cell, now, limit) if rolling else today[metric]  # type: ignore[literal-required]  # see above
        if 100 * used >= 75 * amount:
            highest = max(highest, Status.of(used, amount), key=_rank)
    return highest


def day_level(cell: Cell, now: float, limit: Limit) -> float:
    """
    What is in a day's bucket, in whole units, as Groq prints it: any part of one counts as one.
    """
    level, at, _ = cell["windows"].get(limit.kind) or _EMPTY
    amount = limit.amount or 0
    return ceil(windows.drained(level, at, now, amount / limit.period) - windows.EPSILON)


def _rank(status: Status) -> int:
    return status.rank


def _fit(need: float, amount: Amount, metric: str, limit: float) -> tuple[float, bool]:
    # Larger than the whole limit by the upper estimate only: it is given the whole window, and
    # Groq decides. Larger even by the lower bound: it never fits.
    if need <= limit or metric == "requests" or limit == 0:
        return need, False
    floor = {"tokens": amount.floor, "audio_seconds": amount.audio_floor}.get(metric)
    return (need, True) if (need if floor is None else floor) > limit else (limit, False)


def probe(cell: Cell, now: float, rules: Rules, amount: Amount) -> tuple[float, Denial | None]:
    """
    Whether a request would fit: the seconds until it does, and what binds.

    Changes nothing but the day. A wait of infinity is one that no window refills: the day's end
    (`retry_after` says when) or never.
    """
    return _probe(cell, now, rules, amount, amount.needs())


def _probe(
    cell: Cell, now: float, rules: Rules, amount: Amount, needs: dict[str, float]
) -> tuple[float, Denial | None]:
    roll(cell, now)
    if not rules.rolling:
        denial = _daily_denial(cell, now, rules, amount, needs)
        if denial is not None:
            return NEVER, denial
    longest, denial = _held_off(cell, now, rules) if cell["hold"] else (0.0, None)
    buckets, heard, line = cell["windows"], cell["heard"], cell["line"]
    for limit, kind, metric, size, rate in rules.enforced:
        need, known = needs[metric], heard.get(kind)
        level, at, _ = buckets.get(kind) or _EMPTY
        shared = known is not None and (known[1] or known[2])
        if level + need <= size and not (line or shared) and size:
            continue  # as nearly always, even before anything of it has refilled
        need, too_large = _fit(need, amount, metric, size)
        room, refill = float(size), rate
        if shared:
            # Others take of it steadily: less of it refills for us, and some of it is theirs.
            others = external(cell, kind)
            refill -= others.rate
            room -= max(0.0, min(others.margin, size - need))
        used = windows.drained(level, at, now, refill)
        if too_large or size == 0:
            return NEVER, Denial(limit, used, need, None, status_of(cell, now, rules), too_large)
        waiting = lines.waiting(cell, now, metric) if line else 0.0
        if used + waiting + need - room > windows.EPSILON:
            if room == size and not waiting:
                wait = windows.wait_seconds(size, limit.period, used, need)
            else:
                wait = (used + waiting + need - room) / refill
            if wait > longest:
                longest = wait
                denial = Denial(limit, used, need, wait, status_of(cell, now, rules))
    return longest, denial


_EMPTY = (0.0, 0.0, 0.0)


def _held_off(cell: Cell, now: float, rules: Rules) -> tuple[float, Denial | None]:
    # What Groq refused for a model behind this one: nobody knows more of it than its own words.
    longest, denial = 0.0, None
    for kind, (until, amount, used, requested) in cell["hold"].items():
        wait = float(until or 0.0) - now
        if longest < wait <= windows.DAY:
            longest = wait
            whole = None if amount is None else int(amount)
            limit = Limit(kind, whole, "learned")
            status = status_of(cell, now, rules)
            denial = Denial(limit, float(used or 0), float(requested or 0), wait, status)
    return longest, denial


def _daily_denial(
    cell: Cell, now: float, rules: Rules, amount: Amount, needs: dict[str, float]
) -> Denial | None:
    today, held = cell["today"], cell["held"]
    for limit, metric, size in rules.daily:
        used, need = today[metric] + held[metric], needs[metric]  # type: ignore[literal-required]  # daily metrics are names of both
        if used + need <= size and used < size:
            continue
        need, too_large = _fit(need, amount, metric, size)
        if used + need <= size and used < size:
            continue
        retry = None if too_large or size == 0 else day_left(cell, now)
        return Denial(limit, used, need, retry, status_of(cell, now, rules), too_large)
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
    lag: float = 0.0,
) -> Booking | Denial:
    """
    Book one request over all windows, or nothing.

    What is booked goes by what earlier answers have taught. A request that fits within `max_wait`
    seconds is booked ahead: it gets its place in the line and is sent by `begin`, first come first
    served. With `final=False` a refusal is not counted as blocked: the caller asks again with a
    better estimate. `lag` is how many seconds the request may need to get to Groq, while no answer
    has shown it.
    """
    rules = rules_of(cell)
    if amount.features or not amount.capped:
        amount = foretold(cell["fits"], amount)
    needs = amount.needs()
    if cell["line"]:
        lines.tidy(cell, now)
    wait, denial = _probe(cell, now, rules, amount, needs)
    if denial is not None and enforce and (wait > max_wait or wait == NEVER):
        if final:
            count(cell, now, cell["day"], _BLOCKED)
        return denial
    held = cell["held"]
    if wait and enforce:
        wait += _delay(cell, now, rules)
        place = lines.join(cell, now + wait, needs)
        booking = Booking(cell["day"], cell["epoch"], amount, needs, wait, now, place)
        count(cell, now, cell["day"], {"waited": wait, "avoided": 1})
    else:
        buckets, before = _sent(cell, now, rules, needs, lag=lag)
        booking = Booking(
            cell["day"], cell["epoch"], amount, needs, 0.0, now, None, now, buckets, before
        )
    cell["held"] = {
        "requests": held["requests"] + 1,
        "tokens": held["tokens"] + amount.tokens,
        "audio_seconds": held["audio_seconds"] + amount.audio_seconds,
    }
    return booking


def begin(
    cell: Cell, now: float, *, rules_of: RulesOf, booking: Booking, rested: float, lag: float
) -> Booking | float:
    """
    Send a request that was booked ahead, or say how many seconds it has yet to wait.

    Whoever is before it in the line goes first, until the time it was told at its booking: by then
    they have been sent, or will never be.

    Args:
        rested: Seconds that it has slept already, whatever the clock says.
    """
    rules, amount, needs = rules_of(cell), booking.amount, booking.needs
    left = booking.wait - max(rested, now - booking.at)
    alone = behind = _held_off(cell, now, rules)[0] if cell["hold"] else 0.0
    for _, kind, metric, size, rate in rules.enforced:
        if not size:
            continue
        level, at, _ = cell["windows"].get(kind) or _EMPTY
        others = external(cell, kind)
        refill = rate - others.rate
        need, _ = _fit(needs[metric], amount, metric, size)
        room = size - max(0.0, min(others.margin, size - need))
        lack = windows.drained(level, at, now, refill) + need - room
        ahead = lines.ahead(cell, metric, booking.place or _NOWHERE)
        alone, behind = max(alone, lack / refill), max(behind, (lack + ahead) / refill)
    wait = min(behind, max(alone, left))
    if wait > 0:
        return wait
    lines.leave(cell, needs, booking.place or _NOWHERE)
    buckets, before = _sent(cell, now, rules, needs, lag=lag, mine=needs)
    return booking._replace(begun=now, buckets=buckets, before=before)


def _sent(
    cell: Cell,
    now: float,
    rules: Rules,
    needs: Mapping[str, float],
    *,
    lag: float,
    mine: Mapping[str, float] = _NOWHERE,
) -> tuple[dict[str, Bucket], Mapping[str, float]]:
    # Takes a request from all buckets, now: each as that leaves it, and what others had on their
    # way. `mine` is what of it is among the holds already.
    before = _NOWHERE
    shared = cell["held"]["requests"] > (1 if mine else 0)
    if shared:
        held = cast("Mapping[str, float]", cell["held"])
        before = {
            metric: max(0.0, total - lines.waiting(cell, now, metric) - mine.get(metric, 0.0))
            for metric, total in held.items()
        }
    if cell["lag"] is not None:
        lag = cell["lag"]
    return take(cell, now, rules.buckets, needs, lag=lag, shared=shared), before


def _delay(cell: Cell, now: float, rules: Rules) -> float:
    # Seconds until all buckets refill: of one that was just taken from, not before it arrives.
    taken = (cell["windows"].get(row[1], _EMPTY)[1] for row in rules.enforced)
    return max((windows.moment(at, now) - now for at in taken), default=0.0)


_BLOCKED = {"blocked": 1}


def turn_away(cell: Cell, now: float, *, rules_of: RulesOf) -> Denial | None:
    """
    What bars any request until the model's day ends, or for good; then it is counted as blocked.

    Books nothing, and leaves windows that can be waited for alone.
    """
    wait, denial = probe(cell, now, rules_of(cell), _ANY)
    if denial is None or not (denial.limit.daily or denial.retry_after is None):
        return None
    if wait <= _WAITED_FOR:  # a day's bucket, which has room again soon
        return None
    count(cell, now, cell["day"], _BLOCKED)
    return denial


_ANY = Amount()
# What whoever sends the request waits for, in seconds, if nothing else was said.
_WAITED_FOR = 60.0
