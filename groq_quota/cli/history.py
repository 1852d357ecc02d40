"""
`groq-quota history`: the last days of a scope.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .columns import lines, widths
from .status import both_ends, where

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ..meter import QuotaMeter
    from ..reports import DailySummary
    from .language import Language

__all__ = ["as_json", "show"]

_COUNTED = ("requests", "tokens", "blocked", "refused", "failed")
_LIFETIME = ("lifetime_requests", "lifetime_tokens", "days_active")


def as_json(days: Sequence[DailySummary], meter: QuotaMeter) -> str:
    """
    The days for programs, each with its models.
    """
    told = [day.to_dict() for day in days]
    shown = [{name: day[name] for name in day if name not in _LIFETIME} for day in told]
    data = {"storage": meter.storage.uri, "scope": meter.scope, "days": shown}
    return json.dumps(data, indent=2, ensure_ascii=False)


def show(
    days: Sequence[DailySummary], meter: QuotaMeter, console: Console, language: Language
) -> None:
    """
    Print the days for people, today last.
    """
    several = language.counted("count_days", len(days))
    name = "history_title_1" if len(days) == 1 else "history_title"
    title = language.say(name, days=several)
    console.print(both_ends(title, where(meter.storage.uri, meter.scope, language), console.width))
    console.print()
    heads = [language.say(f"col_{name}") for name in ("day", *_COUNTED)]
    rows = [_row(day, language) for day in days]
    head, *body = lines([heads, *rows], widths([heads, *rows]), ">>>>>>")
    head.stylize("dim")
    for line in (head, *body):
        console.print(line)


def _row(day: DailySummary, language: Language) -> list[str]:
    return [language.day(day.date), *(language.number(getattr(day, name)) for name in _COUNTED)]
