"""
The command as users run it: a process of its own, with stdout a pipe or a terminal.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groq_quota
from groq_quota.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Run = Callable[..., subprocess.CompletedProcess[str]]

_START = "from groq_quota.cli import main; main()"
# Loads nothing of these packages, as if they were not installed.
_WITHOUT = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Nothing())
"""


# Ctrl-C reaches only whose terminal it is.
_OWN_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "


def command(*args: str, missing: tuple[str, ...] = (), before: str = "") -> list[str]:
    """
    The command line of a process that runs `groq-quota`, perhaps without some packages.
    """
    without = _WITHOUT.format(missing=missing) if missing else ""
    return [sys.executable, "-c", without + before + _START, *args]


def surroundings(**variables: str) -> Mapping[str, str]:
    """
    The environment of such a process: English, and this very groq_quota.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    for name in ("COLUMNS", "FORCE_COLOR", "LANG", "NO_COLOR", "TTY_COMPATIBLE"):
        kept.pop(name, None)
    home = str(Path(groq_quota.__file__).parents[1])
    return kept | {"PYTHONPATH": home, "PYTHONIOENCODING": "utf-8"} | variables


@pytest.fixture
def groq_quota_command(tmp_path: Path) -> Run:
    """
    Run the command in the test's directory, with pipes.
    """

    def run(
        *args: str, missing: tuple[str, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*args, missing=missing),
            cwd=tmp_path,
            env=surroundings(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def groq_quota_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """
    Run the command in this process: as `groq_quota_command`, and much faster.
    """

    def run(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            wanted = surroundings(**variables)
            for name in set(os.environ) - set(wanted):
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(args)
        out, errors = capsys.readouterr()
        return subprocess.CompletedProcess(args, int(ended.value.code or 0), out, errors)

    return run


class Terminal:
    """
    The command on a terminal of 80 columns, to be read from and typed into.
    """

    def __init__(self, args: tuple[str, ...], cwd: Path, variables: Mapping[str, str]) -> None:
        self.written = ""
        self._screen, terminal = _open_terminal()
        self._process = subprocess.Popen(
            command(*args, before=_OWN_TERMINAL),
            cwd=cwd,
            env=surroundings(TERM="xterm-256color", **variables),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)

    def wait_for(self, pattern: str) -> str:
        """
        Read on until a pattern is there; what was written until then, which is then forgotten.
        """
        while not (found := re.search(pattern, self.written)):
            more = _read(self._screen)
            assert more, f"{pattern!r} never came: {self.written!r}"
            self.written += more.decode()
        seen, self.written = self.written[: found.end()], self.written[found.end() :]
        return seen

    def type(self, keys: str) -> None:
        """
        Press these keys.
        """
        os.write(self._screen, keys.encode())

    def finish(self) -> tuple[int, str]:
        """
        Its exit code, and all that was written since.
        """
        rest = b"".join(iter(lambda: _read(self._screen), b"")).decode()
        return self._process.wait(timeout=60), self.written + rest

    def close(self) -> None:
        """
        End it, whatever it is doing.
        """
        self._process.kill()
        self._process.wait()
        os.close(self._screen)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """
    Start the command on a terminal.
    """
    opened: list[Terminal] = []

    def start(*args: str, **variables: str) -> Terminal:
        opened.append(Terminal(args, tmp_path, variables))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def on_a_terminal(terminal: Callable[..., Terminal]) -> Callable[..., tuple[int, str]]:
    """
    Run the command on a terminal of 80 columns; its exit code and all that was written.
    """
    return lambda *args, **variables: terminal(*args, **variables).finish()


def _open_terminal() -> tuple[int, int]:
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals of this kind")
    else:
        import fcntl
        import pty
        import struct
        import termios

        screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        return screen, terminal


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65_536)
    except OSError:  # how Linux says that nobody writes any more
        return b""
