"""
One bucket with many in flight, against its whole history in exact arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from groq_quota import buckets
from groq_quota.limits import Limit
from groq_quota.state import new_cell
from groq_quota.windows import drained

RATE = 1.0
LIMIT = Limit("tpm", 60, "user")
ROW = (LIMIT, "k", "tokens", 60, RATE)
# Small numbers and halves: exact in floats, so that equal means equal.
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 12)),
        st.tuples(st.just("take"), st.integers(0, 12)),
        st.tuples(st.just("give"), st.integers(0, 30)),
    ),
    max_size=60,
)


@dataclass
class History:
    """
    All that was taken and not given back, with its times; and the bucket that is tested.
    """

    now: float = 1000.0
    taken: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cell = new_cell()

    def do(self, action: str, number: int) -> None:
        """
        Let time go by, take, or give one back.
        """
        if action == "wait":
            self.now += number / 2
        elif action == "give":
            if self.taken:
                since, need = self.taken.pop(number % len(self.taken))
                buckets.give(self.cell, "k", self.now, RATE, need, since=since)
        else:
            need = number / 2
            buckets.take(self.cell, self.now, [ROW], {"tokens": need}, shared=bool(self.taken))
            self.taken.append((self.now, need))

    def exact(self, time: float) -> Fraction:
        """
        What the bucket holds at a time.
        """
        level, at = Fraction(0), None
        for start, need in sorted(self.taken):
            if at is not None:
                level = max(Fraction(0), level - (Fraction(start) - at))
            level, at = level + Fraction(need), Fraction(start)
        return level if at is None else max(Fraction(0), level - (Fraction(time) - at))

    def found(self, time: float) -> float:
        """
        What the tested bucket says that it holds then.
        """
        level, at, _ = self.cell["windows"].get("k", (0.0, 0.0, 0.0))
        return drained(level, at, time, RATE)


ONE_OF_TWO_AT_ONCE = [
    *[("take", 12), ("wait", 11), ("take", 2), ("take", 8), ("wait", 1), ("take", 2)],
    *[("give", 1), ("give", 0)],
]


@given(ACTIONS)
@example(ONE_OF_TWO_AT_ONCE)
@example([("take", n) for n in range(1, 12)] + [("wait", 3)] * 2 + [("give", 0)] * 11)
@example([each for n in range(8) for each in (("take", 6), ("wait", 4))] + [("give", 0)] * 8)
def test_it_never_holds_less_than_in_truth(actions: list[tuple[str, int]]) -> None:
    """
    However many are in flight, whoever gives back, and whenever.
    """
    run = History()
    for each in actions:
        run.do(*each)
        assert run.found(run.now) >= run.exact(run.now)


SECOND_BACK = [("take", 12), ("wait", 10), ("take", 12), ("wait", 1), ("take", 2), ("give", 1)]
LOWER_AGAIN = [
    *[("take", 12), ("wait", 2), ("take", 12), ("wait", 2), ("take", 12), ("wait", 14)],
    *[("take", 2), ("give", 0)],
]


@given(ACTIONS)
@example([("take", 6), ("wait", 4), ("take", 6), ("wait", 4), ("take", 6), ("give", 0)])
@example([("take", 12), ("wait", 9), ("take", 9), ("give", 0), ("take", 3), ("give", 0)])
@example(SECOND_BACK)
@example(LOWER_AGAIN)
@example(ONE_OF_TWO_AT_ONCE)
def test_with_all_low_points_known_it_holds_just_that(actions: list[tuple[str, int]]) -> None:
    """
    Of requests that are sent at once: what is given back is what is still there.
    """
    run = History()
    for action, number in actions:
        full = len(run.cell["lows"].get("k", ())) == 16
        if action == "take" and full:
            continue
        run.do(action, number)
        assert run.found(run.now) == run.exact(run.now)


def test_low_points_are_few_and_go_with_the_last_in_flight() -> None:
    """
    A cell does not grow with its requests; of one request at a time nothing is noted.
    """
    run = History()
    for _ in range(50):
        run.do("take", 4)
        run.do("wait", 2)
    assert 0 < len(run.cell["lows"]["k"]) <= 16
    while run.taken:
        run.do("give", 0)
    run.do("wait", 1)
    run.do("take", 4)
    assert {} == run.cell["lows"]


def test_many_low_points_are_merged_without_harm() -> None:
    """
    Of a rush of forty, each gives three quarters back, in the order in which they came.
    """
    run = History()
    for number in range(40):
        run.do("take", 4 + number % 8)
    whole = run.found(run.now)
    for since, need in run.taken:
        buckets.give(run.cell, "k", run.now, RATE, need * 0.75, since=since)
    assert whole / 4 <= run.found(run.now) <= whole / 2
