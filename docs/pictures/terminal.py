"""
Draws the pictures of the terminal beside this file from the running command.

    python docs/pictures/terminal.py

It needs the extras `cli` and `simulator`.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from groq_quota import QuotaExceededError, QuotaMeter, Usage

_WIDTH = 80
_PROGRAM = "from groq_quota.cli import main; main()"
_MODELS = {
    "openai/gpt-oss-20b": 1_000,
    "openai/gpt-oss-120b": 930,
    "qwen/qwen3.8-27b": 780,
    "whisper-large-v3": 140,
}


def main() -> None:
    """
    Draw all of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        _spend(Path(folder, "usage_data.json"))
        for language in ("en", "es"):
            _draw(f"status-{language}", ["status", "--lang", language], Path(folder))
        _draw("demo-en", ["demo", "--fast", "--lang", "en"], Path(folder))


def _spend(path: Path) -> None:
    # A day on which one model got to its limit, and others near theirs.
    meter = QuotaMeter(path)
    for model, requests in _MODELS.items():
        audio = 12.5 if model.startswith("whisper") else 0.0
        for _ in range(requests):
            meter.record(model, Usage(0, 0, 0, 0, audio) if audio else Usage(130, 90, 40))
    for _ in range(3):
        try:
            meter.reserve("openai/gpt-oss-20b")
        except QuotaExceededError:
            continue
    meter.close()


def _draw(name: str, words: list[str], folder: Path) -> None:
    surroundings = {key: text for key, text in os.environ.items() if not key.startswith("GROQ_")}
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", _PROGRAM, *words],
        cwd=folder,
        env=surroundings
        | {"COLUMNS": str(_WIDTH), "FORCE_COLOR": "1", "TERM": "xterm-256color"}
        | {"PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(done.stdout), end="")
    svg = console.export_svg(title=f"groq-quota {words[0]}", unique_id=name)
    # Without the fonts of a server that a page would fetch: the reader's own will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    target = Path(__file__).parent / f"{name}.svg"
    target.write_text(svg, encoding="utf-8")
    sys.stdout.write(f"{target}\n")


if __name__ == "__main__":
    main()
