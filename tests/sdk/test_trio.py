"""
The SDK's async clients under trio, whose event loop is not asyncio's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import trio

import groq_quota
from groq_quota import QuotaMeter
from groq_quota.sdk import installed
from tests.storage.servers import postgres_urls, redis_urls

from .driver import ASK, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from groq_quota.simulator import Simulator

BODY: dict[str, Any] = {"model": MODEL, "messages": ASK, "max_tokens": 20}


@pytest.fixture(params=["memory://", "u.json", "sqlite:///u.db", "redis://", "postgresql://"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """
    Where it is counted.
    """
    place = str(request.param)
    servers = {"redis://": redis_urls, "postgresql://": postgres_urls}
    if place in servers:
        urls = servers[place]()
        yield next(urls)
        _close()
        urls.close()  # type: ignore[attr-defined]  # a generator
    else:
        yield place.replace("u.", f"{tmp_path}/u.")
        _close()


def _close() -> None:
    meter = installed()
    assert meter is not None
    meter.close()


def run(server: Simulator, work: Callable[[Any], Awaitable[None]]) -> None:
    """
    Have something done with an async client, under trio.
    """

    async def main() -> None:
        async with Driver("async", server.base_url).client(max_retries=1) as client:
            await work(client.chat.completions)

    trio.run(main)


# The SDK leaves its generators to the garbage collector, and trio says so.
@pytest.mark.filterwarnings("ignore:Async generator 'groq:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_kind_of_call(server: Simulator, storage: str) -> None:
    """
    Answers, streams and retries are counted as the ledger has them.
    """
    meter = groq_quota.install(QuotaMeter(storage))

    async def work(chat: Any) -> None:
        await chat.create(**BODY)
        async for _ in await chat.create(**BODY, stream=True):
            pass
        async with await chat.create(**BODY, stream=True) as stream:
            await stream.__anext__()
        server.fail_next(429, retry_after=0.01)
        await chat.create(**BODY)
        assert (await meter.ausage(MODEL)).requests == 4
        await meter.aclose()

    run(server, work)

    usage = agrees(meter, server, unread=True)
    assert (4, 1) == (usage.requests, usage.refused)


def test_tasks_at_a_limit(server: Simulator, storage: str) -> None:
    """
    Of many at once as many are sent as the day allows.
    """
    meter = groq_quota.install(QuotaMeter(storage, limits={MODEL: {"rpd": 20}}))
    refused = []

    async def one(chat: Any) -> None:
        try:
            await chat.create(**BODY)
        except groq_quota.QuotaExceededError as error:
            refused.append(error)

    async def work(chat: Any) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(one, chat)

    run(server, work)

    assert (20, 10) == (agrees(meter, server).requests, len(refused))


def test_a_minute_that_is_full_is_waited_for(server: Simulator, storage: str) -> None:
    """
    Tasks wait for their turns, and who is cancelled meanwhile leaves nothing behind.
    """
    meter = groq_quota.install(QuotaMeter(storage, limits={MODEL: {"tpm": 60_000}}))
    given_up = []

    async def patient(chat: Any) -> None:
        await chat.create(**BODY)

    async def impatient(chat: Any) -> None:
        with trio.move_on_after(0) as scope:
            await chat.create(**BODY)
        given_up.append(scope.cancelled_caught)

    async def work(chat: Any) -> None:
        meter.record(MODEL, 60_200)  # a thousand drain in a second
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(patient, chat)
                nursery.start_soon(impatient, chat)

    run(server, work)

    meter.flush()
    assert server.wait_idle()
    usage = meter.usage(MODEL)
    assert given_up == [True] * 3
    assert (4, 0) == (usage.requests, usage.reserved)
    assert server.ledger.requests(MODEL) == 3
    assert usage.waited > 0


def test_a_call_that_is_cancelled(server: Simulator, storage: str) -> None:
    """
    With the request on its way it counts: nobody knows its fate.
    """
    meter = groq_quota.install(QuotaMeter(storage))
    server.stall_next()

    async def work(chat: Any) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: chat.create(**BODY))
            while not server.ledger.rows:  # noqa: ASYNC110  which is another thread's
                await trio.sleep(0.001)
            nursery.cancel_scope.cancel()

    run(server, work)

    meter.flush()
    usage = meter.usage(MODEL)
    assert (1, 0) == (usage.requests, usage.reserved)
