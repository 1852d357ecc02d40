"""
Plain tables: columns in line, with heads above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["lines", "widths"]


def widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """
    How wide each column is.
    """
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def lines(
    rows: Sequence[Sequence[str]], wide: Sequence[int], sides: str, *, indent: str = ""
) -> list[Text]:
    """
    The rows with their columns in line.

    Args:
        sides: `<` or `>` for each column: where its text stands.
    """
    drawn = []
    for row in rows:
        cells = zip(row, sides, wide, strict=True)
        line = "  ".join(f"{text:{side}{width}}" for text, side, width in cells)
        drawn.append(Text(indent + line.rstrip(), no_wrap=True, overflow="ellipsis"))
    return drawn
