"""
The TOML file of limits and plans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import ConfigurationError, WrongTypeError
from groq_quota.limits import Learned, LimitTable

if TYPE_CHECKING:
    from pathlib import Path

GPT = "openai/gpt-oss-20b"
CONTRACT = """
plan = "contract"

[plans.contract]
date = "2026-11-01"
source = "our contract"

[plans.contract.models."openai/gpt-oss-20b"]
rpm = 1_000
tpm = 250_000

[models."openai/gpt-oss-20b"]
rpd = 500
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    A file with a plan of the user's own.
    """
    place = tmp_path / "limits.toml"
    place.write_text(CONTRACT, encoding="utf-8")
    return place


def limits(table: LimitTable, **learned: int) -> dict[str, tuple[int | None, str, bool]]:
    """
    The limits of the model: amount, origin, and whether they are enforced.
    """
    heard = {kind: Learned(amount, 0.0, "headers") for kind, amount in learned.items()}
    return {
        limit.kind: (limit.amount, limit.origin, limit.confirmed)
        for limit in table.effective(GPT, heard, None)
    }


def test_a_plan_of_ones_own(path: Path) -> None:
    """
    The file names the plan, and its numbers hold as the account's own; limits go on top.
    """
    table = LimitTable(path)

    assert "contract" == table.plan
    assert {
        "rpm": (1_000, "plan", True),
        "rpd": (500, "user", True),
        "tpm": (250_000, "plan", True),
    } == limits(table)
    assert ("2026-11-01", "our contract") == (table.row(GPT).date, table.row(GPT).source)


def test_other_models_have_what_they_had(path: Path) -> None:
    """
    A model that the plan does not list gets what it gets without a plan.
    """
    assert LimitTable(path).row("allam-2-7b") == LimitTable().row("allam-2-7b")


def test_a_plan_that_is_said_goes_before_the_files(path: Path) -> None:
    """
    In code or in the environment; then the file's plan says nothing.
    """
    assert "developer" == LimitTable(path, "developer").plan
    assert LimitTable(path, "free").row(GPT) == LimitTable(plan="free").row(GPT)


def test_headers_that_contradict_it_go_before_it(path: Path) -> None:
    """
    What Groq names holds, and numbers of a plan that it contradicts are not enforced.
    """
    assert (250_000, "learned", True) == limits(LimitTable(path), tpm=250_000)["tpm"]
    assert (1_000, "plan", True) == limits(LimitTable(path), tpm=250_000)["rpm"]
    assert {"rpd": (500, "user", True), "tpm": (77, "learned", True)} == limits(
        LimitTable(path), tpm=77
    )


def test_newer_numbers_of_a_known_plan(tmp_path: Path) -> None:
    """
    A plan of Groq's may be brought up to date.
    """
    path = tmp_path / "limits.toml"
    path.write_text(f'[plans.free.models."{GPT}"]\nrpd = 7\n', encoding="utf-8")

    assert {"rpd": 7} == LimitTable(path, "free").row(GPT).amounts
    assert LimitTable(path).row(GPT) == LimitTable().row(GPT)


def test_equal_files_are_the_same(path: Path, tmp_path: Path) -> None:
    """
    Tables are compared by what they say.
    """
    other = tmp_path / "other.toml"
    other.write_text(CONTRACT.replace("1_000", "1_001"), encoding="utf-8")

    assert LimitTable(path).same_as(LimitTable(path))
    assert not LimitTable(path).same_as(LimitTable(other))
    assert not LimitTable(path).same_as(LimitTable(path, "free"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plan = 5", r": plan: must be a text in quotes, not 5"),
        ('plan = "golden"', r"plan: must be free or developer, not 'golden'"),
        ("plans = 5", r": plans: must be a table"),
        ("[plans]\nmine = 5", r": plans\.mine: must be a table"),
        ("[plans.mine]\nrpm = 5", r": plans\.mine\.rpm: unknown key; known are date, source"),
        ("[plans.mine]\ndate = 2026-11-01", r": plans\.mine\.date: must be a text in quotes"),
        ("[plans.mine.models]\nm = 5", r': plans\.mine\.models\."m": must be a table'),
        ('[plans.mine.models.m]\nrpm = "unlimited"', r'"m"\.rpm: must be a whole number'),
        ("[plans.mine.models.m]\nrpm = true", r'"m"\.rpm: must be a whole number'),
        ("[plans.mine.models.m]\nrpm = -1", r'"m"\.rpm: must be 0 \(blocked\) or more, not -1'),
        ("[plans.mine.models.m]\npin = true", r'"m"\.pin: unknown key; known are rpm'),
        ('[plans.mine.models." "]\nrpm = 1', r'" ": a model\'s name must not be empty'),
        ("[plan.mine]\nrpm = 1", r": plan: must be a text"),
    ],
)
def test_what_does_not_belong_there(tmp_path: Path, text: str, said: str) -> None:
    """
    It is refused with the file and the key.
    """
    path = tmp_path / "limits.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=said):
        LimitTable(path)


def test_wrong_types_are_type_errors_too(tmp_path: Path) -> None:
    """
    As everywhere.
    """
    path = tmp_path / "limits.toml"
    path.write_text("plans = 5", encoding="utf-8")

    with pytest.raises(WrongTypeError, match=r"limits\.toml"):
        LimitTable(path)
