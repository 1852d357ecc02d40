from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from groq_quota import QuotaMeter
from groq_quota.testing import FakeClock
from groq_quota.windows import DAY

if TYPE_CHECKING:
    from .conftest import Run


def fill() -> None:
    """
    Two requests the day before yesterday, and twelve today.
    """
    now = QuotaMeter("memory://").now()
    for back, requests in ((2, 2), (0, 12)):
        meter = QuotaMeter(clock=FakeClock(now - back * DAY))
        for _ in range(requests):
            meter.record("groq/compound", 1_234)
        meter.close()


def test_days_in_both_languages(groq_quota_command: Run) -> None:
    """
    One line a day, today last, with days without requests in between.
    """
    fill()

    english = groq_quota_command("history", "--days", "3")
    spanish = groq_quota_command("history", "--days", "3", "--lang", "es")

    assert (0, "", 0, "") == (
        english.returncode,
        english.stderr,
        spanish.returncode,
        spanish.stderr,
    )
    assert "The last 3 days, UTC" in english.stdout
    assert ["2 2,468", "0 0", "12 14,808"] == _amounts(english.stdout)
    assert "Los últimos 3 días, UTC" in spanish.stdout
    assert ["2 2468", "0 0", "12 14.808"] == _amounts(spanish.stdout)
    assert re.search(r"\d de \w+ de \d{4}  ", spanish.stdout)
    assert max(map(len, spanish.stdout.splitlines())) <= 80


def _amounts(shown: str) -> list[str]:
    return [" ".join(pair) for pair in re.findall(r" \d{4} +([\d.,]+) +([\d.,]+) ", shown)]


def test_json_has_each_days_models(groq_quota_here: Run) -> None:
    """
    For programs every day has its models, and durations have their unit in the name.
    """
    fill()

    data = json.loads(groq_quota_here("history", "--days=3", "--json").stdout)

    assert [2, 0, 12] == [day["requests"] for day in data["days"]]
    assert [["groq/compound"], [], ["groq/compound"]] == [
        list(day["models"]) for day in data["days"]
    ]
    counts = data["days"][2]["models"]["groq/compound"]
    assert (12, 14_808, 0) == (counts["requests"], counts["tokens"], counts["waited_seconds"])
    assert "waited" not in counts


def test_a_week_without_being_told(groq_quota_here: Run) -> None:
    """
    Seven days, today included; an empty place is no error and stays empty.
    """
    done = groq_quota_here("history", "--json", "--scope", "team")
    data = json.loads(done.stdout)

    assert ("team", 7, 0) == (data["scope"], len(data["days"]), done.returncode)
