"""
What Groq says is left in its buckets, and what follows for ours.

Ours hold what this library has sent or is about to send. Groq's hold what all programs of the
organization have sent. After each answer the two are compared, as of the moment that Groq admitted
the request; what ours lacks, others have taken. Requests that were on their way at that moment blur
the comparison: only what is beyond that blur is believed. Nothing here reads a clock.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from .buckets import move, standing
from .outcomes import admitted_of
from .windows import DAY, EPSILON, drained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .booking import Booking, Rules
    from .outcomes import Outcome
    from .replies import Refusal
    from .state import Cell

__all__ = [
    "FIRST_LAG",
    "External",
    "Heard",
    "external",
    "hear",
    "hear_refusal",
    "is_worth_hearing",
    "note_unused",
    "seconds_told",
]

#: Seconds that a request may need to get to Groq, while no answer has shown how long they need.
FIRST_LAG = 0.5
_LEAST_LAG, _MOST_LAG = 0.05, 2.0
_AUDIO = "ash"  # the one limit of seconds that headers tell of
# An answer that was heard so many seconds before another is late; if more, a clock has jumped.
_LATE = 3_600.0
# While all buckets are more than half empty, answers are listened to no more often than this, in
# seconds: nothing hangs on it yet, and nothing is lost, as what others take adds up till then.
_SELDOM = 1.0
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


class Heard(NamedTuple):
    """
    An answer's own word on limits.

    Attributes:
        at: When its headers were there, in epoch seconds.
        headers: As `replies.read_standing` takes them.
        served: Seconds that Groq itself needed for the answer; anything else if it did not say.
    """

    at: float
    headers: object
    served: object = None


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
_UNHEARD: list[float] = [*_NONE]


def external(cell: Cell, kind: str) -> External:
    """
    What is known of others' use of a limit.
    """
    known = cell["heard"].get(kind)
    return External(*known) if known else _NONE


def _lag_of(cell: Cell) -> float:
    """
    Seconds that a request may need to get to Groq, by what answers have shown.
    """
    lag = cell["lag"]
    return FIRST_LAG if lag is None else lag


def is_worth_hearing(cell: Cell, at: float, rules: Rules) -> bool:
    """
    Whether an answer of that time may tell something that matters.
    """
    heard, windows, by_kind = cell["heard"], cell["windows"], rules.by_kind
    for kind, known in heard.items():
        if not 0 < at - known[0] < _SELDOM:
            return True
        row, bucket = by_kind.get(kind), windows.get(kind)
        if row is None or bucket is None or 2 * bucket[0] > row[3]:
            return True
    return not heard


def hear(
    cell: Cell,
    now: float,
    rules: Rules,
    heard: Heard,
    standings: tuple[Mapping[str, int], Mapping[str, float]],
    *,
    booking: Booking,
    outcome: Outcome,
) -> None:
    """
    Bring the buckets of a cell to what an answer said of Groq's.

    Args:
        standings: What its headers say: limits by kind, and what is left of them.
    """
    start = booking.start
    if isinstance(heard.served, (int, float)):
        _learn_lag(cell, now, rules, heard.at - start - heard.served)
    if booking.epoch != cell["epoch"]:
        return
    windows, buckets = cell["windows"], booking.buckets
    admitted, (limits, remaining) = admitted_of(outcome, booking.amount), standings
    for kind, left in remaining.items():
        row = rules.by_kind.get(kind)
        if row is None or row[3] != limits.get(kind):
            continue  # a smaller limit of the user's own: another bucket
        if kind not in buckets or kind not in windows:
            continue  # what was learned has been forgotten meanwhile
        _, _, metric, size, rate = row
        known = cell["heard"].get(kind) or _UNHEARD
        level, at, shift = windows[kind]
        if 0 <= known[0] - heard.at < _LATE:
            continue  # an answer that was sent later has spoken already
        refill, here = rate - known[1], admitted[metric]
        # What was given back by those after it is no part of it: at least itself was there.
        upto = standing(buckets[kind], shift, refill, start)
        mine = max(here, upto - (booking.needs[metric] - here))
        behind = max(0.0, upto - refill * (now - start))
        blur = _Blur(
            max(0.0, drained(level, at, now, refill) - behind),
            booking.before.get(metric, 0.0),
            size - mine,
            refill * _lag_of(cell),
        )
        bucket = _Bucket(kind, size, rate)
        said = size - left
        found = _compared(cell, bucket, now, heard.at, mine=mine, said=said, blur=blur)
        cell["heard"] = {**cell["heard"], kind: found}


def seconds_told(
    cell: Cell,
    now: float,
    rules: Rules,
    heard: Heard,
    standings: tuple[Mapping[str, int], Mapping[str, float]],
    *,
    booking: Booking,
) -> float | None:
    """
    The seconds of audio that an answer shows Groq to have taken for its request: by how far the
    hour's bucket has risen, to the whole second. None if that may be another's doing.

    To be asked before `hear`.
    """
    limits, remaining = standings
    row, known = rules.by_kind.get(_AUDIO), cell["heard"].get(_AUDIO)
    before, bucket = booking.buckets.get(_AUDIO), cell["windows"].get(_AUDIO)
    if row is None or known is None or before is None or bucket is None or _AUDIO not in remaining:
        return None
    _, _, metric, size, rate = row
    at, outside, margin, *_ = known
    if not 0 < heard.at - at < _LATE or outside or margin:
        return None  # Groq's bucket was not known before, or others take of it
    alone = cell["held"]["requests"] == 1 and not booking.before.get(metric)
    if not alone or booking.epoch != cell["epoch"] or limits.get(_AUDIO) != size:
        return None
    level, at, shift = bucket
    upto = standing(before, shift, rate, booking.start)
    if drained(level, at, now, rate) > max(0.0, upto - rate * (now - booking.start)) + EPSILON:
        return None  # somebody was sent after it, and has ended before it
    seconds = size - remaining[_AUDIO] - max(0.0, upto - booking.needs[metric])
    # Rounded up, as what refilled while the request was on its way is missing from it.
    return float(ceil(seconds)) if seconds >= max(1.0, booking.amount.audio_floor or 0.0) else None


class _Blur(NamedTuple):
    """
    What was on its way when a request was admitted.

    Attributes:
        after: Booked later, at most: it may have overtaken the request.
        before: Booked earlier and not done by then: it may have come after it.
        room: What there was room for besides.
        slack: What the bucket refills while a request is on its way.
    """

    after: float
    before: float
    room: float
    slack: float


class _Bucket(NamedTuple):
    kind: str
    size: float
    rate: float


def _compared(
    cell: Cell, bucket: _Bucket, now: float, at: float, *, mine: float, said: float, blur: _Blur
) -> list[float]:
    # By what Groq's bucket held, `said`, and ours, `mine`, when Groq admitted the request.
    kind, size, rate = bucket
    after, before, room, slack = blur
    back = before + slack
    known = cell["heard"].get(kind) or _UNHEARD
    last, outside, margin, took, seconds, today, day, unused, signs = known
    passed = at - last if 0 < at - last < _LATE else 0.0
    up = said - mine - (after if after < room + slack else max(0.0, room) + slack)
    found = 0.0
    if up > 0:
        found = up
        move(cell, kind, now, rate, up)
    elif mine - said > back:
        down = mine - said - back
        alone = after <= EPSILON and before <= EPSILON
        explained = down if alone else unused + outside * passed
        found = -min(down, explained)
        move(cell, kind, now, rate, found)
    if unused > 2 * back + size / 100 and mine > 2 * back + size / 100:
        unused, signs = 0.0, _judged(cell, signs, mine - said, min(unused, mine))
    if day != at // DAY:
        today, day = 0.0, at // DAY
    if last and passed:
        seconds = _MEMORY * seconds + passed
        if found or took or margin or outside:
            today += max(0.0, found + outside * passed)
            took = _MEMORY * took + found + outside * passed
            outside, margin = _steady(bucket, took, seconds, up, margin)
    else:
        today += max(0.0, found)
    return [at, outside, margin, took, seconds, today, day, unused, signs]


def _steady(
    bucket: _Bucket, took: float, seconds: float, up: float, margin: float
) -> tuple[float, float]:
    # What others take per second, and what is left free for them besides. A single request, or
    # less than a hundredth, is no steady use but rounding.
    _, size, rate = bucket
    if took > max(2.5, size / 100) and seconds > _WATCHED:
        # What was seen at answers is not the most that there was between them.
        margin = max(1.25 * up, _MARGIN_MEMORY * margin)
        return min(took / seconds, _MOST_OUTSIDE * rate), min(margin, _MOST_MARGIN * size)
    return 0.0, min(_MEMORY**10 * margin, _MOST_MARGIN * size)


def _judged(cell: Cell, signs: float, gap: float, unused: float) -> float:
    # Whether Groq gives unused max_tokens back: then its bucket holds less than ours by so much.
    sign = 1.0 if gap > unused / 2 else -1.0 if gap < unused / 4 else 0.0
    signs = signs + sign if signs * sign >= 0 else sign
    if abs(signs) >= _CERTAIN:
        cell["refund"] = signs > 0
    return max(-_CERTAIN, min(_CERTAIN, signs))


def note_unused(cell: Cell, kind: str, unused: float) -> None:
    """
    Keep in mind what was reserved for an answer and not used, until Groq's next word.
    """
    known = cell["heard"].get(kind)
    if known and unused:
        cell["heard"] = {**cell["heard"], kind: [*known[:7], known[7] + unused, known[8]]}


def _learn_lag(cell: Cell, now: float, rules: Rules, seconds: float) -> None:
    known = _lag_of(cell)
    lag = max(_LEAST_LAG, 1.25 * seconds, known - 0.02 * known)
    lag = min(lag, _MOST_LAG)
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
    row = None if kind is None else rules.by_kind.get(kind)
    if kind is None or used is None or requested is None or row is None or refusal.limit != row[3]:
        return
    _, _, metric, size, rate = row
    known = external(cell, kind)
    held = (
        booking is not None
        and kind in booking.buckets
        and kind in cell["windows"]
        and booking.epoch == cell["epoch"]
    )
    if not held or booking is None:
        level, at, _ = cell["windows"].get(kind, (0.0, now, 0.0))
        lack = used - drained(level, at, now, rate)
    else:
        shift = cell["windows"][kind][2]
        mine = standing(booking.buckets[kind], shift, rate - known.rate, now)
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
        cell["heard"] = {**cell["heard"], kind: [*known._replace(margin=margin, took=took)]}
