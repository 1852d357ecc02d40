"""
In the fixture `guard` both are tried: "plugin" is installed, "alone" leaves all to the decorator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import groq
import httpx
import pytest

import groq_quota
from groq_quota.sdk import installation

from .calls import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from groq_quota.simulator import Simulator


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """
    Each test begins and ends with the SDK as Groq made it, and no default meter.
    """
    yield
    groq_quota.uninstall()
    installation._state.clients = False
    groq_quota.uninstall()
    groq_quota.set_default_meter(None)


@pytest.fixture(name="guard", params=["plugin", "alone"])
def _guard(request: pytest.FixtureRequest) -> Guard:
    return Guard(plugin=request.param == "plugin")


@pytest.fixture(name="under_plugin")
def _under_plugin() -> Guard:
    return Guard(plugin=True)


@pytest.fixture(name="alone")
def _alone() -> Guard:
    return Guard(plugin=False)


@pytest.fixture(scope="module")
def _http() -> Iterator[httpx.Client]:
    # One for all tests, and without certificates, which take long to load.
    with httpx.Client(verify=False) as http:  # noqa: S501  # plain http to the loopback
        yield http


@pytest.fixture(name="client")
def _client(server: Simulator, _http: httpx.Client) -> groq.Groq:
    return groq.Groq(api_key="any", base_url=server.base_url, http_client=_http, max_retries=0)


@pytest.fixture(name="aclient")
async def _aclient(server: Simulator) -> AsyncIterator[groq.AsyncGroq]:
    async with httpx.AsyncClient(verify=False) as http:  # noqa: S501  # plain http to the loopback
        yield groq.AsyncGroq(
            api_key="any", base_url=server.base_url, http_client=http, max_retries=0
        )
