"""
Many processes on one storage: never over the limit, and never refused below it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("how", "processes", "each"), [("threads", 8, 8), ("tasks", 4, 100)])
def test_a_crowd_is_admitted_exactly(uri: str, how: str, processes: int, each: int) -> None:
    """
    Of 1,000 tries on a limit of 1,000 none is refused; of those that follow none is admitted.
    """
    command = [sys.executable, "-m", "tests.contract.crowd", uri, how, str(processes), str(each)]
    done = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert "" == done.stderr
    assert ["1000", "0", "1000", str(processes)] == done.stdout.split()
