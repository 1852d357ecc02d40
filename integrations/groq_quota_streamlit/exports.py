"""
The counts as files: CSV by day and model, and JSON of all that the page shows.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from groq_quota.windows import utc_iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groq_quota import DailySummary, QuotaMeter

__all__ = ["as_csv", "as_json"]

_COLUMNS = (
    *("requests", "tokens", "prompt_tokens", "completion_tokens", "cached_tokens"),
    *("audio_seconds", "blocked", "refused", "failed", "avoided", "waited_seconds"),
)


def as_csv(days: Sequence[DailySummary]) -> str:
    """
    A row for each day and model that anything was counted of.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["date", "model", *_COLUMNS])
    for day in days:
        for model, counts in day.to_dict()["models"].items():
            writer.writerow([day.date, _plain(model), *(counts[name] for name in _COLUMNS)])
    return text.getvalue()


def _plain(model: str) -> str:
    # A spreadsheet takes a cell that begins like this for a formula.
    return f"'{model}" if model.startswith(("=", "+", "-", "@")) else model


def as_json(meter: QuotaMeter, days: int) -> str:
    """
    The models as they stand, and the summaries of the last `days` days.
    """
    data = {
        "at": utc_iso(meter.now()),
        "scope": meter.scope,
        "models": {name: usage.to_dict() for name, usage in meter.usages().items()},
        "history": [summary.to_dict() for summary in meter.history(days)],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
