"""
The tracker over a meter: what they share, and what the tracker leaves to the meter.

What it tells users is tested in tests/seed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota.defaults import set_default_meter
from groq_quota.errors import ConfigurationError, QuotaExceededError, WrongTypeError
from groq_quota.meter import QuotaMeter
from groq_quota.storage.memory import MemoryStorage
from groq_quota.testing import FakeClock
from groq_quota.tracker import UsageTracker, usage_tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota.hooks import QuotaEvent

LLAMA = "llama-3.1-8b-instant"
WHISPER = "whisper-large-v3"


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="meter")
def _meter(clock: FakeClock) -> QuotaMeter:
    return QuotaMeter("memory://", clock=clock)


@pytest.fixture(name="tracker")
def _tracker(meter: QuotaMeter) -> UsageTracker:
    return UsageTracker(meter=meter)


class TestMaking:
    def test_over_a_meter(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        Tracker and meter count the same day.
        """
        meter.record(LLAMA, 10)
        tracker.track_request(LLAMA, 5)

        assert tracker.meter is meter
        assert (2, 15) == (meter.usage(LLAMA).requests, meter.usage(LLAMA).tokens)
        assert 2 == tracker.get_usage_info(LLAMA)["requests_used"]

    def test_over_a_scope(self, meter: QuotaMeter) -> None:
        """
        A tracker over a scoped meter counts that scope.
        """
        UsageTracker(meter=meter.scoped("ana")).track_request(LLAMA)

        assert (0, 1) == (
            meter.usage(LLAMA).requests,
            meter.scoped("ana").usage(LLAMA).requests,
        )

    def test_over_a_storage(self) -> None:
        """
        The place may be anything that a meter takes.
        """
        storage = MemoryStorage()
        UsageTracker(storage).track_request(LLAMA)

        assert 1 == UsageTracker(storage).get_usage_info(LLAMA)["requests_used"]

    @pytest.mark.parametrize("meter", ["usage_data.json", 5, MemoryStorage()])
    def test_needs_a_meter(self, meter: Any) -> None:
        """
        Something else in its place is an error that says so.
        """
        with pytest.raises(WrongTypeError, match="meter must be a QuotaMeter or return one"):
            UsageTracker(meter=meter)

    @pytest.mark.parametrize(
        ("storage", "said"),
        [("", "storage is empty"), ("gopher://x", "unknown storage scheme"), (5, "storage must")],
    )
    def test_needs_a_place(self, storage: Any, said: str) -> None:
        """
        A place that cannot be is an error at once.
        """
        with pytest.raises(ConfigurationError, match=said):
            UsageTracker(storage)

    def test_reads_as_its_meter(self, tracker: UsageTracker) -> None:
        """
        Its representation says where it counts.
        """
        assert "UsageTracker(meter=QuotaMeter('memory://', scope='default'))" == repr(tracker)


class TestDefault:
    @pytest.fixture(autouse=True)
    def _no_default(self) -> Iterator[None]:
        set_default_meter(None)
        yield
        set_default_meter(None)

    def test_follows_the_default_meter(self, meter: QuotaMeter) -> None:
        """
        The global tracker looks the default meter up at each call.
        """
        other = QuotaMeter("memory://", limits={"mine": {"rpd": 7}})
        set_default_meter(meter)
        usage_tracker.track_request(LLAMA)
        first, known = usage_tracker.meter, "mine" in usage_tracker.daily_limits
        set_default_meter(other)
        usage_tracker.track_request(LLAMA, 4)

        assert [meter, other] == [first, usage_tracker.meter]
        assert [0, 4] == [each.usage(LLAMA).tokens for each in (meter, other)]
        assert not known
        assert 7 == usage_tracker.daily_limits["mine"]["requests"]

    def test_writes_limits_to_the_default_meter(self, meter: QuotaMeter) -> None:
        """
        A mapping kept from before writes to the meter that is the default now.
        """
        set_default_meter(QuotaMeter("memory://"))
        kept = usage_tracker.daily_limits
        set_default_meter(meter)
        kept["custom-model"] = {"requests": 7}
        kept[LLAMA]["tokens"] = 70

        assert {7, 70} == {
            meter.limits.override("custom-model").rpd,
            meter.limits.override(LLAMA).tpd,
        }

    def test_follows_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Without a default meter the `GROQ_QUOTA_*` variables say where it counts.
        """
        monkeypatch.setenv("GROQ_QUOTA_STORAGE", "memory://")
        monkeypatch.setenv("GROQ_QUOTA_PLAN", "developer")

        assert 500_000 == usage_tracker.get_usage_info("openai/gpt-oss-20b")["requests_limit"]


class TestLimits:
    def test_what_is_in_flight_is_taken(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        A reservation takes its place before it is counted, and gives it back if it is released.
        """
        tracker.daily_limits["m"] = {"requests": 2, "tokens": 100}
        tracker.track_request("m", 10)
        reservation = meter.reserve("m", 20)
        info, during = tracker.get_usage_info("m"), tracker.check_can_make_request("m")
        reservation.release()
        expected = (False, "Límite diario alcanzado: 2 de 2 requests utilizados")

        assert (1, 1, 50.0, "normal") == (
            info["requests_used"],
            info["requests_remaining"],
            info["requests_percentage"],
            info["status"],
        )
        assert expected == during
        assert not info["can_make_request"]
        assert (True, "Uso normal: 1 requests disponibles") == tracker.check_can_make_request("m")

    def test_tokens_in_flight_are_taken(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        Reserved tokens block as counted ones do.
        """
        tracker.daily_limits["m"] = {"requests": 5, "tokens": 100}
        meter.reserve("m", 100)
        expected = (False, "Límite diario alcanzado: 100 de 100 tokens utilizados")

        assert expected == tracker.check_can_make_request("m")

    def test_minute_windows_are_ignored(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        It knows daily limits only: a full minute does not block.
        """
        meter.limits.set("m", {"rpm": 1, "tpm": 5, "rpd": 100})
        info = tracker.track_request("m", 5)

        assert not meter.check("m").allowed
        assert info["can_make_request"]
        assert (True, "Uso normal: 99 requests disponibles") == tracker.check_can_make_request("m")

    def test_a_meter_that_does_not_enforce(self, clock: FakeClock) -> None:
        """
        The state says that the limit is reached, and nothing is blocked.
        """
        limits = {"m": {"rpd": 1, "tpd": 10}}
        tracker = UsageTracker(
            meter=QuotaMeter("memory://", limits=limits, enforce=False, clock=clock)
        )
        info = tracker.track_request("m", 25)
        expected = (True, "Límite diario alcanzado: 1 de 1 requests utilizados")

        assert ("limit_reached", True) == (info["status"], info["can_make_request"])
        assert expected == tracker.check_can_make_request("m")

    def test_other_daily_limits_bind_too(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        Seconds of audio a day have a state of their own, which the message names.
        """
        meter.limits.set(WHISPER, {"asd": 0})

        assert "limit_reached" == tracker.get_usage_info(WHISPER)["status"]
        assert (
            False,
            "Límite diario alcanzado: 0 de 0 segundos de audio utilizados",
        ) == tracker.check_can_make_request(WHISPER)

    def test_meter_refuses_by_the_trackers_limits(
        self, tracker: UsageTracker, meter: QuotaMeter
    ) -> None:
        """
        Limits written at the tracker hold for every way to the meter.
        """
        tracker.daily_limits["m"] = {"requests": 1, "tokens": None}
        tracker.track_request("m")

        with pytest.raises(QuotaExceededError, match=r"1 of 1 requests used"):
            meter.reserve("m")

    def test_hooks_hear_the_states(self, clock: FakeClock) -> None:
        """
        Requests that are tracked announce each state once.
        """
        events: list[QuotaEvent] = []
        meter = QuotaMeter(
            "memory://", limits={"m": {"rpd": 20}}, hooks=[events.append], clock=clock
        )
        tracker = UsageTracker(meter=meter)
        for _ in range(22):
            tracker.track_request("m")

        assert ["warning", "critical", "limit_reached"] == [each.status.value for each in events]


class TestData:
    def test_has_the_structure_of_the_file(self, tracker: UsageTracker) -> None:
        """
        `usage_data` is what the seed's file says, of the models used today.
        """
        tracker.check_can_make_request("openai/gpt-oss-20b")
        tracker.track_request(LLAMA, 300)
        expected = {
            "last_reset_date": "2026-11-22",
            "daily_usage": {
                LLAMA: {"requests": 1, "tokens": 300, "last_request": "2026-11-22T12:00:00+00:00"}
            },
            "total_lifetime": {"requests": 1, "tokens": 300, "days_active": 1},
        }

        assert expected == tracker.usage_data

    def test_is_a_copy(self, tracker: UsageTracker) -> None:
        """
        Changing it, or what reports returned, changes nothing.
        """
        info = tracker.track_request(LLAMA, 300)
        before = tracker.usage_data
        data = tracker.usage_data
        data["daily_usage"].clear()
        data["total_lifetime"]["requests"] = 99
        info["lifetime_stats"]["requests"] = 99
        tracker.get_daily_summary()["active_models"].clear()
        tracker.get_all_models_usage()[LLAMA]["lifetime_stats"]["requests"] = 99

        assert before == tracker.usage_data
        assert 1 == tracker.get_usage_info(LLAMA)["lifetime_stats"]["requests"]
        with pytest.raises(AttributeError):
            tracker.usage_data = data  # type: ignore[misc]  # that is the mistake

    def test_blocked_requests_are_no_use(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        A model that was only refused is not among those used.
        """
        tracker.daily_limits["m"] = {"requests": 0}
        with pytest.raises(QuotaExceededError):
            meter.reserve("m")

        assert {} == tracker.usage_data["daily_usage"]
        assert [] == tracker.get_daily_summary()["active_models"]
        assert 0 == tracker.get_daily_summary()["models_used_today"]


class TestWrongArguments:
    @pytest.mark.parametrize("tokens", [-1, 1.5, 2.0, "3", None, True])
    def test_tokens(self, tracker: UsageTracker, tokens: Any) -> None:
        """
        Tokens are whole and not negative; the error names the parameter, nothing is counted.
        """
        with pytest.raises(ConfigurationError, match="tokens_used must"):
            tracker.track_request(LLAMA, tokens)
        assert {} == tracker.usage_data["daily_usage"]

    @pytest.mark.parametrize("model", ["", " ", None, 5])
    @pytest.mark.parametrize("ask", ["track_request", "check_can_make_request", "get_usage_info"])
    def test_models(self, tracker: UsageTracker, ask: str, model: Any) -> None:
        """
        A model's name is text, and not empty.
        """
        with pytest.raises(ConfigurationError, match="model's name must"):
            getattr(tracker, ask)(model)
        assert {} == tracker.usage_data["daily_usage"]


def test_names_are_matched_in_lower_case(tracker: UsageTracker) -> None:
    """
    One model however it is written.
    """
    tracker.track_request(" Llama-3.1-8B-Instant ")

    assert LLAMA == tracker.track_request(LLAMA)["model"]
    assert [LLAMA] == tracker.get_daily_summary()["active_models"]


def test_speaks_english_if_it_is_told(meter: QuotaMeter) -> None:
    """
    Messages and descriptions are Spanish unless `lang` says otherwise.
    """
    tracker = UsageTracker(meter=meter, lang="en")
    tracker.daily_limits["m"] = {"requests": 4, "tokens": None}
    messages = [tracker.check_can_make_request("m")[1]]
    for _ in range(4):
        tracker.track_request("m")
        messages.append(tracker.check_can_make_request("m")[1])

    assert [
        "Normal use: 4 requests left",
        "Normal use: 3 requests left",
        "Normal use: 2 requests left",
        "High use: 75.0% of requests used",
        "Daily limit reached: 4 of 4 requests used",
    ] == messages
    assert "Unknown model" == tracker.get_usage_info("m")["model_description"]


def test_spanish_whatever_the_environment_says(
    tracker: UsageTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The language of the machine is that of the command line, not of this API.
    """
    monkeypatch.setenv("GROQ_QUOTA_LANG", "en")

    assert tracker.check_can_make_request(LLAMA)[1].startswith("Uso normal: ")


def test_counts_every_thread(tracker: UsageTracker) -> None:
    """
    Requests tracked by many threads at once are all counted.
    """

    def track() -> None:
        for _ in range(50):
            tracker.track_request(LLAMA, 2)

    threads = [threading.Thread(target=track) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    info = tracker.get_usage_info(LLAMA)

    assert (400, 800) == (info["requests_used"], info["tokens_used"])
    assert {"requests": 400, "tokens": 800, "days_active": 1} == info["lifetime_stats"]
