"""
How a model stands, as one sentence with numbers in the language's form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import messages
from ..reports import Status
from ..windows import DAY
from .gauges import gauges_of

if TYPE_CHECKING:
    from ..limits import Limit
    from ..reports import Decision, ModelUsage
    from .language import Language

__all__ = ["sentence"]


def sentence(decision: Decision, usage: ModelUsage, language: Language) -> str:
    """
    Why a request would not pass, or else how the model stands by its nearest daily limit.
    """
    limit = decision.limit
    if decision.allowed or limit is None:
        return _standing(usage, language)
    if limit.daily and 0 < (limit.amount or 0) <= decision.used and decision.retry_after:
        return messages.standing(
            Status.LIMIT_REACHED,
            limit.metric,
            decision.used,
            limit.amount,
            language.code,
            localized=True,
        )
    return messages.denied(
        limit,
        decision.used,
        decision.requested,
        decision.retry_after,
        too_large=_too_large(decision, limit),
        lang=language.code,
        localized=True,
    )


def _standing(usage: ModelUsage, language: Language) -> str:
    daily = [gauge for gauge in gauges_of(usage) if gauge.period == DAY and gauge.limit is not None]
    if not daily:
        return messages.standing(usage.status, None, 0, None, language.code)
    nearest = max(daily, key=lambda gauge: gauge.percent)
    return messages.standing(
        usage.status, nearest.metric, nearest.used, nearest.limit, language.code, localized=True
    )


def _too_large(decision: Decision, limit: Limit) -> bool:
    return decision.retry_after is None and decision.requested > (limit.amount or 0) > 0
