"""
A tracker in memory, and the clock that it goes by.
"""

from __future__ import annotations

import pytest

from groq_quota.meter import QuotaMeter
from groq_quota.testing import FakeClock
from groq_quota.tracker import UsageTracker


@pytest.fixture
def clock() -> FakeClock:
    """
    Noon of 22 November 2026, UTC.
    """
    return FakeClock("2026-11-22T12:00:00Z")


@pytest.fixture
def tracker(clock: FakeClock) -> UsageTracker:
    """
    A tracker that nothing was counted with.
    """
    return UsageTracker(meter=QuotaMeter("memory://", clock=clock))
