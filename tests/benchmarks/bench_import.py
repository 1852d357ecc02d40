"""
What `import groq_quota` adds to `import wrapt`, and what is imported when it is first used.
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
{doing}
print((time.perf_counter() - begun) * 1e3)
"""


_WRAPT = "import wrapt"
_OURS = "import wrapt, groq_quota"
_USED = "import wrapt, groq_quota; groq_quota.install"


def _milliseconds(doing: str, compiled: str) -> float:
    # Compiled files are kept, as they are for an installed package.
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(doing=doing)],
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
        _milliseconds(_USED, compiled)
        ways = (_WRAPT, _OURS, _USED)
        rounds = [[_milliseconds(way, compiled) for way in ways] for _ in range(20)]
    wrapt, ours, used = map(statistics.median, zip(*rounds, strict=True))
    figure = f"{ours - wrapt:+.1f} ms on {wrapt:.1f} ms of wrapt"
    return [
        Row("import groq_quota", figure, "+30 ms"),
        Row("and what install needs", f"{used - wrapt:+.1f} ms"),
    ]
