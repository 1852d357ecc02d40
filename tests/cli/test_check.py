from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .test_status import count

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run

MODEL = "groq/compound"


@pytest.mark.parametrize(
    ("counted", "code", "en", "es"),
    [
        ((0, 0), 0, "✓ {}: Normal use: 250 requests left", "✓ {}: Uso normal: 250 requests dispon"),
        ((188, 0), 0, "✓ {}: High use: 75.2% of requests", "✓ {}: Uso alto: 75,2 % de requests"),
        (
            (250, 0),
            1,
            "✗ {}: Daily limit reached: 250 of 250 requests used",
            "✗ {}: Límite diario alcanzado: 250 de 250 requests utilizados",
        ),
        (
            (1, 999_990),
            1,
            "✗ {}: Not enough left of tokens per day (TPD): 999,990 of 1,000,000 used, 300 ",
            "✗ {}: No queda suficiente de tokens por día (TPD): 999.990 de 1.000.000 utilizados",
        ),
    ],
    ids=["normal", "warning", "reached", "unfit"],
)
def test_answer_and_exit_code(
    groq_quota_command: Run, counted: tuple[int, int], code: int, en: str, es: str
) -> None:
    """
    0 if a request would pass and 1 if not, with a sentence whose numbers have the language's form.
    """
    if counted[0]:
        count(MODEL, *counted)

    for lang, said in (("en", en), ("es", es)):
        done = groq_quota_command("check", MODEL, "--tokens", "300", "--lang", lang)
        assert (code, "") == (done.returncode, done.stderr)
        assert done.stdout.startswith(said.format(MODEL))


def test_too_large_is_said(groq_quota_here: Run) -> None:
    """
    What is larger than a whole limit never fits.
    """
    done = groq_quota_here("check", MODEL, "--tokens", "1000001")

    assert 1 == done.returncode
    assert "Too large for tokens per day (TPD): 1,000,001 requested" in done.stdout


def test_json_names_its_units(groq_quota_command: Run, tmp_path: Path) -> None:
    """
    The answer for programs has the limit that binds and how long it does; the exit code stays.
    """
    (tmp_path / "limits.toml").write_text('[models."m"]\nrpd = 1\n', encoding="utf-8")
    count("m", 1)

    no = groq_quota_command("check", "m", "--json", GROQ_QUOTA_LIMITS="limits.toml")
    yes = groq_quota_command("check", "other", "--json")
    data, other = json.loads(no.stdout), json.loads(yes.stdout)

    assert (1, 0) == (no.returncode, yes.returncode)
    assert (False, "limit_reached", 100.0) == (
        data["allowed"],
        data["status"],
        data["used_percent"],
    )
    assert 0 < data["retry_after_seconds"] <= 86_400
    assert {
        "kind": "rpd",
        "unit": "requests",
        "period_seconds": 86_400,
        "limit": 1,
        "used": 1,
        "requested": 1,
    } == data["limit"]
    assert (True, None, 0.0) == (other["allowed"], other["limit"], other["retry_after_seconds"])


def test_nothing_is_written(groq_quota_here: Run, tmp_path: Path) -> None:
    """
    A question leaves no trace.
    """
    groq_quota_here("check", MODEL)

    assert [] == list(tmp_path.iterdir())
