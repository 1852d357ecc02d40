"""
`groq-quota limits`: which limits hold, and where they come from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ..windows import utc_iso
from .columns import lines, widths
from .status import both_ends, overview, where

if TYPE_CHECKING:
    from rich.console import Console

    from ..limits import Limit
    from ..meter import QuotaMeter
    from ..reports import ModelUsage
    from .language import Language

__all__ = ["Known", "as_json", "known", "show"]


@dataclass(frozen=True, slots=True)
class Known:
    """
    The models of a scope with their limits, and the account's plan as it was set or recognised.
    """

    place: str
    scope: str
    chosen: str | None
    recognised: str | None
    usages: tuple[ModelUsage, ...]
    shutdowns: dict[str, str]


def known(meter: QuotaMeter, model: str | None = None) -> Known:
    """
    The limits of a model, or of all known ones that Groq has not shut down or that were used.
    """
    seen = overview(meter, every=True).usages if model is None else (meter.usage(model),)
    cell = meter.storage.read((meter.scope, ""))
    shutdowns = {usage.model: meter.limits.shutdown(usage.model) for usage in seen}
    return Known(
        place=meter.storage.uri,
        scope=meter.scope,
        chosen=meter.limits.plan,
        recognised=cell["plan"] if cell else None,
        usages=tuple(sorted(seen, key=lambda usage: usage.model)),
        shutdowns={name: day for name, day in shutdowns.items() if day is not None},
    )


def as_json(seen: Known) -> str:
    """
    The same for programs; amounts are in the limit's unit.
    """
    models = {
        usage.model: {
            "description": usage.description,
            "shutdown_on": seen.shutdowns.get(usage.model),
            "limits": {window.limit.kind: _limit(window.limit) for window in usage.windows},
        }
        for usage in seen.usages
    }
    data = {
        "storage": seen.place,
        "scope": seen.scope,
        "plan": seen.recognised or seen.chosen,
        "models": models,
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def _limit(limit: Limit) -> dict[str, Any]:  # JSON-ready, so of mixed values
    return {
        "limit": limit.amount,
        "unit": limit.metric,
        "period_seconds": limit.period,
        "origin": limit.origin,
        "since": utc_iso(limit.since) if isinstance(limit.since, float) else limit.since,
        "enforced": limit.confirmed,
    }


def show(seen: Known, console: Console, language: Language) -> None:
    """
    Print them for people.
    """
    place = where(seen.place, seen.scope, language)
    console.print(both_ends(language.say("limits_title"), place, console.width))
    console.print(Text(_plan(seen, language), "dim"))
    tables = [[_row(window.limit, language) for window in usage.windows] for usage in seen.usages]
    wide = widths([row for table in tables for row in table])
    for usage, table in zip(seen.usages, tables, strict=True):
        console.print()
        head = Text.assemble((usage.model, "bold"), (_about(seen, usage, language), "dim"))
        console.print(head, no_wrap=True, overflow="ellipsis")
        for line in lines(table, wide, "<><<", indent="  "):
            console.print(line)
        if not table:
            console.print(Text(f"  {language.say('limits_none')}", "dim"))


def _plan(seen: Known, language: Language) -> str:
    if seen.recognised is not None:
        return language.say("plan_recognised", plan=seen.recognised)
    if seen.chosen is not None:
        return language.say("plan_chosen", plan=seen.chosen)
    return language.say("plan_unknown")


def _about(seen: Known, usage: ModelUsage, language: Language) -> str:
    gone = seen.shutdowns.get(usage.model)
    if gone is not None:
        return f"  {language.say('limits_shutdown', day=language.day(gone))}"
    return f"  {usage.description}" if usage.description else ""


def _row(limit: Limit, language: Language) -> list[str]:
    label = language.say(f"per_{limit.period}", metric=language.say(limit.metric))
    amount = language.say("unlimited") if limit.amount is None else language.number(limit.amount)
    holds = language.say("enforced" if limit.confirmed else "assumed")
    return [label, amount, holds, _origin(limit, language)]


def _origin(limit: Limit, language: Language) -> str:
    since = limit.since
    if limit.origin == "user":
        return language.say("origin_user")
    if since is None:
        return language.say("origin_undated")
    day = since if isinstance(since, str) else utc_iso(since)[:10]
    return language.say(f"origin_{limit.origin}", day=language.day(day))
