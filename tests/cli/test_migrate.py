from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota import QuotaMeter

from .test_history import fill

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "Moved 1 scope, 1 model and 1 day of the past: 14 requests and 17,276 tokens in "),
        ("es", "Trasladados 1 ámbito, 1 modelo y 1 día del pasado: 14 requests y 17.276 tokens "),
    ],
)
def test_from_the_file_to_a_database(groq_quota_command: Run, lang: str, said: str) -> None:
    """
    All counts are in the other place afterwards, and still in the first.
    """
    fill()

    done = groq_quota_command("migrate", "usage_data.json", "sqlite:///usage.db", "--lang", lang)
    before, after = QuotaMeter(), QuotaMeter("sqlite:///usage.db")

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith(said)
    assert before.history(3) == after.history(3)
    assert before.summary() == after.summary()


def test_what_is_there_is_not_overwritten(groq_quota_command: Run, tmp_path: Path) -> None:
    """
    A target that holds something is refused with 2, unless it is forced.
    """
    fill()
    QuotaMeter("other.json").record("groq/compound", 5)

    refused = groq_quota_command("migrate", "usage_data.json", "other.json")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "other.json: is not empty" in refused.stderr
    assert 1 == QuotaMeter("other.json").summary().requests

    done = groq_quota_command("migrate", "usage_data.json", "other.json", "--force")
    assert 0 == done.returncode
    assert 12 == QuotaMeter("other.json").summary().requests


def test_nothing_to_move(groq_quota_here: Run, tmp_path: Path) -> None:
    """
    A place that does not exist is told, and no other is made.
    """
    done = groq_quota_here("migrate", "nowhere.json", "new.json")

    assert (2, "") == (done.returncode, done.stdout)
    assert "nowhere.json: nothing is kept there" in done.stderr
    assert [] == list(tmp_path.iterdir())
