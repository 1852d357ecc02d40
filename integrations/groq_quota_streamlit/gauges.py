"""
What the page shows of a meter, read at once: gauges, models in order, the day and the lifetime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from groq_quota.gauges import Gauge, used_today
from groq_quota.reports import Status
from groq_quota.windows import DAY, seconds_to_midnight

if TYPE_CHECKING:
    from collections.abc import Iterable

    from groq_quota import DailySummary, ModelUsage, QuotaMeter, WindowUsage

__all__ = ["View", "daily_gauges", "nearest", "read", "window_gauges"]


@dataclass(frozen=True, slots=True)
class View:
    """
    What a meter says at one moment.

    Attributes:
        now: Epoch seconds by the meter.
        current: The model that is looked at.
        models: All that are known or used, worst first; shut-down models only if they were used.
        away: Whether the storage cannot be reached.
    """

    now: float
    current: ModelUsage
    models: tuple[ModelUsage, ...]
    summary: DailySummary
    away: bool

    @property
    def reset_after(self) -> float:
        """
        Seconds to midnight UTC, when counting begins anew.
        """
        return seconds_to_midnight(self.now)


def read(meter: QuotaMeter, model: str | None = None) -> View:
    """
    The view of a meter now; without a model, of the one that was used last.
    """
    usages, now, summary = meter.usages(known=True), meter.now(), meter.summary()
    wanted = (model or "").strip().lower() or _latest(meter, usages.values())
    current = usages.get(wanted) or meter.usage(wanted)
    listed = {usage.model: usage for usage in usages.values() if _listed(meter, usage)}
    listed[current.model] = current
    return View(
        now=now,
        current=current,
        models=tuple(sorted(listed.values(), key=_urgency)),
        summary=summary,
        away=bool(getattr(meter.storage, "away", False)),
    )


def _latest(meter: QuotaMeter, usages: Iterable[ModelUsage]) -> str:
    latest = max(usages, key=lambda usage: usage.last_request or 0.0)
    return meter.limits.models()[0] if latest.last_request is None else latest.model


def _listed(meter: QuotaMeter, usage: ModelUsage) -> bool:
    gone = meter.limits.shutdown(usage.model)
    return gone is None or gone > usage.date or used_today(usage)


def _urgency(usage: ModelUsage) -> tuple[int, float, int, str]:
    highest = max((gauge.percent for gauge in daily_gauges(usage)), default=0.0)
    return -usage.status.rank * used_today(usage), -highest, -usage.requests, usage.model


def daily_gauges(usage: ModelUsage) -> list[Gauge]:
    """
    A model's day: requests and tokens in any case, audio where it is limited.
    """
    windows = {window.limit.metric: window for window in usage.windows if window.limit.daily}
    metrics = dict.fromkeys(["requests", "tokens", *windows])
    if "audio_seconds" in windows and "tokens" not in windows and not usage.tokens:
        del metrics["tokens"]
    return [_daily(usage, metric, windows.get(metric)) for metric in metrics]


def _daily(usage: ModelUsage, metric: str, window: WindowUsage | None) -> Gauge:
    # By what was counted: what is in flight is shown apart.
    used = float(getattr(usage, metric))
    return Gauge(metric, DAY, used, None) if window is None else Gauge.of(window, used)


def window_gauges(usage: ModelUsage) -> list[Gauge]:
    """
    A model's windows of a minute and an hour.
    """
    return [Gauge.of(window, window.used) for window in usage.windows if not window.limit.daily]


def nearest(usage: ModelUsage) -> Gauge | None:
    """
    The daily limit that most is used of, the first while all is normal; None if there is none.
    """
    limited = [gauge for gauge in daily_gauges(usage) if gauge.limit is not None and gauge.enforced]
    if usage.status is Status.NORMAL:
        return limited[0] if limited else None
    return max(limited, key=lambda gauge: gauge.percent, default=None)
