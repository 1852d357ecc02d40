"""
`groq-quota status --watch`: the same again and again, in place on a terminal.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.text import Text

from .console import fit, is_live
from .status import as_json, drawn, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from .console import Glyphs
    from .language import Language
    from .status import Overview

__all__ = ["watch", "watch_lines"]


def watch(
    read: Callable[[], Overview],
    console: Console,
    language: Language,
    glyphs: Glyphs,
    interval: float,
) -> None:
    """
    Draw what is read every `interval` seconds until Ctrl-C.

    On a terminal it has the screen to itself and leaves the last picture behind; elsewhere it is
    printed again whenever a count has changed.
    """
    if not is_live(console):
        _follow(read, lambda seen: show(seen, console, language, glyphs), interval)
        return
    hint = Text(language.say("watch_hint", interval=language.duration(interval)), "dim")
    seen = read()
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                fit(console)
                parts = drawn(seen, console.width, language, glyphs)
                live.update(Group(*parts, Text(), hint), refresh=True)
                time.sleep(interval)
                seen = read()
    except KeyboardInterrupt:
        fit(console)
        show(seen, console, language, glyphs)


def watch_lines(read: Callable[[], Overview], interval: float) -> None:
    """
    Print a line of JSON whenever a count has changed, until Ctrl-C.
    """
    _follow(read, lambda seen: print(as_json(seen, indent=None)), interval)  # noqa: T201  # stdout is what is asked for


def _follow(
    read: Callable[[], Overview], tell: Callable[[Overview], None], interval: float
) -> None:
    before = None
    try:
        while True:
            seen = read()
            state = (seen.summary, [(usage.model, usage.reserved) for usage in seen.usages])
            if state != before:
                tell(seen)
                sys.stdout.flush()
                before = state
            time.sleep(interval)
    except KeyboardInterrupt:
        return
