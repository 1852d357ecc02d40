"""
What README says besides its blocks of code and its links, which tests/docs tries.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groq_quota
from groq_quota.cli.texts import TEXTS
from groq_quota.limits import LimitTable
from groq_quota.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """
    The README's blocks of code in a language.
    """
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """
    Where a simulated Groq listens.
    """
    with Simulator() as simulator:
        yield simulator.base_url


def run(code: str, address: str) -> subprocess.CompletedProcess[str]:
    """
    Run a block as a program of its own, whose `groq.Groq()` reaches the simulated Groq.
    """
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ
        | {
            "GROQ_API_KEY": "any",
            "GROQ_BASE_URL": address,
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(Path(groq_quota.__file__).parents[1]),
            "PYTHONIOENCODING": "utf-8",
        },
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_the_refusal_is_quoted_as_it_is(address: str) -> None:
    """
    The third call of the example prints what the README says.
    """
    (quoted,) = re.findall(r"The third call prints `(.+?)`", README)
    (code,) = [block for block in blocks("python") if '"When?"' in block]

    assert run(code, address).stdout.startswith(quoted)


def test_toml_blocks_are_limits(tmp_path: Path) -> None:
    """
    The file of limits in the README is one.
    """
    (text,) = blocks("toml")
    (tmp_path / "limits.toml").write_text(text, encoding="utf-8")

    table = LimitTable(str(tmp_path / "limits.toml"))

    assert {"rpd": 500, "tpd": 100_000, "rpm": 20} == table.override("openai/gpt-oss-20b").given()


def test_two_commands_do_everything() -> None:
    """
    One line runs the demo and one the tests, each in a fresh virtual environment.
    """
    lines = [line for block in blocks("sh") for line in block.splitlines() if "-m venv" in line]

    assert 2 == len(lines)
    assert lines[0].endswith(".venv/bin/groq-quota demo")
    assert lines[1].endswith(".venv/bin/tox run")
    assert all(line.startswith("python3 -m venv .venv && ") for line in lines)


def test_settings_are_those_that_are_read() -> None:
    """
    The variables in the README are those that the library knows.
    """
    import inspect

    from groq_quota import settings

    known = re.findall(r"GROQ_QUOTA_[A-Z]+", inspect.getsource(settings))

    assert set(known) == set(re.findall(r"^\| `(GROQ_QUOTA_[A-Z]+)`", README, re.MULTILINE))


def test_exit_codes_are_those_of_the_command() -> None:
    """
    The README's exit codes say what the command's help says.
    """
    codes = TEXTS["en"]["exit_codes"].splitlines()[1:]

    assert all(f"| {line[:1]} | {line[2:]} |" in README for line in codes)


def test_spanish_has_the_same_two_commands_and_the_trackers_interface_first() -> None:
    """
    README.es.md is for those who know the tracker; tests/docs runs what it shows.
    """
    spanish = (Path(__file__).parents[1] / "README.es.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    theirs = re.findall(r"^python3 -m venv .*$", spanish, re.MULTILINE)
    first, *_ = re.findall(r"^```python\n(.*?)^```$", spanish, re.DOTALL | re.MULTILINE)

    assert commands == [line.removesuffix(" --lang es") for line in theirs]
    assert "from groq_quota import usage_tracker" in first
    assert [name in first for name in ("track_request", "check_can_make_request")] == [True, True]
