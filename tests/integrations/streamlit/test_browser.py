"""
The standalone app in a real browser.
"""

from __future__ import annotations

import statistics
import threading
import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit", reason="the dashboard needs streamlit")
pytest.importorskip("playwright", reason="the browser tests need playwright and Chromium")

from playwright.sync_api import expect
from streamlit import config

from groq_quota import QuotaMeter, Usage

from .world import MODEL, REFRESH, Dashboard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .world import Visitor

# Of the 1,000 requests and 200,000 tokens a day that the table gives the model.
_STATES = {
    "normal": (100, "Normal", "Normal", "10"),
    "warning": (811, "Advertencia", "Warning", "81"),
    "critical": (999, "Crítico", "Critical", "99"),
    "limit_reached": (1_000, "Límite alcanzado", "Limit reached", "100"),
}


_SEEN = (
    ("Historial", "[data-testid=stVegaLiteChart]"),
    ("Límites", "table"),
    ("Ahora", ".badge"),
)


def _count(meter: QuotaMeter, requests: int) -> None:
    for _ in range(requests):
        meter.record(MODEL, Usage(100, 60, 40, 10))


@pytest.mark.skipif(
    "server.showEmailPrompt" not in config.get_config_options(),
    reason="this Streamlit always asks",
)
def test_nobody_is_asked_for_a_mail_address(tmp_path: Path) -> None:
    """
    Where Streamlit has never been started, it serves at once.
    """
    with Dashboard(tmp_path, {"HOME": str(tmp_path), "BROWSER": "true"}, browser=True) as served:
        assert served.process.poll() is None


class TestNumbers:
    @pytest.mark.parametrize("state", list(_STATES))
    @pytest.mark.parametrize("locale", ["es-ES", "en-GB"])
    def test_page_says_what_the_meter_says(
        self, counts: QuotaMeter, visit: Callable[..., Visitor], state: str, locale: str
    ) -> None:
        """
        In each state and language, word, figures and bars are those of the meter.
        """
        requests, spanish, english, percent = _STATES[state]
        _count(counts, requests)
        visitor = visit(locale)
        usage = counts.usage(MODEL)
        es = locale == "es-ES"
        word, of, thousands = (spanish, "de", ".") if es else (english, "of", ",")
        used = str(usage.requests) if es else f"{usage.requests:,}"
        limit = "1000" if es else "1,000"
        tokens = f"{usage.tokens:,}".replace(",", thousands)

        assert state == usage.status.value
        for place in (visitor.main, visitor.sidebar):
            expect(place.get_by_text(f"{used} {of} {limit} · ").first).to_be_visible()
            expect(place.get_by_text(f"{tokens} {of} 200{thousands}000 · ").first).to_be_visible()
            expect(place.locator(".badge").first).to_contain_text(word)
            expect(place.get_by_role("progressbar").first).to_have_attribute(
                "aria-valuenow", percent
            )
            alerts = place.get_by_test_id("stAlert")
            expect(alerts).to_have_count(0 if state == "normal" else 1)

    def test_what_was_stopped_is_shown(
        self, counts: QuotaMeter, visit: Callable[..., Visitor]
    ) -> None:
        """
        Requests that were stopped here stand beside the day's figures.
        """
        _count(counts, 1_000)
        for _ in range(3):
            counts.barring(MODEL)
            with pytest.raises(Exception, match="limit"):
                counts.reserve(MODEL, 10)

        tile = visit("en-GB").main.locator(".tile", has_text="stopped here")

        expect(tile.locator("b")).to_have_text("3")

    def test_table_has_all_models_and_the_limits_their_origin(
        self, counts: QuotaMeter, visit: Callable[..., Visitor]
    ) -> None:
        """
        Models that were not used are listed too, and limits tell the table's date.
        """
        _count(counts, 1)
        visitor = visit("en-GB")
        names = visitor.main.locator("table.stack tbody th code").all_inner_texts()
        visitor.choose("Limits")
        row = visitor.main.locator("tr", has_text=MODEL).last

        assert MODEL == names[0]
        assert set(names) > {"whisper-large-v3", "openai/gpt-oss-20b"}
        expect(row).to_contain_text("table, Oct 1, 2026")
        expect(row).to_contain_text("not enforced")


class TestTime:
    def test_call_of_another_process_appears(
        self, dashboard: Dashboard, counts: QuotaMeter, visit: Callable[..., Visitor]
    ) -> None:
        """
        What another process counts is on the page within the refresh interval and a second.
        """
        _count(counts, 7)
        visitor = visit()
        shown = visitor.main.get_by_text("8 de 1000 · ").first
        expect(visitor.main.get_by_text("7 de 1000 · ").first).to_be_visible()

        dashboard.count_elsewhere(MODEL)

        expect(shown).to_be_visible(timeout=1_000 * (REFRESH + 1))

    def test_tab_answers_while_much_is_counted(
        self, counts: QuotaMeter, visit: Callable[..., Visitor]
    ) -> None:
        """
        With 50 requests a second being counted, a tab is there within a second.
        """
        _count(counts, 1)
        visitor = visit()
        stop = threading.Event()
        traffic = threading.Thread(target=_traffic, args=(counts, stop))
        traffic.start()
        took = []
        try:
            for tab, seen in 3 * _SEEN:
                begun = time.perf_counter()
                visitor.choose(tab)
                panel = visitor.main.get_by_role("tabpanel", name=tab)
                expect(panel.locator(seen).first).to_be_visible(timeout=10_000)
                took.append(time.perf_counter() - begun)
        finally:
            stop.set()
            traffic.join()

        print("tabs:", ", ".join(f"{seconds:.2f} s" for seconds in took))  # noqa: T201  # for people
        # The median: what else runs on the machine is no fault of the page.
        assert statistics.median(took) < 1, took

    @pytest.mark.long
    def test_ten_visitors_cost_little(
        self, dashboard: Dashboard, counts: QuotaMeter, visit: Callable[..., Visitor]
    ) -> None:
        """
        Ten open sessions take less than a quarter of a processor.
        """
        _count(counts, 1)
        visitors = [visit() for _ in range(10)]
        seconds = 30.0
        before, begun = dashboard.seconds_of_cpu(), time.monotonic()
        visitors[-1].page.wait_for_timeout(1_000 * seconds)  # that is what is measured
        share = (dashboard.seconds_of_cpu() - before) / (time.monotonic() - begun)
        print(f"ten sessions: {share:.1%} of a processor")  # noqa: T201  # read by people
        dashboard.count_elsewhere(MODEL)

        for visitor in visitors:
            expect(visitor.main.get_by_text("2 de 1000 · ").first).to_be_visible(
                timeout=1_000 * (REFRESH + 1)
            )
        assert share < 0.25


def _traffic(meter: QuotaMeter, stop: threading.Event) -> None:
    begun, sent = time.monotonic(), 0
    while not stop.wait(max(0.0, begun + sent / 50 - time.monotonic())):
        meter.record(MODEL, 10)
        sent += 1


class TestPhone:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_fits(self, counts: QuotaMeter, visit: Callable[..., Visitor], scheme: str) -> None:
        """
        At 390 pixels nothing runs out of the page, on any tab.
        """
        _count(counts, 811)
        visitor = visit(width=390, scheme=scheme)
        for tab in ("Ahora", "Historial", "Límites"):
            visitor.choose(tab)
            expect(visitor.main.get_by_role("tabpanel", name=tab)).to_be_visible()
            width = visitor.page.evaluate(
                "document.querySelector('[data-testid=stMain]').scrollWidth"
            )

            assert width <= 390, tab


class TestLanguage:
    def test_switches_on_the_page(self, counts: QuotaMeter, visit: Callable[..., Visitor]) -> None:
        """
        A click changes every word and the form of the numbers.
        """
        _count(counts, 1)
        visitor = visit("es-ES")
        expect(visitor.main.get_by_text("1 de 1000 · ").first).to_be_visible()

        visitor.page.get_by_text("English", exact=True).click()

        expect(visitor.main.get_by_text("1 of 1,000 · ").first).to_be_visible()
        expect(visitor.main.get_by_text("Todos los modelos")).to_have_count(0)


class TestAdministration:
    def test_reset_needs_its_confirmation(
        self, counts: QuotaMeter, visit: Callable[..., Visitor]
    ) -> None:
        """
        The button does nothing until it is confirmed; then the day begins anew, all of it.
        """
        _count(counts, 5)
        visitor = visit()
        visitor.log_in()
        visitor.choose("Administración")
        panel = visitor.main.get_by_role("tabpanel", name="Administración")
        panel.get_by_role("button", name="Reiniciar el día").click()
        popover = visitor.page.get_by_test_id("stPopoverBody")
        button = popover.get_by_role("button", name="Reiniciar el día")
        expect(button).to_be_disabled()
        button.click(force=True)

        assert 5 == counts.usage(MODEL).requests

        popover.get_by_text("Sí, estoy seguro").click()
        expect(button).to_be_enabled()
        button.click()
        expect(visitor.page.get_by_test_id("stToast")).to_contain_text("Recuento de hoy reiniciado")
        expect(button).to_be_disabled()
        usage = counts.usage(MODEL)

        assert (0, 5) == (usage.requests, usage.lifetime_requests)

    def test_nobody_sees_it_without_the_password(
        self, counts: QuotaMeter, visit: Callable[..., Visitor]
    ) -> None:
        """
        A wrong password shows no controls.
        """
        visitor = visit()
        visitor.log_in("correct house")

        expect(visitor.sidebar.get_by_text("Esa no es la contraseña.")).to_be_visible()
        expect(visitor.page.get_by_role("tab", name="Administración")).to_have_count(0)
