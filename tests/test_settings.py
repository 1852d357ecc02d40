"""
Configuration by environment variables.
"""

from __future__ import annotations

import pytest

from groq_quota.settings import Settings, language


def test_nothing_set_is_the_default() -> None:
    """
    Empty variables count as unset.
    """
    assert Settings() == Settings.from_environment({})
    assert Settings() == Settings.from_environment(
        {
            "GROQ_QUOTA_STORAGE": "",
            "GROQ_QUOTA_LIMITS": "",
            "GROQ_QUOTA_PLAN": "",
            "GROQ_QUOTA_DISABLED": "",
        }
    )
    assert "usage_data.json" == Settings().storage


def test_each_variable_has_its_setting() -> None:
    """
    As it stands.
    """
    assert Settings("memory://", "limits.toml", "developer", disabled=True) == (
        Settings.from_environment(
            {
                "GROQ_QUOTA_STORAGE": "memory://",
                "GROQ_QUOTA_LIMITS": "limits.toml",
                "GROQ_QUOTA_PLAN": "developer",
                "GROQ_QUOTA_DISABLED": "1",
            }
        )
    )


@pytest.mark.parametrize(
    ("text", "disabled"),
    [
        ("1", True),
        ("true", True),
        (" YES ", True),
        ("On", True),
        ("0", False),
        ("false", False),
        ("no", False),
        ("off", False),
        ("2", False),
    ],
)
def test_what_disables(text: str, *, disabled: bool) -> None:
    """
    1, true, yes and on, in any case.
    """
    assert disabled == Settings.from_environment({"GROQ_QUOTA_DISABLED": text}).disabled


def test_the_process_environment_is_read_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Not as it was at import.
    """
    monkeypatch.setenv("GROQ_QUOTA_STORAGE", "other.json")
    assert "other.json" == Settings.from_environment().storage
    monkeypatch.setenv("GROQ_QUOTA_LANG", "es")
    assert "es" == language()


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({}, "en"),
        ({"GROQ_QUOTA_LANG": "es"}, "es"),
        ({"GROQ_QUOTA_LANG": "ES-mx"}, "es"),
        ({"GROQ_QUOTA_LANG": "en", "LANG": "es_ES.UTF-8"}, "en"),
        ({"GROQ_QUOTA_LANG": "", "LANG": "es_ES.UTF-8"}, "es"),
        ({"LC_ALL": "C", "LANG": "es_ES.UTF-8"}, "en"),
        ({"LC_MESSAGES": "es_CO", "LANG": "en_US"}, "es"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language(environ: dict[str, str], lang: str) -> None:
    """
    The own variable, then the locale in its usual order, then English.
    """
    assert lang == language(environ)
