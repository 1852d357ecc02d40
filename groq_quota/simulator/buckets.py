"""
One limit as a bucket that refills continuously.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .durations import SECOND, refill_time

# A clock of float seconds is good to a quarter of a microsecond today, and a printed wait is cut
# to whole nanoseconds: whoever waits exactly as told is let in by this much leniency.
_LENIENCY = 1_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """
    A limit per period of seconds, and how much of it is in use at one moment (nanoseconds).

    All arithmetic is on integers: the debt is counted in units times nanoseconds, so that a
    bucket of *limit* units per period pays back exactly *limit* of it in each nanosecond.
    """

    limit: int
    period: int
    debt: int = 0
    moment: int = 0

    @property
    def used(self) -> int:
        """
        The units in use, rounded up as Groq prints them.
        """
        leniency = min(self.limit * _LENIENCY, self._unit - 1)
        return -(-max(0, self.debt - leniency) // self._unit)

    @property
    def remaining(self) -> int:
        """
        The units that are free.
        """
        return max(0, self.limit - self.used)

    @property
    def full_after(self) -> int:
        """
        The nanoseconds after which nothing is in use.
        """
        return refill_time(self.used, self.limit, self.period)

    def fits(self, amount: int) -> bool:
        """
        Tell whether *amount* more units can be taken.
        """
        return self.used + amount <= self.limit

    def wait(self, amount: int) -> int:
        """
        Return the nanoseconds after which *amount* fits, computed from the printed whole units.
        """
        return refill_time(max(0, self.used + amount - self.limit), self.limit, self.period)

    def at(self, moment: int) -> Bucket:
        """
        Return this bucket as it stands at *moment*; a clock that stepped back refills nothing.
        """
        refilled = max(0, moment - self.moment) * self.limit
        return replace(self, debt=max(0, self.debt - refilled), moment=moment)

    def take(self, amount: int) -> Bucket:
        """
        Return this bucket with *amount* units taken, or given back where negative.
        """
        return replace(self, debt=max(0, self.debt + amount * self._unit))

    @property
    def _unit(self) -> int:
        return self.period * SECOND
