"""
The API of the tracker that groq-quota grew out of, over a meter.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypedDict

from . import messages
from .daily_limits import DailyLimits
from .errors import WrongTypeError
from .hooks import logger
from .limits import normalize_model
from .meter import QuotaMeter
from .records import mark, take_over
from .reports import DailySummary, ModelUsage, Status, WindowUsage, whole
from .sdk import installed
from .windows import utc_iso

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from .storage import Storage

__all__ = ["DayInfo", "LifetimeInfo", "UsageData", "UsageInfo", "UsageTracker", "usage_tracker"]


class LifetimeInfo(TypedDict):
    """
    What was counted ever, over all models.
    """

    requests: int
    tokens: int
    days_active: int


class UsageInfo(TypedDict):
    """
    One model's day; limits are None where there is none, percentages cut to one decimal.

    `last_request` is ISO text in UTC, None as long as the day has no request.
    """

    model: str
    model_description: str
    date: str
    requests_used: int
    requests_limit: int | None
    requests_remaining: int | None
    requests_percentage: float
    tokens_used: int
    tokens_limit: int | None
    tokens_remaining: int | None
    tokens_percentage: float
    status: str
    can_make_request: bool
    last_request: str | None
    lifetime_stats: LifetimeInfo


class DayInfo(TypedDict):
    """
    The day over all models.
    """

    date: str
    total_requests_today: int
    total_tokens_today: int
    models_used_today: int
    active_models: list[str]
    lifetime_stats: LifetimeInfo


class ModelData(TypedDict):
    """
    One model's day in the tracker's file.
    """

    requests: int
    tokens: int
    last_request: str | None


class UsageData(TypedDict):
    """
    The structure of the tracker's file.
    """

    last_reset_date: str
    daily_usage: dict[str, ModelData]
    total_lifetime: LifetimeInfo


class UsageTracker:
    """
    Counts requests per model and UTC day, and says how much of the daily limits is left.

    It knows daily limits only; the limits per minute are the business of the SDK plugin and of
    `QuotaMeter`. Constructing touches no disk.

    Args:
        storage: A path of a JSON file, a URI or a `Storage`; not used where a meter is given.
        meter: The meter to count with, or a callable that returns it at each call.
        lang: Of messages and descriptions: "es" or "en".
    """

    def __init__(
        self,
        storage: str | os.PathLike[str] | Storage = "usage_data.json",
        *,
        meter: QuotaMeter | Callable[[], QuotaMeter] | None = None,
        lang: str = "es",
    ) -> None:
        self._meter = _source(QuotaMeter(storage) if meter is None else meter)
        self._lang = lang
        self._limits = DailyLimits(lambda: self.meter.limits, lang)

    def __repr__(self) -> str:
        return f"UsageTracker(meter={self.meter!r})"

    @property
    def meter(self) -> QuotaMeter:
        """
        The meter behind.
        """
        return self._meter()

    @property
    def daily_limits(self) -> DailyLimits:
        """
        The daily limits by model, `{"requests": 1000, "tokens": 50000, "description": "..."}`.

        Changes of it, nested ones too, are the user's limits from the next call on; None is no
        limit, 0 blocks. Wrong values raise and change nothing.
        """
        return self._limits.refreshed()

    @daily_limits.setter
    def daily_limits(self, limits: Mapping[str, object]) -> None:
        self._limits.replace(limits)

    @property
    def usage_data(self) -> UsageData:
        """
        What the tracker's file says now, as a copy: changing it changes nothing.
        """
        meter = self.meter
        summary, usages = meter.summary(), meter.usages()
        return {
            "last_reset_date": summary.date,
            "daily_usage": {
                name: {
                    "requests": usage.requests,
                    "tokens": usage.tokens,
                    "last_request": _last_request(usage),
                }
                for name, usage in usages.items()
                if usage.requests
            },
            "total_lifetime": _lifetime(summary),
        }

    def track_request(self, model: str, tokens_used: int = 0) -> UsageInfo:
        """
        Count one request that was made; never refuses, and may pass the limit.

        A call of the last ten minutes that the SDK plugin has counted already is not counted again,
        and what is counted here within a decorated function of the same model, that one does not
        count.
        """
        tokens = whole(tokens_used, "tokens_used")
        meter = self.meter
        if _counted_already(meter, model):
            return self.get_usage_info(model)
        name = normalize_model(model)
        reservation = take_over(meter, name)
        mark(meter, model=name)
        if reservation is None:
            return self._info(meter, meter.record(model, tokens), meter.summary())
        reservation.commit(tokens)
        return self.get_usage_info(model)

    def check_can_make_request(self, model: str) -> tuple[bool, str]:
        """
        Whether the daily limits leave room for one more request, and how the model stands.

        What is reserved by requests in flight is taken. Counts nothing.
        """
        meter = self.meter
        usage = meter.usage(model)
        allowed = _can_make_request(meter, usage)
        return allowed, _message(usage, self._lang, blocked=not allowed)

    def get_usage_info(self, model: str) -> UsageInfo:
        """
        One model's day: what is used, what is left, and the lifetime of all models.
        """
        meter = self.meter
        return self._info(meter, meter.usage(model), meter.summary())

    def get_all_models_usage(self) -> dict[str, UsageInfo]:
        """
        The same for every model in `daily_limits`, then for others that were used.
        """
        meter = self.meter
        usages, summary = meter.usages(), meter.summary()
        return {
            name: self._info(meter, usages.get(name) or meter.usage(name), summary)
            for name in dict.fromkeys([*self.daily_limits, *usages])
        }

    def get_daily_summary(self) -> DayInfo:
        """
        The day over all models.
        """
        summary = self.meter.summary()
        active = [name for name, row in summary.models.items() if row["requests"]]
        return {
            "date": summary.date,
            "total_requests_today": summary.requests,
            "total_tokens_today": summary.tokens,
            "models_used_today": len(active),
            "active_models": active,
            "lifetime_stats": _lifetime(summary),
        }

    def force_reset(self) -> None:
        """
        Start the day's counting anew for all models; the lifetime is kept.
        """
        self.meter.reset()

    def _info(self, meter: QuotaMeter, usage: ModelUsage, summary: DailySummary) -> UsageInfo:
        requests, tokens = _limit(usage, "rpd"), _limit(usage, "tpd")
        return {
            "model": usage.model,
            "model_description": usage.description or messages.text(self._lang, "unknown_model"),
            "date": usage.date,
            "requests_used": usage.requests,
            "requests_limit": requests,
            "requests_remaining": _remaining(usage.requests, requests),
            "requests_percentage": messages.floor_percent(usage.requests, requests),
            "tokens_used": usage.tokens,
            "tokens_limit": tokens,
            "tokens_remaining": _remaining(usage.tokens, tokens),
            "tokens_percentage": messages.floor_percent(usage.tokens, tokens),
            "status": usage.status.value,
            "can_make_request": _can_make_request(meter, usage),
            "last_request": _last_request(usage),
            "lifetime_stats": _lifetime(summary),
        }


def _source(meter: object) -> Callable[[], QuotaMeter]:
    if isinstance(meter, QuotaMeter):
        return lambda: meter
    if callable(meter):
        return meter
    raise WrongTypeError(f"meter must be a QuotaMeter or return one when called, not {meter!r}")


def _limit(usage: ModelUsage, kind: str) -> int | None:
    window = usage.window(kind)
    return window.limit.amount if window else None


def _remaining(used: int, limit: int | None) -> int | None:
    return None if limit is None else max(0, limit - used)


def _last_request(usage: ModelUsage) -> str | None:
    if usage.last_request is None or not usage.requests:
        return None
    return utc_iso(usage.last_request)


def _lifetime(summary: DailySummary) -> LifetimeInfo:
    return {
        "requests": summary.lifetime_requests,
        "tokens": summary.lifetime_tokens,
        "days_active": summary.days_active,
    }


def _daily(usage: ModelUsage) -> list[WindowUsage]:
    return [
        window
        for window in usage.windows
        if window.limit.daily and window.limit.confirmed and window.limit.amount is not None
    ]


def _full(usage: ModelUsage) -> WindowUsage | None:
    # Its use includes what is reserved.
    return next((window for window in _daily(usage) if window.remaining == 0), None)


def _can_make_request(meter: QuotaMeter, usage: ModelUsage) -> bool:
    # Where nothing is enforced, the meter allows what does not fit.
    return _full(usage) is None or meter.check(usage.model).allowed


def _message(usage: ModelUsage, lang: str, *, blocked: bool) -> str:
    full = _full(usage) if blocked else None
    if full is not None:
        limit = full.limit
        return messages.standing(Status.LIMIT_REACHED, limit.metric, full.used, limit.amount, lang)
    return messages.standing(usage.status, *_nearest(usage), lang=lang)


def _nearest(usage: ModelUsage) -> tuple[str | None, float, float | None]:
    # The first limit (requests) while all is normal, and later on the one that most is used of.
    standing = [
        (limit.metric, float(getattr(usage, limit.metric)), limit.amount)
        for limit in (window.limit for window in _daily(usage))
    ]
    if not standing:
        return None, 0, None
    if usage.status is Status.NORMAL:
        return standing[0]
    return max(standing, key=lambda one: messages.floor_percent(one[1], one[2]))


def _default_meter() -> QuotaMeter:
    from .defaults import default_meter

    return default_meter()


#: The tracker over the meter that is the default at each call.
usage_tracker = UsageTracker(meter=_default_meter)


_said = threading.Event()


def _counted_already(meter: QuotaMeter, model: str) -> bool:
    plugin = installed()
    if plugin is None or not plugin.same_count(meter):
        return False
    if not plugin.notes.claim_for_tracking(meter.scope, normalize_model(model), meter.now()):
        return False
    if not _said.is_set():
        _said.set()
        logger.info("track_request adds nothing to calls that the SDK plugin has counted already.")
    return True
