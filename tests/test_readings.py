"""
From cells to reports: percentages of nothing, days, and values that users hand in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota import readings
from groq_quota.booking import Amount, Denial, Rules
from groq_quota.errors import ConfigurationError, WrongTypeError
from groq_quota.limits import Limit
from groq_quota.reports import DailySummary, Status, Usage
from groq_quota.state import Cell, Counts, count, new_cell, new_counts, roll

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z
DAY = 86_400.0
TODAY = "2026-11-22"


def rules(**amounts: int | None) -> Rules:
    """
    Limits as a user sets them.
    """
    return Rules(Limit(kind, amount, "user") for kind, amount in amounts.items())


def counted(now: float = NOON, *, requests: int = 1, tokens: int = 0) -> Cell:
    """
    A cell in which something was counted.
    """
    cell = new_cell()
    roll(cell, now)
    count(cell, now, cell["day"], {"requests": requests, "tokens": tokens})
    return cell


# -- windows ------------------------------------------------------------------------------------


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 300), st.floats(0, 200))
def test_what_remains_is_never_below_zero(used: int, held: int, limit: int, seconds: float) -> None:
    """
    Whatever was used, held or changed in the limits since.
    """
    cell = counted(requests=used)
    cell["held"]["requests"] = held
    cell["windows"] = {"rpm": [float(used + held), NOON]}
    for kind in ("rpd", "rpm"):
        window = readings.window_usage(cell, NOON + seconds, Limit(kind, limit, "user"))
        assert window.remaining is not None
        assert window.remaining >= 0
        assert window.remaining == max(0, limit - window.used)
        assert window.reset_after >= 0


def test_a_bucket_tells_when_it_is_all_free() -> None:
    """
    As Groq's `x-ratelimit-reset-tokens` does.
    """
    cell = counted()
    cell["windows"] = {"tpm": [78.0, NOON]}
    window = readings.window_usage(cell, NOON, Limit("tpm", 8000, "user"))
    assert (78.0, 7922.0, 0.585) == (window.used, window.remaining, window.reset_after)
    window = readings.window_usage(cell, NOON + 1, Limit("tpm", 8000, "user"))
    assert (0.0, 8000.0, 0.0) == (window.used, window.remaining, window.reset_after)


@pytest.mark.parametrize("kind", ["rpm", "rpd"])
def test_no_limit_and_a_limit_of_zero(kind: str) -> None:
    """
    Nothing remains of 0; of None there is no remaining.
    """
    assert readings.window_usage(counted(), NOON, Limit(kind, None, "user")).remaining is None
    assert 0 == readings.window_usage(counted(), NOON, Limit(kind, 0, "user")).remaining


def test_the_fullest_daily_limit_is_the_nearest() -> None:
    """
    By its share, not its number; a limit of 0 before all; minutes do not count.
    """
    cell = counted(requests=5, tokens=600)
    limits = {"rpm": 1, "rpd": 10, "tpd": 1000}
    assert ("tokens", 600, 1000) == readings.nearest_daily(cell, NOON, rules(**limits))
    assert ("requests", 5, 10) == readings.nearest_daily(cell, NOON, rules(rpd=10))
    assert ("tokens", 600, 0) == readings.nearest_daily(cell, NOON, rules(rpd=5, tpd=0))
    assert (None, 0, None) == readings.nearest_daily(cell, NOON, rules(rpm=1, rpd=None))


# -- decisions ----------------------------------------------------------------------------------


UNFIT = (
    "Not enough left of tokens per day (TPD): 600 of 700 used, 200 requested; it fits in 12 h 0 min"
)


@pytest.mark.parametrize(
    ("limits", "tokens", "said"),
    [
        ({"rpd": 5}, 0, "Daily limit reached: 5 of 5 requests used"),
        ({"rpd": 0}, 0, "Blocked: requests per day (RPD) is set to 0"),
        ({"tpd": 0}, 9, "Blocked: tokens per day (TPD) is set to 0"),
        (
            {"tpd": 700},
            200,
            UNFIT,
        ),
        (
            {"tpd": 700},
            701,
            "Too large for tokens per day (TPD): 701 requested, the whole limit is 700",
        ),
        ({"tpd": 1000}, 1, "Normal use: 400 tokens left"),
    ],
    ids=["full", "blocked", "blocked-tokens", "unfit", "large", "allowed"],
)
def test_a_decision_says_why(limits: dict[str, int], tokens: int, said: str) -> None:
    """
    The limit that binds, or how the model stands.
    """
    cell = counted(requests=5, tokens=600)
    decision = readings.decision(cell, NOON, rules(**limits), Amount(tokens), "en")
    assert said == decision.message
    assert decision.allowed == said.startswith("Normal")


def test_a_denial_is_explained_in_either_language() -> None:
    """
    The seed's words for a day that is used up.
    """
    denial = Denial(Limit("tpd", 50, "user"), 50, 1, 60.0, Status.LIMIT_REACHED)
    assert "Daily limit reached: 50 of 50 tokens used" == readings.explain(denial)
    assert "Límite diario alcanzado: 50 de 50 tokens utilizados" == readings.explain(denial, "es")


# -- days ---------------------------------------------------------------------------------------


def test_a_summary_adds_up_the_models_of_the_day() -> None:
    """
    Yesterday's cells count in the lifetime only; the scope's own cell brings its days and lifetime.
    """
    scope = new_cell()
    scope["days_active"], scope["lifetime"]["requests"] = 9, 100
    cells = {
        "": scope,
        "a": counted(requests=2, tokens=20),
        "b": counted(requests=3, tokens=30),
        "old": counted(NOON - DAY, requests=50, tokens=500),
    }
    summary = readings.daily_summary(cells, NOON)
    assert (TODAY, 5, 50, 155, 550, 9) == (
        summary.date,
        summary.requests,
        summary.tokens,
        summary.lifetime_requests,
        summary.lifetime_tokens,
        summary.days_active,
    )
    assert ["a", "b"] == list(summary.models)


def test_a_summary_of_nothing() -> None:
    """
    Has the day and zeros.
    """
    assert DailySummary(TODAY) == readings.daily_summary({}, NOON)


def test_the_history_has_rows_and_what_the_cells_still_hold() -> None:
    """
    A day that is in both is their sum; days of nothing have no models.
    """
    row: Counts = {**new_counts(), "requests": 4, "tokens": 40}
    past = {"a": {TODAY: row, "2026-11-20": row}, "gone": {"2026-11-20": row}, "": {TODAY: row}}
    cells = {"a": counted(requests=1, tokens=1), "idle": counted(NOON - DAY, requests=7)}
    days = readings.history(past, cells, ["2026-11-19", "2026-11-20", "2026-11-21", TODAY])
    assert [0, 8, 7, 5] == [day.requests for day in days]
    assert [[], ["a", "gone"], ["idle"], ["a"]] == [list(day.models) for day in days]
    assert 4 == row["requests"]


@pytest.mark.parametrize(
    ("stored", "last"),
    [(NOON, TODAY), (NOON - 9 * DAY, TODAY), (NOON + DAY, "2026-11-23"), (NOON + 2 * DAY, TODAY)],
)
def test_the_last_day_is_the_one_that_counting_is_at(stored: float, last: str) -> None:
    """
    The clock's, or the next where it went back a little; days far ahead are nobody's today.
    """
    assert last == readings.last_day({"": new_cell(), "a": counted(stored)}, NOON)


def test_reports_are_ready_for_json() -> None:
    """
    A model's report as plain values, nothing lost on the way.
    """
    cell = counted(requests=2, tokens=20)
    cell["windows"] = {"tpm": [20.0, NOON]}
    report = readings.model_usage("m", cell, NOON, rules(rpd=4, tpm=60, tpd=None), "A model")
    data = report.to_dict()
    assert data == json.loads(json.dumps(data))
    assert ("m", "A model", "normal", 2, {"12": [2, 20]}) == (
        data["model"],
        data["description"],
        data["status"],
        data["requests"],
        data["hours"],
    )
    assert (0.0, "2026-11-22T12:00:00+00:00") == (data["waited_seconds"], data["last_request_at"])
    assert not {"waited", "last_request"} & data.keys()
    assert {
        "limit": 60,
        "used": 20.0,
        "remaining": 40.0,
        "reset_after_seconds": 20.0,
        "external": 0.0,
        "origin": "user",
        "enforced": True,
    } == data["windows"]["tpm"]
    assert {"rpd", "tpm", "tpd"} == set(data["windows"])
    assert None is data["windows"]["tpd"]["remaining"]


# -- states -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "limit", "status"),
    [
        (0, 1, Status.NORMAL),
        (74, 100, Status.NORMAL),
        (75, 100, Status.WARNING),
        (89, 100, Status.WARNING),
        (90, 100, Status.CRITICAL),
        (99, 100, Status.CRITICAL),
        (100, 100, Status.LIMIT_REACHED),
        (101, 100, Status.LIMIT_REACHED),
        (0, 0, Status.LIMIT_REACHED),
        (10**9, None, Status.NORMAL),
        (3 * 10**17 - 1, 4 * 10**17, Status.NORMAL),
        (3 * 10**17, 4 * 10**17, Status.WARNING),
        (10**17 - 1, 10**17, Status.CRITICAL),
    ],
)
def test_states_compare_integers(used: int, limit: int | None, status: Status) -> None:
    """
    At any size.
    """
    assert status is Status.of(used, limit)


def test_states_have_an_order_and_a_name() -> None:
    """
    As text they are what the seed's API shows.
    """
    assert [0, 1, 2, 3] == [status.rank for status in Status]
    assert ["normal", "warning", "critical", "limit_reached"] == [str(each) for each in Status]
    assert "warning" in set(Status)


# -- usage --------------------------------------------------------------------------------------


@dataclass
class Details:
    """
    As the SDK's usage objects have them.
    """

    cached_tokens: int | None = None


@pytest.mark.parametrize(
    ("given_", "usage"),
    [
        (150, Usage(150)),
        (0, Usage()),
        (Usage(5, 3, 2), Usage(5, 3, 2)),
        ({"total_tokens": 7}, Usage(7)),
        ({"prompt_tokens": 5, "completion_tokens": 2}, Usage(7, 5, 2)),
        ({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 9}, Usage(9, 5, 2)),
        ({"input_tokens": 5, "output_tokens": 2}, Usage(7, 5, 2)),
        (
            {"input_tokens": 5, "output_tokens": 2, "input_token_details": {"cache_read": 4}},
            Usage(7, 5, 2, 4),
        ),
        (
            SimpleNamespace(
                prompt_tokens=5,
                completion_tokens=2,
                total_tokens=7,
                prompt_tokens_details=Details(4),
            ),
            Usage(7, 5, 2, 4),
        ),
        (
            SimpleNamespace(prompt_tokens=5, completion_tokens=2, prompt_tokens_details=Details()),
            Usage(7, 5, 2),
        ),
        (
            SimpleNamespace(prompt_tokens=5, completion_tokens=None, prompt_tokens_details=None),
            Usage(5, 5),
        ),
    ],
    ids=str,
)
def test_usage_is_read_from_whatever_carries_it(given_: object, usage: Usage) -> None:
    """
    Numbers, mappings, the SDK's objects and LangChain's words.
    """
    assert usage == Usage.of(given_)


def test_usage_of_the_sdk() -> None:
    """
    The SDK's own class.
    """
    from groq.types import CompletionUsage

    sdk = CompletionUsage(prompt_tokens=5, completion_tokens=2, total_tokens=7)
    assert Usage(7, 5, 2) == Usage.of(sdk)


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (-1, ConfigurationError),
        (1.0, WrongTypeError),
        ("5", WrongTypeError),
        (True, WrongTypeError),
    ],
)
@pytest.mark.parametrize("name", ["total_tokens", "prompt_tokens", "completion_tokens"])
def test_bad_numbers_in_a_usage_are_named(name: str, value: Any, wrong: type[Exception]) -> None:
    """
    With the name of the number.
    """
    with pytest.raises(wrong, match=f"usage.{name}"):
        Usage.of({name: value})
