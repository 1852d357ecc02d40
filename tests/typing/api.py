"""
What type checkers make of the public names; never run, only checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import assert_type

from groq_quota import (
    DailySummary,
    Decision,
    ModelUsage,
    QuotaEvent,
    QuotaExceededError,
    QuotaHook,
    QuotaMeter,
    Reservation,
    Usage,
    UsageTracker,
    install,
    storage_from_uri,
    uninstall,
    usage_tracker,
)

if TYPE_CHECKING:
    from pathlib import Path


def make(path: Path) -> None:
    """
    A meter takes a path, a URI or a storage, and any callable as a hook.
    """

    def hook(event: QuotaEvent, /) -> None:
        pass

    named: QuotaHook = hook
    QuotaMeter(path, limits={"my-model": {"rpd": 1000, "description": "mine"}}, hooks=[named, hook])
    QuotaMeter(storage_from_uri("memory://"), enforce=False, on_storage_error="refuse")
    assert_type(QuotaMeter("memory://").scoped("team"), QuotaMeter)


def call(meter: QuotaMeter) -> None:
    """
    The sync methods.
    """
    assert_type(meter.check("my-model", 10), Decision)
    assert_type(meter.check("my-model").allowed, bool)
    assert_type(meter.record("my-model", 150), ModelUsage)
    assert_type(meter.usage("my-model").requests, int)
    assert_type(meter.usages(), dict[str, ModelUsage])
    assert_type(meter.summary(), DailySummary)
    assert_type(meter.history(7), list[DailySummary])
    try:
        with meter.reserve("my-model", 100) as reservation:
            assert_type(reservation, Reservation)
            reservation.commit(Usage(prompt_tokens=20, completion_tokens=30))
    except QuotaExceededError as error:
        assert_type(error.model, str)
        assert_type(error.retry_after, "float | None")


async def acall(meter: QuotaMeter) -> None:
    """
    The async methods return the same.
    """
    assert_type(await meter.acheck("my-model", 10), Decision)
    assert_type(await meter.arecord("my-model", 150), ModelUsage)
    assert_type(await meter.ausage("my-model"), ModelUsage)
    assert_type(await meter.asummary(), DailySummary)
    async with await meter.areserve("my-model", 100) as reservation:
        assert_type(reservation, Reservation)
        await reservation.acommit(50)


def plug() -> None:
    """
    The plugin gives the meter that is in force.
    """
    assert_type(install(), QuotaMeter)
    assert_type(install(QuotaMeter("memory://"), max_wait=5), QuotaMeter)
    uninstall()


def track() -> None:
    """
    The tracker's answers.
    """
    assert_type(usage_tracker, UsageTracker)
    can_make, message = usage_tracker.check_can_make_request("my-model")
    assert_type(can_make, bool)
    assert_type(message, str)
    usage_tracker.track_request("my-model", tokens_used=150)
