"""
What `import groq_quota` adds to `import wrapt`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from tests.benchmarks.timing import Row

_TIMED = """
import time
begun = time.perf_counter()
import {module}
print((time.perf_counter() - begun) * 1e3)
"""


def _milliseconds(module: str, compiled: str) -> float:
    # Compiled files are kept, as they are for an installed package.
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    return float(done.stdout)


def main() -> list[Row]:
    """
    The medians of 20 fresh processes each, interleaved.
    """
    with tempfile.TemporaryDirectory() as compiled:
        _milliseconds("groq_quota", compiled)
        pairs = [
            (_milliseconds("wrapt", compiled), _milliseconds("groq_quota", compiled))
            for _ in range(20)
        ]
    wrapt, ours = (statistics.median(column) for column in zip(*pairs, strict=True))
    figure = f"{ours - wrapt:+.1f} ms on {wrapt:.1f} ms of wrapt"
    return [Row("import groq_quota", figure, "+30 ms")]
