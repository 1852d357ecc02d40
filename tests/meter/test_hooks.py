"""
Listeners: what they hear, when, and what their failures do.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import QuotaExceededError
from groq_quota.meter import QuotaMeter
from groq_quota.reports import Status
from groq_quota.testing import FakeClock

from .driver import MODEL, NOON, Listener

if TYPE_CHECKING:
    from groq_quota.hooks import QuotaEvent


def test_a_listener_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """
    The call goes on, and so do the other listeners.
    """
    listener = Listener()

    def broken(event: QuotaEvent, /) -> None:
        raise ZeroDivisionError(event.kind)

    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 1}}, hooks=[broken, listener])
    assert 1 == meter.record(MODEL).requests
    assert ["status"] == [event.kind for event in listener.events]
    failures = [record for record in caplog.records if record.exc_info]
    assert [ZeroDivisionError] == [record.exc_info[0] for record in failures if record.exc_info]


def test_listeners_hear_when_the_storage_is_free() -> None:
    """
    Another thread can count while a listener is at work.
    """
    heard: list[int] = []

    def listener(event: QuotaEvent, /) -> None:
        with ThreadPoolExecutor(1) as pool:
            heard.append(pool.submit(meter.record, "other").result(timeout=20).requests)

    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 1}}, hooks=[listener])
    meter.record(MODEL)
    assert [1] == heard


def test_events_are_logged_by_their_weight(caplog: pytest.LogCaptureFixture) -> None:
    """
    Warning, error and critical for the states; a refusal is a warning.
    """
    caplog.set_level(logging.DEBUG, logger="groq_quota")
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 10}})
    for _ in range(10):
        meter.record(MODEL)
    with pytest.raises(QuotaExceededError):
        meter.reserve(MODEL)
    meter.reset(MODEL)
    assert [
        ("WARNING", f"{MODEL}: High use: 80.0% of requests used"),
        ("ERROR", f"{MODEL}: Critical use: 90.0% of requests used"),
        ("CRITICAL", f"{MODEL}: Daily limit reached: 10 of 10 requests used"),
        ("WARNING", f"{MODEL}: Daily limit reached: 10 of 10 requests used"),
        ("INFO", f"{MODEL}: the day's count was reset"),
    ] == [(record.levelname, record.getMessage()) for record in caplog.records]


def test_events_carry_the_time_the_scope_and_the_model() -> None:
    """
    By the meter's clock.
    """
    listener, clock = Listener(), FakeClock(NOON)
    meter = QuotaMeter(
        "memory://", limits={MODEL: {"rpd": 1}}, hooks=[listener], clock=clock, scope="bob"
    )
    meter.record(MODEL)
    assert [("status", "bob", MODEL, clock(), Status.LIMIT_REACHED)] == [
        (event.kind, event.scope, event.model, event.at, event.status) for event in listener.events
    ]
