from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota.limits import ModelLimits
from groq_quota.meter import QuotaMeter
from groq_quota.storage.memory import MemoryStorage
from groq_quota.testing import FakeClock

from .driver import MODEL, NOON, Api, Listener

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def clock() -> FakeClock:
    """
    At noon, until it is moved.
    """
    return FakeClock(NOON)


@pytest.fixture
def listener() -> Listener:
    """
    Hears all events of the meter.
    """
    return Listener()


@pytest.fixture(params=["sync", "async"])
def build(
    request: pytest.FixtureRequest, clock: FakeClock, listener: Listener
) -> Callable[..., Api]:
    """
    A meter in memory with the given limits of MODEL, by its sync or its async methods.
    """

    def build(*, enforce: bool = True, **limits: int | None) -> Api:
        given = {MODEL: ModelLimits(**limits)}  # type: ignore[arg-type]  # only amounts are given
        meter = QuotaMeter(
            MemoryStorage(), limits=given, clock=clock, hooks=[listener], enforce=enforce
        )
        return Api(meter, sync=request.param == "sync")

    return build
