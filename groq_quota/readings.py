"""
From cells to reports: what a meter shows of what is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import messages, windows
from .booking import Amount, Denial, Rules, day_left, day_level, probe, status_of
from .reports import DailySummary, Decision, ModelUsage, Status, WindowUsage
from .standing import external
from .state import Cell, Counts, add_counts, new_counts, roll

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .limits import Limit

__all__ = ["daily_summary", "decision", "history", "last_day", "model_usage", "nearest_daily"]


def window_usage(cell: Cell, now: float, limit: Limit, *, rolling: bool = False) -> WindowUsage:
    """
    What is taken of one limit now: by the calendar day, or by its bucket.
    """
    amount = limit.amount
    if limit.daily and not rolling:
        metric = limit.metric
        used: float = cell["today"][metric] + cell["held"][metric]  # type: ignore[literal-required]  # daily metrics are names of both
        reset_after = day_left(cell, now)
    else:
        bucket = cell["windows"].get(limit.kind)
        rate = (amount or 0) / limit.period
        used = windows.drained(bucket[0], bucket[1], now, rate) if bucket else 0.0
        reset_after = used / rate if rate else 0.0
    remaining = None if amount is None else max(0, amount - used)
    others = external(cell, limit.kind)
    taken = round(others.today, 3) if others.day == now // windows.DAY else 0.0
    return WindowUsage(limit, used, remaining, reset_after, taken)


def model_usage(
    model: str, cell: Cell, now: float, rules: Rules, description: str | None
) -> ModelUsage:
    """
    A model's report at `now`; the cell is a copy and may be rolled to the day.
    """
    roll(cell, now)
    today, held, lifetime = cell["today"], cell["held"], cell["lifetime"]
    return ModelUsage(
        model=model,
        date=cell["day"],
        description=description,
        requests=today["requests"],
        tokens=today["tokens"],
        prompt_tokens=today["prompt_tokens"],
        completion_tokens=today["completion_tokens"],
        cached_tokens=today["cached_tokens"],
        audio_seconds=today["audio_seconds"],
        estimated_seconds=cell["estimated"],
        blocked=today["blocked"],
        refused=today["refused"],
        failed=today["failed"],
        avoided=today["avoided"],
        fallbacks=cell["fallbacks"],
        waited=today["waited"],
        reserved=held["requests"],
        reserved_tokens=held["tokens"],
        status=status_of(cell, now, rules),
        windows=tuple(
            window_usage(cell, now, limit, rolling=rules.rolling) for limit in rules.limits
        ),
        hours={int(hour): (row[0], row[1]) for hour, row in sorted(cell["hours"].items())},
        last_request=cell["last_request"],
        lifetime_requests=lifetime["requests"],
        lifetime_tokens=lifetime["tokens"],
    )


def nearest_daily(cell: Cell, now: float, rules: Rules) -> tuple[str | None, float, float | None]:
    """
    The daily limit of which most is used: metric, used, amount; requests where none is used.
    """
    best: tuple[float, str | None, float, float | None] = (-1.0, None, 0, None)
    for limit, metric, amount in rules.daily:
        if rules.rolling:
            used: float = day_level(cell, now, limit)
        else:
            used = cell["today"][metric]  # type: ignore[literal-required]  # daily metrics are names of Counts
        share = used / amount if amount else float("inf")
        if share > best[0]:
            best = (share, limit.metric, used, amount)
    return best[1:]


def decision(cell: Cell, now: float, rules: Rules, amount: Amount, lang: str) -> Decision:
    """
    Whether a request would be admitted at `now`, without booking it.
    """
    _, denial = probe(cell, now, rules, amount)
    status = status_of(cell, now, rules)
    if denial is None:
        said = messages.standing(status, *nearest_daily(cell, now, rules), lang=lang)
        return Decision(allowed=True, status=status, message=said)
    return Decision(
        allowed=False,
        status=status,
        message=explain(denial, lang),
        limit=denial.limit,
        retry_after=denial.retry_after,
        used=denial.used,
        requested=denial.requested,
    )


def explain(denial: Denial, lang: str = "en") -> str:
    """
    A denial as one sentence.
    """
    limit = denial.limit
    if limit.daily and not denial.too_large and 0 < (limit.amount or 0) <= denial.used:
        return messages.standing(
            Status.LIMIT_REACHED, limit.metric, denial.used, limit.amount, lang
        )
    return messages.denied(
        denial.limit,
        denial.used,
        denial.requested,
        denial.retry_after,
        too_large=denial.too_large,
        lang=lang,
    )


def daily_summary(cells: Mapping[str, Cell], now: float) -> DailySummary:
    """
    Today over all models of a scope, with the scope's lifetime.
    """
    lifetime = new_counts()
    counts: dict[str, Counts] = {}
    day = windows.utc_date(now)
    for model, cell in cells.items():
        lifetime = add_counts(lifetime, cell["lifetime"])
        if model:
            roll(cell, now)
            day = max(day, cell["day"])
            if any(cell["today"].values()):
                counts[model] = cell["today"]
    scope = cells.get("")
    summary = _summed(day, counts)
    return DailySummary(
        date=summary.date,
        requests=summary.requests,
        tokens=summary.tokens,
        blocked=summary.blocked,
        refused=summary.refused,
        failed=summary.failed,
        models=summary.models,
        lifetime_requests=lifetime["requests"],
        lifetime_tokens=lifetime["tokens"],
        days_active=scope["days_active"] if scope else 0,
    )


def last_day(cells: Mapping[str, Cell], now: float) -> str:
    """
    The day that counting is at: the clock's, or the next where a clock went back.
    """
    today = windows.utc_date(now)
    days = (cell["day"] for cell in cells.values())
    return max([today, *(day for day in days if day and windows.days_apart(today, day) == 1)])


def history(
    past: Mapping[str, Mapping[str, Counts]], cells: Mapping[str, Cell], days: Iterable[str]
) -> list[DailySummary]:
    """
    One summary for each of `days`, from the rows of past days and what the cells still hold.
    """
    return [_summed(day, _counts_of(day, past, cells)) for day in days]


def _counts_of(
    day: str, past: Mapping[str, Mapping[str, Counts]], cells: Mapping[str, Cell]
) -> dict[str, Counts]:
    found: dict[str, Counts] = {}
    for model in {*past, *cells} - {""}:
        counts = past.get(model, {}).get(day)
        cell = cells.get(model)
        if cell is not None and cell["day"] == day:
            counts = add_counts(counts or new_counts(), cell["today"])
        if counts is not None and any(counts.values()):
            found[model] = counts
    return dict(sorted(found.items()))


def _summed(day: str, models: Mapping[str, Counts]) -> DailySummary:
    rows = models.values()
    return DailySummary(
        date=day,
        requests=sum(row["requests"] for row in rows),
        tokens=sum(row["tokens"] for row in rows),
        blocked=sum(row["blocked"] for row in rows),
        refused=sum(row["refused"] for row in rows),
        failed=sum(row["failed"] for row in rows),
        models={model: dict(_numbers(row)) for model, row in models.items()},
    )


def _numbers(counts: Counts) -> Iterable[tuple[str, float]]:
    return ((name, counts[name]) for name in counts)  # type: ignore[literal-required]  # its own names
