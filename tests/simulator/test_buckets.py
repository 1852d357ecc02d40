from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from groq_quota.simulator.buckets import Bucket
from groq_quota.simulator.durations import SECOND

limits = st.integers(min_value=1, max_value=5_000_000)
periods = st.sampled_from([60, 3600, 86400])
shares = st.floats(min_value=0, max_value=1)
waits = st.integers(min_value=0, max_value=200_000 * SECOND)
start = 1_795_000_000 * SECOND


def test_a_new_bucket_is_full() -> None:
    """
    One request may take the whole limit at once, and not one unit more.
    """
    bucket = Bucket(30, 60).at(start)

    assert 30 == bucket.remaining
    assert bucket.fits(30)
    assert not bucket.fits(31)


@pytest.mark.parametrize(
    ("seconds", "used"), [(0, 30), (1, 30), (1.9, 30), (2, 29), (3.9, 29), (60, 0), (1e9, 0)]
)
def test_a_bucket_refills_evenly(seconds: float, used: int) -> None:
    """
    Thirty a minute are one every two seconds; what is not wholly back still counts as used.
    """
    bucket = Bucket(30, 60).at(start).take(30)

    assert used == bucket.at(start + round(seconds * SECOND)).used


def test_a_clock_that_steps_back_stops_no_refilling() -> None:
    """
    Nothing refills while the clock goes back, and it refills at once from there.
    """
    emptied = Bucket(30, 60).at(start).take(30)
    day_before = emptied.at(start - 86_400 * SECOND)

    assert 30 == day_before.used
    assert 29 == day_before.at(start - 86_398 * SECOND).used


@given(limits, periods, shares, shares, st.just(0.0) | shares)
def test_whoever_waits_as_told_is_admitted(
    limit: int, period: int, first: float, second: float, third: float
) -> None:
    """
    After exactly the printed wait the request fits; one unit's time earlier it did not.
    """
    bucket = Bucket(limit, period).at(start).take(1 + int(first * (limit - 1)))
    bucket = bucket.at(start + int(third * bucket.full_after))
    assume(bucket.used)
    requested = bucket.remaining + 1 + int(second * (bucket.used - 1))
    wait = bucket.wait(requested)
    unit = -(-period * SECOND // limit)

    assert not bucket.fits(requested)
    assert bucket.at(bucket.moment + wait).fits(requested)
    assert not bucket.at(bucket.moment + wait - unit - 2_000).fits(requested)


def test_a_wait_that_was_cut_to_nanoseconds_is_enough() -> None:
    """
    Groq printed 1.984999999s for what takes 1.985 s.
    """
    bucket = Bucket(12_000, 60).at(start).take(2_542)

    assert 1_984_999_999 == bucket.wait(9_855)
    assert bucket.at(start + 1_984_999_999).fits(9_855)


def test_one_unit_is_seen_in_the_largest_bucket() -> None:
    """
    The leniency towards clocks never hides a whole unit.
    """
    assert 1 == Bucket(10**9, 60).at(start).take(1).used


@given(limits, periods, st.lists(st.tuples(shares, waits), min_size=1, max_size=30))
def test_no_more_is_admitted_than_the_limit_allows(
    limit: int, period: int, requests: list[tuple[float, int]]
) -> None:
    """
    Whatever comes when, the total is within one full bucket plus what has refilled since.
    """
    now, admitted = start, 0
    bucket = Bucket(limit, period).at(now)
    for share, passed in requests:
        now += passed
        bucket = bucket.at(now)
        amount = round(share * limit)
        if bucket.fits(amount):
            bucket = bucket.take(amount)
            admitted += amount
        assert 0 <= bucket.used <= limit

    assert admitted <= limit + (now - start) * limit / (period * SECOND) + 1


@given(limits, periods, shares, st.lists(waits, max_size=10))
def test_looking_at_a_bucket_changes_nothing(
    limit: int, period: int, share: float, looks: list[int]
) -> None:
    """
    Refilling in many steps gives exactly what one step gives.
    """
    begun = Bucket(limit, period).at(start).take(int(share * limit))
    bucket, now = begun, start
    for passed in looks:
        now += passed
        bucket = bucket.at(now)

    assert begun.at(now) == bucket


@given(limits, periods, shares)
def test_giving_back_undoes_taking(limit: int, period: int, share: float) -> None:
    """
    What was taken and given back at one moment leaves no trace, and a bucket never overflows.
    """
    amount = int(share * limit)
    bucket = Bucket(limit, period).at(start)

    assert bucket == bucket.take(amount).take(-amount)
    assert limit == bucket.take(-limit).remaining
