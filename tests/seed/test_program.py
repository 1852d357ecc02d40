"""
A program written for the seed's system, run as it is but for its import line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("program.py")
MODEL = "llama-3.1-8b-instant"
# The program runs at a time of the test's choosing.
START = """
import runpy, sys, time
now = float(sys.argv.pop(1))
time.time = lambda: now
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
NOON = 1_795_348_800.0
DAY = 86_400.0
# As the seed's page shows it, on the day of the test.
SEED_FILE = {
    "last_reset_date": "2026-11-22",
    "daily_usage": {
        MODEL: {"requests": 150, "tokens": 45_000, "last_request": "2026-11-22T10:30:00"}
    },
    "total_lifetime": {"requests": 1_500, "tokens": 450_000, "days_active": 10},
}


def run(*questions: str, now: float = NOON) -> Any:
    """
    What the program reports from the current folder.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START, str(now), str(PROGRAM), *questions],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert "" == done.stdout
    return json.loads(Path("report.json").read_text(encoding="utf-8"))


def written(name: str = "usage_data.json") -> Any:
    """
    The seed's part of a file.
    """
    data = json.loads(Path(name).read_text(encoding="utf-8"))
    return {key: data[key] for key in SEED_FILE}


def put(data: object) -> None:
    """
    Leave a file of the seed's system in the current folder.
    """
    Path("usage_data.json").write_text(json.dumps(data, indent=2), encoding="utf-8")


def test_runs_and_writes_the_seeds_file() -> None:
    """
    From nothing, it counts and leaves the seed's structure behind.
    """
    report = run("hola", "adiós")
    expected = {
        "last_reset_date": "2026-11-22",
        "daily_usage": {
            MODEL: {"requests": 2, "tokens": 18, "last_request": "2026-11-22T12:00:00+00:00"}
        },
        "total_lifetime": {"requests": 2, "tokens": 18, "days_active": 1},
    }

    assert ["HOLA", "ADIÓS"] == report["answers"]
    assert expected == report["data"] == written()
    assert "Llama 3.1 8B Instant: 2 / 14,400 (0.0%)" == report["table"][0]
    assert {"requests": 14_400, "tokens": 1_000_000, "description": "Llama 3.1 8B Instant"} == (
        report["limits"][MODEL]
    )


def test_keeps_an_account_of_its_own() -> None:
    """
    `UsageTracker("custom_usage.json")` has its own file, models and limits.
    """
    other = run("hola")["other"]
    expected = {
        "last_reset_date": "2026-11-22",
        "daily_usage": {
            "custom-model": {
                "requests": 3,
                "tokens": 300,
                "last_request": "2026-11-22T12:00:00+00:00",
            }
        },
        "total_lifetime": {"requests": 3, "tokens": 300, "days_active": 1},
    }

    assert [True, "Uso alto: 75.0% de requests utilizados"] == other["check"]
    assert ("Modelo Personalizado", 75.0, "warning") == (
        other["info"]["model_description"],
        other["info"]["requests_percentage"],
        other["info"]["status"],
    )
    assert {"requests": 4, "tokens": 50_000, "description": "Modelo Personalizado"} == (
        other["limits"]
    )
    assert expected == written("custom_usage.json")
    assert [MODEL] == list(written()["daily_usage"])


def test_goes_on_from_run_to_run() -> None:
    """
    A second run finds what the first one counted; the next day begins anew, the lifetime stays.
    """
    run("hola")
    same_day = run("hola", now=NOON + 60)
    next_day = run("hola", now=NOON + DAY)

    assert (1, 2) == (same_day["before"]["requests_used"], same_day["after"]["requests_used"])
    assert (0, 1) == (next_day["before"]["requests_used"], next_day["after"]["requests_used"])
    assert {"requests": 3, "tokens": 24, "days_active": 2} == next_day["after"]["lifetime_stats"]
    assert "2026-11-23" == written()["last_reset_date"]


def test_takes_over_the_seeds_file() -> None:
    """
    A file of the seed's own system is continued where it stands.
    """
    put(SEED_FILE)
    report = run("hola")
    before, after = report["before"], report["after"]

    assert (150, 45_000, 1.0, 4.5) == (
        before["requests_used"],
        before["tokens_used"],
        before["requests_percentage"],
        before["tokens_percentage"],
    )
    assert SEED_FILE["total_lifetime"] == before["lifetime_stats"]
    assert {"requests": 1_501, "tokens": 450_008, "days_active": 10} == after["lifetime_stats"]
    assert (151, 45_008) == (after["requests_used"], after["tokens_used"])


def test_takes_over_the_seeds_file_of_another_day() -> None:
    """
    Yesterday's counts are not today's; what was counted ever is kept.
    """
    put(SEED_FILE)
    report = run("hola", now=NOON + DAY)

    assert (0, 1) == (report["before"]["requests_used"], report["after"]["requests_used"])
    assert {"requests": 1_501, "tokens": 450_008, "days_active": 11} == (
        report["after"]["lifetime_stats"]
    )


def test_stops_at_the_seeds_limit() -> None:
    """
    A file that stands one below the limit takes one more question.
    """
    model = {"requests": 14_399, "tokens": 10, "last_request": "2026-11-22T10:30:00"}
    put({**SEED_FILE, "daily_usage": {MODEL: model}})
    report = run("hola", "adiós")

    assert ["HOLA", "Límite diario alcanzado: 14400 de 14400 requests utilizados"] == (
        report["answers"]
    )
    assert ("limit_reached", False) == (
        report["after"]["status"],
        report["after"]["can_make_request"],
    )
    assert 14_400 == written()["daily_usage"][MODEL]["requests"]
