"""
`groq-quota check`: whether a request would be let through now.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.text import Text

from .gauges import highest_percent
from .sentences import sentence

if TYPE_CHECKING:
    from rich.console import Console

    from ..meter import QuotaMeter
    from ..reports import Decision, ModelUsage
    from .console import Glyphs
    from .language import Language

__all__ = ["as_json", "show"]


def as_json(decision: Decision, usage: ModelUsage, said: str, meter: QuotaMeter) -> str:
    """
    The answer for programs; amounts are in the limit's unit.
    """
    limit = decision.limit
    binding = None
    if limit is not None:
        binding = {
            "kind": limit.kind,
            "unit": limit.metric,
            "period_seconds": limit.period,
            "limit": limit.amount,
            "used": decision.used,
            "requested": decision.requested,
        }
    data = {
        "model": usage.model,
        "storage": meter.storage.uri,
        "scope": meter.scope,
        "allowed": decision.allowed,
        "status": usage.status.value,
        "used_percent": highest_percent(usage),
        "message": said,
        "retry_after_seconds": decision.retry_after,
        "limit": binding,
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def show(
    decision: Decision, usage: ModelUsage, console: Console, language: Language, glyphs: Glyphs
) -> None:
    """
    Print the answer for people.
    """
    style = "green" if decision.allowed else "bold red"
    mark = glyphs.yes if decision.allowed else glyphs.no
    said = sentence(decision, usage, language)
    line = Text.assemble((mark, style), " ", (usage.model, "bold"), f": {said}")
    console.print(line, soft_wrap=True)
