from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.simulator.durations import go_duration, refill_time, whole_milliseconds

UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}


# Limit, period, units in excess and the wait as Groq printed it.
@pytest.mark.parametrize(
    ("limit", "period", "excess", "printed"),
    [
        (200_000, 86_400, 73, "31.535999999s"),
        (200_000, 86_400, 1_529, "11m0.528s"),
        (100_000, 86_400, 1_485, "21m23.04s"),
        (250, 86_400, 1, "5m45.6s"),
        (500_000, 86_400, 489, "1m24.499199999s"),
        (12_000, 60, 397, "1.984999999s"),
        (12_000, 60, 2_291, "11.455s"),
        (8_000, 60, 651, "4.8825s"),
        (8_000, 60, 80, "600ms"),
        (6_000, 60, 27, "269.999999ms"),
        (250_000, 60, 162, "38.88ms"),
        (1_000, 60, 285, "17.099999999s"),
        (30, 60, 1, "2s"),
        (7_200, 3_600, 1_092, "9m6s"),
        (3_600, 86_400, 92, "36m48s"),
    ],
)
def test_a_wait_is_printed_as_groq_prints_it(
    limit: int, period: int, excess: int, printed: str
) -> None:
    """
    Real waits come out digit for digit, with Go's odd tails.
    """
    assert printed == go_duration(refill_time(excess, limit, period))


@pytest.mark.parametrize(
    ("nanoseconds", "printed"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1µs"),
        (2_200_000, "2.2ms"),
        (3_300_000_000, "3.3s"),
        (4 * 60 * 10**9 + 5_001 * 10**6, "4m5.001s"),
        (3600 * 10**9, "1h0m0s"),
        ((2 * 3600 + 31 * 60 + 16) * 10**9 + 752 * 10**6, "2h31m16.752s"),
        (60 * 10**9, "1m0s"),
    ],
)
def test_durations_are_printed_as_go_prints_them(nanoseconds: int, printed: str) -> None:
    """
    The examples of Go's own documentation and tests come out the same.
    """
    assert printed == go_duration(nanoseconds)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_printed_duration_can_be_read_back(nanoseconds: int) -> None:
    """
    No digit is lost, and no part is larger than its unit allows.
    """
    parts = re.findall(r"([\d.]+)(h|ms|m|s|µs|ns)", go_duration(nanoseconds))

    assert nanoseconds == round(sum(float(value) * UNITS[unit] * 1e9 for value, unit in parts))
    assert all(float(value) < 60 for value, unit in parts if unit in ("m", "s"))
    assert all(float(value) < 1000 for value, unit in parts if unit not in ("h", "m", "s"))


def test_headers_cut_durations_to_whole_milliseconds() -> None:
    """
    86 of 8,000 tokens in use were seen as 644ms, and 73 as 547ms: cut, not rounded.
    """
    assert "644ms" == go_duration(whole_milliseconds(refill_time(86, 8_000, 60)))
    assert "547ms" == go_duration(whole_milliseconds(refill_time(73, 8_000, 60)))
