"""
The clock for tests.
"""

from __future__ import annotations

import asyncio
import threading

import pytest

from groq_quota.limits import ModelLimits
from groq_quota.meter import QuotaMeter
from groq_quota.testing import FakeClock

NOON = 1_795_348_800.0


@pytest.mark.parametrize(
    "start",
    [
        "2026-11-22T12:00:00Z",
        "2026-11-22T12:00:00",
        "2026-11-22T13:00:00+01:00",
        NOON,
        int(NOON),
    ],
)
def test_starts_where_it_is_told(start: str | float) -> None:
    """
    ISO text with and without an offset and epoch seconds name the same moment.
    """
    assert NOON == FakeClock(start)()


def test_starts_at_noon_without_being_told() -> None:
    """
    Far from midnight, so that a test that does not care about days meets none.
    """
    assert NOON == FakeClock()()


def test_stands_still() -> None:
    """
    Only calls of its methods move it.
    """
    clock = FakeClock()

    assert clock() == clock()


def test_advances() -> None:
    """
    It moves on by what it is told, and by what is waited.
    """
    clock = FakeClock(100.0)
    clock.advance(2.5)
    clock.sleep(10)
    asyncio.run(clock.asleep(1))

    assert 113.5 == clock()


@pytest.mark.parametrize("move", [FakeClock.advance, FakeClock.sleep])
def test_does_not_advance_backwards(move: object) -> None:
    """
    A negative wait is a mistake of the program, as with time.sleep.
    """
    clock = FakeClock(100.0)

    assert callable(move)
    with pytest.raises(ValueError, match=r"set\(\) moves it back"):
        move(clock, -1)
    assert 100.0 == clock()


def test_is_set_forward_and_back() -> None:
    """
    Clocks that jump can be told to.
    """
    clock = FakeClock()
    clock.set("2027-01-01T00:00:00Z")
    later = clock()
    clock.set(5)

    assert (1_798_761_600.0, 5.0) == (later, clock())


def test_waiting_lets_others_run() -> None:
    """
    `asleep` yields once to the loop.
    """
    clock, seen = FakeClock(0.0), []

    async def other() -> None:
        seen.append("other")

    async def main() -> None:
        task = asyncio.create_task(other())
        await clock.asleep(3)
        seen.append("main")
        await task

    asyncio.run(main())

    assert ["other", "main"] == seen


def test_loses_no_move_of_any_thread() -> None:
    """
    Moves of many threads add up.
    """
    clock = FakeClock(0.0)

    def move() -> None:
        for _ in range(2_000):
            clock.advance(1)

    threads = [threading.Thread(target=move) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 16_000.0 == clock()


def test_reads_as_its_time() -> None:
    """
    Its representation makes an equal clock.
    """
    assert "FakeClock('2026-11-22T12:00:00+00:00')" == repr(FakeClock())


def test_drives_a_meter() -> None:
    """
    A minute window that is full is free again once the clock has moved on.
    """
    clock = FakeClock()
    limits = {"m": ModelLimits(rpm=1, rpd=None, tpd=None)}
    meter = QuotaMeter("memory://", limits=limits, clock=clock)
    meter.reserve("m").commit(1)
    before = meter.check("m")
    clock.sleep(before.retry_after or 0.0)

    assert (False, True) == (before.allowed, meter.check("m").allowed)
