from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("prometheus_client", reason="the metrics need prometheus-client")

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from groq_quota import (
    ConfigurationError,
    QuotaExceededError,
    QuotaMeter,
    Usage,
    WrongTypeError,
    set_default_meter,
)
from groq_quota.booking import Booking
from groq_quota.outcomes import Amount, Outcome
from groq_quota.testing import FakeClock
from groq_quota_prometheus import QuotaCollector

from ...storage.flaky import Flaky

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "openai/gpt-oss-20b"
WHO = ("default", MODEL)


@pytest.fixture
def clock() -> FakeClock:
    """
    Six hours before midnight, UTC.
    """
    return FakeClock("2026-11-22T18:00:00Z")


@pytest.fixture
def meter(clock: FakeClock) -> QuotaMeter:
    """
    A meter in memory that gives one model 4 requests and 1,000 tokens a day.
    """
    limits = {MODEL: {"rpd": 4, "tpd": 1_000, "rpm": None, "tpm": None}}
    return QuotaMeter("memory://", limits=limits, clock=clock)


def scrape(collector: QuotaCollector) -> dict[tuple[str, ...], float]:
    """
    Each series of a scrape, read by prometheus_client's own parser: its value by the metric's name
    without `groq_quota_`, and its scope, model and kind, as far as it has them.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    text = generate_latest(registry).decode()
    series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = [sample.labels[name] for name in _LABELS if name in sample.labels]
            key = (sample.name.removeprefix("groq_quota_"), *labels)
            assert key not in series
            series[key] = sample.value
    return series


_LABELS = ("scope", "model", "kind")


def spend(meter: QuotaMeter, model: str, requests: int = 1, tokens: int = 10) -> None:
    """
    Count so many requests of so many tokens.
    """
    for _ in range(requests):
        meter.record(model, Usage(tokens))


class TestValues:
    def test_of_each_limit(self, meter: QuotaMeter) -> None:
        """
        Of each limit it is said what is used, what there is, and what is left.
        """
        spend(meter, MODEL, 3, 100)

        series = scrape(QuotaCollector(meter))

        assert (3, 4, 1) == tuple(
            series[(name, *WHO, "rpd")] for name in ("used", "limit", "remaining")
        )
        assert (300, 1_000, 700) == tuple(
            series[(name, *WHO, "tpd")] for name in ("used", "limit", "remaining")
        )

    def test_of_the_day(self, meter: QuotaMeter) -> None:
        """
        What was counted today is told apart by what became of it.
        """
        spend(meter, MODEL, 4, 100)
        with pytest.raises(QuotaExceededError):
            meter.reserve(MODEL)
        meter.run(meter.settling(MODEL, Outcome(requests=0, refused=2, failed=3)))

        series = scrape(QuotaCollector(meter))

        assert {"requests": 4, "tokens": 400, "blocked": 1, "refused": 2, "failed": 3} == {
            name: series[(name, *WHO)]
            for name in ("requests", "tokens", "blocked", "refused", "failed")
        }

    def test_waited(self, clock: FakeClock) -> None:
        """
        The seconds that requests waited are those that they were booked ahead.
        """
        meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 1}}, clock=clock)
        spend(meter, MODEL)
        booked = meter.run(meter.booking(MODEL, Amount(10), max_wait=60))

        series = scrape(QuotaCollector(meter))

        assert isinstance(booked, Booking)
        assert pytest.approx(60) == booked.wait == series[("waited_seconds", *WHO)]

    def test_wait_until_midnight(self, meter: QuotaMeter, clock: FakeClock) -> None:
        """
        At a daily limit the wait is the rest of the UTC day; below it there is none.
        """
        spend(meter, MODEL, 3)
        before = scrape(QuotaCollector(meter))[("wait_seconds", *WHO)]
        spend(meter, MODEL)
        clock.advance(3_600)

        series = scrape(QuotaCollector(meter))

        assert (0, 5 * 3_600) == (before, series[("wait_seconds", *WHO)])
        assert 3 == series[("status", *WHO)]

    def test_wait_for_a_minute_window(self, clock: FakeClock) -> None:
        """
        Where a minute window is full, the wait is what the meter would say.
        """
        meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 2}}, clock=clock)
        spend(meter, MODEL, 2)
        clock.advance(10)

        assert pytest.approx(20) == scrape(QuotaCollector(meter))[("wait_seconds", *WHO)]

    def test_a_blocked_model_waits_for_ever(self, clock: FakeClock) -> None:
        """
        A limit of 0 will never have room.
        """
        meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 0}}, clock=clock)
        spend(meter, MODEL)

        series = scrape(QuotaCollector(meter))

        assert math.inf == series[("wait_seconds", *WHO)]

    def test_no_wait_where_nothing_is_enforced(self, clock: FakeClock) -> None:
        """
        A meter that never blocks has no waits.
        """
        limits = {MODEL: {"rpd": 1}}
        meter = QuotaMeter("memory://", limits=limits, enforce=False, clock=clock)
        spend(meter, MODEL, 2)

        assert 0 == scrape(QuotaCollector(meter))[("wait_seconds", *WHO)]

    def test_no_limit_has_no_number(self, meter: QuotaMeter) -> None:
        """
        Where there is no limit, there is neither a limit nor a rest of it.
        """
        spend(meter, MODEL)

        series = scrape(QuotaCollector(meter))

        assert not [key for key in series if key[0] in {"limit", "remaining"} and "rpm" in key]

    def test_of_now(self, meter: QuotaMeter, clock: FakeClock) -> None:
        """
        Each scrape reads anew, and a new day begins at nothing.
        """
        collector = QuotaCollector(meter)
        spend(meter, MODEL)
        first = scrape(collector)[("requests", *WHO)]
        spend(meter, MODEL)
        second = scrape(collector)[("requests", *WHO)]
        clock.advance(86_400)

        assert (1, 2, 0) == (first, second, scrape(collector)[("requests", *WHO)])

    def test_known_models(self, meter: QuotaMeter) -> None:
        """
        Models that were never used are there if they are asked for.
        """
        spend(meter, MODEL)
        model = "llama-3.1-8b-instant"
        key = ("limit", "default", model, "rpd")

        assert key not in scrape(QuotaCollector(meter))
        assert 14_400 == scrape(QuotaCollector(meter, known=True, max_models=99))[key]


class TestSource:
    def test_another_process_counts(self, tmp_path: Path, clock: FakeClock) -> None:
        """
        What one meter writes, a collector on another meter of the same file shows.
        """
        path = tmp_path / "usage.json"
        spend(QuotaMeter(path, clock=clock), MODEL, 2)

        series = scrape(QuotaCollector(QuotaMeter(path, clock=clock)))

        assert 2 == series[("requests", *WHO)]

    def test_it_writes_nothing(self, tmp_path: Path, clock: FakeClock) -> None:
        """
        A scrape leaves the storage as it was, and makes none.
        """
        path, none = tmp_path / "usage.json", tmp_path / "none.json"
        spend(QuotaMeter(path, clock=clock), MODEL, 2)
        before = path.read_bytes()

        scrape(QuotaCollector(QuotaMeter(path, clock=clock)))
        empty = scrape(QuotaCollector(QuotaMeter(none, clock=clock)))

        assert before == path.read_bytes()
        assert {("scopes",): 0, ("storage_up",): 1} == empty
        assert not none.exists()

    def test_the_default_meter(self, meter: QuotaMeter) -> None:
        """
        Without a meter it is the one that is the default at each scrape.
        """
        collector = QuotaCollector()
        spend(meter, MODEL)
        set_default_meter(meter)
        try:
            assert 1 == scrape(collector)[("requests", *WHO)]
        finally:
            set_default_meter(None)

    def test_registering_reads_nothing(self, clock: FakeClock) -> None:
        """
        A registry learns the names without a storage, and refuses the same names twice.
        """
        storage = Flaky()
        storage.up = False
        meter = QuotaMeter(storage, on_storage_error="refuse", clock=clock)
        registry = CollectorRegistry(auto_describe=True)

        registry.register(QuotaCollector(meter))

        with pytest.raises(ValueError, match="groq_quota_used"):
            registry.register(QuotaCollector(meter))

    @pytest.mark.parametrize("reaction", ["allow", "refuse"])
    def test_a_storage_that_is_away(self, reaction: str, clock: FakeClock) -> None:
        """
        It is said, whatever the meter does about it, and the scrape does not fail.
        """
        storage = Flaky()
        meter = QuotaMeter(storage, on_storage_error=reaction, clock=clock)  # type: ignore[arg-type]  # both are right
        spend(meter, MODEL)
        collector = QuotaCollector(meter)
        up = scrape(collector)
        storage.up = False

        down = scrape(collector)

        assert (1, 0) == (up["storage_up",], down["storage_up",])
        assert (("requests", *WHO) in down) == (reaction == "allow")


class TestBounds:
    def test_a_thousand_scopes(self, clock: FakeClock) -> None:
        """
        Of a thousand scopes the most used have labels; nothing of the others is lost.
        """
        meter = QuotaMeter("memory://", clock=clock)
        for number in range(1_000):
            spend(meter.scoped(f"user-{number}"), MODEL, 1 + number // 990, 7)

        series = scrape(QuotaCollector(meter, max_scopes=5))
        scopes = {key[1] for key in series if key[0] == "requests"}

        assert {*(f"user-{number}" for number in range(990, 995)), "other"} == scopes
        assert 1_010 == sum(series["requests", scope, MODEL] for scope in scopes)
        assert 7_070 == sum(series["tokens", scope, MODEL] for scope in scopes)
        assert 1_000 == series["scopes",]
        assert len(series) < 200

    def test_others_have_no_limits(self, meter: QuotaMeter) -> None:
        """
        The limits of several scopes are no limit of all of them; the worst state is.
        """
        spend(meter.scoped("a"), MODEL, 2)
        spend(meter.scoped("b"), MODEL, 3)

        series = scrape(QuotaCollector(meter, max_scopes=0))

        assert {
            "requests",
            "tokens",
            "blocked",
            "fallbacks",
            "refused",
            "failed",
            "waited_seconds",
            "status",
        } == {key[0] for key in series if "other" in key}
        assert (5, 1) == (series["requests", "other", MODEL], series["status", "other", MODEL])

    def test_many_models(self, clock: FakeClock) -> None:
        """
        Models are bounded as scopes are.
        """
        meter = QuotaMeter("memory://", clock=clock)
        for number in range(50):
            spend(meter, f"model-{number}", 1 + number // 49)

        series = scrape(QuotaCollector(meter, max_models=1))
        counted = {key[2]: value for key, value in series.items() if key[0] == "requests"}

        assert {"model-49": 2, "other": 49} == counted

    def test_blocked_scopes_are_foremost_too(self, meter: QuotaMeter) -> None:
        """
        Somebody whose every request is stopped is not hidden by somebody who uses a little.
        """
        spend(meter.scoped("little"), MODEL, 6)
        hammering = meter.scoped("hammering")
        spend(hammering, MODEL, 4)
        for _ in range(3):
            with pytest.raises(QuotaExceededError):
                hammering.reserve(MODEL)

        series = scrape(QuotaCollector(meter, max_scopes=1))

        assert 3 == series["blocked", "hammering", MODEL]

    def test_a_scope_called_other(self, meter: QuotaMeter) -> None:
        """
        A scope of that name is among the others: no series is there twice.
        """
        spend(meter.scoped("other"), MODEL, 3)
        spend(meter.scoped("a"), MODEL)
        spend(meter.scoped("b"), MODEL)

        series = scrape(QuotaCollector(meter, max_scopes=1))

        assert (1, 4) == (series["requests", "a", MODEL], series["requests", "other", MODEL])

    def test_chosen_scopes(self, clock: FakeClock) -> None:
        """
        Scopes that are named are read alone, however many they are.
        """
        meter = QuotaMeter("memory://", clock=clock)
        for number in range(20):
            spend(meter.scoped(f"team-{number}"), MODEL)
        wanted = [f"team-{number}" for number in range(15)]

        series = scrape(QuotaCollector(meter, scopes=wanted, max_scopes=1))

        assert set(wanted) == {key[1] for key in series if key[0] == "requests"}

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"max_scopes": -1}, ConfigurationError),
            ({"max_models": 1.5}, WrongTypeError),
            ({"scopes": "default"}, WrongTypeError),
            ({"meter": "usage.json"}, WrongTypeError),
        ],
    )
    def test_bad_arguments(self, options: dict[str, object], error: type[Exception]) -> None:
        """
        What cannot be is said at once.
        """
        with pytest.raises(error):
            QuotaCollector(**options)  # type: ignore[arg-type]  # wrong on purpose


class TestText:
    @given(
        scopes=st.lists(
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
            ).filter(str.strip),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    def test_any_scope_passes_the_parsers(self, scopes: list[str]) -> None:
        """
        Both of prometheus_client's parsers read what is written, whatever scopes are called.
        """
        meter = QuotaMeter("memory://")
        for scope in scopes:
            spend(meter.scoped(scope), MODEL)
        registry = CollectorRegistry()
        registry.register(QuotaCollector(meter))
        openmetrics: str = generate_openmetrics(registry).decode()  # type: ignore[no-untyped-call]  # untyped there
        written = (
            text_string_to_metric_families(generate_latest(registry).decode()),
            parse_openmetrics(openmetrics),  # type: ignore[no-untyped-call]  # untyped there, too
        )

        for families in written:
            found = [
                sample.labels["scope"]
                for family in families
                for sample in family.samples
                if sample.name == "groq_quota_requests"
            ]
            assert sorted(scopes) == sorted(found)

    def test_every_metric_says_what_it_is(self, meter: QuotaMeter) -> None:
        """
        Each has a help text and a type, and a unit of Prometheus where it has one.
        """
        described = list(QuotaCollector(meter).describe())

        assert all(family.documentation and family.type == "gauge" for family in described)
        assert len(described) == len({family.name for family in described})


class TestCost:
    def test_twelve_models(self, tmp_path: Path, clock: FakeClock) -> None:
        """
        A scrape of twelve models at their limits takes less than 50 ms of this thread's time.
        """
        limits = {f"model-{number}": {"rpd": 5, "rpm": 5} for number in range(12)}
        path = tmp_path / "usage.json"
        writer = QuotaMeter(path, limits=limits, clock=clock)
        for model in limits:
            spend(writer, model, 5)
        registry = CollectorRegistry()
        registry.register(QuotaCollector(QuotaMeter(path, limits=limits, clock=clock)))
        taken = []
        for _ in range(5):
            begun = time.thread_time()
            text = generate_latest(registry).decode()
            taken.append(time.thread_time() - begun)

        assert 12 == text.count("\ngroq_quota_wait_seconds{")
        assert min(taken) < 0.05
