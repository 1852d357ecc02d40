"""
Other processes and other users, for tests of what files do.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = 65_534
PATIENCE = 30.0


def fork(body: Callable[[int], object]) -> tuple[int, int]:
    """
    Run `body` in a forked child with the writing end of a pipe; the child's id and the other end.

    The child ends with 0, or prints what was raised and ends with 1.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on a fork among threads is warned about: that is what is tested.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            body(writing)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writing)
    return child, reading


def said(child: int, reading: int) -> bytes:
    """
    What a child wrote until it ended; it must have ended well.
    """
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return text


def killed(child: int, reading: int) -> bytes:
    """
    What a child wrote until it was killed.
    """
    os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    assert -signal.SIGKILL == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return text


def until(condition: Callable[[], object]) -> None:
    """
    Wait for something that another thread or process is about to do.
    """
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


@contextmanager
def common_ground() -> Iterator[Path]:
    """
    A directory that other users reach, too.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_nobody(body: Callable[[], object]) -> None:
    """
    Run something as a user without rights.
    """

    def run(_: int) -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        body()

    said(*fork(run))
