"""
Bars, badges and tables as HTML.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

pytest.importorskip("streamlit", reason="the dashboard needs streamlit")

from hypothesis import given
from hypothesis import strategies as st

from groq_quota import QuotaMeter, Usage
from groq_quota.gauges import Gauge
from groq_quota_streamlit.charts import Charts, ceiling
from groq_quota_streamlit.drawing import Drawing
from groq_quota_streamlit.gauges import daily_gauges, nearest, read, window_gauges
from groq_quota_streamlit.language import Language

from .world import MODEL

EN = Drawing(Language("en"))
DAY = 86_400


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()


class TestBar:
    @pytest.mark.parametrize(
        ("used", "name", "share"),
        [
            (0, "normal", "0%"),
            (749, "normal", "74.9%"),
            (750, "warning", "75%"),
            (899, "warning", "89.9%"),
            (900, "critical", "90%"),
            (999, "critical", "99.9%"),
            (1_000, "limit_reached", "100%"),
            (1_200, "limit_reached", "100%"),
        ],
    )
    def test_state_is_told_by_number_word_and_colour(
        self, used: int, name: str, share: str
    ) -> None:
        """
        A share is never rounded up to the next state.
        """
        drawn = EN.bar(Gauge("requests", DAY, used, 1_000))

        assert f'class="{name}"' in drawn
        assert f"· {share}</b>" in drawn
        assert f'aria-valuetext="{share}, {Language("en").say(name)}"' in drawn

    @given(st.integers(0, 10**7), st.integers(0, 10**7))
    def test_full_only_when_nothing_is_left(self, used: int, limit: int) -> None:
        """
        Whatever the numbers, 100 is shown exactly where the limit is reached.
        """
        shown = re.search(r'aria-valuenow="(\d+)"', EN.bar(Gauge("tokens", DAY, used, limit)))

        assert shown
        assert (used >= limit) == (shown[1] == "100")

    def test_limit_that_is_only_assumed_says_so(self) -> None:
        """
        An assumed minute limit is marked as not enforced.
        """
        drawn = EN.bar(Gauge("tokens", 60, 3_000, 6_000, enforced=False, reset_after=30.0))

        assert "all free in 30 s · not enforced" in drawn

    def test_no_limit_has_no_bar(self) -> None:
        """
        Where there is no limit there is a number and no progress.
        """
        drawn = EN.bar(Gauge("requests", DAY, 12, None))

        assert "12 · no limit" in drawn
        assert "progressbar" not in drawn


class TestTables:
    def test_names_are_escaped(self, meter: QuotaMeter) -> None:
        """
        A model's name is text, whatever it is.
        """
        name = "<img src=x onerror=alert(1)>"
        meter.record(name)
        view = read(meter, name)

        for drawn in (EN.models(view.models), EN.limits(view.models), EN.head(view.current)):
            assert "<img" not in drawn
            assert "&lt;img" in drawn

    def test_html_is_well_formed(self, meter: QuotaMeter) -> None:
        """
        Every element that is opened is closed.
        """
        meter.record("whisper-large-v3", Usage(audio_seconds=12.5))
        view = read(meter)
        tags = _Tags()
        for drawn in (
            EN.models(view.models),
            EN.limits(view.models),
            EN.head(view.current),
            EN.bars(daily_gauges(view.current)),
            EN.tiles([("1", "one")]),
            EN.rows(["a", "b"], [["1", "2"]]),
        ):
            tags.feed(drawn)

        assert [] == tags.open

    def test_limits_tell_their_origin(self, meter: QuotaMeter) -> None:
        """
        What the user set, what a table says and since when, and what is not enforced.
        """
        drawn = EN.limits([meter.usage(MODEL)])

        assert "1,000<small>set by you</small>" in drawn
        assert "30<small>table, Oct 1, 2026</small><small>not enforced</small>" in drawn


class TestView:
    def test_worst_model_comes_first_and_the_one_used_last_is_current(
        self, meter: QuotaMeter
    ) -> None:
        """
        Models that were never used and are shut down are left out.
        """
        for _ in range(800):
            meter.record(MODEL)
        meter.clock.advance(1)  # type: ignore[attr-defined]  # a FakeClock
        meter.record("openai/gpt-oss-20b")
        view = read(meter)
        names = [usage.model for usage in view.models]

        assert [MODEL, "openai/gpt-oss-20b"] == names[:2]
        assert "openai/gpt-oss-20b" == view.current.model
        assert "gemma2-9b-it" not in names

    def test_model_that_is_asked_for_is_shown_whatever_it_is(self, meter: QuotaMeter) -> None:
        """
        Unknown and shut-down models have their limits too.
        """
        assert 1_000 == read(meter, " My-Model ").current.windows[0].limit.amount
        assert "gemma2-9b-it" in [one.model for one in read(meter, "gemma2-9b-it").models]

    def test_nearest_is_the_limit_that_is_most_used(self, meter: QuotaMeter) -> None:
        """
        While all is normal it is the requests; later whatever is nearest to its end.
        """
        meter.record(MODEL, 1)
        first = nearest(meter.usage(MODEL))
        meter.record(MODEL, 190_000)
        second = nearest(meter.usage(MODEL))

        assert first
        assert second
        assert ("requests", "tokens") == (first.metric, second.metric)

    def test_minute_windows_are_apart_from_the_day(self, meter: QuotaMeter) -> None:
        """
        What is limited per minute is a gauge of its own.
        """
        usage = meter.usage(MODEL)

        assert [DAY, DAY] == [gauge.period for gauge in daily_gauges(usage)]
        assert [60, 60] == [gauge.period for gauge in window_gauges(usage)]


class TestCharts:
    def test_bars_add_up_to_the_counts(self, meter: QuotaMeter) -> None:
        """
        Every counted request is in a bar of its day, and of its hour.
        """
        for number in range(20):
            for _ in range(number):
                meter.record(f"model-{number}", 10)
        days = meter.history(30)
        charts = Charts.of(days, "requests", Language("es"))
        daily, hourly = charts.daily(days), charts.hourly(meter.usages().values())

        assert 190 == sum(row["y"] for row in daily["data"]["values"])
        assert 190 == sum(row["y"] for row in hourly["data"]["values"])
        assert {"22 nov"} == {row["x"] for row in daily["data"]["values"]}
        assert {"09"} == {row["x"] for row in hourly["data"]["values"]}
        assert "otros" == charts.names[-1]

    @pytest.mark.parametrize("code", ["en", "es"])
    def test_vega_writes_numbers_as_the_language_does(self, code: str, meter: QuotaMeter) -> None:
        """
        The locale is in the specification, which otherwise is English.
        """
        meter.record(MODEL, 10)
        days = meter.history(2)
        chart = Charts.of(days, "tokens", Language(code)).daily(days)

        assert {"en": ",", "es": "."}[code] == chart["config"]["locale"]["number"]["thousands"]

    @given(st.integers(0, 10**9))
    def test_axis_ends_above_the_highest_bar(self, highest: int) -> None:
        """
        But not far above it.
        """
        assert highest <= ceiling(highest) <= max(4, 2 * highest)
