"""
The third of the seed's three suites: behaviour near the limits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.meter import QuotaMeter
from groq_quota.tracker import UsageTracker

if TYPE_CHECKING:
    from groq_quota.tracker import UsageInfo

STATES = {
    0: ("normal", "Uso normal: 100 requests disponibles"),
    74: ("normal", "Uso normal: 26 requests disponibles"),
    75: ("warning", "Uso alto: 75.0% de requests utilizados"),
    89: ("warning", "Uso alto: 89.0% de requests utilizados"),
    90: ("critical", "Uso crítico: 90.0% de requests utilizados"),
    99: ("critical", "Uso crítico: 99.0% de requests utilizados"),
    100: ("limit_reached", "Límite diario alcanzado: 100 de 100 requests utilizados"),
    105: ("limit_reached", "Límite diario alcanzado: 105 de 100 requests utilizados"),
}


def limited(tracker: UsageTracker, requests: int | None, tokens: int | None) -> UsageTracker:
    """
    The tracker with these limits for the model "m".
    """
    tracker.daily_limits["m"] = {"requests": requests, "tokens": tokens}
    return tracker


def tracked(tracker: UsageTracker, requests: int, tokens: int = 0) -> UsageInfo:
    """
    What is said of "m" after so many requests, the last of which used the tokens.
    """
    for _ in range(requests - 1):
        tracker.track_request("m")
    return tracker.track_request("m", tokens) if requests else tracker.get_usage_info("m")


@pytest.mark.parametrize("used", list(STATES))
def test_states_by_requests(tracker: UsageTracker, used: int) -> None:
    """
    74 % is normal, 75 a warning, 90 critical, and 100 blocks, with the seed's messages.
    """
    info = tracked(limited(tracker, 100, None), used)
    allowed, message = tracker.check_can_make_request("m")

    assert STATES[used] == (info["status"], message)
    assert [used < 100] * 2 == [allowed, info["can_make_request"]]


@pytest.mark.parametrize("used", list(STATES))
def test_states_by_tokens(tracker: UsageTracker, used: int) -> None:
    """
    Tokens have the same states as requests, and the message names them where they bind.
    """
    info = tracked(limited(tracker, 1_000, 100), 1, used)
    allowed, message = tracker.check_can_make_request("m")
    status, said = STATES[used]
    normal = "Uso normal: 999 requests disponibles"

    assert status == info["status"]
    assert (normal if status == "normal" else said.replace("requests", "tokens")) == message
    assert [used < 100] * 2 == [allowed, info["can_make_request"]]


def test_just_below_a_state(tracker: UsageTracker) -> None:
    """
    States compare whole numbers: 7,499 of 10,000 is still normal, 9,999 still goes.
    """
    limited(tracker, None, 10_000)
    states = []
    for tokens in (7_499, 1, 1_499, 1, 999, 1):
        info = tracker.track_request("m", tokens)
        states.append((info["tokens_percentage"], info["status"], info["can_make_request"]))

    assert [
        (74.9, "normal", True),
        (75.0, "warning", True),
        (89.9, "warning", True),
        (90.0, "critical", True),
        (99.9, "critical", True),
        (100.0, "limit_reached", False),
    ] == states


def test_the_nearer_limit_is_named(tracker: UsageTracker) -> None:
    """
    Where both warn, the message names the one that is nearer to its end; requests if none is.
    """
    limited(tracker, 100, 1_000)
    tracked(tracker, 80, 850)
    tokens = tracker.check_can_make_request("m")[1]
    tracked(tracker, 5)
    even = tracker.check_can_make_request("m")[1]

    assert "Uso alto: 85.0% de tokens utilizados" == tokens
    assert "Uso alto: 85.0% de requests utilizados" == even


def test_tracking_never_refuses(tracker: UsageTracker) -> None:
    """
    What was sent is counted past the limit; nothing is left, and never less than nothing.
    """
    info = tracked(limited(tracker, 2, 10), 3, 25)
    used = [info["requests_used"], info["tokens_used"]]
    left = [info["requests_remaining"], info["tokens_remaining"]]
    percentages = [info["requests_percentage"], info["tokens_percentage"]]

    assert [[3, 25], [0, 0], [100.0, 100.0]] == [used, left, percentages]
    assert {"requests": 3, "tokens": 25, "days_active": 1} == info["lifetime_stats"]


def test_unlimited(tracker: UsageTracker) -> None:
    """
    None never blocks: no limit, nothing that remains, 0.0 %.
    """
    info = tracked(limited(tracker, None, None), 2, 10**9)
    numbers = [
        info["requests_limit"],
        info["requests_remaining"],
        info["requests_percentage"],
        info["tokens_limit"],
        info["tokens_remaining"],
        info["tokens_percentage"],
    ]

    assert [None, None, 0.0] * 2 == numbers
    assert ("normal", True) == (info["status"], info["can_make_request"])
    assert (True, "Uso normal: sin límite diario") == tracker.check_can_make_request("m")


def test_unlimited_requests(tracker: UsageTracker) -> None:
    """
    Without a limit of requests the message counts tokens.
    """
    tracked(limited(tracker, None, 100), 1, 30)

    assert "Uso normal: 70 tokens disponibles" == tracker.check_can_make_request("m")[1]


@pytest.mark.parametrize(
    ("requests", "tokens", "metric"), [(0, 100, "requests"), (100, 0, "tokens")]
)
def test_zero_blocks(tracker: UsageTracker, requests: int, tokens: int, metric: str) -> None:
    """
    A limit of 0 is reached before anything is counted.
    """
    info = tracked(limited(tracker, requests, tokens), 0)
    expected = f"Límite diario alcanzado: 0 de 0 {metric} utilizados"

    assert ("limit_reached", False) == (info["status"], info["can_make_request"])
    assert (False, expected) == tracker.check_can_make_request("m")


def test_raising_the_limit_frees(tracker: UsageTracker) -> None:
    """
    A changed limit holds at once, for what was counted before it too.
    """
    tracked(limited(tracker, 10, 100), 10)
    blocked = tracker.check_can_make_request("m")[0]
    tracker.daily_limits["m"]["requests"] = 20

    assert (False, True) == (blocked, tracker.check_can_make_request("m")[0])
    assert 50.0 == tracker.get_usage_info("m")["requests_percentage"]


def test_one_model_does_not_block_another(tracker: UsageTracker) -> None:
    """
    Each model has its own day.
    """
    tracked(limited(tracker, 1, 100), 1)

    assert (False, True) == (
        tracker.check_can_make_request("m")[0],
        tracker.check_can_make_request("llama-3.1-8b-instant")[0],
    )


@given(
    limit=st.integers(1, 10**12),
    used=st.lists(st.integers(0, 10**12), min_size=1, max_size=5),
)
def test_arithmetic(limit: int, used: list[int]) -> None:
    """
    Percentages are cut and stay within 0 to 100, and states follow from the exact numbers.
    """
    tracker = limited(UsageTracker(meter=QuotaMeter("memory://", clock=lambda: 0.0)), None, limit)
    info = [tracker.track_request("m", tokens) for tokens in used][-1]
    total = sum(used)
    share = 100 * total
    status = (
        "limit_reached"
        if share >= 100 * limit
        else "critical"
        if share >= 90 * limit
        else "warning"
        if share >= 75 * limit
        else "normal"
    )

    assert (total, max(0, limit - total)) == (info["tokens_used"], info["tokens_remaining"])
    assert min(100.0, math.floor(total * 1_000 / limit) / 10) == info["tokens_percentage"]
    assert status == info["status"]
    assert (total < limit) is info["can_make_request"]
    assert info["can_make_request"] is tracker.check_can_make_request("m")[0]
