"""
What the pieces of a page have in common: the meter, the language and the keys of widgets.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import streamlit as st

from groq_quota import default_meter
from groq_quota.errors import ConfigurationError, WrongTypeError
from groq_quota.settings import language as language_of_settings

from .drawing import Drawing
from .language import Language
from .texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from groq_quota import QuotaMeter

__all__ = [
    "NAMES",
    "Page",
    "choose_language",
    "every",
    "language",
    "local_zone",
    "selected",
    "stretched",
]

#: What the languages call themselves.
NAMES = {"es": "Español", "en": "English"}


@dataclass(frozen=True, slots=True)
class Page:
    """
    What a piece draws with; `meter` None is the one that is the default at each refresh.
    """

    source: QuotaMeter | None
    language: Language
    key: str
    model: str | None = None
    admin: bool = False

    @property
    def meter(self) -> QuotaMeter:
        """
        The meter that is shown.
        """
        return default_meter() if self.source is None else self.source

    @property
    def drawing(self) -> Drawing:
        """
        How things are drawn.
        """
        return Drawing(self.language)

    @property
    def say(self) -> Callable[..., str]:
        """
        The texts, by name.
        """
        return self.language.say


def language(lang: str | None, key: str = "gq") -> Language:
    """
    The language of a piece: the one that is named, else the one that was chosen on the page, else
    by `GROQ_QUOTA_LANG`, the browser, the server's locale.
    """
    return Language(lang or st.session_state.get(f"{key}_lang") or _preferred(key))


def _preferred(key: str) -> str:
    # Once for a session: older Streamlits forget the browser's locale when a script is rerun.
    kept: str = st.session_state.setdefault(f"{key}_preferred", _spoken())
    return kept


def _spoken() -> str:
    if not os.environ.get("GROQ_QUOTA_LANG"):
        # Not there in a test without a browser.
        spoken = str(getattr(st.context, "locale", None) or "").lower()[:2]
        if spoken in TEXTS:
            return spoken
    return language_of_settings()


def choose_language(key: str = "gq") -> None:
    """
    Draw the switch between Spanish and English; all pieces with this `key` follow it.
    """
    st.segmented_control(
        language(None, key).say("language"),
        list(NAMES),
        format_func=NAMES.__getitem__,
        default=_preferred(key),
        key=f"{key}_lang",
        label_visibility="collapsed",
    )


def selected(label: str, names: list[str], **options: Any) -> str:  # what `selectbox` takes
    """
    A box to choose a name from, and what is chosen.
    """
    choice: Any = st.selectbox(label, names, **options)  # its type depends on Python's version
    return choice or ""


def every(refresh: float | None) -> float | None:
    """
    The seconds between refreshes; None and 0 are never.
    """
    if refresh is not None and (isinstance(refresh, bool) or not isinstance(refresh, int | float)):
        raise WrongTypeError(f"refresh must be seconds or None, not {refresh!r}")
    if refresh is not None and not 0 <= refresh < float("inf"):
        raise ConfigurationError(f"refresh must be 0 (never) or more seconds, not {refresh!r}")
    return refresh or None


def local_zone() -> tzinfo | None:
    """
    The time zone of the browser; None where it is not known, or is UTC itself.
    """
    from zoneinfo import ZoneInfo

    name = getattr(st.context, "timezone", None)
    try:
        return ZoneInfo(name) if name and name not in {"UTC", "Etc/UTC"} else None
    except (KeyError, ValueError, OSError):  # a zone that this machine's tables do not have
        return None


@cache
def stretched(element: Callable[..., object]) -> dict[str, Any]:
    """
    The argument that makes an element as wide as its place; older Streamlits call it otherwise.
    """
    if "width" in inspect.signature(element).parameters:
        return {"width": "stretch"}
    return {"use_container_width": True}
