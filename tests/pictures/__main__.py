"""
Draws the pictures of the dashboard in docs/pictures from the running program.

    python -m tests.pictures
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import expect, sync_playwright

from groq_quota import QuotaExceededError, QuotaMeter, Usage
from groq_quota.testing import FakeClock
from groq_quota.windows import DAY
from tests.integrations.streamlit.world import MODEL, SWITCHES, Dashboard, Visitor, chromium_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PLACE = Path(__file__).parents[2] / "docs" / "pictures"
_DAYS = 29
_HOUR = 3_600.0
_OTHERS = ("openai/gpt-oss-20b", "qwen/qwen3.8-27b", "whisper-large-v3")


class Picture(NamedTuple):
    """
    What is to be seen, and how.
    """

    name: str
    requests: int
    locale: str
    scheme: str
    tab: str
    width: int
    height: int


_PICTURES = (
    Picture("now-es", 811, "es-ES", "light", "Ahora", 1_280, 1_500),
    Picture("now-en-dark", 1_000, "en-GB", "dark", "Now", 1_280, 1_060),
    Picture("history-en", 811, "en-GB", "light", "History", 1_280, 960),
    Picture("limits-en", 811, "en-GB", "light", "Limits", 1_280, 960),
    Picture("phone-es", 940, "es-ES", "light", "Ahora", 390, 844),
)


def main() -> None:
    """
    Draw all of them.
    """
    path = chromium_path()
    if path is None:
        sys.exit("There is no Chromium: apt-get install chromium")
    _PLACE.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Dashboard(Path(folder), {}) as dashboard,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        for picture in _PICTURES:
            dashboard.emptied()
            _live(dashboard.path, picture.requests)
            _draw(browser, dashboard, picture)
        browser.close()


def _draw(browser: Browser, dashboard: Dashboard, picture: Picture) -> None:
    visitor = Visitor(browser, dashboard.url, picture.locale, picture.width, picture.scheme)
    visitor.page.set_viewport_size({"width": picture.width, "height": picture.height})
    visitor.choose(picture.tab)
    panel = visitor.main.get_by_role("tabpanel", name=picture.tab)
    expect(panel).to_be_visible()
    if picture.tab == "History":
        expect(panel.locator("[data-testid=stVegaLiteChart] svg.marks")).to_have_count(2)
    expect(visitor.page.get_by_test_id("stSkeleton")).to_have_count(0)
    target = _PLACE / f"{picture.name}.png"
    visitor.page.screenshot(path=target, animations="disabled")
    visitor.leave()
    print(target)  # noqa: T201  # a script says what it made
    if visitor.troubles:
        sys.exit("\n".join(visitor.troubles))


def _live(path: Path, requests: int) -> None:
    # A month, and a day so far, in which the model gets to so many requests.
    chance, now = random.Random(4), time.time()
    midnight = now - now % DAY
    clock = FakeClock(midnight - _DAYS * DAY)
    meter = QuotaMeter(path, clock=clock)
    while clock() < midnight:
        _some(meter, chance, chance.randint(2, 60))
        clock.advance(4 * _HOUR)
    clock.set(midnight + 1)
    steps = max(1, int((now - midnight) // _HOUR) + 1)
    for step in range(steps):
        _some(meter, chance, requests // steps + (step < requests % steps))
        clock.advance((now - 1 - midnight) / steps)
    for _ in range(12 * (requests >= 1_000)):
        try:
            meter.reserve(MODEL, 100)
        except QuotaExceededError:
            continue
    meter.close()


def _some(meter: QuotaMeter, chance: random.Random, requests: int) -> None:
    for name in _OTHERS:
        audio = chance.uniform(3, 60) if name.startswith("whisper") else 0.0
        tokens = 0 if audio else chance.randint(200, 1_500)
        for _ in range(chance.randint(0, 9)):
            meter.record(name, Usage(tokens, tokens // 2, tokens - tokens // 2, 0, audio))
    for _ in range(requests):
        meter.record(MODEL, Usage(130, 90, 40, 30))


if __name__ == "__main__":
    main()
