"""
The pytest plugin: `groq_simulator`, `quota_meter` and `quota_clock`.

pytest loads it by itself where groq-quota is installed. What a fixture needs is imported when a
test asks for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from .clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..meter import QuotaMeter
    from ..simulator import Simulator

__all__ = ["groq_simulator", "quota_clock", "quota_meter"]

_MARKERS = (
    "groq_simulator(**options): options of the fixture's Simulator, as in limits={'m': {'rpm': 1}}",
    "quota_meter(**options): options of the fixture's QuotaMeter, as in limits={'m': {'rpd': 2}}",
)


def pytest_configure(config: pytest.Config) -> None:
    """
    Make the markers known.
    """
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


@pytest.fixture
def quota_clock() -> FakeClock:
    """
    The clock of `groq_simulator` and `quota_meter`: noon of a day, until the test moves it.
    """
    return FakeClock()


@pytest.fixture
def groq_simulator(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, quota_clock: FakeClock
) -> Iterator[Simulator]:
    """
    A running look-alike of Groq, which every `groq.Groq()` that the test makes talks to.

    Without a mark of the same name it has Groq's free plan. Needs the extra `simulator`.
    """
    from ..simulator import Simulator

    options = {"clock": quota_clock, **_options(request, "groq_simulator")}
    with Simulator(**options) as simulator:
        monkeypatch.setenv("GROQ_BASE_URL", simulator.base_url)
        monkeypatch.setenv("GROQ_API_KEY", "simulated")
        for name in ("NO_PROXY", "no_proxy"):
            passed_by = [os.environ.get(name, ""), "127.0.0.1"]
            monkeypatch.setenv(name, ",".join(filter(None, passed_by)))
        yield simulator


@pytest.fixture
def quota_meter(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    quota_clock: FakeClock,
) -> Iterator[QuotaMeter]:
    """
    A meter on a file of its own, installed for the test; what was installed before is back after.

    A call that waits for a window moves the clock instead.
    """
    from .. import defaults
    from ..meter import QuotaMeter
    from ..sdk import install, uninstall
    from ..sdk.installation import guard_of

    monkeypatch.delenv("GROQ_QUOTA_DISABLED", raising=False)
    place = tmp_path_factory.mktemp("groq_quota") / "usage_data.json"
    options = {"storage": place, "clock": quota_clock, "on_storage_error": "refuse"}
    meter = QuotaMeter(**{**options, **_options(request, "quota_meter")})
    before, default = guard_of(None), defaults._default
    uninstall()
    install(meter)
    yield meter
    uninstall()
    meter.close()
    if before is not None:
        install(before.meter, max_wait=before.max_wait, fallbacks=before.fallbacks)
    defaults.set_default_meter(default)


def _options(request: pytest.FixtureRequest, name: str) -> dict[str, Any]:  # of any type
    # The nearest mark goes before those of the class and the module.
    found: dict[str, Any] = {}
    for mark in request.node.iter_markers(name):
        found = {**mark.kwargs, **found}
    return found
