"""
Importing and constructing are light: they pull in little and touch no disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = [
    "groq",
    "httpx",
    "pydantic",
    "langchain_core",
    "langchain_groq",
    "streamlit",
    "redis",
    "sqlalchemy",
    "portalocker",
    "typer",
    "rich",
    "tomllib",
    "quicktok",
]


def fresh(script: str) -> str:
    """
    What a fresh process prints.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "doing", ["pass", "groq_quota.QuotaMeter()", "groq_quota.QuotaMeter('sub/u.json', plan='free')"]
)
def test_importing_pulls_in_nothing_heavy(doing: str) -> None:
    """
    Neither what is optional nor what is used only later; nor does making a meter.
    """
    script = f"import sys, json, groq_quota; {doing}; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(fresh(script)))
    assert ("groq_quota.meter" in loaded) is (doing != "pass")
    assert set() == loaded & set(HEAVY)


def test_all_names_are_there() -> None:
    """
    Each is found when it is asked for, and others are said to be missing.
    """
    script = """
import groq_quota

assert set(groq_quota.__all__) <= set(dir(groq_quota))
for name in groq_quota.__all__:
    print(getattr(groq_quota, name).__module__ if callable(getattr(groq_quota, name)) else name)
assert set(groq_quota.__all__) <= set(vars(groq_quota))
try:
    groq_quota.nothing_of_ours
except AttributeError as error:
    print(error)
"""
    *places, missing = fresh(script).splitlines()
    assert all(place.startswith(("groq_quota.", "usage_tracker", "typing")) for place in places)
    assert "module 'groq_quota' has no attribute 'nothing_of_ours'" == missing


WATCHED = """
import os, sys
touched = []
QUIET = {"open": 0, "os.mkdir": 0, "os.listdir": 0, "os.remove": 0, "os.rename": 0}

def watch(event, arguments):
    if event in QUIET and isinstance(arguments[0], str) and not arguments[0].endswith(CODE):
        touched.append((event, arguments[0]))

CODE = (".py", ".pyc", ".so", ".pth", ".pyd")
import groq_quota
sys.addaudithook(watch)
meter = groq_quota.QuotaMeter("place/usage.json", limits={"m": {"rpd": 5}})
meter.scoped("alice")
groq_quota.storage_from_uri("other/usage.json")
groq_quota.QuotaMeter()
print([each for each in touched if "__pycache__" not in each[1] and os.path.isfile(each[1])
       or "usage" in each[1] or "place" in each[1] or "other" in each[1]])
"""


def test_constructing_touches_no_disk() -> None:
    """
    No file is opened, no directory made or listed, until something is counted or asked.
    """
    assert "[]" == fresh(WATCHED).strip()
    assert [] == list(Path().iterdir())


def test_the_watching_above_sees_what_is_touched() -> None:
    """
    The first count is seen.
    """
    seen = fresh(WATCHED.replace("meter.scoped", "meter.record('m'); meter.scoped"))
    assert "usage.json" in seen


def test_all_public_names_are_there_and_sorted() -> None:
    """
    `__all__` promises nothing that is missing.
    """
    script = """
import groq_quota
names = groq_quota.__all__
print([name for name in names if not hasattr(groq_quota, name)], names == sorted(names))
"""
    assert "[] True" == fresh(script).strip()
