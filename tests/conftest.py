"""
What holds for every test.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

from groq_quota.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Other folders judge by it, too, so it is imported before tests/sdk is reached.
pytest.register_assert_rewrite("tests.sdk.judge")

# What a shell starts in the background ignores Ctrl-C, and so do its children: not here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure.
hypothesis.settings.register_profile("groq-quota", deadline=None)
hypothesis.settings.load_profile("groq-quota")


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Each test starts in an empty directory, and nobody's settings or keys reach it.
    """
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("GROQ_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def _served() -> Iterator[Simulator]:
    with Simulator({}) as simulator:
        yield simulator


@pytest.fixture
def server(_served: Simulator) -> Simulator:
    """
    A look-alike of Groq without limits, as new; there is one for all tests.
    """
    assert _served.wait_idle()
    _served.reset()
    return _served
