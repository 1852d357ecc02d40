"""
The first tracker's display functions, as its users call them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit", reason="the dashboard needs streamlit")

from groq_quota import QuotaMeter, UsageTracker, set_default_meter
from groq_quota_streamlit import (
    display_detailed_stats,
    display_model_limits_info,
    display_usage_alert,
    display_usage_metrics,
    display_usage_progress_bar,
    get_time_until_reset,
)

from .pages import html, shown
from .world import MODEL

if TYPE_CHECKING:
    from groq_quota.tracker import UsageInfo


@pytest.fixture
def tracker(meter: QuotaMeter) -> UsageTracker:
    """
    A tracker over the meter.
    """
    return UsageTracker(meter=meter)


def _metrics(usage_info: UsageInfo) -> None:
    display_usage_metrics(usage_info, "main_usage")
    display_usage_alert(usage_info)


def _parts(usage_info: UsageInfo) -> None:
    display_usage_progress_bar(usage_info, "bar")
    display_detailed_stats(usage_info)


def _twice(usage_info: UsageInfo) -> None:
    display_usage_metrics(usage_info, "one")
    display_usage_metrics(usage_info, "two")


class TestDisplay:
    @pytest.mark.parametrize(
        ("used", "state", "alert"),
        [
            (1, "Normal", ""),
            (750, "Advertencia", "**Uso alto.**"),
            (900, "Crítico", "**Uso crítico.**"),
            (1_000, "Límite alcanzado", "**Límite diario alcanzado.**"),
        ],
    )
    def test_metrics_and_alert_of_each_state(
        self, tracker: UsageTracker, used: int, state: str, alert: str
    ) -> None:
        """
        What the tracker returns is shown, in Spanish.
        """
        for _ in range(used):
            tracker.track_request(MODEL, 100)
        info = tracker.get_usage_info(MODEL)
        app = shown(_metrics, info)
        figures = {metric.label: metric.value for metric in app.metric}
        alerts = [piece.value for piece in (*app.warning, *app.error)]

        assert str(used) == figures["Requests utilizados"]
        assert state == figures["Estado"]
        assert "OpenAI GPT-OSS 120B" == figures["Modelo actual"]
        assert f"{used} de 1000 · " in html(app)
        assert bool(alert) == bool(alerts)
        assert all(text.startswith(alert) for text in alerts)

    def test_parts_stand_alone(self, tracker: UsageTracker) -> None:
        """
        Bars and details can be drawn without the rest.
        """
        tracker.track_request(MODEL, 12_345)
        app = shown(_parts, tracker.get_usage_info(MODEL))
        text = "\n".join(piece.value for piece in app.markdown)

        assert "- Utilizados: 12.345" in text
        assert "- Disponibles: 187.655" in text
        assert "**En total**" in text

    def test_what_is_missing_is_no_error(self) -> None:
        """
        Dictionaries of the first tracker that lack something are shown as far as they go.
        """
        info = {"model": "llama3-8b-8192", "requests_used": 3, "requests_limit": None}

        assert "3 · sin límite" in html(shown(_metrics, info))

    def test_two_on_one_page(self, tracker: UsageTracker) -> None:
        """
        The same function twice does not clash.
        """
        info = tracker.get_usage_info(MODEL)

        assert shown(_twice, info).metric

    def test_limits_of_all_models(self, tracker: UsageTracker) -> None:
        """
        All models are listed, those that are shut down apart.
        """
        tracker.track_request(MODEL, 10)
        app = shown(display_model_limits_info, tracker)

        assert "14.400" in html(app)
        assert "sin uso" in html(app)
        assert "Retirados por Groq" == app.expander[0].label

    def test_time_until_reset(self, meter: QuotaMeter) -> None:
        """
        It is the time to midnight UTC, as text.
        """
        set_default_meter(meter)

        assert "14 h 30 min" == get_time_until_reset()

        set_default_meter(None)
