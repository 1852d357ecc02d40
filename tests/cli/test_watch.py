from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import command, surroundings
from .test_status import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Terminal

MODEL = "groq/compound"


@pytest.mark.parametrize(
    ("lang", "state", "hint"),
    [
        ("en", "limit reached", "read every 0.1 s; Ctrl-C ends it"),
        ("es", "límite alcanzado", "se lee cada 0,1 s; termina con Ctrl-C"),
    ],
)
def test_drawn_again_in_place(
    terminal: Callable[..., Terminal], lang: str, state: str, hint: str
) -> None:
    """
    The terminal shows what other processes count, and has its screen back after Ctrl-C.
    """
    count(MODEL, 249)
    screen = terminal("status", "--watch", "--interval", "0.1", "--lang", lang)
    first = screen.wait_for("Ctrl-C.*")
    assert "\x1b[?1049h" in first
    assert "249 / 250" in first
    assert hint in first
    assert state not in first

    count(MODEL, 1)
    screen.wait_for("250 / 250")
    screen.type("\x03")
    code, rest = screen.finish()

    assert 0 == code
    left = rest[rest.rindex("\x1b[?1049l") :]
    assert "250 / 250" in left
    assert state in left
    assert "\x1b[?25h" in rest


def test_no_colours_if_not_wanted(terminal: Callable[..., Terminal]) -> None:
    """
    `NO_COLOR` holds here, too.
    """
    count(MODEL, 250)
    screen = terminal("status", "--watch", NO_COLOR="1")
    shown = screen.wait_for("Ctrl-C ends it")
    screen.type("\x03")

    assert "\x1b[1;37;41m" not in shown
    assert "limit reached" in shown
    assert 0 == screen.finish()[0]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send on Windows")
@pytest.mark.parametrize("json_wanted", [False, True])
def test_into_a_pipe_it_goes_on_with_each_change(tmp_path: Path, *, json_wanted: bool) -> None:
    """
    A reader gets the first reading and each change at once, as plain text or a line of JSON.
    """
    count(MODEL, 1)
    with subprocess.Popen(
        command("status", "--watch", "--interval=0.1", *(["--json"] if json_wanted else [])),
        cwd=tmp_path,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            assert "\x1b" not in line
            if json_wanted:
                seen.append(json.loads(line)["models"][MODEL]["requests"])
            elif "requests/day" in line:
                seen.append(int(line.split()[-3]))
            else:
                continue
            if len(seen) == 2:
                break
            count(MODEL, 1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert ([1, 2], 0, "") == (seen, process.returncode, errors)
