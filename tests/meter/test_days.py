"""
Days, resets and clocks that go back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import QuotaExceededError
from groq_quota.reports import Status

from .driver import DAY, MIDNIGHT, MODEL, NOON, Api, Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.testing import FakeClock


async def test_a_day_ends_at_midnight_utc(build: Callable[..., Api], clock: FakeClock) -> None:
    """
    In a running process: counters begin anew, the lifetime goes on, the day is in the history.
    """
    api = build(rpd=2)
    for _ in range(2):
        await api.record(usage=10)
    clock.set(MIDNIGHT)
    await api.commit(await api.reserve(), 5)
    usage = await api.usage()
    assert ("2026-11-23", 1, 5, 3, 25) == (
        usage.date,
        usage.requests,
        usage.tokens,
        usage.lifetime_requests,
        usage.lifetime_tokens,
    )
    yesterday, today = await api.history(2)
    assert ("2026-11-22", 2, 20) == (yesterday.date, yesterday.requests, yesterday.tokens)
    assert ("2026-11-23", 1, 5) == (today.date, today.requests, today.tokens)


async def test_a_reservation_belongs_to_its_day(
    build: Callable[..., Api], clock: FakeClock
) -> None:
    """
    Committed after midnight, it corrects that day's row; today's counters have nothing of it.
    """
    api = build(rpd=2)
    clock.set("2026-11-22T23:59:59Z")
    late, lost = await api.reserve(tokens=9), await api.reserve(tokens=9)
    clock.set(MIDNIGHT)
    held = await api.reserve(tokens=4)
    await api.commit(late, 7)
    await api.release(lost)
    usage = await api.usage()
    assert (0, 1, 4, 1) == (
        usage.requests,
        usage.reserved,
        usage.reserved_tokens,
        usage.lifetime_requests,
    )
    yesterday, today = await api.history(2)
    assert (1, 7, 0) == (yesterday.requests, yesterday.tokens, today.requests)
    await api.commit(held, 4)
    assert 1 == (await api.history(1))[0].requests


async def test_the_history_has_every_day(build: Callable[..., Api], clock: FakeClock) -> None:
    """
    Oldest first, today last, days of nothing too, and each model's counts.
    """
    api = build()
    await api.record(usage=10)
    clock.advance(2 * DAY)
    await api.record("other", 5)
    days = await api.history(4)
    assert ["2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"] == [d.date for d in days]
    assert [0, 1, 0, 1] == [day.requests for day in days]
    assert [[], [MODEL], [], ["other"]] == [list(day.models) for day in days]
    assert 10 == days[1].models[MODEL]["tokens"]
    assert [] == await api.history(0)


async def test_an_earlier_clock_counts_on(build: Callable[..., Api], clock: FakeClock) -> None:
    """
    The stored day stays today, in every report.
    """
    api = build(rpd=3)
    clock.set(MIDNIGHT)
    await api.record()
    clock.set("2026-11-22T23:00:00Z")
    await api.record()
    usage, summary = await api.usage(), await api.summary()
    assert ("2026-11-23", 2) == (usage.date, usage.requests)
    assert ("2026-11-23", 2) == (summary.date, summary.requests)
    assert ["2026-11-22", "2026-11-23"] == [day.date for day in await api.history(2)]
    assert {DAY + 3600} == {window.reset_after for window in usage.windows}
    await api.record()
    assert DAY + 3600 == (await api.check()).retry_after


async def test_a_clock_that_was_far_ahead_is_forgiven(
    build: Callable[..., Api], clock: FakeClock
) -> None:
    """
    Counting restarts with the right day; the reports are of that day, the wrong one is archived.
    """
    api = build(rpd=3)
    clock.set("2031-01-01T00:00:00Z")
    await api.record()
    await api.record("other")
    clock.set(NOON)
    await api.record()
    usage, summary = await api.usage(), await api.summary()
    assert ("2026-11-22", 1, 2) == (usage.date, usage.requests, usage.lifetime_requests)
    assert ("2026-11-22", 1, 3) == (summary.date, summary.requests, summary.lifetime_requests)
    assert [("2026-11-22", 1)] == [(day.date, day.requests) for day in await api.history(1)]
    assert 2 == summary.days_active


async def test_active_days_are_of_the_scope(build: Callable[..., Api], clock: FakeClock) -> None:
    """
    Days with at least one request, over all models; refusals and releases are none.
    """
    api = build(rpd=1)
    assert 0 == (await api.summary()).days_active
    for model in (MODEL, "other", MODEL, "third"):
        await api.record(model)
    assert 1 == (await api.summary()).days_active
    clock.advance(DAY)
    await api.release(await api.reserve())
    assert 1 == (await api.summary()).days_active
    await api.record("third")
    clock.advance(5 * DAY)
    await api.record()
    assert 3 == (await api.summary()).days_active
    await api.reset()
    await api.record()
    assert 3 == (await api.summary()).days_active


async def test_reset_clears_the_day_and_keeps_the_rest(
    build: Callable[..., Api], clock: FakeClock, listener: Listener
) -> None:
    """
    The counts are in the history, not lost, and the model is free again, its minute too.
    """
    api = build(rpd=2, rpm=2)
    for _ in range(2):
        await api.record(usage=10)
    await api.record("other", 5)
    await api.reset(MODEL)
    usage = await api.usage()
    assert (0, 0, 2, 20, Status.NORMAL) == (
        usage.requests,
        usage.tokens,
        usage.lifetime_requests,
        usage.lifetime_tokens,
        usage.status,
    )
    assert 1 == (await api.usage("other")).requests
    for _ in range(2):
        await api.commit(await api.reserve(), 1)
    assert [4] == [day.models[MODEL]["requests"] for day in await api.history(1)]
    assert [(MODEL, "reset")] == [(event.model, event.kind) for event in listener.of("reset")]
    await api.reset()
    assert [0, 0] == [usage.requests for usage in (await api.usages()).values()]
    clock.advance(DAY)
    yesterday, _ = await api.history(2)
    assert (5, 27) == (yesterday.requests, yesterday.tokens)


async def test_what_was_reserved_before_a_reset_frees_nothing_after_it(
    build: Callable[..., Api],
) -> None:
    """
    Of a model that nothing else is known of, too: the later hold stands.
    """
    api = build(rpd=1, tpm=100)
    before = await api.reserve(tokens=60)
    await api.reset()
    await api.reserve(tokens=60)
    await api.release(before)
    assert (1, 60) == ((await api.usage()).reserved, (await api.usage()).reserved_tokens)
    with pytest.raises(QuotaExceededError):
        await api.reserve(tokens=1)


async def test_a_request_from_before_a_reset_is_counted_when_it_ends(
    build: Callable[..., Api],
) -> None:
    """
    The day and the lifetime take what is committed.
    """
    api = build(rpd=5)
    before = await api.reserve(tokens=60)
    await api.reset()
    await api.commit(before, 50)
    usage = await api.usage()
    assert (1, 50, 0, 1) == (
        usage.requests,
        usage.tokens,
        usage.reserved,
        usage.lifetime_requests,
    )
