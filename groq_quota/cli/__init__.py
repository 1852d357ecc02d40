"""
The command `groq-quota`; it needs the extra: `pip install "groq-quota[cli]"`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_PACKAGES = ("typer", "rich")
_INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> None:
    """
    Run the command with these arguments (None: those of the process), and exit with its code.
    """
    args = sys.argv[1:] if args is None else args
    try:
        code = _run(args)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    if code == _INTERRUPTED:
        _fail(args, "interrupted")
    sys.exit(code)


def _run(args: Sequence[str]) -> int:
    try:
        from .app import run
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        _fail(args, "no_extra", package=package, extra="cli")
        return 2
    return run(args)


def _fail(args: Sequence[str], name: str, **values: str) -> None:
    from .language import Language

    sys.stderr.write(f"{Language.of(args).failure(name, **values)}\n")
