"""
Gauges: what is used of a limit, as the command line and the dashboard draw it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .messages import floor_percent
from .reports import Status

if TYPE_CHECKING:
    from .reports import ModelUsage, WindowUsage

__all__ = ["Gauge", "taken_by_others", "used_today"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """
    What is used of one limit; `limit` None: there is none.

    Attributes:
        metric: What is counted, over `period` seconds.
        enforced: False for a limit that is only assumed.
        reset_after: Seconds until all of it is free.
    """

    metric: str
    period: int
    used: float
    limit: float | None
    enforced: bool = True
    reset_after: float = 0.0

    @classmethod
    def of(cls, window: WindowUsage, used: float) -> Gauge:
        """
        The gauge of a window of which so much is used.
        """
        limit = window.limit
        return cls(
            limit.metric, limit.period, used, limit.amount, limit.confirmed, window.reset_after
        )

    @property
    def percent(self) -> float:
        """
        The percentage used, cut to one decimal.
        """
        return floor_percent(self.used, self.limit)

    @property
    def status(self) -> Status:
        """
        How near the limit is.
        """
        return Status.of(self.used, self.limit)

    @property
    def remaining(self) -> float:
        """
        What is left of it, 0 where there is no limit.
        """
        return max(0.0, (self.limit or 0) - self.used)


def used_today(usage: ModelUsage) -> bool:
    """
    Whether anything was counted of a model today, or is under way.
    """
    counted = (usage.requests, usage.tokens, usage.blocked, usage.refused, usage.failed)
    return any(counted) or usage.reserved > 0 or usage.fallbacks > 0


def taken_by_others(usage: ModelUsage) -> dict[str, float]:
    """
    By metric, what other programs of the organization were seen to take of a model today, where it
    is not next to nothing.
    """
    others: dict[str, float] = {}
    for window in usage.windows:
        metric = window.limit.metric
        others[metric] = max(window.external, others.get(metric, 0.0))
    return {metric: amount for metric, amount in others.items() if amount >= 0.5}
