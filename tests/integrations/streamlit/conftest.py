"""
A meter in memory for tests in this process; for those in a browser the app and a Chromium.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from groq_quota import QuotaMeter
from groq_quota.testing import FakeClock

from .world import MODEL, PASSWORD, SWITCHES, Dashboard, Visitor, chromium_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture
def clock() -> FakeClock:
    """
    Half past nine in the morning of 22 November 2026, UTC.
    """
    return FakeClock("2026-11-22T09:30:00Z")


@pytest.fixture
def meter(clock: FakeClock) -> QuotaMeter:
    """
    A meter in memory that gives one model 1,000 requests and 200,000 tokens a day.
    """
    return QuotaMeter("memory://", limits={MODEL: {"rpd": 1_000, "tpd": 200_000}}, clock=clock)


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """
    The standalone app in a process of its own, as `groq-quota dashboard` runs it.
    """
    folder = tmp_path_factory.mktemp("dashboard")
    with Dashboard(folder, {"GROQ_QUOTA_ADMIN_PASSWORD": PASSWORD}) as running:
        yield running


@pytest.fixture
def counts(dashboard: Dashboard) -> QuotaMeter:
    """
    What the app shows, as nothing was counted yet.
    """
    return dashboard.emptied()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """
    Debian's headless Chromium; Playwright's own is not downloaded.
    """
    from playwright.sync_api import sync_playwright

    path = chromium_path()
    if path is None:
        reason = "there is no Chromium: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(
    browser: Browser, dashboard: Dashboard, tmp_path: Path
) -> Iterator[Callable[..., Visitor]]:
    """
    Open the app as a visitor with a language, a width and a theme.

    Afterwards nothing may have been thrown, on the page or in the console.
    """
    visitors: list[Visitor] = []

    def open_page(locale: str = "es-ES", *, width: int = 1_280, scheme: str = "light") -> Visitor:
        visitors.append(Visitor(browser, dashboard.url, locale, width, scheme))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        visitor.leave()
    assert [] == [trouble for visitor in visitors for trouble in visitor.troubles]
