from __future__ import annotations

import ast
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from groq_quota.simulator import Simulator
from tests.docs.pages import NEEDED, ROOT, Block, blocks, is_session, pages
from tests.docs.running import Reader, alike

if TYPE_CHECKING:
    from collections.abc import Iterator

_SESSIONS = [page for page in pages() if is_session(page)]
_ALONE = [block for page in pages() if page not in _SESSIONS for block in blocks(page)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """
    Where a simulated Groq listens.
    """
    with Simulator() as simulator:
        yield simulator.base_url


def need(block: Block) -> None:
    """
    Skip where the block imports what is not installed, unless all has to be there.
    """
    if "not run" in block.notes:
        pytest.skip(block.notes["not run"])
    if block.language != "python":
        return
    saved = {Path(other.notes.get("file", "")).stem for other in blocks(block.page)}
    for node in ast.walk(ast.parse(f"{block.notes.get('first', '')}\n{block.code}")):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            package = NEEDED.get(name.partition(".")[0], name.partition(".")[0])
            there = package in saved or importlib.util.find_spec(package) is not None
            if not (there or os.environ.get("DOCS_COMPLETE")):
                pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("block", _ALONE, ids=str)
def test_a_block_does_what_it_says(block: Block, tmp_path: Path, address: str) -> None:
    """
    Every block runs as it stands, and prints what its page shows.
    """
    need(block)
    reader = Reader(tmp_path, address)
    try:
        reader.follow(block)
    finally:
        reader.leave()


@pytest.mark.parametrize("page", _SESSIONS)
def test_a_page_can_be_followed(page: str, tmp_path: Path, address: str) -> None:
    """
    Whoever does what such a page says, from its top to its end, sees what it shows.
    """
    found = blocks(page)
    for block in found:
        if "not run" not in block.notes:
            need(block)
    reader = Reader(tmp_path, address)
    try:
        for block in found:
            if "not run" not in block.notes:
                reader.follow(block)
    finally:
        reader.leave()


@pytest.mark.parametrize("page", pages())
def test_no_block_is_left_out(page: str) -> None:
    """
    Every fence of a page is seen; an exception has a reason; a program that is saved is used below.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    found = blocks(page)
    fences = sum(line.lstrip().startswith("```") for line in text.splitlines())
    directives = text.count("```{")

    assert fences == 2 * (len(found) + directives)
    for place, block in enumerate(found):
        assert len(block.notes.get("not run", "long enough")) > 8, str(block)
        name = block.notes.get("file")
        if name is not None and name.endswith(".py"):
            ways = (name, f"from {Path(name).stem} import")
            rest = "".join(later.code for later in found[place + 1 :])
            assert any(way in rest for way in ways), str(block)


def test_what_differs_is_left_out_of_comparisons() -> None:
    """
    Dates, durations, addresses and folders are not compared; counts and words are.
    """
    shown = "groq-quota · 22 November 2026  /tmp/a/usage.json\n2 of 4, in 9 h 2 min"
    same = "groq-quota · 1 May 2027   /home/me/usage.json\n2 of 4, in 3.5 s"

    assert alike(shown) == alike(same)
    assert alike(shown) != alike(same.replace("2 of 4", "3 of 4"))
