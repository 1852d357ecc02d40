"""
The reference pages of settings and events say what the code does.
"""

from __future__ import annotations

import inspect
import logging
import re
from pathlib import Path
from typing import get_args

import pytest

import groq_quota
from groq_quota import settings
from groq_quota.hooks import EventKind, QuotaEvent, log_event
from groq_quota.kinds import KINDS
from groq_quota.limits import LimitTable
from groq_quota.reports import Status

HOME = Path(__file__).parents[1]
SETTINGS = (HOME / "docs/reference/settings.md").read_text(encoding="utf-8")
EVENTS = (HOME / "docs/reference/events.md").read_text(encoding="utf-8")


def rows(page: str) -> dict[str, list[str]]:
    """
    The rows of a page's tables by what stands in code in their first column.
    """
    lines = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| `")]
    return {first.strip().strip("`"): [cell.strip() for cell in rest] for first, *rest in lines}


def test_every_variable_is_there() -> None:
    """
    Those that the settings read are in the table, and any other that the code knows on the page.
    """
    variable = re.compile(r"GROQ_QUOTA_[A-Z_]+[A-Z]")
    read = set(variable.findall(inspect.getsource(settings)))
    sources = (*Path(groq_quota.__file__).parent.rglob("*.py"), *HOME.glob("integrations/**/*.py"))
    anywhere = {
        name for path in sources for name in variable.findall(path.read_text(encoding="utf-8"))
    }

    assert read == {name for name in rows(SETTINGS) if name.startswith("GROQ_QUOTA_")}
    assert anywhere == set(variable.findall(SETTINGS))


def test_defaults_and_what_disables() -> None:
    """
    The values in the table are those that hold.
    """
    table = rows(SETTINGS)
    assert settings.Settings().storage == table["GROQ_QUOTA_STORAGE"][1].strip("`")
    for value in re.findall(r"`(\w+)`", table["GROQ_QUOTA_DISABLED"][0]):
        assert settings.Settings.from_environment({"GROQ_QUOTA_DISABLED": value}).disabled


def test_the_file_on_the_page(tmp_path: Path) -> None:
    """
    It is one, its plan holds, and its kinds of limits are those there are.
    """
    (text,) = re.findall(r"^```toml\n(.*?)^```$", SETTINGS, re.DOTALL | re.MULTILINE)
    path = tmp_path / "limits.toml"
    path.write_text(text, encoding="utf-8")
    table = LimitTable(path)

    assert "contract" == table.plan
    assert {"rpm": 1_000, "tpm": 250_000} == table.row("openai/gpt-oss-120b").amounts
    assert {"rpd": 500, "tpd": None} == table.override("openai/gpt-oss-120b").given()
    (kinds,) = re.findall(r"^`KIND` is one of (.*?): ", SETTINGS, re.MULTILINE)
    assert list(KINDS) == re.findall(r"`(\w+)`", kinds)


def test_the_error_on_the_page(tmp_path: Path) -> None:
    """
    It is what a wrong number gets.
    """
    Path("limits.toml").write_text('[models."openai/gpt-oss-120b"]\nrpd = -1\n', encoding="utf-8")

    with pytest.raises(groq_quota.ConfigurationError) as told:
        LimitTable("limits.toml")

    assert f"```text\n{told.value}\n```" in SETTINGS


def test_every_kind_of_event_is_there(caplog: pytest.LogCaptureFixture) -> None:
    """
    With the level that it is logged at.
    """
    table = rows(EVENTS)
    assert list(get_args(EventKind)) == list(table)
    caplog.set_level(logging.DEBUG, logger="groq_quota")
    for kind in get_args(EventKind):
        caplog.clear()
        statuses = list(Status)[1:] if kind == "status" else [Status.NORMAL]
        for status in statuses:
            log_event(QuotaEvent(kind, "default", "m", 0.0, status, "said"))
        levels = [f"`{record.levelname}`" for record in caplog.records]
        assert table[kind][-1] == ", ".join(levels)
