from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from groq_quota import QuotaMeter
from groq_quota.cli.console import Glyphs
from groq_quota.cli.gauges import Artist, gauges_of, highest_percent
from groq_quota.cli.language import Language
from groq_quota.gauges import Gauge
from groq_quota.testing import FakeClock

ARTIST = Artist(Language("en"), Glyphs(), 80)


def gauge(used: float, limit: int | None) -> Gauge:
    """
    A gauge of requests a day.
    """
    return Gauge("requests", 86_400, used, limit)


@example(used=1_995, limit=2_000, width=40)
@given(used=st.integers(0, 3_000_000), limit=st.integers(0, 2_000_000), width=st.integers(1, 80))
def test_a_bar_is_full_at_the_limit_and_never_before(used: int, limit: int, width: int) -> None:
    """
    Whatever the numbers: full means that the limit is reached, empty that nothing is used.
    """
    drawn = ARTIST.bar(gauge(used, limit), width).plain

    assert width == len(drawn)
    assert drawn == "█" * drawn.count("█") + "░" * drawn.count("░")
    assert drawn.count("█") >= (1 if used else 0)
    if width > 1:
        assert (used >= limit) == (drawn == "█" * width)


def test_no_limit_has_an_empty_bar() -> None:
    """
    What has no limit is never near it.
    """
    assert "░" * 10 == ARTIST.bar(gauge(5, None), 10).plain


def test_ascii_glyphs() -> None:
    """
    Encodings that lack a character get ASCII.
    """
    assert Glyphs() == Glyphs.of("utf-8")
    assert "#" == Glyphs.of("ascii").full == Glyphs.of("latin-1").full


def test_gauges_show_counted_requests_not_reserved_ones() -> None:
    """
    The state goes by what was counted, and so do the bars.
    """
    meter = QuotaMeter("memory://", limits={"m": {"rpd": 4, "tpd": 100}}, clock=FakeClock())
    meter.record("m", 10)
    meter.reserve("m", 50)
    usage = meter.usage("m")

    assert [("requests", 1, 25.0), ("tokens", 10, 10.0)] == [
        (seen.metric, seen.used, seen.percent) for seen in gauges_of(usage)
    ]
    assert 25.0 == highest_percent(usage)


def test_gauges_without_limits() -> None:
    """
    Requests are always shown, tokens once there are any.
    """
    unlimited = {"rpd": None, "tpd": None, "rpm": None, "tpm": None}
    meter = QuotaMeter("memory://", limits={"groq/compound": unlimited}, clock=FakeClock())
    meter.record("groq/compound")
    bare = gauges_of(meter.usage("groq/compound"))
    meter.record("groq/compound", 3)
    usage = meter.usage("groq/compound")

    assert {"requests"} <= {seen.metric for seen in bare}
    assert {"requests", "tokens"} == {seen.metric for seen in gauges_of(usage)}
    assert highest_percent(usage) is None


def test_bucket_use_is_rounded_up() -> None:
    """
    A minute window that has half a request in it has no room for a whole one.
    """
    clock = FakeClock()
    meter = QuotaMeter("memory://", limits={"m": {"rpm": 60}}, clock=clock)
    meter.record("m")
    clock.advance(0.5)
    minute = gauges_of(meter.usage("m"))[-1]

    assert (60, "requests", 1, 60) == (minute.period, minute.metric, minute.used, minute.limit)
    clock.advance(0.6)
    assert 60 not in {seen.period for seen in gauges_of(meter.usage("m"))}
