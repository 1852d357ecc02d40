"""
Running blocks of code as their reader would: programs, and lines of a shell.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from importlib.metadata import entry_points
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import LimitTable, QuotaMeter
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.docs.pages import Block

__all__ = ["Reader", "alike"]

_SECONDS = 120
_PORT = "8000"
_PROGRAM = "from groq_quota.cli import main; main()"
_VARIES = (
    (r"http://127\.0\.0\.1:\d+", "<address>"),
    (r"\d{1,2} (?:de )?[A-Za-z]+ (?:de )?20\d\d\b", "<day>"),
    (r"\b20\d\d-\d\d-\d\d(?:T[\d:.]+(?:Z|\+00:00)?)?", "<day>"),
    (r"\b[\d.,]+ (?:h|min|s)\b(?: \d+ (?:min|s)\b)?", "<duration>"),
    (r"(_seconds\"?: )[\d.]+", r"\1<seconds>"),
    (r"(?:/[\w.+-]+)+/(?=[\w.-]+)", "<folder>/"),
    (r"[ ]+$", ""),
    # What stands to the right of a thing of another length is moved.
    (r"[ ]{2,}", "  "),
)


def alike(text: str) -> list[str]:
    """
    The lines of an output without what differs from day to day and from machine to machine: dates,
    durations, addresses, folders.
    """
    for pattern, name in _VARIES:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text.strip().splitlines()


class Reader:
    """
    Somebody who does what a page says, in a directory, with a simulated Groq at hand.

    Attributes:
        port: What this reader takes where a page says 8000: that one may be in use.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.port = str(_free_port())
        self._code = 0
        self._started: list[subprocess.Popen[str]] = []
        self._environ = os.environ | {
            "COLUMNS": "80",
            "GROQ_API_KEY": "any",
            "GROQ_BASE_URL": address,
            "GROQ_QUOTA_LANG": "en",
            "NO_PROXY": "127.0.0.1",
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": os.pathsep.join(place for place in sys.path if place),
            "PYTHONUNBUFFERED": "1",
        }

    def leave(self) -> None:
        """
        End what was started and is still running.
        """
        for process in self._started:
            process.terminate()
            process.communicate(timeout=_SECONDS)

    def follow(self, block: Block) -> None:
        """
        Do what a block says, and compare what it prints with what the page shows.
        """
        assert block.language in _DO, f"{block}: nobody knows how to run {block.language!r}"
        _DO[block.language](self, block)

    def _python(self, block: Block) -> None:
        code = self._local(block.code)
        if "file" in block.notes:
            self._written(block, "program.py")
            return
        if re.search(r"^(async )?def test_|^class Test", code, re.MULTILINE):
            self._tests(f"{block.notes.get('first', '')}\n{code}", block)
            return
        parts = (block.notes.get("first", ""), code, block.notes.get("then", ""))
        done = self._program_done("\n".join(parts), block)
        if block.prints is not None:
            _same(str(block), alike(block.prints), done.stdout)

    def _tests(self, code: str, block: Block) -> None:
        (self.folder / "test_block.py").write_text(code, encoding="utf-8")
        known = {point.name for point in entry_points(group="pytest11")}
        plugin = [] if "groq_quota" in known else ["-p", "groq_quota.testing.plugin"]
        asked = ["-q", "-p", "no:cacheprovider", *plugin, "--rootdir", ".", "test_block.py"]
        done = self._run([sys.executable, "-m", "pytest", *asked], together=True)
        assert done.returncode == 0, f"{block}: {done.stdout}"

    def _program_done(self, code: str, block: Block) -> subprocess.CompletedProcess[str]:
        done = self._run([sys.executable, "-c", code])
        assert done.returncode == 0, f"{block}: {done.stderr}"
        assert "Traceback" not in done.stderr, f"{block}: {done.stderr}"
        return done

    def _shell(self, block: Block) -> None:
        self._program_done(block.notes.get("first", ""), block)
        for line in _joined(block.code):
            self._command(line, block, ())

    def _console(self, block: Block) -> None:
        self._program_done(block.notes.get("first", ""), block)
        commands, shown = _session(block.code)
        for command, expected in zip(commands, shown, strict=True):
            self._command(command, block, expected)

    def _command(self, line: str, block: Block, shown: tuple[str, ...]) -> None:
        words = shlex.split(self._local(line), comments=True)
        if not words:
            return
        once = list(takewhile(re.compile(r"[A-Z_]+=").match, words))
        words = words[len(once) :]
        expected = alike(self._local("\n".join(shown)))
        name = words[0]
        if name == "export":
            self._environ |= dict(word.split("=", 1) for word in words[1:])
        elif name == "echo":
            assert [str(self._code)] == expected, f"{block}: {line}"
        elif name == "pip":
            _check_extras(words)
        elif name == "groq-quota" and words[1:2] == ["simulate"] and "--help" not in words:
            _same(f"{block}: {line}", expected, self._background(words, len(shown)))
        else:
            settings = dict(word.split("=", 1) for word in once)
            done = self._run(_program(words, block), settings, together=True)
            self._code = done.returncode
            assert done.returncode in {0, 1}, f"{block}: {line}: {done.stdout}"
            assert "Traceback" not in done.stdout, f"{block}: {line}: {done.stdout}"
            if block.language == "console":
                _same(f"{block}: {line}", expected, done.stdout)

    def _run(
        self,
        command: list[str],
        settings: Mapping[str, str] | None = None,
        *,
        together: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self._environ, **(settings or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )

    def _background(self, words: list[str], lines: int) -> str:
        # Start a server, and return as many lines as the page shows: then it is there.
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *words[1:], *self._at_port(words)],
            cwd=self.folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self._started.append(process)
        assert process.stdout is not None
        watch = threading.Timer(_SECONDS, process.kill)
        watch.start()
        said = "".join(process.stdout.readline() for _ in range(lines))
        watch.cancel()
        return said

    def _at_port(self, words: list[str]) -> list[str]:
        return [] if "--port" in words else ["--port", self.port]

    def _local(self, text: str) -> str:
        return re.sub(rf"(?<=[: ]){_PORT}\b", self.port, text)

    def _toml(self, block: Block) -> None:
        place = self._written(block, "limits.toml")
        if "[models" in block.code:
            LimitTable(str(place))
        assert read_toml(block.code), str(block)

    def _json(self, block: Block) -> None:
        assert json.loads(self._written(block, "data.json").read_text(encoding="utf-8")), str(block)

    def _written(self, block: Block, otherwise: str) -> Path:
        place = self.folder / block.notes.get("file", otherwise)
        place.write_text(self._local(block.code), encoding="utf-8")
        return place

    def _sql(self, block: Block) -> None:
        place = self.folder / "usage.db"
        if not place.exists():
            meter = QuotaMeter(f"sqlite:///{place}")
            meter.record("openai/gpt-oss-20b", 120)
            meter.close()
        with closing(sqlite3.connect(place)) as database:
            assert database.execute(block.code).fetchall(), str(block)

    def _yaml(self, block: Block) -> None:
        yaml = pytest.importorskip("yaml")
        assert yaml.safe_load(block.code), str(block)

    def _nothing(self, block: Block) -> None:
        # Output of the block above: compared with it.
        assert block.code


_DO = {
    "python": Reader._python,
    "sh": Reader._shell,
    "console": Reader._console,
    "json": Reader._json,
    "sql": Reader._sql,
    "toml": Reader._toml,
    "yaml": Reader._yaml,
    "text": Reader._nothing,
}


def _program(words: list[str], block: Block) -> list[str]:
    if words[0] == "groq-quota":
        return [sys.executable, "-c", _PROGRAM, *words[1:]]
    assert words[0] in {"python", "python3"}, f"{block}: nobody knows how to run {words[0]!r}"
    return [sys.executable, *words[1:]]


def _same(where: str, shown: list[str], printed: str) -> None:
    said = f"{where} prints\n{printed}\ninstead of\n" + "\n".join(shown)
    assert shown == alike(printed), said


def _joined(code: str) -> list[str]:
    return code.replace("\\\n", " ").splitlines()


def _session(code: str) -> tuple[list[str], list[tuple[str, ...]]]:
    commands: list[str] = []
    shown: list[list[str]] = []
    for line in _joined(code):
        if line.startswith("$ "):
            commands.append(line[2:])
            shown.append([])
        else:
            shown[-1].append(line)
    return commands, [tuple(lines) for lines in shown]


def _check_extras(words: list[str]) -> None:
    # Installing is tried elsewhere; here, that what is installed exists.
    known = read_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    for word in words:
        for extra in re.findall(r"groq-quota\[(.*?)\]|\.\[(.*?)\]", word):
            assert set("".join(extra).split(",")) <= set(known), word


def read_toml(text: str) -> Any:  # whatever it holds
    """
    A document of TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
