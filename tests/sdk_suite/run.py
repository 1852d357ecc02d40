"""
Run groq's own tests without and with the guard: every outcome must be the same.

The tests come from the sdist of the installed groq.
Those below `api_resources` need a mock server of Groq's, and are left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

HERE = Path(__file__).parent
# groq 0.30 has 325, later ones more; fewer means that part of the suite did not run.
FEWEST_PASSED = 300


def main() -> None:
    """
    Compare, and exit with a message if anything differs.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline-only", action="store_true", help="run without the guard only")
    options = parser.parse_args()
    version = metadata.version("groq")
    with tempfile.TemporaryDirectory() as directory:
        suite = download(version, Path(directory))
        bare = run(suite)
        check_bare(bare)
        if not options.baseline_only:
            check_same(bare, run(suite, "-p", "guarded"))
    how = "without the guard" if options.baseline_only else "the same with and without the guard"
    counts = ", ".join(f"{count} {outcome}" for outcome, count in Counter(bare.values()).items())
    print(f"groq {version}, {how}: {counts}")


def download(version: str, directory: Path) -> Path:
    """
    Unpack groq's sdist below the directory, and return where.
    """
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "groq"]
    subprocess.run([*pip, "--dest", str(directory), f"groq=={version}"], check=True)
    (archive,) = directory.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    return directory / f"groq-{version}"


def run(suite: Path, *options: str) -> dict[str, str]:
    """
    Run the tests in a process of their own, and return each one's outcome.
    """
    report = suite / "report.xml"
    quietly = [sys.executable, "-m", "pytest", "--quiet", "--override-ini=addopts=--tb=short"]
    selected = ["tests", "--ignore=tests/api_resources", f"--junit-xml={report}"]
    command = [*quietly, *selected, *options]
    status = subprocess.run(command, check=False, cwd=suite, env=environment()).returncode
    if status > pytest.ExitCode.TESTS_FAILED:
        sys.exit(f"pytest {' '.join(options)} ended with status {status}")
    return outcomes(report)


def environment() -> dict[str, str]:
    """
    Our environment less the guard's settings, with this directory's plugin to be found.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GROQ_")}
    return {**kept, "PYTHONPATH": str(HERE)}


def outcomes(report: Path) -> dict[str, str]:
    """
    Read the outcome of each test from a JUnit report.
    """
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest has just written it
    return {
        f"{case.get('classname')}::{case.get('name')}": "+".join(sorted({e.tag for e in case}))
        or "passed"
        for case in cases
    }


def check_bare(bare: dict[str, str]) -> None:
    """
    Exit unless enough tests passed for a comparison to mean something.
    """
    passed = Counter(bare.values())["passed"]
    if passed < FEWEST_PASSED:
        sys.exit(f"only {passed} of groq's tests passed without the guard")


def check_same(bare: dict[str, str], guarded: dict[str, str]) -> None:
    """
    Exit with a list of the tests whose outcome differs, if there are any.
    """
    different = [
        f"{test}: {bare.get(test, 'missing')} -> {guarded.get(test, 'missing')}"
        for test in sorted(bare.keys() | guarded.keys())
        if bare.get(test) != guarded.get(test)
    ]
    if different:
        sys.exit("\n".join(["not the same with the guard:", *different]))


if __name__ == "__main__":
    main()
