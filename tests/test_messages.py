"""
What people are told, in English and in Spanish.
"""

from __future__ import annotations

import string
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota import messages
from groq_quota.limits import KINDS, Limit
from groq_quota.reports import Status


def limit(kind: str, amount: int) -> Limit:
    """
    A limit as a user sets it.
    """
    return Limit(kind, amount, "user")


def test_both_languages_have_every_text_with_the_same_values() -> None:
    """
    No text is missing, and none asks for a value that the other does not.
    """

    def values(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english, spanish = messages._TEXTS["en"], messages._TEXTS["es"]
    assert english.keys() == spanish.keys()
    assert {name: values(text) for name, text in english.items()} == {
        name: values(text) for name, text in spanish.items()
    }


def test_other_languages_get_english() -> None:
    """
    Never an error.
    """
    assert "Unknown model" == messages.text("de", "unknown_model")


@pytest.mark.parametrize(
    ("status", "used", "english", "spanish"),
    [
        (Status.NORMAL, 10, "Normal use: 90 tokens left", "Uso normal: 90 tokens disponibles"),
        (
            Status.WARNING,
            75,
            "High use: 75.0% of tokens used",
            "Uso alto: 75.0% de tokens utilizados",
        ),
        (
            Status.CRITICAL,
            90,
            "Critical use: 90.0% of tokens used",
            "Uso crítico: 90.0% de tokens utilizados",
        ),
        (
            Status.LIMIT_REACHED,
            100,
            "Daily limit reached: 100 of 100 tokens used",
            "Límite diario alcanzado: 100 de 100 tokens utilizados",
        ),
    ],
)
def test_how_a_model_stands(status: Status, used: int, english: str, spanish: str) -> None:
    """
    Worded as the seed's tracker did, tokens named where tokens bind.
    """
    assert english == messages.standing(status, "tokens", used, 100)
    assert spanish == messages.standing(status, "tokens", used, 100, "es")


def test_without_a_daily_limit_there_is_nothing_left_to_say() -> None:
    """
    In either language.
    """
    assert "Normal use: no daily limit" == messages.standing(Status.NORMAL, None, 0, None)
    assert "Uso normal: sin límite diario" == messages.standing(
        Status.NORMAL, "requests", 5, None, "es"
    )


def test_what_is_left_is_not_overstated() -> None:
    """
    Fractions of seconds of audio are rounded to the safe side.
    """
    said = messages.standing(Status.NORMAL, "audio_seconds", 10.5, 100)
    assert "Normal use: 89 seconds of audio left" == said


FULL = (limit("rpm", 30), 30, 1, 2.0)
UNFIT = (limit("tpm", 6000), 5000.2, 2000, 10.002)
BLOCKED = (limit("otpm", 0), 0, 5, None)


@pytest.mark.parametrize(
    ("given_", "lang", "said"),
    [
        (FULL, "en", "Requests per minute (RPM) reached: 30 of 30 used, 1 requested; free in 2 s"),
        (
            FULL,
            "es",
            (
                "Límite de requests por minuto (RPM) alcanzado: "
                "30 de 30 utilizados, 1 solicitados; libre en 2 s"
            ),
        ),
        (
            UNFIT,
            "en",
            (
                "Not enough left of tokens per minute (TPM): "
                "5001 of 6000 used, 2000 requested; it fits in 10.1 s"
            ),
        ),
        (
            UNFIT,
            "es",
            (
                "No queda suficiente de tokens por minuto (TPM): "
                "5001 de 6000 utilizados, 2000 solicitados; cabrá en 10.1 s"
            ),
        ),
        (BLOCKED, "en", "Blocked: output tokens per minute (OTPM) is set to 0"),
        (BLOCKED, "es", "Bloqueado: el límite de tokens de salida por minuto (OTPM) es 0"),
    ],
    ids=["full-en", "full-es", "unfit-en", "unfit-es", "blocked-en", "blocked-es"],
)
def test_why_a_request_does_not_fit(
    given_: tuple[Limit, float, float, float | None], lang: str, said: str
) -> None:
    """
    Full, not enough left, or blocked: the limit in words, its use, what was asked for, the wait.
    """
    assert said == messages.denied(*given_, lang=lang)


def test_why_a_request_never_fits() -> None:
    """
    It alone is larger than the whole limit.
    """
    given = (limit("ash", 7200), 0, 9000, None)
    assert (
        "Too large for seconds of audio per hour (ASH): 9000 requested, the whole limit is 7200"
        == (messages.denied(*given, too_large=True))
    )
    assert "Demasiado grande para" in messages.denied(*given, too_large=True, lang="es")


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("lang", ["en", "es"])
def test_every_kind_of_limit_has_a_name(kind: str, lang: str) -> None:
    """
    In words, with Groq's short name.
    """
    assert messages.limit_name(limit(kind, 1), lang).endswith(f" ({kind.upper()})")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.001, "0.1 s"),
        (2.0, "2 s"),
        (2.5, "2.5 s"),
        (2.51, "2.6 s"),
        (59.95, "1 min 0 s"),
        (60.0, "1 min 0 s"),
        (200.0, "3 min 20 s"),
        (3599.0, "59 min 59 s"),
        (3599.5, "1 h 0 min"),
        (3661.0, "1 h 2 min"),
        (18_720.0, "5 h 12 min"),
        (86_400.0, "24 h 0 min"),
    ],
)
def test_waits_are_rounded_up(seconds: float, text: str) -> None:
    """
    Whoever waits as long as he is told need not wait again.
    """
    assert text == messages.duration(seconds)


@given(st.integers(0, 10**18), st.integers(1, 10**18))
def test_percentages_are_cut_to_one_decimal(used: int, amount: int) -> None:
    """
    Within 0 to 100, and 100 only when the limit is reached.
    """
    percent = messages.floor_percent(used, amount)
    exact = Fraction(1000 * used, amount)
    assert percent * 10 == min(1000, exact.numerator // exact.denominator)
    assert (percent == 100.0) == (used >= amount)


@pytest.mark.parametrize(
    ("used", "amount", "percent"), [(5, None, 0.0), (0, 0, 100.0), (7.25, 10, 72.5), (-1, 10, 0.0)]
)
def test_percentages_at_the_edges(used: float, amount: int | None, percent: float) -> None:
    """
    No limit, a limit of 0, fractions of seconds, nonsense.
    """
    assert percent == messages.floor_percent(used, amount)
