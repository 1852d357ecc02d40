from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import groq
import pytest

import groq_quota
from groq_quota import QuotaExceededError, QuotaMeter

from .driver import ASK, MODEL, Driver
from .judge import agrees, settled

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from groq_quota.simulator import Simulator


def outcome(client: Any, **body: Any) -> str:
    """
    What becomes of a call of the sync client, in a word.
    """
    try:
        answer = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=5, **body)
        if body.get("stream"):
            list(answer)
    except QuotaExceededError:
        return "blocked"
    except groq.APIError:
        return "failed"
    return "answered"


@pytest.mark.parametrize("through", ["create", "bound", "raw"])
async def test_many_threads_never_pass_a_limit(server: Simulator, through: str) -> None:
    """
    Of 24 threads on a limit of 5, exactly 5 send.
    """
    sdk = Driver("sync", server.base_url)
    client = sdk.client()
    bound, raw = client.chat.completions.create, client.chat.completions.with_raw_response.create
    meter = groq_quota.install(QuotaMeter("memory://", limits={MODEL: {"rpd": 5}}))
    call = {"create": client.chat.completions.create, "bound": bound, "raw": raw}[through]
    start = threading.Barrier(24)

    def one(_: int) -> str:
        start.wait()
        try:
            call(model=MODEL, messages=ASK)
        except QuotaExceededError:
            return "blocked"
        return "answered"

    with ThreadPoolExecutor(24) as pool:
        outcomes = Counter(pool.map(one, range(24)))
    await sdk.stop()

    assert {"answered": 5, "blocked": 19} == outcomes
    assert (5, 19) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)


async def test_many_threads_many_ways_equal_the_ledger(
    meter: QuotaMeter, server: Simulator
) -> None:
    """
    16 threads with plain calls, streams, breaks, errors and lost answers: not one is miscounted.
    """
    for _ in range(12):
        server.fail_next(429, message="Not now.", retry_after=0.01)
        server.fail_next(503, retry_after=0.01)
        server.drop_next()
    sdk = Driver("sync", server.base_url)

    def work(seed: int) -> Counter[str]:
        client, seen = sdk.client(), Counter[str]()
        for turn in range(12):
            seen[outcome(client, stream=(seed + turn) % 2 == 0)] += 1
            if turn % 4 == 0:
                try:
                    stream: Any = client.chat.completions.create(
                        model=MODEL, messages=ASK, stream=True, max_tokens=9
                    )
                    next(stream)
                    del stream
                except groq.APIError:
                    pass
        return seen

    with ThreadPoolExecutor(16) as pool:
        total = sum(pool.map(work, range(16)), Counter[str]())
    gc.collect()
    await sdk.stop()

    assert total["answered"] > 100
    assert agrees(meter, server, unread=True).requests > 150


async def test_a_hundred_tasks_equal_the_ledger(meter: QuotaMeter, server: Simulator) -> None:
    """
    Tasks that answer, stream, fail and are cancelled are each counted as what they were.
    """
    sdk = Driver("async", server.base_url)
    client = sdk.client()

    async def one(number: int) -> None:
        answer = await sdk.ask(client, stream=number % 2 == 0, max_tokens=5)
        if number % 2 == 0:
            await sdk.each(answer)

    for _ in range(10):
        server.fail_next(500)
        server.stall_next(after=1)
    tasks = [asyncio.create_task(one(number)) for number in range(100)]
    stuck: Iterable[asyncio.Task[None]] = tasks
    while len(list(stuck)) > 10:
        _, stuck = await asyncio.wait(stuck, return_when=asyncio.FIRST_COMPLETED)
    for task in stuck:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await sdk.stop()
    await settled(server)

    assert 10 == sum(isinstance(result, groq.APIError) for result in results)
    assert 10 == sum(isinstance(result, asyncio.CancelledError) for result in results)
    assert agrees(meter, server).requests == 90


async def test_a_hundred_tasks_on_a_limit(server: Simulator) -> None:
    """
    Exactly as many as the limit has are sent.
    """
    meter = groq_quota.install(QuotaMeter("memory://", limits={MODEL: {"rpd": 40}}))
    sdk = Driver("async", server.base_url)
    client = sdk.client()
    results = await asyncio.gather(
        *(sdk.ask(client, max_tokens=5) for _ in range(100)), return_exceptions=True
    )
    await sdk.stop()

    assert 60 == sum(isinstance(result, QuotaExceededError) for result in results)
    assert (40, 60) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)


async def test_many_at_once_on_one_file(sdk: Driver, server: Simulator, tmp_path: Any) -> None:
    """
    The JSON storage gives the same counts.
    """
    meter = groq_quota.install(QuotaMeter(tmp_path / "usage.json", limits={MODEL: {"rpd": 12}}))
    client = sdk.client()
    if sdk.asynchronous:
        await asyncio.gather(*(sdk.ask(client) for _ in range(20)), return_exceptions=True)
    else:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: outcome(client), range(20)))

    assert (12, 8) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)
    meter.close()
    assert agrees(QuotaMeter(tmp_path / "usage.json"), server).requests == 12


# Of a stream that the collector frees, the connection is closed by the collector too.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_finalizers_run_anywhere(meter: QuotaMeter, server: Simulator) -> None:
    """
    The collector may free a stream inside our own critical sections: nothing locks up.
    """
    sdk = Driver("sync", server.base_url)
    client = sdk.client()
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(15):
            knot: list[Any] = [
                client.chat.completions.create(model=MODEL, messages=ASK, stream=True, max_tokens=9)
            ]
            knot.append(knot)
            del knot
    finally:
        gc.set_threshold(*thresholds)
    gc.collect()
    await sdk.stop()

    assert agrees(meter, server, unread=True).requests == 15


@pytest.mark.skipif(sys.platform == "win32", reason="nothing forks here")
# Newer Pythons warn of a fork beside threads; this child only ends.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_childs_copy_of_a_stream_counts_nothing(server: Simulator, tmp_path: Path) -> None:
    """
    A stream that is open when the process forks is the parent's, whatever the child does with it.
    """
    meter = groq_quota.install(QuotaMeter(tmp_path / "usage.json"))
    with Driver("sync", server.base_url).client() as client:
        stream = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        child = vars(os)["fork"]()  # not an attribute, as mypy knows what Windows lacks
        if child == 0:
            stream.response.stream = None
            del stream
            gc.collect()
            meter.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert meter.usage(MODEL).reserved == 1
        list(stream)

    assert agrees(meter, server).requests == 1
