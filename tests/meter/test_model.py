"""
Any course of calls on a meter, against a model of a few plain numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from groq_quota.errors import QuotaExceededError
from groq_quota.meter import QuotaMeter
from groq_quota.reports import Usage
from groq_quota.testing import FakeClock
from groq_quota.windows import days_apart, utc_date

from .driver import MODEL, NOON

if TYPE_CHECKING:
    from groq_quota.reservation import Reservation

REQUESTS, TOKENS = 6, 100
# So late that no course of clocks comes near it.
NEVER = FakeClock("2027-11-22T12:00:00Z")()


class Model(RuleBasedStateMachine):
    """
    What a meter with limits per day must say, whatever is called in whatever order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock(NOON)
        limits = {MODEL: {"rpd": REQUESTS, "tpd": TOKENS}}
        self.meter = QuotaMeter("memory://", limits=limits, clock=self.clock)
        # A model that nothing is known of is not stored, nor is its day: so something is.
        self.meter.record(MODEL)
        self.day = utc_date(self.clock())
        self.today = [1, 0]
        self.days = Counter({self.day: 1})
        self.seen = {self.day}
        self.lifetime = [1, 0]
        self.blocked = 0
        # Reservations with their days, and those that the day still holds.
        self.open: list[tuple[Reservation, str]] = []
        self.held: set[Reservation] = set()

    def _is_over(self) -> bool:
        today = utc_date(self.clock())
        return today > self.day or days_apart(today, self.day) > 1

    def _roll(self) -> None:
        # Days go by when something is written.
        if self._is_over():
            self.day, self.today = utc_date(self.clock()), [0, 0]
            self.held.clear()
            self.seen.add(self.day)

    def _count(self, day: str, tokens: int) -> None:
        if day == self.day:
            self.today = [self.today[0] + 1, self.today[1] + tokens]
        self.days[day] += 1
        self.lifetime = [self.lifetime[0] + 1, self.lifetime[1] + tokens]

    def _holds(self) -> tuple[int, int]:
        return len(self.held), sum(each.tokens for each in self.held)

    @rule(tokens=st.integers(0, 60))
    def reserve(self, tokens: int) -> None:
        """
        Admitted if and only if it fits beside what is counted and held.
        """
        self._roll()
        held, held_tokens = self._holds()
        used, used_tokens = self.today[0] + held, self.today[1] + held_tokens
        if used < REQUESTS and used_tokens < TOKENS and used_tokens + tokens <= TOKENS:
            assert self.meter.check(MODEL, tokens).allowed
            reservation = self.meter.reserve(MODEL, tokens)
            self.open.append((reservation, self.day))
            self.held.add(reservation)
            return
        assert not self.meter.check(MODEL, tokens).allowed
        with pytest.raises(QuotaExceededError):
            self.meter.reserve(MODEL, tokens)
        self.blocked += 1

    @precondition(lambda self: self.open)
    @rule(number=st.integers(0, 9), tokens=st.none() | st.integers(0, 90), again=st.booleans())
    def commit(self, number: int, tokens: int | None, *, again: bool) -> None:
        """
        Counted on its own day, once, whatever was reserved.
        """
        self._roll()
        reservation, day = self.open.pop(number % len(self.open))
        usage = None if tokens is None else Usage(tokens)
        reservation.commit(usage)
        if again:
            reservation.commit(usage)
            reservation.release()
        self.held.discard(reservation)
        self._count(day, reservation.tokens if tokens is None else tokens)

    @precondition(lambda self: self.open)
    @rule(number=st.integers(0, 9), again=st.booleans())
    def release(self, number: int, *, again: bool) -> None:
        """
        Gone without a trace, once.
        """
        self._roll()
        reservation, _ = self.open.pop(number % len(self.open))
        reservation.release()
        if again:
            reservation.commit(50)
        self.held.discard(reservation)

    @rule(tokens=st.integers(0, 60))
    def record(self, tokens: int) -> None:
        """
        Counted, also beyond the limit.
        """
        self._roll()
        self.meter.record(MODEL, tokens)
        self._count(self.day, tokens)

    @rule()
    def reset(self) -> None:
        """
        The day begins anew, its history and the lifetime go on; no hold is left.
        """
        self._roll()
        self.meter.reset(MODEL)
        self.today = [0, 0]
        self.held.clear()

    @rule(hours=st.sampled_from([0.01, 1, 12, 24, 24, 48, -1, -12, -24, -47, -72, -1000]))
    def move_the_clock(self, hours: float) -> None:
        """
        Forward and back, by hours and days.
        """
        self.clock.set(self.clock() + 3600 * hours)

    @invariant()
    def the_meter_says_the_same(self) -> None:
        """
        Of the day, what is in flight and the lifetime; looking alone changes no day.
        """
        usage = self.meter.usage(MODEL)
        over = self._is_over()
        day = utc_date(self.clock()) if over else self.day
        today = [0, 0] if over else self.today
        assert (*today, *((0, 0) if over else self._holds())) == (
            usage.requests,
            usage.tokens,
            usage.reserved,
            usage.reserved_tokens,
        )
        assert self.lifetime == [usage.lifetime_requests, usage.lifetime_tokens]
        assert day == usage.date
        for window, used in zip(usage.windows, (usage.requests, usage.tokens), strict=True):
            assert window.remaining is not None
            assert window.remaining >= 0
            assert window.used >= used
        summary = self.meter.summary()
        assert (*today, *self.lifetime) == (
            summary.requests,
            summary.tokens,
            summary.lifetime_requests,
            summary.lifetime_tokens,
        )

    def teardown(self) -> None:
        """
        Every request is in the row of its day, and every refusal is counted.
        """
        self.clock.set(max(self.clock(), NEVER))
        history = self.meter.history(days_apart(min(self.seen), utc_date(NEVER)) + 1)
        assert self.days == {day.date: day.requests for day in history if day.requests}
        assert self.blocked == sum(day.blocked for day in history)


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestModel = Model.TestCase
