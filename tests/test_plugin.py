"""
The pytest plugin, in pytest runs of their own; tests/docs tries the page that shows it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groq_quota

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

HOME = Path(__file__).parents[1]
PLUGIN = "groq_quota.testing.plugin"
# Where the package is not installed, as in a checkout, pytest does not find the plugin by itself.
INSTALLED = bool(entry_points(group="pytest11", name="groq_quota"))
OPTIONS = () if INSTALLED else ("-p", PLUGIN)


@pytest.fixture
def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """
    Run pytest in a process of its own on these files.
    """
    monkeypatch.setenv("PYTHONPATH", str(Path(groq_quota.__file__).parents[1]))

    def start(**files: str) -> pytest.RunResult:
        pytester.makepyfile(**files)
        strict = ("--strict-markers", "-p", "no:cacheprovider", "-p", "no:asyncio")
        return pytester.runpytest_subprocess(*OPTIONS, *strict, timeout=120)

    return start


INSIDE = """
import os
import groq_quota
from groq_quota import defaults
from groq_quota.sdk import installed, takers_over
from groq_quota.sdk.installation import guard_of

outer = groq_quota.QuotaMeter("memory://")
groq_quota.install(outer, max_wait=7, fallbacks={"m": ["n"]})

def test_another_is_installed_meanwhile(quota_meter, quota_clock, tmp_path):
    assert installed() is quota_meter is groq_quota.install() is groq_quota.default_meter()
    assert quota_meter.clock is quota_clock
    assert os.listdir(tmp_path) == []
    groq_quota.usage_tracker.track_request("m", 10)
    assert quota_meter.usage("m").tokens == 10

def test_and_then_what_was_there_before(tmp_path):
    assert installed() is outer is groq_quota.default_meter()
    assert outer.usages() == {}
    assert takers_over("m") == ("n",)
    assert guard_of(None).max_wait == 7

def test_each_test_has_its_own(quota_meter):
    assert quota_meter.usages() == {}
"""


DISABLED = """
import os
import pytest
from groq_quota.sdk import installed

@pytest.fixture(autouse=True)
def switched_off(monkeypatch):
    monkeypatch.setenv("GROQ_QUOTA_DISABLED", "1")

def test_the_fixture_guards_all_the_same(quota_meter):
    assert "GROQ_QUOTA_DISABLED" not in os.environ
    assert installed() is quota_meter
"""


MARKS = """
import os
import pytest
import groq
import groq_quota

@pytest.fixture(autouse=True)
def unguarded():
    # What another module has installed would wait for the minute by the wall clock.
    groq_quota.uninstall()

pytestmark = pytest.mark.groq_simulator(limits={"m": {"rpm": 7}}, refund=True)

@pytest.mark.groq_simulator(limits={"m": {"rpm": 1}})
def test_the_nearest_mark_holds(groq_simulator, quota_clock):
    client = groq.Groq(max_retries=0)
    question = [{"role": "user", "content": "?"}]
    ask = lambda: client.chat.completions.create(model="m", messages=question)
    ask()
    with pytest.raises(groq.RateLimitError):
        ask()
    quota_clock.advance(60)
    ask()
    assert groq_simulator.ledger.answered() == 2

def test_else_that_of_the_module(groq_simulator):
    assert groq_simulator.remaining("m") == {"rpm": 7}

def test_no_trace_is_left():
    assert "GROQ_API_KEY" not in os.environ and "GROQ_BASE_URL" not in os.environ
"""


def test_the_fixtures(
    run: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The meter takes the place of an installed one for its test only, marks say what the simulator
    is like, and proxies and switches of the environment are passed by.
    """
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    done = run(test_inside=INSIDE, test_disabled=DISABLED, test_marks=MARKS)

    done.assert_outcomes(passed=7)


def test_loading_it_is_light() -> None:
    """
    A pytest run that does not ask for the fixtures loads neither the SDK nor the simulator.
    """
    script = f"import sys, {PLUGIN}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "[]\n" == done.stdout


HEAVY = ("groq", "httpx", "pydantic", "starlette", "uvicorn", "groq_quota.simulator", "typer")


def test_pytest_finds_it_by_itself() -> None:
    """
    The project's metadata name it.
    """
    assert f'[project.entry-points.pytest11]\ngroq_quota = "{PLUGIN}"\n' in (
        HOME / "pyproject.toml"
    ).read_text(encoding="utf-8")
