"""
The first of the seed's three suites: a tracker is made, requests are tracked and checked.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from groq_quota.tracker import UsageTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groq_quota.testing import FakeClock

LLAMA = "llama-3.1-8b-instant"
COMPOUND = "groq/compound"


@pytest.fixture(name="in_zone")
def _in_zone() -> Iterator[Callable[[str], None]]:
    with pytest.MonkeyPatch.context() as patch:

        def move(zone: str) -> None:
            patch.setenv("TZ", zone)
            time.tzset()

        yield move
    time.tzset()


class TestInitialise:
    def test_begins_with_nothing(self, tracker: UsageTracker) -> None:
        """
        A new tracker has counted nothing, on the UTC day that it is.
        """
        expected = {
            "last_reset_date": "2026-11-22",
            "daily_usage": {},
            "total_lifetime": {"requests": 0, "tokens": 0, "days_active": 0},
        }

        assert expected == tracker.usage_data

    def test_touches_no_disk(self, tmp_path: Path) -> None:
        """
        Making one creates no file, and does not need its folder.
        """
        UsageTracker()
        UsageTracker("nowhere/custom_usage.json")

        assert [] == list(tmp_path.iterdir())

    def test_knows_groqs_models(self, tracker: UsageTracker) -> None:
        """
        The limits of the seed's table are there without any configuration.
        """
        expected = {"requests": 250, "tokens": 1_000_000, "description": "Groq Compound"}

        assert expected == tracker.daily_limits[COMPOUND]


class TestTrack:
    def test_reports_the_day(self, tracker: UsageTracker) -> None:
        """
        Tracking returns all that the seed's display shows, as a plain dictionary.
        """
        tracker.track_request(LLAMA, tokens_used=150)
        info = tracker.track_request(LLAMA, 50)
        expected = {
            "model": "llama-3.1-8b-instant",
            "model_description": "Llama 3.1 8B Instant",
            "date": "2026-11-22",
            "requests_used": 2,
            "requests_limit": 14_400,
            "requests_remaining": 14_398,
            "requests_percentage": 0.0,
            "tokens_used": 200,
            "tokens_limit": 1_000_000,
            "tokens_remaining": 999_800,
            "tokens_percentage": 0.0,
            "status": "normal",
            "can_make_request": True,
            "last_request": "2026-11-22T12:00:00+00:00",
            "lifetime_stats": {"requests": 2, "tokens": 200, "days_active": 1},
        }

        assert expected == info
        assert list(expected) == list(info)
        assert expected == json.loads(json.dumps(info))
        assert expected == tracker.get_usage_info(LLAMA)

    def test_tokens_are_optional(self, tracker: UsageTracker) -> None:
        """
        A request of unknown size is a request all the same.
        """
        info = tracker.track_request(LLAMA)

        assert (1, 0) == (info["requests_used"], info["tokens_used"])

    def test_unknown_models_are_tracked(self, tracker: UsageTracker) -> None:
        """
        A model of no table is described so, and gets 1,000 requests and 100,000 tokens a day.
        """
        info = tracker.track_request("some/new-model", 10)
        shown = [info["model_description"], info["requests_limit"], info["tokens_limit"]]

        assert ["Modelo desconocido", 1_000, 100_000] == shown

    def test_custom_models_are_tracked(self, tracker: UsageTracker) -> None:
        """
        The seed's example of a model of one's own.
        """
        tracker.daily_limits["custom-model"] = {
            "requests": 1_000,
            "tokens": 50_000,
            "description": "Modelo Personalizado",
        }
        info = tracker.track_request("custom-model", tokens_used=500)
        shown = [info["model_description"], info["requests_percentage"], info["tokens_percentage"]]

        assert ["Modelo Personalizado", 0.1, 1.0] == shown

    def test_percentages_are_cut(self, tracker: UsageTracker) -> None:
        """
        To one decimal, never rounded up: 2 of 3 is 66.6.
        """
        tracker.daily_limits["m"] = {"requests": 3, "tokens": 1_000}
        tracker.track_request("m", 999)
        info = tracker.track_request("m")

        assert (66.6, 99.9) == (info["requests_percentage"], info["tokens_percentage"])

    def test_last_request_is_the_days(self, tracker: UsageTracker, clock: FakeClock) -> None:
        """
        It is None on a day without requests, as the seed's file keeps it with the day.
        """
        tracker.track_request(LLAMA)
        clock.advance(90)
        later = tracker.track_request(LLAMA)["last_request"]
        tracker.force_reset()

        assert "2026-11-22T12:01:30+00:00" == later
        assert tracker.get_usage_info(LLAMA)["last_request"] is None


class TestCheck:
    def test_counts_nothing(self, tracker: UsageTracker) -> None:
        """
        Checking leaves everything as it was.
        """
        before = tracker.usage_data
        answer = tracker.check_can_make_request(LLAMA)

        assert (True, "Uso normal: 14400 requests disponibles") == answer
        assert before == tracker.usage_data

    def test_names_requests_while_all_is_normal(self, tracker: UsageTracker) -> None:
        """
        As the seed words it, also where more is used of the tokens.
        """
        tracker.track_request(LLAMA, 500_000)

        assert (True, "Uso normal: 14399 requests disponibles") == tracker.check_can_make_request(
            LLAMA
        )


class TestSummary:
    def test_adds_up_the_day(self, tracker: UsageTracker) -> None:
        """
        The day over all models, and which of them were used.
        """
        tracker.track_request(LLAMA, 100)
        tracker.track_request(LLAMA, 100)
        tracker.track_request(COMPOUND, 50)
        expected = {
            "date": "2026-11-22",
            "total_requests_today": 3,
            "total_tokens_today": 250,
            "models_used_today": 2,
            "active_models": [COMPOUND, LLAMA],
            "lifetime_stats": {"requests": 3, "tokens": 250, "days_active": 1},
        }
        summary = tracker.get_daily_summary()

        assert {**expected, "active_models": {COMPOUND, LLAMA}} == {
            **summary,
            "active_models": set(summary["active_models"]),
        }
        assert list(expected) == list(summary)

    def test_all_models(self, tracker: UsageTracker) -> None:
        """
        Every model of `daily_limits` is there, in its order, with what `get_usage_info` says.
        """
        tracker.track_request(LLAMA, 100)
        every = tracker.get_all_models_usage()

        assert list(tracker.daily_limits) == list(every)
        assert {model: tracker.get_usage_info(model) for model in every} == every

    def test_all_models_with_unknown_ones(self, tracker: UsageTracker) -> None:
        """
        A model that was used is not left out because no table has it.
        """
        tracker.track_request("some/new-model", 100)
        every = tracker.get_all_models_usage()

        assert "some/new-model" == list(every)[-1]
        assert 1 == every["some/new-model"]["requests_used"]


class TestReset:
    def test_by_hand(self, tracker: UsageTracker) -> None:
        """
        `force_reset` clears the day of every model and keeps the lifetime.
        """
        tracker.track_request(LLAMA, 100)
        tracker.track_request(COMPOUND, 50)
        tracker.force_reset()
        expected = {
            "last_reset_date": "2026-11-22",
            "daily_usage": {},
            "total_lifetime": {"requests": 2, "tokens": 150, "days_active": 1},
        }

        assert expected == tracker.usage_data
        assert 0 == tracker.get_usage_info(LLAMA)["requests_used"]

    def test_frees_a_model_at_its_limit(self, tracker: UsageTracker) -> None:
        """
        After a reset a blocked model takes requests again.
        """
        tracker.daily_limits["m"] = {"requests": 1, "tokens": 100}
        tracker.track_request("m")
        blocked = tracker.check_can_make_request("m")[0]
        tracker.force_reset()

        assert (False, True) == (blocked, tracker.check_can_make_request("m")[0])

    def test_at_midnight(self, tracker: UsageTracker, clock: FakeClock) -> None:
        """
        A running program begins a new day at midnight UTC, and keeps the lifetime.
        """
        tracker.daily_limits["m"] = {"requests": 1, "tokens": 100}
        tracker.track_request("m", 70)
        clock.set("2026-11-22T23:59:59.900Z")
        before = tracker.check_can_make_request("m")
        clock.set("2026-11-23T00:00:00Z")
        after = tracker.check_can_make_request("m")
        info = tracker.track_request("m", 30)

        assert (False, "Límite diario alcanzado: 1 de 1 requests utilizados") == before
        assert (True, "Uso normal: 1 requests disponibles") == after
        assert ("2026-11-23", 1, 30) == (info["date"], info["requests_used"], info["tokens_used"])
        assert {"requests": 2, "tokens": 100, "days_active": 2} == info["lifetime_stats"]

    @pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows has one zone per machine")
    @pytest.mark.parametrize("zone", ["America/Bogota", "Asia/Tokyo"])
    def test_by_utc_wherever_it_runs(
        self, tracker: UsageTracker, clock: FakeClock, in_zone: Callable[[str], None], zone: str
    ) -> None:
        """
        The machine's own time zone moves neither the day nor the last request.
        """
        in_zone(zone)
        clock.set("2026-11-22T23:30:00Z")
        info = tracker.track_request(LLAMA)
        clock.set("2026-11-23T00:30:00Z")

        assert ("2026-11-22", "2026-11-22T23:30:00+00:00") == (info["date"], info["last_request"])
        assert "2026-11-23" == tracker.get_daily_summary()["date"]

    def test_loses_no_lifetime_over_days(self, tracker: UsageTracker, clock: FakeClock) -> None:
        """
        Days, resets and idle weeks add to it and take nothing away.
        """
        for days in (0, 1, 1, 14):
            clock.advance(days * 86_400)
            tracker.track_request(LLAMA, 10)
            tracker.force_reset()
            tracker.track_request(COMPOUND, 5)

        assert {"requests": 8, "tokens": 60, "days_active": 4} == tracker.get_daily_summary()[
            "lifetime_stats"
        ]
