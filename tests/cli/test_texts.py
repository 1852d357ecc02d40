"""
Whatever people read comes from the catalogues.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groq_quota
from groq_quota import messages
from groq_quota.cli.texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = Path(groq_quota.__file__).parent / "cli"
CATALOGUES = {"english.py", "spanish.py"}
#: Two words with a space between them, but for styles such as `bold red`.
PROSE = re.compile(r"^(?!bold ).*?[^\W\d_]{2,}[,:;.]? [^\W\d_]{2,}")


def literals(source: str) -> Iterator[str]:
    """
    The string literals of a module but for its docstrings.
    """
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in docstrings:
            yield text


@pytest.mark.parametrize(
    "module", sorted(path.name for path in ROOM.glob("*.py") if path.name not in CATALOGUES)
)
def test_no_sentence_outside_the_catalogue(module: str) -> None:
    """
    No module of the command line has a sentence of its own.
    """
    source = (ROOM / module).read_text(encoding="utf-8")

    assert [] == [text for text in literals(source) if PROSE.search(text)]


def test_sentences_are_found() -> None:
    """
    The search above finds what it looks for, and leaves docstrings alone.
    """
    source = '"""A sentence here."""\nprint("hello there", f"no {1} such: thing")\n'

    assert ["hello there", " such: thing"] == [
        text for text in literals(source) if PROSE.search(text)
    ]


def test_every_text_is_used() -> None:
    """
    No text of the catalogue is left over, and every name that looks like one is there.
    """
    names = set(TEXTS["en"])
    code = [
        path.read_text(encoding="utf-8")
        for path in ROOM.glob("*.py")
        if path.name not in CATALOGUES
    ]
    used = {text for source in code for text in literals(source)}
    made = ("count_", "note_", "kind_", "per_", "origin_", "col_", "demo_", "help_")
    singular = {name for name in names if name.removesuffix("_1") in names}
    states = {"normal", "warning", "critical", "limit_reached"}
    metrics = {"requests", "tokens", "input_tokens", "output_tokens", "audio_seconds"}

    spare = {name for name in names - used - singular if not name.startswith(made)}
    assert set() == spare - states - metrics
    assert {text for text in used if text.startswith(("help_", "meta_"))} <= names | {"help_"}


def test_messages_have_no_sentence_outside_their_catalogue() -> None:
    """
    The sentences of the library stand in the catalogue of its messages.
    """
    source = Path(str(messages.__file__)).read_text(encoding="utf-8")
    known = {text for texts in messages._TEXTS.values() for text in texts.values()}

    assert [] == [text for text in literals(source) if PROSE.search(text) and text not in known]
