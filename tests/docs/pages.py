"""
The pages of the documentation, README among them, and the blocks of code in them.

A block is told what to do by HTML comments directly before it:

    <!-- not run: why -->   It is not run. There is always a reason.
    <!-- file: app.py -->   It is not run but written to a file, which a block below uses. The
                            same is said by a first line `# app.py`.
    <!-- first: code -->    Python to run before it, for what its page takes for granted.
    <!-- then: code -->     Python to run after it, as its check.

and one comment before the first block, `<!-- session: why -->`, has all blocks of a page run in one
directory, one after the other. Elsewhere each begins in an empty one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NEEDED", "ROOT", "Block", "blocks", "is_session", "pages"]

ROOT = Path(__file__).parents[2]

#: What has to be installed for our integrations to be imported.
NEEDED = {
    "groq_quota_langchain": "langchain_core",
    "groq_quota_prometheus": "prometheus_client",
    "groq_quota_streamlit": "streamlit",
}

_NAMES = "not run|file|first|then|session"
_COMMENT = re.compile(rf"<!-- ({_NAMES}):(.*?)-->", re.DOTALL)
_FENCE = re.compile(
    rf"(?P<comments>(?:<!-- (?:{_NAMES}):(?:(?!-->).)*-->\s*)*)"
    r"^(?P<indent>[ ]*)(?P<fence>`{3,})(?P<info>[^\n`]*)\n(?P<code>.*?)^[ ]*(?P=fence)[ ]*$",
    re.DOTALL | re.MULTILINE,
)
_OUTPUT = re.compile(r"\s*(?:[^\n`#<]+:\n\s*)?```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """
    A fenced block: where it stands, what it says, what its comments say, and what it prints.

    Attributes:
        prints: The block of `text` right behind it, or behind one line that ends in a colon.
    """

    page: str
    line: int
    language: str
    code: str
    notes: dict[str, str]
    prints: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """
    The pages, by their paths from the root.
    """
    found = [*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found if "_build" not in path.parts)


def blocks(page: str) -> list[Block]:
    """
    The blocks of code of a page, in order; directives of Sphinx, in braces, are none.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        _block(page, text, found)
        for found in _FENCE.finditer(text)
        if not found["info"].startswith("{")
    ]


def _block(page: str, text: str, found: re.Match[str]) -> Block:
    notes = {name: said.strip() for name, said in _COMMENT.findall(found["comments"])}
    named = re.match(r"# (\w+\.py)\n", found["code"])
    if named:
        notes["file"] = named[1]
    printed = _OUTPUT.match(text, found.end())
    return Block(
        page=page,
        line=text.count("\n", 0, found.start("fence")) + 1,
        language=found["info"].strip(),
        code=found["code"],
        notes=notes,
        prints=printed[1] if printed else None,
    )


def is_session(page: str) -> bool:
    """
    Whether the blocks of a page share one directory.
    """
    return "<!-- session:" in (ROOT / page).read_text(encoding="utf-8")
