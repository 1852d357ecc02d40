from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota import QuotaMeter

from .test_status import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Run, Terminal

MODEL = "groq/compound"


def today() -> dict[str, int]:
    """
    What is counted today, by model, as another process reads it.
    """
    return {name: usage.requests for name, usage in QuotaMeter().usages().items()}


@pytest.mark.parametrize(
    ("lang", "question", "answer", "said"),
    [
        ("en", "[y/N] ", "y", "Moved to the history: 3 requests, 30 tokens."),
        ("es", "[s/N] ", "sí", "Pasan al historial: 3 requests, 30 tokens."),
    ],
)
def test_yes(
    terminal: Callable[..., Terminal], lang: str, question: str, answer: str, said: str
) -> None:
    """
    It asks, and yes in the user's language moves the counts of the model to the history.
    """
    count(MODEL, 3, 10)
    count("allam-2-7b", 1)

    screen = terminal("reset", MODEL, "--lang", lang)
    asked = screen.wait_for(r"\[./N\] ")
    screen.type(f"{answer}\n")
    code, shown = screen.finish()

    assert asked.endswith(question)
    assert MODEL in asked
    assert 0 == code
    assert said in shown
    assert {MODEL: 0, "allam-2-7b": 1} == today()
    assert 4 == QuotaMeter().summary().lifetime_requests


def test_anything_else_is_no(terminal: Callable[..., Terminal]) -> None:
    """
    Just pressing Enter changes nothing and ends with 1.
    """
    count(MODEL, 3)

    screen = terminal("reset")
    screen.wait_for(r"\[y/N\] ")
    screen.type("\n")
    code, shown = screen.finish()

    assert 1 == code
    assert "Nothing was changed." in shown
    assert {MODEL: 3} == today()


def test_nobody_to_ask(groq_quota_command: Run) -> None:
    """
    Where nobody can answer it changes nothing, unless it is told not to ask.
    """
    count(MODEL, 3)
    count("allam-2-7b", 1)

    refused = groq_quota_command("reset", "--lang", "es")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "--yes" in refused.stderr
    assert {MODEL: 3, "allam-2-7b": 1} == today()

    done = groq_quota_command("reset", "--yes")
    assert (0, "") == (done.returncode, done.stderr)
    assert "Moved to the history: 4 requests" in done.stdout
    assert {MODEL: 0, "allam-2-7b": 0} == today()
