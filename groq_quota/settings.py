"""
The `GROQ_QUOTA_*` variables: configuration without code.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "language"]

_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What the environment says.

    Attributes:
        storage: `GROQ_QUOTA_STORAGE`: a path or URI.
        limits: `GROQ_QUOTA_LIMITS`: the path of a TOML file.
        plan: `GROQ_QUOTA_PLAN`: "free" or "developer".
        day: `GROQ_QUOTA_DAY`: "calendar" or "rolling".
        disabled: `GROQ_QUOTA_DISABLED`: 1, true, yes or on switches every guard off.
    """

    storage: str = "usage_data.json"
    limits: str | None = None
    plan: str | None = None
    day: str = "calendar"
    disabled: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """
        The settings as they are now; empty variables count as unset.
        """
        return cls(
            storage=environ.get("GROQ_QUOTA_STORAGE") or "usage_data.json",
            limits=environ.get("GROQ_QUOTA_LIMITS") or None,
            plan=environ.get("GROQ_QUOTA_PLAN") or None,
            day=environ.get("GROQ_QUOTA_DAY", "").strip().lower() or "calendar",
            disabled=environ.get("GROQ_QUOTA_DISABLED", "").strip().lower() in _TRUE,
        )


def language(environ: Mapping[str, str] = os.environ) -> str:
    """
    "es" or "en": by `GROQ_QUOTA_LANG`, else the locale's variables, else English.
    """
    for name in ("GROQ_QUOTA_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name)
        if value:
            return "es" if value.lower().startswith("es") else "en"
    return "en"
