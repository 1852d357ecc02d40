"""
The terminal, or whatever stdout is: its width, its colours and the characters it can show.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import astuple, dataclass

from rich.console import Console

__all__ = ["Glyphs", "fit", "is_live", "open_console"]

_PIPED_WIDTH = 80
_WIDEST = 100


@dataclass(frozen=True, slots=True)
class Glyphs:
    """
    The characters that are drawn with.
    """

    full: str = "█"
    rest: str = "░"
    dot: str = "●"
    middle: str = "·"
    yes: str = "✓"
    no: str = "✗"

    @classmethod
    def of(cls, encoding: str) -> Glyphs:
        """
        What an encoding can show: plain ASCII where it lacks any of them.
        """
        wanted = cls()
        try:
            "".join(astuple(wanted)).encode(encoding)
        except UnicodeEncodeError:
            return cls("#", "-", "*", "-", "ok", "NO")
        return wanted


def open_console() -> Console:
    """
    A console on stdout; colours are left out where that is no terminal or `NO_COLOR` is set.
    """
    console = Console(highlight=False, emoji=False, markup=False, soft_wrap=False)
    fit(console)
    return console


def fit(console: Console) -> None:
    """
    Make it as wide as the terminal is now: 80 columns where there is none, or as `COLUMNS` says.
    """
    columns = shutil.get_terminal_size((_PIPED_WIDTH, 0)).columns
    console.width = min(columns or _PIPED_WIDTH, _WIDEST)


def is_live(console: Console) -> bool:
    """
    Whether lines on it can be drawn again in place.
    """
    return sys.stdout.isatty() and not console.is_dumb_terminal
