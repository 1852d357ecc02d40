from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import groq_quota
from groq_quota import QuotaMeter, storage_from_uri
from groq_quota.storage.memory import MemoryStorage

from .driver import ASK, MODEL, Driver
from .judge import agrees, arrived, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from groq_quota.simulator import Simulator
    from groq_quota.state import Cell


class Slow(MemoryStorage):
    """
    A storage off the event loop, of which one change is held up.
    """

    def __init__(self, held_up: int) -> None:
        super().__init__()
        self.left = held_up
        self.at_it, self.go_on, self.done = (threading.Event() for _ in range(3))

    async def atransact(self, key: tuple[str, str], step: Callable[[Cell], Any]) -> Any:
        """
        Change a cell in another thread.
        """
        return await asyncio.to_thread(self._slowly, key, step)

    def _slowly(self, key: tuple[str, str], step: Callable[[Cell], Any]) -> Any:
        self.left -= 1
        if self.left == 0:
            self.at_it.set()
            assert self.go_on.wait(10)
        outcome = super().transact(key, step)
        if self.left == 0:
            self.done.set()
        return outcome


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("change", [1, 2], ids=["reserving", "settling"])
async def test_a_task_cancelled_while_the_storage_is_at_work(
    server: Simulator, change: int, *, stream: bool
) -> None:
    """
    Whenever it is cancelled, nothing stays reserved, and what was answered is counted.
    """
    storage = Slow(change)
    meter = groq_quota.install(QuotaMeter(storage))
    sdk = Driver("async", server.base_url)

    async def ask() -> None:
        answer = await sdk.ask(sdk.client(), stream=stream, max_tokens=9)
        if stream:
            await sdk.each(answer)

    task = asyncio.create_task(ask())
    assert await asyncio.to_thread(storage.at_it.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    storage.go_on.set()
    await until(lambda: storage.done.is_set() and meter.usage(MODEL).reserved == 0)
    await sdk.stop()

    assert agrees(meter, server).requests == change - 1


@pytest.mark.parametrize("when", ["reserving", "settling"])
async def test_a_task_cancelled_while_the_file_is_locked(
    server: Simulator, tmp_path: Path, when: str
) -> None:
    """
    So it is with the default storage, of which somebody else has the lock.
    """
    place = tmp_path / "usage.json"
    meter = groq_quota.install(QuotaMeter(place))
    locked, go_on = threading.Event(), threading.Event()

    def hold(_: Cell) -> None:
        locked.set()
        assert go_on.wait(10)

    def lock() -> None:
        storage_from_uri(place).transact(("other", "m"), hold)

    holder = threading.Thread(target=lock)

    async def lock_it(_: httpx.Response | None = None) -> None:
        holder.start()
        assert await asyncio.to_thread(locked.wait, 10)

    sdk = Driver("async", server.base_url)
    http = sdk.http(event_hooks={"response": [lock_it]} if when == "settling" else {})
    if when == "reserving":
        await lock_it()
    task = asyncio.create_task(sdk.ask(sdk.client(http_client=http), max_tokens=9))
    assert await asyncio.to_thread(locked.wait, 10)
    done, _ = await asyncio.wait([task], timeout=0.1)
    assert not done
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.to_thread(holder.join)
    # What was asked of the storage before is done before.
    async with await meter.areserve("other"):
        pass
    await until(lambda: meter.usage(MODEL).reserved == 0)
    await sdk.stop()

    assert agrees(meter, server).requests == (1 if when == "settling" else 0)
    meter.close()
    assert agrees(QuotaMeter(place), server).requests == (1 if when == "settling" else 0)


async def test_a_task_cancelled_in_flight(meter: QuotaMeter, server: Simulator) -> None:
    """
    A request that was out when its task was cancelled is one at its estimate.
    """
    sdk = Driver("async", server.base_url)
    server.stall_next()
    task = asyncio.create_task(sdk.ask(sdk.client(max_retries=2), max_tokens=30))
    await arrived(server)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sdk.stop()

    assert agrees(meter, server).requests == 1


async def test_a_task_cancelled_between_attempts(
    meter: QuotaMeter, server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    While the SDK sleeps before a retry nothing is in flight.
    """
    asleep = asyncio.Event()

    async def sleep(_: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("anyio.sleep", sleep)
    sdk = Driver("async", server.base_url)
    server.fail_next(429)
    task = asyncio.create_task(sdk.ask(sdk.client(max_retries=2)))
    await asleep.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sdk.stop()

    assert (0, 1) == (agrees(meter, server).requests, meter.usage(MODEL).refused)


async def test_an_interrupt_in_flight(meter: QuotaMeter) -> None:
    """
    Ctrl-C while a request is out passes through, and counts the request at its estimate.
    """

    def interrupted(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    sdk = Driver("sync", "http://groq")
    client = sdk.client(http_client=sdk.http(transport=httpx.MockTransport(interrupted)))
    with pytest.raises(KeyboardInterrupt):
        client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=9)

    usage = meter.usage(MODEL)
    assert (1, 0) == (usage.requests, usage.reserved)
    assert usage.tokens >= 9


async def test_an_async_stream_cancelled(meter: QuotaMeter, server: Simulator) -> None:
    """
    A task that is cancelled while it reads leaves a request at its estimate.
    """
    sdk = Driver("async", server.base_url)
    server.stall_next(after=3)
    reading = asyncio.Event()

    async def read() -> None:
        async with await sdk.ask(sdk.client(), stream=True, max_tokens=30) as stream:
            async for _ in stream:
                reading.set()

    task = asyncio.create_task(read())
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sdk.stop()

    assert agrees(meter, server).requests == 1


async def test_an_async_stream_cancelled_without_with(meter: QuotaMeter, server: Simulator) -> None:
    """
    Nor is anything left of a stream that nobody closes.
    """
    sdk = Driver("async", server.base_url)
    server.stall_next(after=3)
    stream = await sdk.ask(sdk.client(), stream=True, max_tokens=30)
    for _ in range(4):
        await sdk.next(stream)
    task = asyncio.create_task(sdk.next(stream))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sdk.stop()

    assert agrees(meter, server).requests == 1
