"""
What is booked ahead and given back, also against an exact simulation of Groq's buckets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groq_quota.booking import Booking, Denial
from groq_quota.state import Cell, clone, new_cell, roll

from .steps import DAY, MIDNIGHT, NOON, began, book, booked, denied, end, level, rules, spent


def test_first_come_first_served_with_exact_starts() -> None:
    """
    Each is told its start at once; nobody overtakes, however small.
    """
    run = Run((100, 60), NOON, 600.0)
    starts = []
    for percent in (100, 50, 100, 2, 0):
        booking = run.reserve(percent)
        assert isinstance(booking, Booking)
        starts.append(booking.wait)
    assert [0.0, 30.0, 90.0, 91.0, 91.0] == starts
    run.do("wait", 8 * 90)
    last = run.reserve(0)
    assert isinstance(last, Booking)
    assert 1.0 == pytest.approx(last.wait)
    run.do("wait", 8 * 60)
    assert pytest.approx([0, 30, 90, 91, 91, 91], abs=0.02) == run.starts()


def test_a_longer_wait_than_allowed_is_refused_at_once() -> None:
    """
    And leaves the queue as it was.
    """
    holds, cell = rules(tpm=60), new_cell()
    booked(cell, holds, 60)
    assert 30.0 == denied(cell, holds, 30, max_wait=29.9).retry_after
    assert 30.0 == booked(cell, holds, 30, max_wait=30).wait


def test_waits_are_counted() -> None:
    """
    Seconds waited, and refusals avoided; of those that need not wait, nothing.
    """
    holds, cell = rules(tpm=60), new_cell()
    for _ in range(3):
        booked(cell, holds, 60, max_wait=600)
    assert (180.0, 2) == (cell["today"]["waited"], cell["today"]["avoided"])


def test_who_waits_takes_nothing_yet() -> None:
    """
    The buckets hold what was sent; given up, a place in the line leaves no trace in them.
    """
    holds, cell = rules(rpm=30, tpm=60), new_cell()
    booked(cell, holds, 60)
    before = clone(cell)["windows"]
    queue = [booked(cell, holds, 50, max_wait=600) for _ in range(3)]
    for booking in reversed(queue):
        end(cell, holds, booking)
    assert before == cell["windows"]
    assert 1 == cell["held"]["requests"]
    assert 50.0 == booked(cell, holds, 50, max_wait=600).wait


def test_a_place_given_up_is_for_those_behind() -> None:
    """
    They move up.
    """
    run = Run((100, 60), NOON, 600.0)
    for percent in (100, 100, 100):
        run.reserve(percent)
    run.do("wait", 8)
    run.do("release", 1)
    run.do("wait", 8 * 120)
    assert pytest.approx([0, 60], abs=1) == run.starts()


def test_what_comes_back_moves_the_line_up() -> None:
    """
    An answer that took less than was booked lets the next one go at once.
    """
    run = Run((100, 60), NOON, 600.0)
    run.cell["refund"] = True
    for percent in (100, 50, 50):
        run.reserve(percent)
    run.do("wait", 8)
    run.do("commit", 0)
    run.do("wait", 8)
    assert pytest.approx([0, 1, 1], abs=0.02) == run.starts()


def test_nobody_waits_for_the_dead() -> None:
    """
    A process that was killed while it waited holds up those behind it no longer than its own turn.
    """
    holds, cell = rules(tpm=60), new_cell()
    booked(cell, holds, 60)
    booked(cell, holds, 60, max_wait=600)
    alive = booked(cell, holds, 30, max_wait=600)
    assert 90.0 == alive.wait

    early = began(cell, holds, alive, now=NOON + 60)
    assert pytest.approx(30.0) == early
    late = began(cell, holds, alive, now=NOON + 90)
    assert isinstance(late, Booking)
    assert 0.0 == booked(cell, holds, 30, now=NOON + 90, max_wait=600).wait


def test_a_clock_that_goes_back_keeps_nobody_waiting() -> None:
    """
    Who has slept his time waits for no longer than a window, whatever the clock says.
    """
    holds, cell = rules(tpm=60), new_cell()
    booked(cell, holds, 60)
    waits = booked(cell, holds, 30, max_wait=600)
    end_of_it = began(cell, holds, waits, now=NOON - DAY, rested=30.0)
    assert isinstance(end_of_it, float)
    assert end_of_it <= 60


def test_a_late_release_gives_back_only_what_is_still_there() -> None:
    """
    What a slow request took has drained; the bucket's level is that of others.
    """
    holds, cell = rules(tpm=60), new_cell()
    slow = booked(cell, holds, 30)
    booked(cell, holds, 60, now=NOON + 30)
    end(cell, holds, slow, now=NOON + 30)
    assert 60 == level(cell, "tpm")
    denied(cell, holds, 1, now=NOON + 30)


TOLERANCE = Fraction(1, 100)


@dataclass
class Sent:
    """
    A request with its start, as it reaches Groq.
    """

    start: Fraction
    tokens: int


@dataclass
class Exact:
    """
    Groq's refilling buckets in exact arithmetic; shares no code with the library.
    """

    rpm: int
    tpm: int
    sent: list[Sent] = field(default_factory=list)

    def levels_before(self, time: Fraction) -> tuple[Fraction, Fraction]:
        """
        What both buckets hold at a time, of all that started by then.
        """
        levels = [Fraction(0), Fraction(0)]
        last: Fraction | None = None
        for one in sorted(self.sent, key=lambda each: each.start):
            if one.start > time:
                break
            levels = self._drained(levels, one.start - (last or one.start))
            levels = [levels[0] + 1, levels[1] + one.tokens]
            last = one.start
        first, second = self._drained(levels, time - (time if last is None else last))
        return first, second

    def _drained(self, levels: list[Fraction], seconds: Fraction) -> list[Fraction]:
        rates = (Fraction(self.rpm, 60), Fraction(self.tpm, 60))
        return [max(Fraction(0), n - r * seconds) for n, r in zip(levels, rates, strict=True)]

    def excess(self, time: Fraction, tokens: int) -> Fraction:
        """
        By which a request at a time would pass the fuller bucket; 0 or less if it fits.
        """
        requests, taken = self.levels_before(time)
        return max(requests + 1 - self.rpm, taken + tokens - self.tpm)

    def start(self, now: Fraction, tokens: int) -> Fraction:
        """
        When a request that comes after all others may start.
        """
        earliest = max([now, *(each.start for each in self.sent)])
        requests, taken = self.levels_before(earliest)
        waits = (
            (requests + 1 - self.rpm) * 60 / self.rpm,
            (taken + tokens - self.tpm) * 60 / self.tpm,
        )
        return earliest + max(Fraction(0), *waits)

    def replay(self) -> Fraction:
        """
        The most by which any request passes a limit.
        """
        return max(
            (self.excess_with(one) for one in self.sent),
            default=Fraction(0),
        )

    def excess_with(self, one: Sent) -> Fraction:
        """
        By which the buckets are passed when a request has just started.
        """
        requests, taken = self.levels_before(one.start)
        return max(requests - self.rpm, taken - self.tpm)


SIZES = st.tuples(st.integers(1, 5), st.integers(1, 90))
WAIT = st.tuples(st.just("wait"), st.integers(1, 600))  # in eighths of a second
RESERVE = st.tuples(st.just("reserve"), st.integers(0, 100))  # per cent of the limit
ENDING = st.tuples(st.sampled_from(["release", "commit"]), st.integers(0, 7))
LATE = 30.0


@dataclass
class Run:
    """
    Random requests through the steps, and what reaches Groq of them.
    """

    sizes: tuple[int, int]
    now: float
    max_wait: float
    cell: Cell = field(default_factory=new_cell)
    flying: list[tuple[Booking, Sent | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.holds = rules(rpm=self.sizes[0], tpm=self.sizes[1])
        self.exact = Exact(*self.sizes)

    def tokens(self, percent: int) -> int:
        """
        So many per cent of the limit.
        """
        return self.sizes[1] * percent // 100

    def reserve(self, percent: int) -> Booking | Denial:
        """
        Try to book; what is booked reaches Groq at its start.
        """
        tokens = self.tokens(percent)
        found = book(self.cell, self.holds, tokens, now=self.now, max_wait=self.max_wait)
        if isinstance(found, Booking):
            if found.begun is None:
                self.flying.append((found, None))
            else:
                self._send(found)
        return found

    def _send(self, booking: Booking) -> None:
        sent = Sent(Fraction(self.now), booking.amount.tokens)
        self.exact.sent.append(sent)
        self.flying.append((booking, sent))

    def starts(self) -> list[float]:
        """
        When requests were sent, in seconds since noon.
        """
        return sorted(float(one.start) - NOON for one in self.exact.sent)

    def pass_time(self, until: float) -> None:
        """
        Let all whose turn comes be sent.
        """
        while True:
            turns = [until]
            for place, (booking, sent) in enumerate(self.flying):
                if sent is None:
                    found = began(self.cell, self.holds, booking, now=self.now)
                    if isinstance(found, Booking):
                        del self.flying[place]
                        self._send(found)
                        turns = [self.now]
                        break
                    turns.append(self.now + max(found, 1e-3))
            if min(turns) >= until:
                self.now = until
                return
            self.now = min(turns)

    def do(self, action: str, number: int) -> None:
        """
        Take one step; a released request never reached Groq, or was not charged.
        """
        if action == "wait":
            self.pass_time(self.now + number / 8)
        elif action == "reserve":
            self.reserve(number)
        elif self.flying:
            booking, sent = self.flying.pop(number % len(self.flying))
            if action == "release" or sent is None:
                if sent is not None:
                    self.exact.sent.remove(sent)
                end(self.cell, self.holds, booking, now=self.now)
            else:
                end(self.cell, self.holds, booking, spent(0), now=self.now)


@given(
    SIZES,
    st.sampled_from([0.0, 20.0, 60.0, 1000.0]),
    st.sampled_from([NOON, MIDNIGHT - LATE]),
    st.lists(st.one_of(WAIT, RESERVE, RESERVE, ENDING), max_size=30),
)
@example(
    (5, 90),
    1000.0,
    NOON,
    [("reserve", 100), ("reserve", 100), ("reserve", 100), ("release", 1), ("reserve", 100)],
)
@example(
    (1, 90),
    1000.0,
    NOON,
    [*[("reserve", 0)] * 6, ("wait", 480), *[("reserve", 50)] * 3],
)
def test_the_schedule_never_passes_groqs_buckets(
    sizes: tuple[int, int], max_wait: float, start: float, actions: list[tuple[str, int]]
) -> None:
    """
    Whatever is booked ahead, cancelled, released late and committed, also over midnight: replayed
    in exact arithmetic, no request that reached Groq found a bucket too full.
    """
    run = Run(sizes, start, max_wait)
    for each in actions:
        run.do(*each)
        assert run.exact.replay() <= TOLERANCE


@given(SIZES, st.lists(st.one_of(WAIT, RESERVE, RESERVE), max_size=25))
def test_everybody_starts_as_early_as_the_queue_allows(
    sizes: tuple[int, int], actions: list[tuple[str, int]]
) -> None:
    """
    The starts are those of the whole history, in the order in which they came.
    """
    run = Run(sizes, NOON, float("inf"))
    plan = Exact(*sizes)
    for action, number in actions:
        if action == "reserve":
            start = plan.start(Fraction(run.now), run.tokens(number))
            plan.sent.append(Sent(start, run.tokens(number)))
        run.do(action, number)
    run.do("wait", 8 * 3_600)
    planned = sorted(float(one.start) - NOON for one in plan.sent)
    assert planned == pytest.approx(run.starts(), abs=0.05)


@given(SIZES, st.lists(st.one_of(WAIT, RESERVE, RESERVE, ENDING), max_size=8))
def test_what_fits_is_not_refused(sizes: tuple[int, int], actions: list[tuple[str, int]]) -> None:
    """
    Without waits, a request is admitted if and only if the exact buckets have room for it, however
    many were released meanwhile.
    """
    run = Run(sizes, NOON, 0.0)
    for action, number in actions:
        if action != "reserve":
            run.do(action, number)
            continue
        excess = run.exact.excess(Fraction(run.now), run.tokens(number))
        found: Any = run.reserve(number)
        if abs(excess) > TOLERANCE:
            assert isinstance(found, Booking) == (excess < 0)


def test_days_roll_before_anything_is_booked() -> None:
    """
    A full day does not refuse the first request of the next.
    """
    holds, cell = rules(rpd=1), new_cell()
    roll(cell, NOON)
    end(cell, holds, booked(cell, holds), spent(0))
    denied(cell, holds, now=MIDNIGHT - 0.001)
    assert "2026-11-23" == booked(cell, holds, now=MIDNIGHT).day
