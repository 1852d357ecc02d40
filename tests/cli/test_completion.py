from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Run


def complete(run: Run, line: str, **variables: str) -> str:
    """
    What zsh is told of the last word of a line.
    """
    asked = {"_GROQ_QUOTA_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line}
    return run(**asked, **variables).stdout


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "show the last days"), ("es", "muestra los últimos días")]
)
def test_commands(groq_quota_command: Run, lang: str, said: str) -> None:
    """
    The shell offers the commands, and says what they do in the user's language.
    """
    offered = complete(groq_quota_command, "groq-quota h", GROQ_QUOTA_LANG=lang)

    assert f'"history":"{said}"' in offered
    assert "status" not in offered


def test_options(groq_quota_command: Run) -> None:
    """
    Options are explained, not named by the catalogue's keys.
    """
    offered = complete(groq_quota_command, "groq-quota status --j")

    assert '"--json":"print JSON"' in offered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("groq-quota check openai/gpt-oss-2", "openai/gpt-oss-20b"),
        ("groq-quota status --lang e", "es"),
    ],
)
def test_values(groq_quota_command: Run, line: str, offered: str) -> None:
    """
    So are the models of the tables, and the languages.
    """
    assert f'"{offered}"' in complete(groq_quota_command, line)


def test_what_is_installed(groq_quota_command: Run) -> None:
    """
    The script that goes into the shell's settings can be looked at.
    """
    # Which shell it is, nobody can tell from a process without one.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = groq_quota_command("--show-completion", "bash", **named)

    assert (0, "") == (done.returncode, done.stderr)
    assert "_GROQ_QUOTA_COMPLETE=complete_bash" in done.stdout
