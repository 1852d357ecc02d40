"""
A program as one was written for the seed's system; only the import line is another.

It answers questions within the limits, shows what a page would show, keeps an account of its own
for another API, and writes what it saw to report.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from groq_quota import UsageTracker, usage_tracker

MODEL = "llama-3.1-8b-instant"


def ask(question: str) -> str:
    """
    The seed's flow: check, call, track.
    """
    can_make, message = usage_tracker.check_can_make_request(MODEL)
    if not can_make:
        return message
    answer = question.upper()
    usage_tracker.track_request(MODEL, tokens_used=len(question) + len(answer))
    return answer


def table() -> list[str]:
    """
    The table of all models, a line each.
    """
    lines = []
    for model, info in usage_tracker.get_all_models_usage().items():
        limits = usage_tracker.daily_limits[model]
        lines.append(
            f"{limits['description']}: {info['requests_used']:,} / {limits['requests'] or 0:,}"
            f" ({info['requests_percentage']:.1f}%)"
        )
    return lines


def other_api() -> dict[str, Any]:
    """
    A tracker of one's own, with a model of one's own.
    """
    tracker = UsageTracker("custom_usage.json")
    tracker.daily_limits["custom-model"] = {
        "requests": 1000,
        "tokens": 50000,
        "description": "Modelo Personalizado",
    }
    tracker.daily_limits["custom-model"]["requests"] = 4
    for _ in range(3):
        tracker.track_request("custom-model", tokens_used=100)
    return {
        "info": tracker.get_usage_info("custom-model"),
        "check": tracker.check_can_make_request("custom-model"),
        "limits": tracker.daily_limits["custom-model"],
    }


def main() -> None:
    """
    Ask what the command line says, and report.
    """
    before = usage_tracker.get_usage_info(MODEL)
    report = {
        "before": before,
        "answers": [ask(question) for question in sys.argv[1:]],
        "after": usage_tracker.get_usage_info(MODEL),
        "summary": usage_tracker.get_daily_summary(),
        "table": table(),
        "data": usage_tracker.usage_data,
        "limits": usage_tracker.daily_limits,
        "other": other_api(),
    }
    Path("report.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
