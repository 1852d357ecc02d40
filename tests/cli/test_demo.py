from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import groq
import pytest

from groq_quota.cli.app import run
from groq_quota.cli.language import Language
from groq_quota.cli.world import MODEL, REQUESTS, World, steady_clock, world
from groq_quota.sdk import installed
from groq_quota.testing import FakeClock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Run


@dataclass(frozen=True)
class Said:
    """
    What the demo says in a language.
    """

    states: tuple[str, ...]
    news: tuple[str, ...]
    sent: str
    agree: str
    tokens: str


SAID = {
    "en": Said(
        ("normal", "warning", "critical", "limit reached"),
        ("High use: 75.0%", "Critical use: 90.0%", "Daily limit reached: 40 of 40 requests"),
        "0 HTTP requests",
        "They agree.",
        "tokens billed",
    ),
    "es": Said(
        ("normal", "advertencia", "crítico", "límite alcanzado"),
        ("Uso alto: 75,0 %", "Uso crítico: 90,0 %", "Límite diario alcanzado: 40 de 40 requests"),
        "0 peticiones HTTP",
        "Coinciden.",
        "tokens facturados",
    ),
}


@pytest.fixture(params=SAID)
def played(
    request: pytest.FixtureRequest, groq_quota_command: Run, tmp_path: Path
) -> tuple[str, subprocess.CompletedProcess[str]]:
    """
    The demo as a process, in each language, with a place of its own for temporary files.
    """
    (tmp_path / "places").mkdir()
    lang: str = request.param
    places = str(tmp_path / "places")
    return lang, groq_quota_command("demo", "--fast", "--lang", lang, TMPDIR=places, TEMP=places)


def test_demo(played: tuple[str, subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    """
    It climbs through all states to the limit, is stopped there, and ledger and counts agree.
    """
    lang, done = played
    said, shown = SAID[lang], done.stdout
    calls = re.findall(r"^ +(\d+)(?:-(\d+))?  \w+ +HTTP 200 .*  (\S.*)$", shown, re.MULTILINE)

    assert (0, "") == (done.returncode, done.stderr)
    assert "\x1b" not in shown
    assert REQUESTS == int(calls[-1][1] or calls[-1][0])
    assert list(said.states) == list(dict.fromkeys(state for _, _, state in calls))
    announced = re.findall(r"^        (\S.*)$", shown, re.MULTILINE)
    assert 3 == len(announced)
    assert all(line.startswith(news) for line, news in zip(announced, said.news, strict=True))
    assert "groq.RateLimitError" in shown
    assert said.sent in shown
    assert said.agree in shown
    assert re.search(rf"  {said.tokens} +([\d.,]+) +\1  ✓\n", shown)
    assert "✗" not in shown
    assert [tmp_path / "places"] == list(tmp_path.rglob("*"))


def test_demo_on_a_terminal(on_a_terminal: Callable[..., tuple[int, str]]) -> None:
    """
    A terminal gets a picture that is drawn again in place, and the cursor back.
    """
    code, shown = on_a_terminal("demo", "--fast")

    assert 0 == code
    assert "\x1b[1A" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "40 / 40" in shown
    assert "They agree." in shown


def test_demo_with_proxies_and_a_plan_around(groq_quota_command: Run) -> None:
    """
    What the environment says of proxies, plans and limits does not reach the demo.
    """
    nowhere = "http://127.0.0.1:9"
    done = groq_quota_command(
        "demo", "--fast", http_proxy=nowhere, ALL_PROXY=nowhere, GROQ_QUOTA_PLAN="developer"
    )

    assert 0 == done.returncode


def test_demo_when_switched_off(groq_quota_command: Run) -> None:
    """
    There is nothing to see where the guard is switched off, and a line says so.
    """
    done = groq_quota_command("demo", GROQ_QUOTA_DISABLED="1")

    assert (2, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert "GROQ_QUOTA_DISABLED" in done.stderr


@pytest.mark.parametrize(("lang", "said"), [("en", "They differ."), ("es", "No coinciden.")])
def test_demo_ends_with_1_if_counts_differ(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: str, said: str
) -> None:
    """
    Counts that differ from the ledger are marked, said, and told by the exit code.
    """
    compare = World.compare

    def one_more(self: World) -> object:
        self.meter.record(MODEL, 1)
        return compare(self)

    monkeypatch.setattr(World, "compare", one_more)

    assert 1 == run(["demo", "--fast", "--lang", lang])
    shown = capsys.readouterr().out
    assert 2 == shown.count("✗")
    assert said in shown


def test_demo_ends_with_1_if_calls_get_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Calls beyond the limit that reach the server are a failure, even where the counts agree.
    """
    go_beyond = World.go_beyond

    monkeypatch.setattr(World, "go_beyond", lambda self: replace(go_beyond(self), sent=1))

    assert 1 == run(["demo", "--fast"])


def test_world_is_taken_down() -> None:
    """
    Whatever happens in it, afterwards no plugin, server or file is left.
    """
    addresses = []

    def end(seen: World) -> None:
        addresses.append(seen.simulator.base_url)
        next(seen.climb())
        assert installed() is seen.meter
        assert seen.path.exists()
        raise KeyError

    with pytest.raises(KeyError), world(Language("en"), fast=True) as seen:
        end(seen)

    assert installed() is None
    assert not seen.path.parent.exists()
    client = groq.Groq(api_key="any", base_url=addresses[0], max_retries=0)
    with client, pytest.raises(groq.APIConnectionError):
        client.models.list()


def test_log_is_restored(caplog: pytest.LogCaptureFixture) -> None:
    """
    The log is silent during the demo only.
    """
    run(["demo", "--fast"])

    assert [] == caplog.records
    assert not logging.getLogger("groq_quota").disabled


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z"),
        ("2026-11-22T23:57:59Z", "2026-11-22T23:57:59Z"),
        ("2026-11-22T23:59:59Z", "2026-11-22T22:59:59Z"),
    ],
)
def test_no_midnight_during_the_demo(now: str, shown: str) -> None:
    """
    Just before midnight UTC the demo plays an hour earlier, and its clock goes on.
    """
    clock = FakeClock(now)
    steady = steady_clock(clock)

    assert FakeClock(shown)() == steady()
    clock.advance(10)
    assert FakeClock(shown)() + 10 == steady()
