from __future__ import annotations

from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from groq_quota.simulator import Simulator

    Post = Callable[..., Awaitable[httpx.Response]]


class Clock:
    """
    A clock that stands still until it is moved.
    """

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """
        Tell the time.
        """
        return self.now

    def advance(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    """
    A clock in the hands of the test.
    """
    return Clock()


@pytest.fixture
def post() -> Post:
    """
    Send one chat request to a simulator in process.
    """

    async def send(simulator: Simulator, **body: Any) -> httpx.Response:
        said = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        headers = {"authorization": "Bearer any"}
        transport = httpx.ASGITransport(app=simulator.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://groq") as client:
            path = "/openai/v1/chat/completions"
            return await client.post(path, json=said | body, headers=headers)

    return send


@pytest.fixture
def client(server: Simulator) -> Iterator[groq.Groq]:
    """
    A real client of the look-alike that all tests share.
    """
    with groq.Groq(base_url=server.base_url, api_key="any", max_retries=0) as made:
        yield made
