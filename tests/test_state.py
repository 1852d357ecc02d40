"""
Cells: what is counted in them, and how their days go by.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota import windows
from groq_quota.state import (
    Cell,
    Counts,
    add_counts,
    clone,
    count,
    is_blank,
    new_cell,
    new_counts,
    reset,
    roll,
    touch,
)

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


# -- counting -----------------------------------------------------------------------------------


def test_counts_of_the_day_the_hour_and_the_lifetime() -> None:
    """
    One request is in all three, and is the last.
    """
    cell = counted(requests=2, tokens=30)
    assert (2, 30) == (cell["today"]["requests"], cell["today"]["tokens"])
    assert (2, 30) == (cell["lifetime"]["requests"], cell["lifetime"]["tokens"])
    assert {"12": [2, 30]} == cell["hours"]
    assert NOON == cell["last_request"]


def test_the_first_request_of_a_day_is_told_apart() -> None:
    """
    True for the first, False for the second, for refusals alone, and for nothing.
    """
    cell = new_cell()
    roll(cell, NOON)
    assert count(cell, NOON, TODAY, {"blocked": 1}) is False
    assert count(cell, NOON, TODAY, {}) is False
    assert count(cell, NOON, TODAY, {"requests": 1}) is True
    assert count(cell, NOON, TODAY, {"requests": 1}) is False


def test_what_was_no_request_has_no_hour_and_is_not_the_last() -> None:
    """
    Blocked, refused and failed attempts are counted, but as nothing else.
    """
    cell = new_cell()
    roll(cell, NOON)
    count(cell, NOON, TODAY, {"blocked": 1, "refused": 2, "failed": 3})
    assert {} == cell["hours"]
    assert cell["last_request"] is None
    assert (1, 2, 3) == tuple(cell["today"][name] for name in ("blocked", "refused", "failed"))


def test_another_day_is_corrected_in_its_row() -> None:
    """
    A count for yesterday leaves today alone and is in the lifetime.
    """
    cell = counted()
    count(cell, NOON, "2026-11-21", {"requests": 1, "tokens": 5})
    assert 1 == cell["today"]["requests"]
    assert {"12": [1, 10]} == cell["hours"]
    assert (1, 5) == tuple(cell["past"]["2026-11-21"][name] for name in ("requests", "tokens"))
    assert 15 == cell["lifetime"]["tokens"]


def test_nothing_leaves_no_row() -> None:
    """
    What was released after midnight does not make an empty row of yesterday.
    """
    cell = counted()
    count(cell, NOON, "2026-11-21", {})
    assert {} == cell["past"]


@given(
    st.dictionaries(st.sampled_from(sorted(new_counts())), st.integers(0, 50)),
    st.dictionaries(st.sampled_from(sorted(new_counts())), st.integers(0, 50)),
)
def test_counts_are_added_and_taken_away_but_never_below_zero(
    some: dict[str, int], more: dict[str, int]
) -> None:
    """
    For every name; the counts that were given stay as they were.
    """
    left: Counts = {**new_counts(), **some}  # type: ignore[typeddict-item]  # names of Counts
    right: Counts = {**new_counts(), **more}  # type: ignore[typeddict-item]  # names of Counts
    before = (left.copy(), right.copy())
    names = sorted(new_counts())
    added: Any = add_counts(left, right)
    taken: Any = add_counts(left, right, -1)
    assert [some.get(name, 0) + more.get(name, 0) for name in names] == [added[n] for n in names]
    assert [max(0, some.get(n, 0) - more.get(n, 0)) for n in names] == [taken[n] for n in names]
    assert before == (left, right)


# -- days ---------------------------------------------------------------------------------------


def test_a_new_day_archives_the_old_one() -> None:
    """
    Counts go to the row of their day; holds, hours and announcements end with it.
    """
    cell = counted(requests=3, tokens=30)
    cell["held"]["requests"], cell["told"] = 2, 3
    roll(cell, NOON + DAY)
    assert TOMORROW == cell["day"]
    assert new_counts() == cell["today"]
    assert (0, {}, 0) == (cell["held"]["requests"], cell["hours"], cell["told"])
    assert 3 == cell["past"][TODAY]["requests"]
    assert 3 == cell["lifetime"]["requests"]


def test_a_day_of_nothing_has_no_row() -> None:
    """
    Days that go by unused are not archived.
    """
    cell = new_cell()
    roll(cell, NOON)
    roll(cell, NOON + DAY)
    assert {} == cell["past"]


@pytest.mark.parametrize("back", [1.0, DAY / 2 + 1, DAY, 1.5 * DAY])
def test_an_earlier_clock_counts_on_the_stored_day(back: float) -> None:
    """
    Up to a day back the stored day goes on: nothing is archived, nothing begins again.
    """
    cell = counted()
    roll(cell, NOON - back)
    assert TODAY == cell["day"]
    assert 1 == cell["today"]["requests"]
    assert {} == cell["past"]


def test_a_day_far_ahead_is_archived_and_counting_restarts() -> None:
    """
    A clock that was set wrong by years does not stop the days for years.
    """
    cell = counted(at=NOON + 1000 * DAY)
    ahead = cell["day"]
    roll(cell, NOON)
    assert TODAY == cell["day"]
    assert 0 == cell["today"]["requests"]
    assert 1 == cell["past"][ahead]["requests"]
    assert 1 == cell["lifetime"]["requests"]


def test_a_day_that_comes_again_is_another() -> None:
    """
    Back from far ahead on the day it came from: holds of its first time are not those of now.
    """
    cell = counted()
    first = (cell["day"], cell["epoch"])
    roll(cell, NOON + 9 * DAY)
    roll(cell, NOON)
    assert TODAY == cell["day"]
    assert first != (cell["day"], cell["epoch"])


def test_two_days_ahead_is_too_far() -> None:
    """
    The day after tomorrow is more than a day ahead.
    """
    cell = counted(at=NOON + 2 * DAY)
    roll(cell, NOON)
    assert TODAY == cell["day"]


def test_the_same_day_twice_adds_up_in_its_row() -> None:
    """
    A day that was archived and begun again ends with the sum.
    """
    cell = counted(requests=2)
    reset(cell, NOON)
    count(cell, NOON, TODAY, {"requests": 5})
    roll(cell, NOON + DAY)
    assert 7 == cell["past"][TODAY]["requests"]


@given(st.lists(st.floats(-3 * DAY, 3 * DAY), max_size=12))
def test_no_count_is_lost_whatever_the_clock_does(steps: list[float]) -> None:
    """
    Rows and today together have every request, however the clock jumps.
    """
    cell, now = new_cell(), NOON
    for step in steps:
        now += step
        roll(cell, now)
        count(cell, now, cell["day"], {"requests": 1})
        assert abs(windows.days_apart(windows.utc_date(now), cell["day"])) <= 1
    rows = sum(row["requests"] for row in cell["past"].values())
    assert len(steps) == rows + cell["today"]["requests"] == cell["lifetime"]["requests"]


# -- reset --------------------------------------------------------------------------------------


def test_reset_keeps_the_lifetime_and_what_groq_taught() -> None:
    """
    The day goes to its row; buckets of set limits are cleared, learned ones and limits stay.
    """
    cell = counted(requests=4, tokens=40)
    cell["windows"] = {"rpm": [4.0, NOON], "tpm": [40.0, NOON]}
    cell["learned"] = {"tpm": [8000, NOON, "headers"]}
    cell["told"], cell["held"]["requests"] = 2, 1
    reset(cell, NOON)
    assert new_counts() == cell["today"]
    assert (0, {}, 0) == (cell["held"]["requests"], cell["hours"], cell["told"])
    assert 4 == cell["past"][TODAY]["requests"]
    assert 4 == cell["lifetime"]["requests"]
    assert {"tpm": [40.0, NOON]} == cell["windows"]
    assert {"tpm": [8000, NOON, "headers"]} == cell["learned"]
    assert 1 == cell["epoch"]


def test_reset_of_nothing_leaves_nothing() -> None:
    """
    A model that nothing was counted for is not stored for having been reset.
    """
    cell = new_cell()
    reset(cell, NOON)
    assert is_blank(cell)


def test_reset_is_remembered_while_a_reservation_may_come_back() -> None:
    """
    The cell of a model with nothing but a hold is kept, so that the hold's end frees no other's.
    """
    cell = new_cell()
    roll(cell, NOON)
    cell["held"]["requests"] = 1
    reset(cell, NOON)
    assert 1 == cell["epoch"]
    assert not is_blank(cell)


# -- the scope's own cell -----------------------------------------------------------------------


def test_each_day_is_active_once() -> None:
    """
    However many models book their first request.
    """
    cell = new_cell()
    assert [True, False, True] == [touch(cell, day) for day in (TODAY, TODAY, TOMORROW)]
    assert (2, TOMORROW) == (cell["days_active"], cell["active_day"])


def test_yesterday_is_not_active_again() -> None:
    """
    A late correction of yesterday counts no day.
    """
    cell = new_cell()
    touch(cell, TOMORROW)
    assert not touch(cell, TODAY)
    assert (1, TOMORROW) == (cell["days_active"], cell["active_day"])


def test_an_active_day_far_ahead_does_not_stop_the_count() -> None:
    """
    After a clock that was set wrong by years, days are counted again.
    """
    cell = new_cell()
    touch(cell, "2031-01-01")
    assert touch(cell, TODAY)
    assert (2, TODAY) == (cell["days_active"], cell["active_day"])


# -- copies -------------------------------------------------------------------------------------


def test_a_clone_is_equal_and_independent() -> None:
    """
    No step on the copy changes the original, at any depth that steps change.
    """
    cell = counted()
    cell["windows"], cell["lows"] = {"rpm": [1.0, NOON]}, {"rpm": [NOON, 0.0]}
    cell["learned"] = {"tpm": [8000, NOON, "headers"]}
    cell["past"] = {"2026-11-20": new_counts()}
    original, copy = clone(cell), clone(cell)
    assert cell == copy
    roll(copy, NOON + DAY)
    count(copy, NOON + DAY, TOMORROW, {"requests": 1, "tokens": 1})
    count(copy, NOON + DAY, TODAY, {"requests": 1})
    for name in ("windows", "lows", "learned"):
        copy[name].clear()
    copy["held"]["requests"] = 9
    assert original == cell


@pytest.mark.parametrize(
    "change",
    [
        {"epoch": 1},
        {"windows": {"rpm": [0.5, NOON]}},
        {"learned": {"tpm": [8000, NOON, "headers"]}},
        {"past": {TODAY: new_counts()}},
        {"active_day": TODAY},
        {"plan": "free"},
        {"lifetime": {**new_counts(), "blocked": 1}},
        {"held": {"requests": 1, "tokens": 0, "audio_seconds": 0.0}},
    ],
)
def test_what_must_be_stored(change: dict[str, Any]) -> None:
    """
    Anything that a new cell would not say.
    """
    cell: Any = {**new_cell(), **change}
    assert is_blank(new_cell())
    assert not is_blank(cell)


def test_a_day_and_an_empty_bucket_are_nothing() -> None:
    """
    A cell that was only looked at, or whose reservation was released, need not be stored.
    """
    cell = new_cell()
    roll(cell, NOON)
    cell["windows"] = {"rpm": [0.0, NOON]}
    assert is_blank(cell)
