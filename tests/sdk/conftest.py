from __future__ import annotations

from typing import TYPE_CHECKING

import groq
import pytest
from groq.resources.chat import completions

import groq_quota
from groq_quota.sdk import installation

from .driver import Driver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from groq_quota.simulator import Simulator

PATCHED = {
    groq.Groq: ("request", "_process_response", "_sleep_for_retry", "copy", "with_options"),
    groq.AsyncGroq: ("request", "_process_response", "_sleep_for_retry", "copy", "with_options"),
    completions.Completions: ("create",),
    completions.AsyncCompletions: ("create",),
}


@pytest.fixture(autouse=True)
def pristine() -> Iterator[dict[tuple[type, str], object]]:
    """
    What the SDK's classes hold where we wrap; each test ends with the SDK as Groq made it.
    """
    before = {
        (kind, name): vars(kind).get(name) for kind, names in PATCHED.items() for name in names
    }
    yield before
    installation._state.clients = False
    groq_quota.uninstall()
    groq_quota.set_default_meter(None)
    installation._state.handles.clear()
    for (kind, name), value in before.items():
        if value is not None:
            setattr(kind, name, value)
        elif name in vars(kind):
            delattr(kind, name)


@pytest.fixture
def meter() -> groq_quota.QuotaMeter:
    """
    A meter in memory, installed.
    """
    return groq_quota.install(groq_quota.QuotaMeter("memory://"))


@pytest.fixture(params=["sync", "async"])
async def sdk(request: pytest.FixtureRequest, server: Simulator) -> AsyncIterator[Driver]:
    """
    The SDK, once by `Groq` and once by `AsyncGroq`.
    """
    driver = Driver(request.param, server.base_url)
    yield driver
    await driver.stop()
