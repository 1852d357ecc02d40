"""
What a meter reports, and its scopes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import QuotaExceededError
from groq_quota.meter import QuotaMeter

from .driver import DAY, MODEL, Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.testing import FakeClock


async def test_scopes_are_counted_apart(build: Callable[..., Api]) -> None:
    """
    Each has its own limits' use, days, lifetime and reset; the view shares all else.
    """
    api = build(rpd=1)
    alice = Api(api.meter.scoped("alice"), sync=api.sync)
    assert ("default", "alice") == (api.meter.scope, alice.meter.scope)
    await api.record()
    await alice.reserve()
    with pytest.raises(QuotaExceededError):
        await api.reserve()
    await alice.reset()
    assert 1 == (await api.usage()).requests
    assert (1, 0) == ((await api.summary()).days_active, (await alice.summary()).days_active)
    assert alice.meter.storage is api.meter.storage
    assert alice.meter.limits is api.meter.limits
    again = Api(alice.meter.scoped("default"), sync=api.sync)
    assert await api.usage() == await again.usage()


def test_scopes_are_cheap() -> None:
    """
    A view has no state of its own: ten thousand of them are one meter.
    """
    meter = QuotaMeter("memory://")
    views = [meter.scoped(f"user {number}") for number in range(10_000)]
    views[-1].record(MODEL)
    assert 1 == meter.scoped("user 9999").usage(MODEL).requests
    assert 0 == meter.usage(MODEL).requests
    assert len({view.storage for view in views}) == 1


async def test_the_summary_is_over_all_models(build: Callable[..., Api]) -> None:
    """
    Of the day, with each model's counts, and of the lifetime.
    """
    api = build(rpd=1)
    await api.record(usage=10)
    await api.record("other", 5)
    with pytest.raises(QuotaExceededError):
        await api.reserve()
    await api.usage("never used")
    summary = await api.summary()
    assert ("2026-11-22", 2, 15, 1, 2, 15, 1) == (
        summary.date,
        summary.requests,
        summary.tokens,
        summary.blocked,
        summary.lifetime_requests,
        summary.lifetime_tokens,
        summary.days_active,
    )
    assert {MODEL, "other"} == set(summary.models)
    assert json.loads(json.dumps(summary.to_dict())) == summary.to_dict()


async def test_usage_tells_hours_and_the_last_request(
    build: Callable[..., Api], clock: FakeClock
) -> None:
    """
    Requests and tokens of each UTC hour, and when the last request was.
    """
    api = build()
    await api.record(usage=10)
    clock.advance(3600)
    await api.record(usage=4)
    usage = await api.record(usage=1)
    assert {12: (1, 10), 13: (2, 5)} == usage.hours
    assert clock() == usage.last_request


async def test_windows_tell_what_is_left(build: Callable[..., Api], clock: FakeClock) -> None:
    """
    Minutes drain; days count what is in flight too; nothing falls below 0.
    """
    api = build(tpm=60, tpd=100)
    await api.reserve(tokens=40)
    await api.record(usage=10)
    clock.advance(20)
    usage = await api.usage()
    minute, day = usage.window("tpm"), usage.window("tpd")
    assert minute is not None
    assert day is not None
    assert (30.0, 30.0, 30.0) == (minute.used, minute.remaining, minute.reset_after)
    assert (50, 50, DAY / 2 - 20) == (day.used, day.remaining, day.reset_after)
    assert usage.window("rpm") is None
    full = await api.record(usage=500)
    assert [997, 0, 0] == [window.remaining for window in full.windows]


async def test_health_is_ready_for_json(build: Callable[..., Api]) -> None:
    """
    Status, whether a request can be made, whether the storage answers, and the usage.
    """
    api = build(rpd=2, tpm=100)
    good = await api.health()
    assert ("normal", True, True) == (
        good["status"],
        good["can_make_request"],
        good["storage_ok"],
    )
    for _ in range(2):
        await api.record(usage=10)
    full = await api.health()
    assert ("limit_reached", False, 2) == (
        full["status"],
        full["can_make_request"],
        full["usage"]["requests"],
    )
    assert full == json.loads(json.dumps(full))
    assert {
        "limit",
        "used",
        "remaining",
        "reset_after_seconds",
        "external",
        "origin",
        "enforced",
    } == set(full["usage"]["windows"]["tpm"])


async def test_messages_follow_the_language(
    build: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Decisions are for people; errors and events stay English.
    """
    monkeypatch.setenv("GROQ_QUOTA_LANG", "es")
    api = build(rpd=1)
    assert "Uso normal: 1 requests disponibles" == (await api.check()).message
    await api.record()
    assert "Límite diario alcanzado: 1 de 1 requests utilizados" == (await api.check()).message
    with pytest.raises(QuotaExceededError, match="Daily limit reached"):
        await api.reserve()
