"""
What Groq says is left in its buckets, and what follows for ours.

Ours hold what this library has sent or is about to send. Groq's hold what all programs of the
organization have sent. After each answer the two are compared, as of the moment that Groq admitted
the request; what ours lacks, others have taken. Requests that were on their way at that moment blur
the comparison: only what is beyond that blur is believed. Nothing here reads a clock.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from .buckets import move, standing
from .windows import DAY, drained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .booking import Booking, Rules
    from .replies import Refusal
    from .state import Cell

__all__ = [
    "FIRST_LAG",
    "External",
    "Heard",
    "external",
    "hear",
    "hear_refusal",
    "lag_of",
    "note_unused",
]

#: Seconds that a request may need to get to Groq, while no answer has shown how long they need.
FIRST_LAG = 0.5
_LEAST_LAG, _MOST_LAG = 0.05, 2.0
# An answer that was heard so many seconds before another is late; if more, a clock has jumped.
_LATE = 3_600.0
# Of what was noted at an answer, the share that still counts at the next: about 50 count, and of
# the margin for others about 500, as they may come rarely and take much.
_MEMORY, _MARGIN_MEMORY = 0.98, 0.998
# So many signs in a row say whether unused max_tokens come back.
_CERTAIN = 3.0
# What is seen within so few seconds is a rush of our own.
_WATCHED = 3.0
# Others are thought to take no more than this share of what a bucket refills.
_MOST_OUTSIDE = 0.75
# The margin that is kept for others, at most, as a share of the limit.
_MOST_MARGIN = 0.25

_NOTHING: Mapping[str, float] = MappingProxyType({})


class Heard(NamedTuple):
    """
    What an answer or a refusal said of limits.

    Attributes:
        at: When its headers were there, in epoch seconds.
        limits: Amounts by kind.
        remaining: What is left of them, by kind, in the unit of the limit.
        served: Seconds that Groq itself needed for the answer; None if it did not say.
    """

    at: float
    limits: Mapping[str, int]
    remaining: Mapping[str, float] = _NOTHING
    served: float | None = None


class External(NamedTuple):
    """
    What others of the organization take of one limit, as a cell keeps it: a list of numbers.

    Attributes:
        at: When Groq last told what is left, in epoch seconds.
        rate: What they take per second; 0.0 if no steady use was seen.
        margin: What is left free for them besides, as they do not take evenly.
        took, seconds: What `rate` is made of, older answers counting less.
        today, day: What they were seen to take on a UTC day; days since 1970.
        unused: Of answers, what was reserved for them and not used, while it is not known whether
            Groq gives it back.
        signs: How often in a row it looked as if it does (above 0) or does not (below 0).
    """

    at: float = 0.0
    rate: float = 0.0
    margin: float = 0.0
    took: float = 0.0
    seconds: float = 0.0
    today: float = 0.0
    day: float = 0.0
    unused: float = 0.0
    signs: float = 0.0


_NONE = External()


def external(cell: Cell, kind: str) -> External:
    """
    What is known of others' use of a limit.
    """
    known = cell["heard"].get(kind)
    return External(*known) if known else _NONE


def lag_of(cell: Cell) -> float:
    """
    Seconds that a request may need to get to Groq, by what answers have shown.
    """
    lag = cell["lag"]
    return FIRST_LAG if lag is None else lag


def hear(
    cell: Cell,
    now: float,
    rules: Rules,
    heard: Heard,
    *,
    booking: Booking,
    admitted: Mapping[str, float],
) -> None:
    """
    Bring the buckets of a cell to what an answer said of Groq's.

    Args:
        admitted: By metric, what Groq took for the request when it admitted it.
    """
    start = booking.at if booking.begun is None else booking.begun
    if heard.served is not None:
        _learn_lag(cell, now, rules, heard.at - start - heard.served)
    if booking.epoch != cell["epoch"]:
        return
    for _, kind, metric, size, rate in rules.buckets:
        left = heard.remaining.get(kind)
        if left is None or heard.limits.get(kind) != size:
            continue  # not told, or a smaller limit of the user's own: another bucket
        mark, known = booking.marks.get(kind), external(cell, kind)
        bucket = cell["windows"].get(kind)
        if mark is None or bucket is None:
            continue  # what was learned has been forgotten meanwhile
        if 0 <= known.at - heard.at < _LATE:
            continue  # an answer that was sent later has spoken already
        refill = rate - known.rate
        level, at, shift = bucket
        said = size - left
        taken = booking.amount.needs()[metric] - admitted[metric]
        # What was given back by those after it is no part of it: at least itself was there.
        mine = max(admitted[metric], standing(mark, shift, refill, 0.0) - taken)
        behind = max(0.0, standing(mark, shift, refill, now - start))
        blur = _Blur(
            after=max(0.0, drained(level, at, now, refill) - behind),
            before=booking.before.get(metric, 0.0),
            most=max(0.0, size - mine),
            slack=refill * lag_of(cell),
        )
        of = _Bucket(kind, size, rate)
        cell["heard"][kind] = _compared(cell, of, now, heard.at, mine=mine, said=said, blur=blur)


class _Blur(NamedTuple):
    """
    What was on its way when a request was admitted.

    Attributes:
        after: Booked later, at most: it may have overtaken the request.
        before: Booked earlier and not done by then: it may have come after it.
        most: What there was room for besides.
        slack: What the bucket refills while a request is on its way.
    """

    after: float
    before: float
    most: float
    slack: float

    @property
    def alone(self) -> bool:
        return not (self.after or self.before)

    @property
    def ahead(self) -> float:
        return min(self.after, self.most + self.slack)

    @property
    def back(self) -> float:
        return self.before + self.slack


class _Bucket(NamedTuple):
    kind: str
    size: float
    rate: float


def _compared(
    cell: Cell,
    bucket: _Bucket,
    now: float,
    at: float,
    *,
    mine: float,
    said: float,
    blur: _Blur,
) -> list[float]:
    # By what Groq's bucket held, `said`, and ours, `mine`, when Groq admitted the request.
    kind, size, rate = bucket
    known = external(cell, kind)
    first = not known.at
    passed = at - known.at if 0 < at - known.at < _LATE else 0.0
    up, down = said - mine - blur.ahead, mine - said - blur.back
    found = 0.0
    if up > 0:
        found = up
        move(cell, kind, now, rate, up)
    elif down > 0:
        explained = down if blur.alone else known.unused + known.rate * passed
        found = -min(down, explained)
        move(cell, kind, now, rate, found)
    known = _judged(cell, known, mine - said, blur, size)
    day = float(at // DAY)
    today = max(0.0, found + known.rate * passed) + (known.today if known.day == day else 0.0)
    if first or not passed:
        return [*known._replace(at=at, today=today, day=day)]
    took = _MEMORY * known.took + found + known.rate * passed
    seconds = _MEMORY * known.seconds + passed
    # A single request, or less than a hundredth, is no steady use but rounding.
    steady = took > max(2.5, size / 100) and seconds > _WATCHED
    most = _MOST_MARGIN * size
    outside = min(took / seconds, _MOST_OUTSIDE * rate) if steady else 0.0
    # What was seen at answers is not the most that there was between them.
    kept = _MARGIN_MEMORY if steady else _MEMORY**10
    margin = max(1.25 * up if steady else 0.0, kept * known.margin)
    return [
        *known._replace(
            at=at,
            rate=outside,
            margin=min(margin, most),
            took=took,
            seconds=seconds,
            today=today,
            day=day,
        )
    ]


def _judged(cell: Cell, known: External, gap: float, blur: _Blur, size: float) -> External:
    # Whether Groq gives unused max_tokens back: then its bucket holds less than ours by so much.
    unused = min(known.unused, size - blur.most)
    if unused <= 2 * blur.back + size / 100:
        return known
    sign = 1.0 if gap > unused / 2 else -1.0 if gap < unused / 4 else 0.0
    signs = known.signs + sign if known.signs * sign >= 0 else sign
    if abs(signs) >= _CERTAIN:
        cell["refund"] = signs > 0
    return known._replace(unused=0.0, signs=max(-_CERTAIN, min(_CERTAIN, signs)))


def note_unused(cell: Cell, kind: str, unused: float) -> None:
    """
    Keep in mind what was reserved for an answer and not used, until Groq's next word.
    """
    known = cell["heard"].get(kind)
    if known:
        cell["heard"][kind] = [*External(*known)._replace(unused=known[7] + unused)]


def _learn_lag(cell: Cell, now: float, rules: Rules, seconds: float) -> None:
    known = lag_of(cell)
    lag = min(_MOST_LAG, max(_LEAST_LAG, 1.25 * seconds, known - 0.02 * known))
    cell["lag"] = lag
    if lag > known:
        # Groq's buckets may have begun to refill later than was thought.
        for _, kind, _, _, rate in rules.buckets:
            if kind in cell["windows"]:
                move(cell, kind, now, rate, rate * (lag - known))


def hear_refusal(
    cell: Cell, now: float, rules: Rules, refusal: Refusal, booking: Booking | None
) -> None:
    """
    Bring the bucket that refused to what the refusal said of it.

    The refused request is still booked; whoever ends it, or sends it again, sees to that.
    """
    kind, used, requested = refusal.kind, refusal.used, refusal.requested
    row = next((row for row in rules.buckets if row[1] == kind), None)
    if kind is None or used is None or requested is None or row is None or refusal.limit != row[3]:
        return
    _, _, metric, size, rate = row
    known = external(cell, kind)
    held = (
        booking is not None
        and kind in booking.marks
        and kind in cell["windows"]
        and booking.epoch == cell["epoch"]
    )
    if not held or booking is None:
        level, at, _ = cell["windows"].get(kind, (0.0, now, 0.0))
        lack = used - drained(level, at, now, rate)
    else:
        shift = cell["windows"][kind][2]
        since = now - (booking.begun or now)
        mine = standing(booking.marks[kind], shift, rate - known.rate, since)
        # What it has booked comes back when it ends.
        need = booking.amount.needs()[metric]
        lack = used + need - max(mine, need)
    if lack > 0:
        move(cell, kind, now, rate, lack)
    if metric == "tokens":
        cell["refund"] = None  # perhaps it was thought to be more generous than it is
        known = known._replace(unused=0.0, signs=0.0)
    if kind in cell["heard"]:
        margin = min(known.margin + used + requested - size, _MOST_MARGIN * size)
        took = known.took + max(0.0, lack)
        cell["heard"][kind] = [*known._replace(margin=margin, took=took)]
