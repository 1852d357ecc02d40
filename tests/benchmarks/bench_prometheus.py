"""
What a scrape costs: twelve models in each storage at hand, and a thousand scopes.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from groq_quota import QuotaMeter
from tests.benchmarks.timing import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = importlib.util.find_spec("prometheus_client") is not None
_MODELS = {f"model-{number}": {"rpd": 5, "rpm": 5} for number in range(12)}


def main() -> list[Row]:
    """
    Scrapes as a server makes them: from the storage to the text.
    """
    if not HERE:
        return [Row("a scrape", "not measured: prometheus-client is not installed")]
    # That limits are reached is no news here.
    logging.getLogger("groq_quota").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory() as folder:
        uris = {
            "memory": "memory://",
            "json": str(Path(folder, "usage.json")),
            "sqlite": f"sqlite:///{Path(folder, 'usage.db')}",
        }
        meters = {name: QuotaMeter(uri, limits=_MODELS) for name, uri in uris.items()}
        for meter in meters.values():
            _fill(meter, 5)
        taken = interleaved(
            {name: _scrape(meter) for name, meter in meters.items()}, rounds=15, calls=3
        )
        rows = [_row(f"12 models, {name}", micros) for name, micros in taken.items()]
        for name, meter in meters.items():
            for number in range(1_000):
                meter.scoped(f"user-{number}").record("model-0", 10)
            way = {name: _scrape(meter)}
            micros = interleaved(way, rounds=3, calls=1)[name]
            rows.append(_row(f"1,000 scopes besides, {name}", micros, aim=""))
            meter.close()
    return rows


def _fill(meter: QuotaMeter, requests: int) -> None:
    for model in _MODELS:
        for _ in range(requests):
            meter.record(model, 100)


def _scrape(meter: QuotaMeter) -> Callable[[], object]:
    from prometheus_client import CollectorRegistry, generate_latest

    from groq_quota_prometheus import QuotaCollector

    registry = CollectorRegistry()
    registry.register(QuotaCollector(meter))
    return lambda: generate_latest(registry)


def _row(what: str, micros: float, aim: str = "below 50 ms") -> Row:
    return Row(what, f"{micros / 1_000:8.2f} ms", aim)
