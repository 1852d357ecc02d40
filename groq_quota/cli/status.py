"""
`groq-quota status`: how all models of a scope stand today.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rich.text import Text

from ..gauges import used_today
from ..limits import KINDS
from ..messages import floor_percent
from ..windows import seconds_to_midnight, utc_iso
from .gauges import Artist, highest_percent

if TYPE_CHECKING:
    from rich.console import Console

    from ..meter import QuotaMeter
    from ..reports import DailySummary, ModelUsage
    from .console import Glyphs
    from .language import Language

__all__ = [
    "DEFAULT_SCOPE",
    "Overview",
    "as_json",
    "both_ends",
    "drawn",
    "overview",
    "place_of",
    "show",
    "where",
]

DEFAULT_SCOPE = "default"


@dataclass(frozen=True, slots=True)
class Overview:
    """
    A scope's day: in sum, and by model, the nearest to a limit first.
    """

    place: str
    scope: str
    reset_after: float
    summary: DailySummary
    usages: tuple[ModelUsage, ...]


def overview(meter: QuotaMeter, *, every: bool = False) -> Overview:
    """
    The day of a meter's scope: the models that were used, or with `every` all known ones too.

    Models that Groq has shut down are there only if they were used.
    """
    usages = {name: usage for name, usage in meter.usages().items() if used_today(usage)}
    summary = meter.summary()
    if every:
        for name in meter.limits.models():
            if name not in usages and not _gone(meter, name, summary.date):
                usages[name] = meter.usage(name)
    return Overview(
        place=meter.storage.uri,
        scope=meter.scope,
        reset_after=seconds_to_midnight(meter.now()),
        summary=summary,
        usages=tuple(sorted(usages.values(), key=_urgency)),
    )


def _gone(meter: QuotaMeter, model: str, day: str) -> bool:
    shutdown = meter.limits.shutdown(model)
    return shutdown is not None and shutdown <= day


def _urgency(usage: ModelUsage) -> tuple[int, float, str]:
    return -usage.status.rank, -(highest_percent(usage) or 0.0), usage.model


def as_json(seen: Overview, *, indent: int | None = 2) -> str:
    """
    The same for programs: durations in seconds, percentages cut to one decimal.
    """
    summary = seen.summary
    data = {
        "date": summary.date,
        "storage": seen.place,
        "scope": seen.scope,
        "reset_after_seconds": seen.reset_after,
        "requests": summary.requests,
        "tokens": summary.tokens,
        "lifetime_requests": summary.lifetime_requests,
        "lifetime_tokens": summary.lifetime_tokens,
        "days_active": summary.days_active,
        "models": {usage.model: _model(usage) for usage in seen.usages},
    }
    return json.dumps(data, indent=indent, ensure_ascii=False)


def _model(usage: ModelUsage) -> dict[str, Any]:  # JSON-ready, so of mixed values
    names = (
        *("requests", "tokens", "prompt_tokens", "completion_tokens", "cached_tokens"),
        *("audio_seconds", "estimated_seconds", "blocked", "fallbacks", "refused", "failed"),
    )
    last = usage.last_request
    return {
        "status": usage.status.value,
        "used_percent": highest_percent(usage),
        "description": usage.description,
        **{name: getattr(usage, name) for name in names},
        "waited_seconds": usage.waited,
        "reserved_requests": usage.reserved,
        "reserved_tokens": usage.reserved_tokens,
        "last_request_at": None if last is None else utc_iso(last),
        "lifetime_requests": usage.lifetime_requests,
        "lifetime_tokens": usage.lifetime_tokens,
        "limits": {
            window.limit.kind: {
                "unit": window.limit.metric,
                "period_seconds": KINDS[window.limit.kind].period,
                "limit": window.limit.amount,
                "used": window.used,
                "used_percent": floor_percent(window.used, window.limit.amount),
                "remaining": window.remaining,
                "reset_after_seconds": window.reset_after,
                "external": window.external,
                "origin": window.limit.origin,
                "enforced": window.limit.confirmed,
            }
            for window in usage.windows
        },
    }


def show(seen: Overview, console: Console, language: Language, glyphs: Glyphs) -> None:
    """
    Print it for people.
    """
    for part in drawn(seen, console.width, language, glyphs):
        # Sentences are soft-wrapped, so that a long path can be copied whole.
        console.print(part, soft_wrap=not part.no_wrap)


def drawn(seen: Overview, width: int, language: Language, glyphs: Glyphs) -> list[Text]:
    """
    It as text, one part below the other.
    """
    if not seen.usages:
        name = "status_empty" if seen.scope == DEFAULT_SCOPE else "status_empty_scope"
        said = language.say(name, place=place_of(seen.place), scope=seen.scope)
        return [Text(said), Text(language.say("status_hint"), "dim")]
    day = language.say("status_title", middle=glyphs.middle, day=language.day(seen.summary.date))
    wait = language.say("status_reset", duration=language.duration(seen.reset_after))
    models = Artist(language, glyphs, width).models(seen.usages, said=seen.reset_after)
    parts = [
        both_ends(day, where(seen.place, seen.scope, language), width),
        Text(wait, "dim"),
        Text(),
        models,
        Text(),
        _totals(seen.summary, language),
    ]
    for part in parts:
        part.no_wrap, part.overflow = True, "ellipsis"
    return parts


def where(uri: str, scope: str, language: Language) -> str:
    """
    The storage's place, with the scope unless that is the default one.
    """
    place = place_of(uri)
    if scope == DEFAULT_SCOPE:
        return place
    return language.say("status_scope", scope=scope, place=place)


def both_ends(left: str, right: str, width: int) -> Text:
    """
    A line with one text on the left and one on the right, which is cut where there is no room.
    """
    room = max(1, width - len(left) - 2)
    shown = right if len(right) <= room else f"…{right[1 - room :] if room > 1 else ''}"
    gap = max(2, width - len(left) - len(shown))
    return Text.assemble((left, "bold"), " " * gap, (shown, "dim"))


def _totals(summary: DailySummary, language: Language) -> Text:
    values = {
        "requests": (summary.requests, summary.lifetime_requests),
        "tokens": (summary.tokens, summary.lifetime_tokens),
    }
    today, lifetime = (
        {name: language.counted(f"count_{name}", pair[place]) for name, pair in values.items()}
        for place in (0, 1)
    )
    days = language.counted("count_days", summary.days_active)
    said = [
        language.say("status_today", **today),
        language.say("status_lifetime", **lifetime, days=days),
    ]
    return Text("\n".join(said), "dim")


def place_of(uri: str) -> str:
    """
    A storage's place as people write it: a file by its path, shortened where that is below here.
    """
    scheme, _, rest = uri.partition("://")
    if scheme != "json":
        return uri
    path = unquote(rest.partition("?")[0])
    if path[2:3] == ":":
        path = path[1:]  # a drive of Windows
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
