"""
The catalogue and the languages' forms of numbers, days and durations.
"""

from __future__ import annotations

import string

import pytest

pytest.importorskip("streamlit", reason="the dashboard needs streamlit")

from groq_quota import ConfigurationError
from groq_quota_streamlit.language import Language
from groq_quota_streamlit.texts import TEXTS

EN, ES = Language("en"), Language("es")


def _places(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}


class TestCatalogue:
    def test_languages_have_the_same_texts_with_the_same_places(self) -> None:
        """
        What one language says, the other says too, of the same values.
        """
        english, spanish = (
            {name: _places(text) for name, text in TEXTS[code].items()} for code in ("en", "es")
        )

        assert english == spanish

    def test_unknown_language_is_refused(self) -> None:
        """
        A language that is not there is an error that names those that are.
        """
        with pytest.raises(ConfigurationError, match="known are en, es"):
            Language("fr")


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "english", "spanish"),
        [(0, "0", "0"), (1_234, "1,234", "1234"), (12_345, "12,345", "12.345")],
    )
    def test_groups_thousands_as_the_language_does(
        self, value: int, english: str, spanish: str
    ) -> None:
        """
        Spanish leaves four digits together.
        """
        assert (english, spanish) == (EN.number(value), ES.number(value))

    def test_percentage_has_a_decimal_where_there_is_one(self) -> None:
        """
        Spanish has a comma, and a space that does not break.
        """
        assert ("81%", "42.5%") == (EN.percent(81.0), EN.percent(42.5))
        assert ("81\u00a0%", "42,5\u00a0%") == (ES.percent(81.0), ES.percent(42.5))

    def test_days_are_of_utc(self) -> None:
        """
        A day is read from its ISO text or from a moment.
        """
        assert "Nov 22, 2026" == EN.day("2026-11-22") == EN.day(1_795_391_999.0)
        assert "22 nov 2026" == ES.day("2026-11-22")
