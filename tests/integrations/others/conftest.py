"""
A server, and the patched SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import groq_quota
from groq_quota.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[Simulator]:
    """
    A look-alike of Groq without limits, whose answer is a person as JSON.
    """
    with Simulator({}, answer='{"name": "Ana", "age": 30}') as simulator:
        yield simulator


@pytest.fixture
def meter() -> Iterator[groq_quota.QuotaMeter]:
    """
    A meter in memory, installed.
    """
    yield groq_quota.install(groq_quota.QuotaMeter("memory://", limits={"test-model": {"rpd": 3}}))
    groq_quota.uninstall()
    groq_quota.set_default_meter(None)
