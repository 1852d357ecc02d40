"""
The arithmetic of windows: waits and durations digit for digit as Groq's, UTC days.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota import windows

DATA = Path(__file__).parent / "data" / "groq-refusals.jsonl"
LINES: list[dict[str, Any]] = [  # of mixed values, as JSON is
    json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()
]
PERIODS = {"minute": 60, "hour": 3600, "day": 86_400}
# Refusals of the present form; before, buckets held fractions that the text does not show.
PRESENT = [
    (line, period)
    for line in LINES
    if line["whole"] and not line["doubtful"] and line["try_again"] and line["used"] is not None
    for name, period in PERIODS.items()
    if f"per {name}" in line["kind"] and (line["date"] or "") >= "2025-11-25"
]
limits = st.integers(1, 10_000_000)
times = st.floats(0, 4e9)


def test_the_collection_has_enough_lines() -> None:
    """
    The digits below are checked on many refusals.
    """
    assert len(PRESENT) >= 15


@pytest.mark.parametrize(("line", "period"), PRESENT)
def test_the_wait_has_groqs_own_digits(line: dict[str, Any], period: int) -> None:
    """
    The wait of a collected refusal, computed and printed, is the text that Groq printed.
    """
    wait = windows.wait_seconds(line["limit"], period, line["used"], line["requested"])
    assert line["try_again"] == windows.go_duration(wait)


@pytest.mark.parametrize(
    ("limit", "period", "used", "requested", "printed"),
    [
        (12_000, 60, 2_542, 9_855, "1.984999999s"),
        (12_000, 60, 4_437, 9_854, "11.455s"),
        (200_000, 86_400, 200_000, 73, "31.535999999s"),
        (30, 60, 30, 1, "2s"),
        (14_400, 86_400, 14_400, 1, "6s"),
        (7_200, 3_600, 7_000, 300, "50s"),
    ],
)
def test_the_wait_of_every_kind_of_limit(
    limit: int, period: int, used: int, requested: int, printed: str
) -> None:
    """
    Minutes, hours and days go by one formula, the tails of its floats included.
    """
    wait = windows.wait_seconds(limit, period, used, requested)
    assert printed == windows.go_duration(wait)


def test_no_wait_where_it_fits() -> None:
    """
    Up to the whole limit nothing is waited for, above it the excess is.
    """
    assert 0.0 == windows.wait_seconds(100, 60, 40, 60)
    assert 0.6 == windows.wait_seconds(100, 60, 40, 61)


@pytest.mark.parametrize(("limit", "period"), [(0, 60), (-1, 60), (5, 0), (5, -60)])
def test_a_bucket_needs_a_size_and_a_period(limit: int, period: int) -> None:
    """
    What never refills has no wait: that is an error, not an endless wait.
    """
    with pytest.raises(ValueError, match="above zero"):
        windows.wait_seconds(limit, period, 1, 1)


@given(limits, st.sampled_from([60, 3600, 86_400]), st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_wait_is_what_the_excess_takes_to_drain(
    limit: int, period: int, used: int, requested: int
) -> None:
    """
    The floats stay next to the exact quotient.
    """
    exact = max(Fraction(0), Fraction((used + requested - limit) * period, limit))
    wait = windows.wait_seconds(limit, period, used, requested)
    assert abs(exact - Fraction(wait)) <= exact * Fraction(1, 10**15)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (1e-9, "1ns"),
        (999e-9, "999ns"),
        (1.5e-6, "1.5µs"),
        (0.585, "585ms"),
        (0.459999999, "459.999999ms"),
        (1.0, "1s"),
        (7.66, "7.66s"),
        (60.0, "1m0s"),
        (86.4, "1m26.4s"),
        (546.0, "9m6s"),
        (3600.0, "1h0m0s"),
        (9076.752, "2h31m16.752s"),
        (90_000.0, "25h0m0s"),
        (-86.4, "-1m26.4s"),
        (-0.5, "-500ms"),
    ],
)
def test_durations_as_go_prints_them(seconds: float, text: str) -> None:
    """
    One form for each magnitude, without trailing zeros.
    """
    assert text == windows.go_duration(seconds)


@given(st.floats(0, 200_000))
def test_a_printed_duration_is_cut_to_whole_nanoseconds(seconds: float) -> None:
    """
    Read back, the text has every nanosecond that Go's conversion keeps.
    """
    text = windows.go_duration(seconds)
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if text.endswith(unit):
            assert int(seconds * 1e9) == Fraction(text.removesuffix(unit)) * size
            return
    total = Fraction(0)
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        amount, _, text = text.partition(unit) if unit in text else ("0", "", text)
        total += Fraction(amount) * size
    assert int(seconds * 1e9) == total * 10**9


@given(st.floats(0, 1e6), times, st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0, 1e4))
def test_draining_twice_is_draining_once(
    level: float, at: float, first: float, second: float, rate: float
) -> None:
    """
    It does not matter how often a bucket is looked at meanwhile, and it never falls below empty.
    """
    once = windows.drained(level, at, at + first + second, rate)
    half = windows.drained(level, at, at + first, rate)
    twice = windows.drained(half, at + first, at + first + second, rate)
    assert 0 <= once <= half <= level
    # The seconds themselves are floats of the size of an epoch time.
    assert twice == pytest.approx(once, rel=1e-9, abs=1e-5 + rate * 2e-6)


def test_a_clock_that_went_back_gives_nothing_back() -> None:
    """
    A bucket stands as it stood; what was taken is not forgotten.
    """
    assert 50.0 == windows.drained(50.0, 1000.0, 900.0, 1.0)
    assert 50.0 == windows.drained(50.0, 1000.0, 1000.0, 1.0)


def test_rounding_is_no_use() -> None:
    """
    A bucket that is empty but for the rounding of floats is empty.
    """
    assert 0.0 == windows.drained(10.0, 0.0, 10.0 - 1e-8, 1.0)
    assert 0.001 == pytest.approx(windows.drained(10.0, 0.0, 9.999, 1.0))


@pytest.mark.parametrize(
    ("at", "now", "kept"), [(100.0, 99.5, 100.0), (100.0, 96.0, 96.0), (100.0, 101.0, 101.0)]
)
def test_only_a_jump_of_the_clock_moves_a_bucket_back(at: float, now: float, kept: float) -> None:
    """
    Clocks of threads that differ by a hair do not let a bucket drain the same time twice.
    """
    assert kept == windows.moment(at, now)


@given(times)
def test_days_and_hours_are_those_of_utc(now: float) -> None:
    """
    The standard library's calendar says the same.
    """
    there = datetime.fromtimestamp(int(now), timezone.utc)
    assert there.date().isoformat() == windows.utc_date(now)
    assert str(there.hour) == windows.utc_hour(now)
    assert there.isoformat() == windows.utc_iso(int(now))


def test_the_day_ends_at_midnight_utc() -> None:
    """
    Just before midnight there is a little left of the day, at midnight a whole day.
    """
    midnight = 1_795_305_600.0
    assert "2026-11-22" == windows.utc_date(midnight)
    assert "2026-11-21" == windows.utc_date(midnight - 0.001)
    assert 86_400 == windows.seconds_to_midnight(midnight)
    assert 0.5 == windows.seconds_to_midnight(midnight - 0.5)


def test_days_between_dates() -> None:
    """
    Over the end of a month and backwards.
    """
    assert 2 == windows.days_apart("2026-02-27", "2026-03-01")
    assert -2 == windows.days_apart("2026-03-01", "2026-02-27")
    assert 0 == windows.days_apart("2026-03-01", "2026-03-01")
