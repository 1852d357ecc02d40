"""
A meter's sync and async methods, called the same; and a listener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from groq_quota.hooks import QuotaEvent
    from groq_quota.meter import QuotaMeter

MODEL = "test/model"
DAY = 86_400.0
NOON = "2026-11-22T12:00:00Z"
MIDNIGHT = "2026-11-23T00:00:00Z"


class Api:
    """
    A meter's methods, the sync ones or the async ones; awaited here, they are called the same.

    Where no model is named it is MODEL. `commit` and `release` take the reservation first.
    """

    def __init__(self, meter: QuotaMeter, *, sync: bool) -> None:
        self.meter = meter
        self.sync = sync

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **options: Any) -> Any:
            target: Any = self.meter
            if name in {"commit", "release"}:
                target, *args = args  # type: ignore[assignment]  # a list will do
            elif name not in {"usages", "summary", "history", "reset", "flush", "close"}:
                args = args or (MODEL,)
            if self.sync:
                return getattr(target, name)(*args, **options)
            return await getattr(target, f"a{name}")(*args, **options)

        return call


class Listener:
    """
    A hook that keeps what it is told.
    """

    def __init__(self) -> None:
        self.events: list[QuotaEvent] = []

    def __call__(self, event: QuotaEvent, /) -> None:
        """
        Keep an event.
        """
        self.events.append(event)

    def of(self, kind: str) -> list[QuotaEvent]:
        """
        The events of one kind.
        """
        return [event for event in self.events if event.kind == kind]
