"""
Every stack of surfaces, in every way to use LangChain, against the server's ledger.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import groq
import httpx
import pytest

pytest.importorskip("langchain_core", reason="the langchain tests need langchain-core")
pytest.importorskip("langchain_groq", reason="the langchain tests need langchain-groq")
pytest.importorskip("langgraph", reason="the langchain tests need langgraph")

from .modes import MODES, Mode
from .world import World

if TYPE_CHECKING:
    from groq_quota.simulator import Simulator

PATCHED = ["P", "P+H", "P+D", "P+H+D"]
BARE = ["H", "D", "H+D"]
PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "langchain.md"


def _run(world: World, mode: Mode) -> None:
    with contextlib.suppress(groq.APIError, httpx.HTTPError):
        world.run(mode.function)


@pytest.mark.parametrize("stack", PATCHED)
@pytest.mark.parametrize("name", MODES)
def test_where_the_sdk_is_patched_everything_is_counted_once(
    server: Simulator, name: str, stack: str
) -> None:
    """
    Requests, refusals and failures are the ledger's by model, tokens wherever usage was delivered.
    """
    mode, world = MODES[name], World(stack, server)
    _run(world, mode)

    assert world.billed() == world.counted()
    assert {} == world.wrong_tokens(unread=mode.unread)
    assert mode.sent == len(server.ledger)


def _listed() -> dict[str, list[str]]:
    # The rows of the page's table: a mode, and what it says of each stack.
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return {row[0]: row[1:4] for row in rows if row[0] in MODES}


@pytest.mark.parametrize("stack", BARE)
@pytest.mark.parametrize("name", MODES)
def test_without_the_patch_what_is_not_exact_is_what_the_page_lists(
    server: Simulator, name: str, stack: str
) -> None:
    """
    Each cell of the page's table is as it says, all others are exact; nothing is held after any.
    """
    mode, world = MODES[name], World(stack, server)
    _run(world, mode)
    requests = world.billed() == world.counted()
    tokens = not world.wrong_tokens(unread=mode.unread)
    found = "requests" if not requests else "exact" if tokens else "tokens"

    assert _listed().get(name, ["exact"] * 3)[BARE.index(stack)] == found
