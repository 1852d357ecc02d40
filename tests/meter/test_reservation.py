"""
Reservations end once, by commit, release or leaving `with`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import ConfigurationError
from groq_quota.meter import QuotaMeter

from .driver import MODEL, Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.reservation import Reservation


@pytest.mark.parametrize("first", ["commit", "release"])
@pytest.mark.parametrize("second", ["commit", "release"])
async def test_only_the_first_end_counts(
    build: Callable[..., Api], first: str, second: str
) -> None:
    """
    The second commit or release is a no-op.
    """
    api = build(rpd=10)
    other = await api.reserve(tokens=7)
    reservation = await api.reserve(tokens=5)
    await getattr(api, first)(reservation)
    after = await api.usage()
    await getattr(api, second)(reservation)
    assert after == await api.usage()
    assert other.active


async def test_a_bad_usage_leaves_the_reservation_open(build: Callable[..., Api]) -> None:
    """
    It can still be committed with a good one.
    """
    api = build(rpd=10)
    reservation = await api.reserve(tokens=5)
    with pytest.raises(ConfigurationError):
        await api.commit(reservation, -1)
    assert reservation.active
    await api.commit(reservation, 3)
    assert (1, 3) == ((await api.usage()).requests, (await api.usage()).tokens)


def commit_twice(reservation: Reservation) -> None:
    """
    Once well, and once so that it raises.
    """
    reservation.commit(4)
    reservation.commit(-1)


def test_leaving_with_commits_the_estimate_or_releases() -> None:
    """
    Normally, by an exception, and with what was committed inside.
    """
    meter = QuotaMeter("memory://")
    with meter.reserve(MODEL, 10):
        pass
    assert (1, 10) == (meter.usage(MODEL).requests, meter.usage(MODEL).tokens)
    with pytest.raises(KeyError), meter.reserve(MODEL, 10):
        raise KeyError
    assert (1, 0) == (meter.usage(MODEL).requests, meter.usage(MODEL).reserved)
    with meter.reserve(MODEL, 10) as reservation:
        reservation.commit(3)
    with pytest.raises(ConfigurationError), meter.reserve(MODEL, 10) as reservation:
        commit_twice(reservation)
    assert (3, 17) == (meter.usage(MODEL).requests, meter.usage(MODEL).tokens)


async def test_leaving_async_with_commits_the_estimate_or_releases() -> None:
    """
    The same in a task, also when it is cancelled.
    """
    meter = QuotaMeter("memory://")
    async with await meter.areserve(MODEL, 10):
        pass
    with pytest.raises(KeyError):
        async with await meter.areserve(MODEL, 10):
            raise KeyError

    async def hang() -> None:
        async with await meter.areserve(MODEL, 10):
            entered.set()
            await asyncio.Event().wait()

    entered = asyncio.Event()
    task = asyncio.create_task(hang())
    await entered.wait()
    assert 1 == meter.usage(MODEL).reserved
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    usage = meter.usage(MODEL)
    assert (1, 10, 0) == (usage.requests, usage.tokens, usage.reserved)
