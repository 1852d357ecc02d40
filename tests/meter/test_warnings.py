"""
Each state is said once a day and model, however many threads count, and again the next day.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from groq_quota.meter import QuotaMeter
from groq_quota.testing import FakeClock

THREADS = 16
MODELS = ("one", "two", "three")
LIMIT = 40


@pytest.mark.parametrize("place", ["memory://", "usage.json"])
def test_once_per_state_model_and_day(place: str, caplog: pytest.LogCaptureFixture) -> None:
    """
    Three models over the limit from 16 threads and two meters: three lines each, on each day.
    """
    caplog.set_level("WARNING", logger="groq_quota")
    clock = FakeClock()
    limits = {model: {"rpd": LIMIT} for model in MODELS}
    first = QuotaMeter(place, limits=limits, clock=clock)
    # Another process would have a meter of its own on the file.
    other = first if place == "memory://" else QuotaMeter(place, limits=limits, clock=clock)
    wanted = {
        **{("WARNING", f"{model}: High use: 75.0% of requests used"): 1 for model in MODELS},
        **{("ERROR", f"{model}: Critical use: 90.0% of requests used"): 1 for model in MODELS},
        **{
            ("CRITICAL", f"{model}: Daily limit reached: 40 of 40 requests used"): 1
            for model in MODELS
        },
    }

    for _ in range(2):
        caplog.clear()
        _count_from_threads(first, other)
        said = Counter((record.levelname, record.getMessage()) for record in caplog.records)
        assert wanted == said
        clock.advance(86_400)


def _count_from_threads(*meters: QuotaMeter) -> None:
    start = threading.Barrier(THREADS)

    def work(number: int) -> None:
        meter = meters[number % len(meters)]
        start.wait(20)
        for _ in range(LIMIT // THREADS + 1):
            for model in MODELS:
                meter.record(model, 1)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
