from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import QuotaMeter
from groq_quota.demand import AudioDemand, ChatDemand
from groq_quota.limits import LimitTable
from groq_quota.policy import admit
from groq_quota.testing import FakeClock
from tests.organization import hear_of_others

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Run

BIG = "meta-llama/llama-4-maverick-17b-128e-instruct"


def count(model: str, requests: int, tokens: int = 0, *, scope: str = "default") -> None:
    """
    Count requests of a model in the default place, of so many tokens each.
    """
    meter = QuotaMeter(scope=scope, clock=lambda: QuotaMeter("memory://").now())
    for _ in range(requests):
        meter.record(model, tokens)
    meter.close()


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "Nothing was counted today"), ("es", "Hoy no se ha contado nada")]
)
def test_nothing_counted(groq_quota_command: Run, tmp_path: Path, lang: str, said: str) -> None:
    """
    An empty place is no error: a line says so, and nothing is written.
    """
    done = groq_quota_command("status", GROQ_QUOTA_LANG=lang)

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith(f"{said} ")
    assert "usage_data.json" in done.stdout
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("requests", "en", "es"),
    [
        (187, r"● normal +74\.8%", r"● normal +74,8 %"),
        (188, r"● warning +75\.2%", r"● advertencia +75,2 %"),
        (225, r"● critical +90\.0%", r"● crítico +90,0 %"),
        (250, r"● limit reached +100\.0%", r"● límite alcanzado +100,0 %"),
    ],
)
def test_states(groq_quota_here: Run, requests: int, en: str, es: str) -> None:
    """
    Each state has its word and its percentage, in each language's form.
    """
    count("groq/compound", requests)

    assert re.search(f"groq/compound .*{en}\n", groq_quota_here("status").stdout)
    assert re.search(f"groq/compound .*{es}\n", groq_quota_here("status", "--lang=es").stdout)


def test_requests_and_tokens_against_their_limits(groq_quota_command: Run) -> None:
    """
    Below the model stand requests and tokens, used and allowed, with bars, and above all the reset.
    """
    count("llama-3.3-70b-versatile", 3, 123_456)

    english = groq_quota_command("status").stdout
    spanish = groq_quota_command("status", "--lang", "es").stdout

    assert re.search(r"\n  requests/day  █░+ +3 / 1,000\n", english)
    assert re.search(r"\n  tokens/day    █+░+  370,368 / 1,000,000\n", english)
    assert re.search(r"\nresets in \d+ \w+.*, at midnight UTC\n", english)
    assert re.search(r"\n  requests/día  █░+ +3 / 1000\n", spanish)
    assert re.search(r"\n  tokens/día    █+░+  370\.368 / 1\.000\.000\n", spanish)
    assert re.search(r"\nreinicio en \d+ \w+.*, a medianoche UTC\n", spanish)


def test_nearest_to_a_limit_comes_first(groq_quota_here: Run) -> None:
    """
    Models are sorted by how much of a limit they have used.
    """
    count("allam-2-7b", 1)
    count("llama-3.1-8b-instant", 2)
    count("groq/compound", 20)

    shown = groq_quota_here("status").stdout
    places = [shown.index(name) for name in ("groq/compound", "allam-2-7b", "llama-3.1-8b")]

    assert sorted(places) == places


@pytest.mark.parametrize("lang", ["en", "es"])
def test_plain_and_narrow_when_piped(groq_quota_here: Run, lang: str) -> None:
    """
    Into a pipe goes plain text of at most 80 columns, whatever the names of models.
    """
    count(BIG, 2, 199_999)
    count("a-model-with-a-name-that-nobody-would-give-" * 3, 1, 1)

    done = groq_quota_here("status", "--all", "--lang", lang)

    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_columns_say_how_wide(groq_quota_here: Run) -> None:
    """
    `COLUMNS` chooses another width.
    """
    count(BIG, 1)

    shown = groq_quota_here("status", COLUMNS="60").stdout

    assert 60 == max(map(len, shown.splitlines()))


def test_colours_on_a_terminal(on_a_terminal: Callable[..., tuple[int, str]]) -> None:
    """
    On a terminal each state has its colour.
    """
    count("groq/compound", 250)

    code, shown = on_a_terminal("status")

    assert 0 == code
    assert "\x1b[1;37;41m ● limit reached " in shown


def test_no_colours_if_not_wanted(on_a_terminal: Callable[..., tuple[int, str]]) -> None:
    """
    Under `NO_COLOR` a terminal gets no colours; bold is none.
    """
    count("groq/compound", 250)

    code, shown = on_a_terminal("status", NO_COLOR="1")

    assert 0 == code
    assert "limit reached" in shown
    assert {"0", "1", "2"} >= set(re.findall(r"\x1b\[(\d+)m", shown))
    assert not re.search(r"\x1b\[[\d;]*[34]\d", shown)


def test_ascii_where_there_is_nothing_else(groq_quota_command: Run) -> None:
    """
    A stdout that knows only ASCII gets bars of ASCII characters.
    """
    count("groq/compound", 100)

    done = groq_quota_command("status", "--lang", "es", PYTHONIOENCODING="ascii")

    assert 0 == done.returncode
    assert re.search(r"#+-+", done.stdout)
    assert "Advertencia" not in done.stdout
    assert done.stdout.isascii()


def test_all_known_models(groq_quota_here: Run) -> None:
    """
    With `--all` every model of the tables is there, but for those that Groq has shut down.
    """
    table = LimitTable()
    data = json.loads(groq_quota_here("status", "--all", "--json").stdout)
    gone = {name for name in table.models() if (table.shutdown(name) or "9") <= data["date"]}

    assert set(table.models()) - gone == set(data["models"])
    assert gone


def test_a_model_that_was_shut_down_is_shown_if_used(groq_quota_here: Run) -> None:
    """
    What was counted is shown, whatever became of the model.
    """
    count("gemma-7b-it", 1)

    assert "gemma-7b-it" in groq_quota_here("status").stdout


def test_json_has_units_in_its_names(groq_quota_command: Run, tmp_path: Path) -> None:
    """
    The JSON says what the table says, with units in the names of all durations.
    """
    count("groq/compound", 188, 10)

    done = groq_quota_command("status", "--json")
    data = json.loads(done.stdout)
    model = data["models"]["groq/compound"]

    assert (0, "") == (done.returncode, done.stderr)
    assert ("default", 188, 1880) == (data["scope"], data["requests"], data["tokens"])
    assert (188, 1880, 1) == (
        data["lifetime_requests"],
        data["lifetime_tokens"],
        data["days_active"],
    )
    assert (tmp_path / "usage_data.json").as_posix() in data["storage"]
    assert 0 < data["reset_after_seconds"] <= 86_400
    assert ("warning", 75.2) == (model["status"], model["used_percent"])
    assert 0 == model["waited_seconds"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", model["last_request_at"])
    day = model["limits"]["rpd"]
    assert ("requests", 86_400, 250) == (day["unit"], day["period_seconds"], day["limit"])
    assert (188, 62, 75.2) == (day["used"], day["remaining"], day["used_percent"])
    assert 0 < day["reset_after_seconds"] <= 86_400
    assert day["enforced"] is True


def test_json_of_nothing(groq_quota_here: Run, tmp_path: Path) -> None:
    """
    An empty place is JSON, too.
    """
    data = json.loads(groq_quota_here("status", "--json").stdout)

    assert (0, {}) == (data["requests"], data["models"])
    assert [] == list(tmp_path.iterdir())


def test_scopes_are_apart(groq_quota_here: Run) -> None:
    """
    `--scope` chooses whose counts are shown.
    """
    count("groq/compound", 7, scope="team-a")

    theirs = groq_quota_here("status", "--scope", "team-a").stdout

    assert " 7 / 250\n" in theirs
    assert "scope team-a in usage_data.json\n" in theirs
    assert "groq/compound" not in groq_quota_here("status").stdout


@pytest.mark.parametrize("by", ["option", "variable"])
def test_storage_elsewhere(groq_quota_here: Run, tmp_path: Path, by: str) -> None:
    """
    `--storage`, or else `GROQ_QUOTA_STORAGE`, says where the counts are.
    """
    place = tmp_path / "els ewhere"
    place.mkdir()
    meter = QuotaMeter(place / "counts.json")
    meter.record("groq/compound", 5)
    meter.close()
    path = str(place / "counts.json")

    if by == "option":
        done = groq_quota_here("status", "--storage", path, GROQ_QUOTA_STORAGE="no.json")
    else:
        done = groq_quota_here("status", GROQ_QUOTA_STORAGE=path)

    assert " 1 / 250\n" in done.stdout
    assert done.stdout.splitlines()[0].endswith(str(Path("els ewhere", "counts.json")))


def test_limits_of_the_environment(groq_quota_here: Run, tmp_path: Path) -> None:
    """
    Limits come from the file and the plan that the environment names; none is said to be none.
    """
    (tmp_path / "limits.toml").write_text(
        '[models."groq/compound"]\nrpd = 4\ntpd = "unlimited"\n', encoding="utf-8"
    )
    count("groq/compound", 3, 1_000)

    shown = groq_quota_here("status", GROQ_QUOTA_LIMITS="limits.toml").stdout

    assert re.search(r"● warning +75\.0%\n", shown)
    assert re.search(r"  requests/day  █+░+ +3 / 4\n", shown)
    assert re.search(r"  tokens/day    ░+  3,000 / no limit\n", shown)


def test_windows_in_use_and_what_else_happened(groq_quota_here: Run, tmp_path: Path) -> None:
    """
    Minute windows are shown while they are in use; so are requests in flight and stopped ones.
    """
    (tmp_path / "limits.toml").write_text('[models."m"]\nrpm = 2\n', encoding="utf-8")
    meter = QuotaMeter(limits="limits.toml")
    meter.reserve("m", 4_321)
    meter.record("m", 10)
    assert not meter.check("m")
    with pytest.raises(Exception, match="per minute"):
        meter.reserve("m")
    meter.close()

    shown = groq_quota_here("status", GROQ_QUOTA_LIMITS="limits.toml").stdout

    assert re.search(r"  requests/min  █+ +2 / 2  free in \d+(\.\d)? (s|min .*)\n", shown)
    assert "  1 stopped before sending · in flight: 1 request, 4,321 tokens\n" in shown


def test_requests_that_went_to_another_model(groq_quota_here: Run) -> None:
    """
    They are shown at the model that was asked for, also if it was never sent to.
    """
    limits: dict[str, Any] = {"m": {"rpd": 0}}
    demand = ChatDemand({"model": "m", "messages": []})
    meter = QuotaMeter(limits=limits)
    for _ in range(2):
        admit(meter, "m", demand, max_wait=0, fallbacks=["n"]).commit(10)
    meter.close()

    assert "  2 sent to another model\n" in groq_quota_here("status").stdout
    assert "  2 enviados a otro modelo\n" in groq_quota_here("status", "--lang=es").stdout
    models = json.loads(groq_quota_here("status", "--json").stdout)["models"]
    assert {"m": (0, 2), "n": (2, 0)} == {
        name: (told["requests"], told["fallbacks"]) for name, told in models.items()
    }


def test_what_others_took_and_what_is_estimated(groq_quota_here: Run) -> None:
    """
    As Groq's answers told of the organization's others; and audio whose length nobody measured.
    """
    clock = FakeClock(QuotaMeter("memory://").now() - 5)
    meter = QuotaMeter(clock=clock)
    hear_of_others(meter, clock, "m", requests=40)
    audio = AudioDemand("whisper-large-v3", b"ID3" + bytes(199_997))
    admit(meter, "whisper-large-v3", audio, max_wait=0).commit()
    meter.close()

    models = json.loads(groq_quota_here("status", "--json").stdout)["models"]
    external = models["m"]["limits"]["rpd"]["external"]
    seconds = models["whisper-large-v3"]["estimated_seconds"]
    assert 30 < external < 50
    assert 0 < seconds
    english, spanish = (groq_quota_here("status", f"--lang={lang}").stdout for lang in ("en", "es"))
    assert f"others of the organization: {external:.0f} requests\n" in english
    assert f"otros de la organización: {external:.0f} requests\n" in spanish
    assert "  estimated audio: " in english
    assert "  audio estimado: " in spanish
