"""
Run the benchmarks and print their figures: `python -m tests.benchmarks [NAME ...]`.

Ratios to a floor or a peer in the same run; nothing fails on a time.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(names: list[str]) -> None:
    """
    Run the benchmarks that are named, or all.
    """
    here = Path(__file__).parent
    found = sorted(path.stem.removeprefix("bench_") for path in here.glob("bench_*.py"))
    for name in names or found:
        module = importlib.import_module(f"tests.benchmarks.bench_{name}")
        for row in module.main():
            aim = f"   (aim: {row.aim})" if row.aim else ""
            print(f"{name:>8} | {row.what:<34} | {row.figure}{aim}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
