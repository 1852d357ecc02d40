"""
A meter that refuses while its storage is away loses nothing of what was sent before.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import QuotaMeter, StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from groq_quota.simulator import Simulator
    from tests.storage.servers import RedisServer

MODEL = "llama-3.1-8b-instant"


@pytest.fixture
def meter(redis_server: RedisServer) -> QuotaMeter:
    """
    It asks for errors.
    """
    return QuotaMeter(redis_server.url, on_storage_error="refuse")


def standing(meter: QuotaMeter) -> tuple[int, int, int]:
    """
    Requests and tokens that are counted, and requests that are still reserved.
    """
    usage = meter.usage(MODEL)
    return usage.requests, usage.tokens, usage.reserved


def test_what_was_sent_is_counted_when_the_storage_is_back(
    redis_server: RedisServer, meter: QuotaMeter
) -> None:
    """
    It is said that it could not be counted yet, at each call; then it is counted, once. What could
    not be recorded may be recorded again.
    """
    sent, given_up = meter.reserve(MODEL, 100), meter.reserve(MODEL, 100)
    redis_server.stop()
    with pytest.raises(StorageError):
        sent.commit(70)
    with pytest.raises(StorageError):
        given_up.release()
    with pytest.raises(StorageError):
        meter.record(MODEL, 5)
    for _ in range(2):
        with pytest.raises(StorageError):
            meter.reserve(MODEL, 10)
    sent.commit(70)  # it has ended
    redis_server.start()
    assert (1, 70, 0) == standing(meter)
    assert 2 == meter.record(MODEL, 5).requests
    meter.close()


def test_what_cannot_be_counted_of_one_model_is_no_trouble_to_others(tmp_path: Path) -> None:
    """
    A cell that a newer version has written is left alone; all else goes on.
    """
    place = tmp_path / "usage.db"
    meter = QuotaMeter(f"sqlite:///{place}", on_storage_error="refuse")
    reservation = meter.reserve(MODEL, 100)
    with closing(sqlite3.connect(place)) as other, other:
        (state,) = other.execute("SELECT state FROM cells WHERE model = ?", (MODEL,)).fetchone()
        newer = "UPDATE cells SET version = 'newer', state = ? WHERE model = ?"
        other.execute(newer, ('{"format":99}', MODEL))
    for attempt in (partial(reservation.commit, 70), partial(meter.usage, MODEL)):
        with pytest.raises(StorageError, match="newer version"):
            attempt()
        meter.reserve("another", 9).commit(7)
    assert 14 == meter.usage("another").tokens
    with closing(sqlite3.connect(place)) as other, other:
        other.execute(
            "UPDATE cells SET version = 'mended', state = ? WHERE model = ?", (state, MODEL)
        )
    assert (1, 70, 0) == standing(meter)
    meter.close()


async def test_the_same_in_an_event_loop(redis_server: RedisServer, meter: QuotaMeter) -> None:
    """
    By the methods that are awaited.
    """
    sent = await meter.areserve(MODEL, 100)
    redis_server.stop()
    with pytest.raises(StorageError):
        await sent.acommit(70)
    with pytest.raises(StorageError):
        await meter.areserve(MODEL, 10)
    redis_server.start()
    await meter.aflush()
    usage = await meter.ausage(MODEL)
    assert (1, 70, 0) == (usage.requests, usage.tokens, usage.reserved)
    await meter.aclose()


def test_an_answered_call_is_counted_when_the_storage_is_back(
    redis_server: RedisServer, meter: QuotaMeter, server: Simulator
) -> None:
    """
    The user has the answer of a call whose storage goes away meanwhile, and no further one.
    """

    def stop(_: httpx.Response) -> None:
        redis_server.stop()

    http = httpx.Client(event_hooks={"response": [stop]})
    client = groq.Groq(api_key="none", base_url=server.base_url, http_client=http, max_retries=0)
    asked: list[Any] = [{"role": "user", "content": "hi"}]
    groq_quota.install(meter)
    try:
        answer = client.chat.completions.create(model=MODEL, messages=asked)
        with pytest.raises(StorageError):
            client.chat.completions.create(model=MODEL, messages=asked)
    finally:
        groq_quota.uninstall()
        client.close()
    redis_server.start()
    assert [200] == [row.status for row in server.ledger]
    assert answer.usage is not None
    assert (1, answer.usage.total_tokens, 0) == standing(meter)
    meter.close()
