from __future__ import annotations

import string

import pytest

from groq_quota.cli.complaint import Complaint
from groq_quota.cli.language import Language
from groq_quota.cli.texts import TEXTS

ENGLISH, SPANISH = Language("en"), Language("es")


@pytest.mark.parametrize(
    ("value", "english", "spanish"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (1_000, "1,000", "1000"),
        (9_999, "9,999", "9999"),
        (9_999.6, "10,000", "10.000"),
        (10_000, "10,000", "10.000"),
        (1_234_567, "1,234,567", "1.234.567"),
    ],
)
def test_numbers(value: float, english: str, spanish: str) -> None:
    """
    Thousands are grouped as each language does; Spanish leaves four digits together.
    """
    assert (english, spanish) == (ENGLISH.number(value), SPANISH.number(value))


def test_percentages_durations_and_days() -> None:
    """
    Decimals and days have each language's form.
    """
    assert ("42.5%", "42,5 %") == (ENGLISH.percent(42.5), SPANISH.percent(42.5))
    assert ("2.5 s", "2,5 s") == (ENGLISH.duration(2.5), SPANISH.duration(2.5))
    assert ("5 h 12 min", "5 h 12 min") == (ENGLISH.duration(18_720), SPANISH.duration(18_720))
    assert "9 January 2026" == ENGLISH.day("2026-01-09")
    assert "31 de diciembre de 2026" == SPANISH.day("2026-12-31")


def test_one_is_singular() -> None:
    """
    One request is no requests.
    """
    assert ["1 day", "2 days"] == [ENGLISH.counted("count_days", n) for n in (1, 2)]
    assert ["1 día", "2 días"] == [SPANISH.counted("count_days", n) for n in (1, 2)]


@pytest.mark.parametrize(
    ("args", "environment", "code"),
    [
        (["status"], {}, "en"),
        (["status"], {"GROQ_QUOTA_LANG": "es"}, "es"),
        (["status", "--lang", "en"], {"GROQ_QUOTA_LANG": "es"}, "en"),
        (["--lang=es", "status"], {}, "es"),
        (["status", "--lang", "fr"], {"GROQ_QUOTA_LANG": "es"}, "es"),
        (["status", "--lang"], {}, "en"),
    ],
)
def test_language_of_a_command_line(
    monkeypatch: pytest.MonkeyPatch, args: list[str], environment: dict[str, str], code: str
) -> None:
    """
    The option goes before the environment; what is no language is left to the one that checks.
    """
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert Language(code) == Language.of(args)


def test_unknown_language() -> None:
    """
    A language that is not there is refused, and the known ones are named.
    """
    Language.checked(None)
    Language.checked("es")
    with pytest.raises(Complaint) as told:
        Language.checked("de")
    assert {"given": "de", "known": "en, es"} == told.value.values


def test_languages_have_the_same_texts() -> None:
    """
    Every text is there in both languages, with the same places for values.
    """
    assert list(TEXTS["en"]) == list(TEXTS["es"])
    assert [_places(text) for text in TEXTS["en"].values()] == [
        _places(text) for text in TEXTS["es"].values()
    ]
    assert len(TEXTS["en"]["months"].split()) == 12 == len(TEXTS["es"]["months"].split())


def _places(text: str) -> set[str | None]:
    return {place for _, place, _, _ in string.Formatter().parse(text)} - {None}
