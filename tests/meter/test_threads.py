"""
Threads and tasks: exact limits, one announcement, one end.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from groq_quota.booking import Amount, Booking
from groq_quota.errors import QuotaExceededError
from groq_quota.meter import QuotaMeter
from groq_quota.reports import Status
from groq_quota.testing import FakeClock

from .driver import DAY, MODEL, NOON, Listener

if TYPE_CHECKING:
    from collections.abc import Callable


THREADS = 16


def in_threads(work: Callable[[int], object], times: int = THREADS) -> list[object]:
    """
    Call it in as many threads at the same moment; what each call returned.
    """
    gate = threading.Barrier(times)

    def one(number: int) -> object:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_threads_admit_exactly_the_limit() -> None:
    """
    However they race: as many as fit by requests and by tokens, and what is counted is all of it.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 100, "tpd": 1000, "rpm": 90}})

    def work(number: int) -> int:
        admitted = 0
        for _ in range(20):
            try:
                reservation = meter.reserve(MODEL, 10)
            except QuotaExceededError:
                continue
            admitted += 1
            reservation.commit(10)
        return admitted

    assert 90 == sum(map(int, map(str, in_threads(work))))
    usage = meter.usage(MODEL)
    assert (90, 900, THREADS * 20 - 90, 0) == (
        usage.requests,
        usage.tokens,
        usage.blocked,
        usage.reserved,
    )


async def test_tasks_admit_exactly_the_limit() -> None:
    """
    200 tasks at once on a limit of 50.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 50}})

    async def work() -> bool:
        try:
            async with await meter.areserve(MODEL, 3):
                await asyncio.sleep(0)
        except QuotaExceededError:
            return False
        return True

    assert 50 == sum(await asyncio.gather(*(work() for _ in range(200))))
    usage = meter.usage(MODEL)
    assert (50, 150, 150, 0) == (usage.requests, usage.tokens, usage.blocked, usage.reserved)


def test_of_many_threads_that_end_a_reservation_one_does() -> None:
    """
    It is counted once, or not at all, and nobody else's hold is freed.
    """
    meter = QuotaMeter("memory://")
    for _ in range(20):
        other, reservation = meter.reserve(MODEL, 1), meter.reserve(MODEL, 1)
        before = meter.usage(MODEL).requests
        in_threads(lambda n, r=reservation: r.commit() if n % 2 else r.release())  # type: ignore[misc]  # bound at once
        usage = meter.usage(MODEL)
        assert usage.requests - before in {0, 1}
        assert 1 == usage.reserved
        other.release()


def test_each_state_is_announced_by_one_thread() -> None:
    """
    Exactly once per day, model and state; again the next day and after a reset.
    """
    listener, clock = Listener(), FakeClock(NOON)
    meter = QuotaMeter(
        "memory://",
        limits={MODEL: {"rpd": 320}, "other": {"rpd": 320}},
        hooks=[listener],
        clock=clock,
    )

    def work(number: int) -> None:
        for _ in range(40):
            meter.record(MODEL if number % 2 else "other")

    once = Counter(
        (model, status)
        for model in (MODEL, "other")
        for status in (Status.WARNING, Status.CRITICAL, Status.LIMIT_REACHED)
    )

    def announced() -> Counter[tuple[str, Status]]:
        found = Counter((event.model, event.status) for event in listener.of("status"))
        listener.events.clear()
        return found

    in_threads(work)
    assert once == announced()
    in_threads(work)
    assert Counter() == announced()
    clock.advance(DAY)
    in_threads(work)
    assert once == announced()
    meter.reset()
    in_threads(work)
    assert once == announced()


def test_threads_that_book_ahead_get_a_start_each() -> None:
    """
    No two share a place: the waits of all are those of one queue.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 4}}, clock=FakeClock(NOON))

    def work(number: int) -> float:
        found = meter.run(meter.booking(MODEL, Amount(), max_wait=1000))
        assert isinstance(found, Booking)
        return found.wait

    waits = sorted(map(float, map(str, in_threads(work))))
    assert [0.0] * 4 + [15.0 * number for number in range(1, 13)] == waits
