from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from groq_quota import QuotaMeter
from groq_quota.outcomes import Outcome
from groq_quota.reports import Usage
from groq_quota.standing import Heard

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run

OURS = '[models."openai/gpt-oss-20b"]\nrpd = 500\ntpd = "unlimited"\n'


def learn(model: str, *, requests: int, tokens: int) -> None:
    """
    Count an answer whose headers named these limits, of a day and of a minute.
    """
    meter = QuotaMeter()
    headers = [
        (b"x-ratelimit-limit-requests", b"%d" % requests),
        (b"x-ratelimit-limit-tokens", b"%d" % tokens),
    ]
    outcome = Outcome(usage=Usage(10), heard=Heard(meter.now(), headers))
    meter.run(meter.settling(model, outcome))
    meter.close()


def test_origins_in_both_languages(groq_quota_command: Run, tmp_path: Path) -> None:
    """
    Each limit has its amount, its origin and date, and whether it is enforced or assumed.
    """
    (tmp_path / "limits.toml").write_text(OURS, encoding="utf-8")
    settings = {"GROQ_QUOTA_LIMITS": "limits.toml"}

    english = groq_quota_command("limits", "openai/gpt-oss-20b", **settings)
    spanish = groq_quota_command("limits", "openai/gpt-oss-20b", "--lang", "es", **settings)

    assert (0, "", 0, "") == (
        english.returncode,
        english.stderr,
        spanish.returncode,
        spanish.stderr,
    )
    assert re.search(r"\n  requests/min +30  assumed   table of 1 October 2026\n", english.stdout)
    assert re.search(r"\n  requests/day +500  enforced  set by you\n", english.stdout)
    assert re.search(r"\n  tokens/day +no limit  enforced  set by you\n", english.stdout)
    assert re.search(
        r"\n  requests/min +30  se supone  tabla del 1 de octubre de 2026\n", spanish.stdout
    )
    assert re.search(r"\n  tokens/día +sin límite  se aplica  fijado por usted\n", spanish.stdout)
    assert re.search(r"\n  tokens/min +8000  ", spanish.stdout)


def test_learned_limits_and_the_plan(groq_quota_here: Run) -> None:
    """
    What Groq's answers named is shown with its day, and the plan that they gave away.
    """
    learn("openai/gpt-oss-20b", requests=1_000, tokens=8_000)

    shown = groq_quota_here("limits", "openai/gpt-oss-20b").stdout
    data = json.loads(groq_quota_here("limits", "openai/gpt-oss-20b", "--json").stdout)
    tpm = data["models"]["openai/gpt-oss-20b"]["limits"]["tpm"]

    assert "\nPlan: free, recognised by Groq's answers\n" in shown
    assert re.search(r"\n  tokens/min +8,000  enforced  learned on \d+ \w+ \d{4}\n", shown)
    assert re.search(r"\n  requests/min +30  enforced  the plan's, as of ", shown)
    assert "free" == data["plan"]
    assert (8_000, "tokens", 60, "learned", True) == tuple(
        tpm[name] for name in ("limit", "unit", "period_seconds", "origin", "enforced")
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", tpm["since"])


def test_all_models_and_the_chosen_plan(groq_quota_here: Run) -> None:
    """
    Without a model all known ones are there, but those that Groq has shut down, in 80 columns.
    """
    done = groq_quota_here("limits", "--lang=es", GROQ_QUOTA_PLAN="developer")

    assert "\nPlan: developer, el que se indicó\n" in done.stdout
    assert "openai/gpt-oss-120b" in done.stdout
    assert "mixtral-8x7b-32768" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_models_that_are_gone_or_unheard_of(groq_quota_here: Run) -> None:
    """
    A model by name is shown whatever became of it; one that no table has gets the default.
    """
    gone = groq_quota_here("limits", "mixtral-8x7b-32768").stdout
    unheard = groq_quota_here("limits", "my-model").stdout

    assert "mixtral-8x7b-32768  shut down by Groq on 20 March 2025\n" in gone
    assert re.search(r"requests/day +1,000  enforced  unlisted model, ", unheard)
