"""
Merging: what was counted elsewhere is added to a cell, exactly.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.merging import merge
from groq_quota.state import Cell, Rows, clone, count, new_cell, reset, roll, touch
from groq_quota.storage.base import keep_rows

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z
DAY = 86_400.0
TODAY, TOMORROW = "2026-11-22", "2026-11-23"


def counted(*, at: float = NOON, requests: int = 1, tokens: int = 10) -> Cell:
    """
    A cell in which something was counted.
    """
    cell = new_cell()
    roll(cell, at)
    count(cell, at, cell["day"], {"requests": requests, "tokens": tokens})
    return cell


class Place:
    """
    A cell with its rows and its clock, and what was counted in it, by day.
    """

    def __init__(self, cell: Cell, rows: Rows, now: float) -> None:
        self.cell, self.rows, self.now = cell, rows, now
        self.expected: Counter[str] = Counter()

    def do(self, action: str, number: int) -> None:
        """
        Count so many requests, reset, or let half-days go by.
        """
        if action == "count":
            roll(self.cell, self.now)
            day = self.cell["day"]
            count(self.cell, self.now, day, {"requests": number, "tokens": 7 * number})
            self.expected[day] += number
        elif action == "late":
            roll(self.cell, self.now)
            count(self.cell, self.now, "2026-11-20", {"requests": number})
            self.expected["2026-11-20"] += number
        elif action == "reset":
            reset(self.cell, self.now)
        else:
            self.now += number * DAY / 2
        keep_rows(self.rows, self.cell, 400)

    def found(self) -> Counter[str]:
        """
        The requests that it has for each day, in rows and in the cell.
        """
        found = Counter({day: row["requests"] for day, row in self.rows.items()})
        found[self.cell["day"]] += self.cell["today"]["requests"]
        return +found


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["count", "count", "count", "late", "reset", "wait"]), st.integers(1, 3)
    ),
    max_size=8,
)


@given(ACTIONS, ACTIONS, st.lists(ACTIONS, min_size=1, max_size=3))
def test_merging_loses_no_count_and_counts_none_twice(
    before: list[tuple[str, int]],
    there: list[tuple[str, int]],
    rounds: list[list[tuple[str, int]]],
) -> None:
    """
    Whatever was counted in the storage and beside it, over days and resets, all days' counts are
    the sum; handing over in several rounds gives the same.
    """
    storage = Place(new_cell(), {}, NOON)
    for each in before:
        storage.do(*each)
    local = Place(clone(storage.cell), {}, storage.now)
    base, base_rows = clone(local.cell), dict(local.rows)
    for each in there:
        storage.do(*each)
    for actions in rounds:
        for each in actions:
            local.do(*each)
        merge(storage.cell, base=base, base_rows=base_rows, local=local.cell, rows=local.rows)
        keep_rows(storage.rows, storage.cell, 400)
        base, base_rows = clone(local.cell), dict(local.rows)
    total = storage.expected + local.expected
    assert +total == storage.found()
    assert sum(total.values()) == storage.cell["lifetime"]["requests"]


def merged(stored: Cell, base: Cell, local: Cell) -> Cell:
    """
    The stored cell with what was counted between base and local.
    """
    cell = clone(stored)
    merge(cell, base=clone(base), base_rows={}, local=clone(local), rows={})
    return cell


def test_hours_and_announcements_are_merged() -> None:
    """
    Each hour has what both sides counted; what was announced by either is not announced again.
    """
    base = counted()
    stored, local = clone(base), clone(base)
    count(stored, NOON, TODAY, {"requests": 1, "tokens": 1})
    count(local, NOON, TODAY, {"requests": 2, "tokens": 20})
    count(local, NOON + 3600, TODAY, {"requests": 1, "tokens": 5})
    local["told"] = 2
    cell = merged(stored, base, local)
    assert {"12": [4, 31], "13": [1, 5]} == cell["hours"]
    assert 2 == cell["told"]
    assert NOON + 3600 == cell["last_request"]


def test_fallbacks_of_the_day_are_added() -> None:
    """
    Those from before are not added twice, and those of another day or reset count for nothing.
    """
    base = counted()
    base["fallbacks"] = 2
    stored, local = clone(base), clone(base)
    stored["fallbacks"], local["fallbacks"] = 5, 4
    assert 7 == merged(stored, base, local)["fallbacks"]
    reset(local, NOON)
    local["fallbacks"] = 1
    local["past"] = {}
    assert 1 == merged(stored, base, local)["fallbacks"]
    roll(stored, NOON + DAY)
    stored["fallbacks"] = 3
    assert 3 == merged(stored, base, local)["fallbacks"]


def test_a_hold_that_ended_elsewhere_is_freed() -> None:
    """
    Reserved before, committed beside the storage; one that was made there is still held.
    """
    base = counted()
    base["held"]["requests"] = 1
    stored, local = clone(base), clone(base)
    stored["held"]["requests"] = 3
    local["held"]["requests"] = 0
    assert 2 == merged(stored, base, local)["held"]["requests"]
    local["held"]["requests"] = 4
    assert 6 == merged(stored, base, local)["held"]["requests"]
    base["held"]["audio_seconds"], stored["held"]["audio_seconds"] = 12.5, 20.0
    local["held"]["audio_seconds"] = 0.0
    assert 7.5 == merged(stored, base, local)["held"]["audio_seconds"]
    stored["held"]["audio_seconds"] = 0.0
    assert 0.0 == merged(stored, base, local)["held"]["audio_seconds"]


def test_holds_from_before_a_reset_free_no_others() -> None:
    """
    The storage was reset meanwhile and holds a reservation from after it.
    """
    base = counted()
    base["held"]["requests"] = 1
    stored, local = clone(base), clone(base)
    reset(stored, NOON)
    stored["held"]["requests"] = 1
    local["held"]["requests"] = 0
    assert 1 == merged(stored, base, local)["held"]["requests"]


def test_a_reset_beside_the_storage_resets_it() -> None:
    """
    Its counts go to the row, and reservations made after the reset still belong to it.
    """
    base = counted(requests=5)
    stored, local = clone(base), clone(base)
    count(stored, NOON, TODAY, {"requests": 2})
    stored["windows"] = {"rpm": [7.0, NOON, 0.0]}
    for _ in range(2):
        count(local, NOON, TODAY, {"requests": 1})
        reset(local, NOON)
    local["held"]["requests"] = 1
    cell = clone(stored)
    rows: Rows = {}
    keep_rows(rows, local, 400)
    merge(cell, base=base, base_rows={}, local=local, rows=rows)
    assert (0, 9) == (cell["today"]["requests"], cell["past"][TODAY]["requests"])
    assert {} == cell["windows"]
    assert 1 == cell["held"]["requests"]
    assert local["epoch"] == cell["epoch"]


def test_two_resets_apart_leave_no_common_epoch() -> None:
    """
    Both sides were reset: no reservation of the one can be taken for one of the other.
    """
    base = counted()
    stored, local = clone(base), clone(base)
    reset(stored, NOON)
    reset(local, NOON)
    local["held"]["requests"] = 1
    local["past"] = {}
    cell = merged(stored, base, local)
    assert cell["epoch"] not in {stored["epoch"], local["epoch"]}
    assert 0 == cell["held"]["requests"]


def test_a_reset_of_yesterday_does_not_clear_today() -> None:
    """
    The storage has moved on to the next day by the time it hears of it.
    """
    base = counted()
    stored, local = clone(base), clone(base)
    reset(local, NOON)
    roll(stored, NOON + DAY)
    count(stored, NOON + DAY, TOMORROW, {"requests": 6})
    assert 6 == merged(stored, base, local)["today"]["requests"]


@pytest.mark.parametrize(
    ("stored", "local", "result"),
    [
        ([10.0, 1.0, 2.0], [10.0, 1.0, 2.0], [10.0, 1.0, 2.0]),  # untouched
        ([10.0, 1.0, 2.0], [4.0, 90.0, 3.0], [4.0, 90.0, 3.0]),  # only here
        ([25.0, 50.0, 7.0], [10.0, 1.0, 2.0], [25.0, 50.0, 7.0]),  # only there
        ([25.0, 50.0, 7.0], [4.0, 90.0, 3.0], [29.0, 90.0, 8.0]),  # both
        (None, [4.0, 90.0, 3.0], [4.0, 90.0, 3.0]),  # cleared there
    ],
)
def test_buckets_hold_at_least_what_both_sides_took(
    stored: list[float] | None, local: list[float], result: list[float]
) -> None:
    """
    An old, full bucket does not hide a younger one.
    """
    base, there, here = counted(), counted(), counted()
    base["windows"] = {"tpm": [10.0, 1.0, 2.0]}
    there["windows"] = {} if stored is None else {"tpm": stored}
    here["windows"] = {"tpm": local}
    assert {"tpm": result} == merged(there, base, here)["windows"]


def test_the_younger_limit_stands() -> None:
    """
    What was learned while the storage was away is not lost, and overwrites nothing newer.
    """
    base, stored, local = counted(), counted(), counted()
    stored["learned"] = {"tpm": [6000, 10.0, "headers"], "rpd": [1000, 30.0, "headers"]}
    local["learned"] = {"tpm": [8000, 20.0, "headers"], "rpd": [500, 20.0, "headers"]}
    local["refund"], local["plan"] = True, "free"
    cell = merged(stored, base, local)
    assert {
        "tpm": [8000, 20.0, "headers"],
        "rpd": [1000, 30.0, "headers"],
    } == cell["learned"]
    assert (True, "free") == (cell["refund"], cell["plan"])


def test_active_days_are_merged() -> None:
    """
    Days on which only this process counted are added, a day that both know is not.
    """
    base = new_cell()
    touch(base, "2026-11-20")
    local = clone(base)
    touch(local, "2026-11-21")
    touch(local, TODAY)
    assert (3, TODAY) == (
        merged(base, base, local)["days_active"],
        merged(base, base, local)["active_day"],
    )
    stored = clone(base)
    touch(stored, TODAY)
    assert 2 == merged(stored, base, local)["days_active"]
