from __future__ import annotations

import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from groq_quota import __version__

from .conftest import command, surroundings

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run


@pytest.mark.parametrize("package", ["typer", "rich"])
@pytest.mark.parametrize(("lang", "said"), [("en", "is missing"), ("es", "falta")])
def test_without_the_extra_it_says_what_to_install(
    groq_quota_command: Run, package: str, lang: str, said: str
) -> None:
    """
    Where typer or rich is not installed, one line on stderr names the extra.
    """
    done = groq_quota_command("status", missing=(package,), GROQ_QUOTA_LANG=lang)

    assert (2, "") == (done.returncode, done.stdout)
    assert 1 == done.stderr.count("\n")
    assert said in done.stderr
    assert package in done.stderr
    assert 'pip install "groq-quota[cli]"' in done.stderr


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_a_simulator_the_demo_says_what_to_install(
    groq_quota_command: Run, package: str
) -> None:
    """
    Where the simulator's packages are not installed, one line on stderr names its extra.
    """
    done = groq_quota_command("demo", missing=(package,))

    assert (2, "") == (done.returncode, done.stdout)
    assert f'groq-quota: {package} is missing: pip install "groq-quota[simulator]"\n' == done.stderr


def test_status_needs_neither_sdk_nor_simulator(groq_quota_command: Run) -> None:
    """
    What only shows counts loads nothing of the SDK or the simulator.
    """
    done = groq_quota_command("status", missing=("groq", "httpx", "starlette", "uvicorn"))

    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("args", [(), ("--help",)], ids=["bare", "--help"])
def test_bare_command_shows_help(groq_quota_command: Run, args: tuple[str, ...]) -> None:
    """
    Without arguments the commands and exit codes are listed.
    """
    done = groq_quota_command(*args)

    assert (0, "") == (done.returncode, done.stderr)
    assert "Usage: groq-quota" in done.stdout
    assert "Exit codes" in done.stdout
    assert all(f"\n  {name} " in done.stdout for name in OPTIONS)


COMMON = ("--storage", "--scope", "--lang", "--help")
OPTIONS = {
    "status": ("--json", "--all", "--watch", "--interval", *COMMON),
    "check": ("--tokens", "--json", *COMMON),
    "limits": ("--json", *COMMON),
    "history": ("--days", "--json", *COMMON),
    "reset": ("--yes", *COMMON),
    "simulate": (
        *("--limit", "--fault", "--host", "--port", "--latency", "--processing"),
        *("--answer", "--refund", "--strict", "--lang", "--help"),
    ),
    "dashboard": ("--port", "--no-browser", *COMMON),
    "demo": ("--fast", "--lang", "--help"),
    "migrate": ("--force", "--lang", "--help"),
}
USAGES = {
    "en": ("Usage:", {"check": "MODEL ", "limits": "[MODEL] ", "migrate": "FROM TO "}),
    "es": ("Uso:", {"check": "MODELO ", "limits": "[MODELO] ", "migrate": "ORIGEN DESTINO "}),
}


@pytest.fixture(scope="module")
def helps(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """
    The help of each command in each language, by the option and by the variable in turn.
    """

    def ask(name: str, lang: str) -> str:
        option = ("--lang", lang) if lang == "en" else ()
        done = subprocess.run(
            command(name, "--help", *option),
            cwd=tmp_path_factory.getbasetemp(),
            env=surroundings(GROQ_QUOTA_LANG="es"),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert (0, "") == (done.returncode, done.stderr)
        return done.stdout

    wanted = [(name, lang) for name in OPTIONS for lang in USAGES]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(wanted, pool.map(lambda each: ask(*each), wanted), strict=True))


@pytest.mark.parametrize("lang", USAGES)
@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_explained(helps: dict[tuple[str, str], str], name: str, lang: str) -> None:
    """
    The help of each command is in the language asked for, wherever that is said, and complete.
    """
    shown = helps[name, lang]
    usage, arguments = USAGES[lang]
    arguments["reset"] = arguments["limits"]

    assert shown.startswith(f"{usage} groq-quota {name} {arguments.get(name, '[OP')}")
    assert list(OPTIONS[name]) == re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 80
    assert not re.search(r"\b(help|meta)_", shown)


def test_version(groq_quota_here: Run) -> None:
    """
    The version is the package's.
    """
    assert f"groq-quota {__version__}\n" == groq_quota_here("--version").stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("statsu",), "no command 'statsu'; known are status, check, limits, "),
        (("status", "--jason"), "no option --jason"),
        (("status", "--storage"), "--storage"),
        (("status", "extra"), "'extra' is too much"),
        (("check",), "MODEL is missing"),
        (("dashboard", "--port", "0"), "the value of --port does not fit"),
        (("history", "--days", "none"), "--days: a whole number is needed, 1 or more, not 'none'"),
        (("status", "--lang", "fr"), "unknown language 'fr'; known are en, es"),
        (("status", "--storage", "tape://x"), "unknown storage scheme 'tape://'"),
        (("status", "--storage", ""), "storage is empty"),
        (("status", "--scope", ""), "scope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_command_lines_end_with_2(
    groq_quota_here: Run, args: tuple[str, ...], said: str
) -> None:
    """
    What cannot be is said in one line on stderr, and nothing is done.
    """
    done = groq_quota_here(*args)

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("groq-quota: ")
    assert 1 == done.stderr.count("\n")
    assert said in done.stderr


def test_a_wrong_command_line_as_a_process(groq_quota_command: Run) -> None:
    """
    It is the process that ends with 2.
    """
    done = groq_quota_command("check")

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("groq-quota: MODEL is missing")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("statsu",), "no existe el comando 'statsu'; los conocidos son status, "),
        (("status", "extra"), "'extra' está de más"),
        (("check",), "falta MODELO"),
        (("history", "--days", "0"), "--days: hace falta un número entero, 1 o más, no '0'"),
        (("status", "--lang", "fr"), "no se conoce el idioma 'fr'"),
    ],
    ids=str,
)
def test_wrong_command_lines_are_told_in_spanish(
    groq_quota_here: Run, args: tuple[str, ...], said: str
) -> None:
    """
    Errors speak the user's language, too.
    """
    done = groq_quota_here(*args, GROQ_QUOTA_LANG="es")

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("groq-quota: ")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("variable", "text"),
    [("GROQ_QUOTA_PLAN", "golden"), ("GROQ_QUOTA_LIMITS", "limits.toml")],
)
def test_wrong_settings_end_with_2(
    groq_quota_here: Run, tmp_path: Path, variable: str, text: str
) -> None:
    """
    A setting that cannot be is named in one line.
    """
    (tmp_path / "limits.toml").write_text('[models."m"]\nrpd = -1\n', encoding="utf-8")

    done = groq_quota_here("status", **{variable: text})

    assert (2, "") == (done.returncode, done.stdout)
    assert 1 == done.stderr.count("\n")


def test_unreadable_storage_ends_with_3(groq_quota_command: Run, tmp_path: Path) -> None:
    """
    Where counts cannot be read, the place is named, and nothing is shown as if it were zero.
    """
    (tmp_path / "usage.json").mkdir()

    done = groq_quota_command("status", "--storage", "usage.json")

    assert (3, "") == (done.returncode, done.stdout)
    assert 1 == done.stderr.count("\n")
    assert str(tmp_path / "usage.json") in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send on Windows")
def test_interrupted_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    """
    Ctrl-C in the middle of the calls ends with 130 and a line, and the demo's directory is gone.
    """
    places = tmp_path / "places"
    places.mkdir()
    with subprocess.Popen(
        command("demo"),
        env=surroundings(TMPDIR=str(places), PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "HTTP 200" in line:
                break
        assert ["groq-quota-demo"] == [place.name[:15] for place in places.iterdir()]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    assert (130, "groq-quota: interrupted\n") == (process.returncode, errors)
    assert [] == list(places.iterdir())
