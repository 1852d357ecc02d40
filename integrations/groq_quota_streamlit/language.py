"""
A language of the page: its texts, and how it writes numbers, days and durations.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

from groq_quota import messages
from groq_quota.errors import ConfigurationError

from .texts import TEXTS

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["Language"]


@dataclass(frozen=True, slots=True)
class Language:
    """
    One of the languages of the catalogue.

    Attributes:
        code: "en" or "es"; another one raises `ConfigurationError`.
    """

    code: str

    def __post_init__(self) -> None:
        if self.code not in TEXTS:
            known = ", ".join(TEXTS)
            raise ConfigurationError(f"lang: unknown language {self.code!r}; known are {known}")

    def say(self, name: str, **values: object) -> str:
        """
        A text of the catalogue.
        """
        return TEXTS[self.code][name].format(**values)

    def number(self, value: float) -> str:
        """
        A whole number with its thousands grouped: see `messages.number`.
        """
        return messages.number(value, self.code)

    def percent(self, value: float) -> str:
        """
        A percentage, with a decimal where it has one: `42.5%`, `42,5 %`.
        """
        plain = f"{value:.1f}".removesuffix(".0")
        return f"{plain}\u00a0%".replace(".", ",") if self.code == "es" else f"{plain}%"

    def duration(self, seconds: float) -> str:
        """
        A wait for people: `2.5 s`, `3 min 20 s`, `5 h 12 min`.
        """
        return messages.duration(seconds, self.code)

    def day(self, moment: float | str) -> str:
        """
        A day from its ISO text or an epoch time, in UTC: `Nov 22, 2026`, `22 nov 2026`.
        """
        day = _date(moment)
        return f"{self.short_day(moment)}{', ' if self.code == 'en' else ' '}{day.year}"

    def short_day(self, moment: float | str) -> str:
        """
        The same without its year: `Nov 22`, `22 nov`.
        """
        day = _date(moment)
        return self.say("day", day=day.day, month=self.say("months").split()[day.month - 1])

    def clock(self, moment: float, zone: tzinfo = timezone.utc, *, seconds: bool = False) -> str:
        """
        The time of day of an epoch time: `09:35`, or `09:35:06`.
        """
        return datetime.fromtimestamp(moment, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def _date(moment: float | str) -> date:
    if isinstance(moment, str):
        return date.fromisoformat(moment)
    return datetime.fromtimestamp(moment, timezone.utc).date()
