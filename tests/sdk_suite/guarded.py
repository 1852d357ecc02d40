"""
A pytest plugin: groq's own tests run on guarded clients.
"""

from __future__ import annotations

import gc

import pytest

import groq_quota

METER = groq_quota.install(groq_quota.QuotaMeter("memory://"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """
    The guard must have seen the calls, and must hold nothing when they are over.
    """
    gc.collect()  # Streams that were dropped give back what they hold when they are collected.
    usages = METER.usages()
    held = {model: usage.reserved for model, usage in usages.items() if usage.reserved}
    if not sum(usage.requests for usage in usages.values()):
        session.exitstatus = fail("the guard counted no request")
    elif held:
        session.exitstatus = fail(f"still reserved: {held}")


def fail(message: str) -> pytest.ExitCode:
    """
    Say what is wrong, and return the status to leave with.
    """
    print(f"\nguarded: {message}")
    return pytest.ExitCode.INTERNAL_ERROR
