"""
A language of the command line: its texts, and how it writes numbers, days and durations.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from .. import messages
from ..settings import language
from .complaint import Complaint
from .texts import TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Language"]

_OPTION = "--lang"


@dataclass(frozen=True, slots=True)
class Language:
    """
    One of the languages of the catalogue.

    Attributes:
        code: "en" or "es".
    """

    code: str

    @classmethod
    def of(cls, args: Sequence[str]) -> Language:
        """
        The language of a command line: by its `--lang`, else as `settings.language` says.

        It is read before the arguments are parsed, since help and errors of parsing speak it too;
        a language that is not known is left to `checked`.
        """
        wanted = _wanted(args)
        return cls(wanted if wanted and wanted in TEXTS else language())

    @staticmethod
    def checked(code: str | None) -> None:
        """
        Refuse a language that is not in the catalogue.

        Raises:
            Complaint: It names the known ones.
        """
        if code is not None and code not in TEXTS:
            raise Complaint("bad_language", given=code, known=", ".join(TEXTS))

    def say(self, name: str, **values: object) -> str:
        """
        A text of the catalogue.
        """
        return TEXTS[self.code][name].format(**values)

    def failure(self, name: str, **values: object) -> str:
        """
        The one line on stderr that says what went wrong.
        """
        return f"groq-quota: {self.say(name, **values)}"

    def number(self, value: float) -> str:
        """
        A whole number with its thousands grouped: see `messages.number`.
        """
        return messages.number(value, self.code)

    def percent(self, value: float) -> str:
        """
        A percentage with one decimal: `42.5%`, `42,5 %`.
        """
        return messages.percent(value, self.code)

    def duration(self, seconds: float) -> str:
        """
        A wait for people: `2.5 s`, `3 min 20 s`, `5 h 12 min`.
        """
        return messages.duration(seconds, self.code)

    def day(self, iso: str) -> str:
        """
        A day from its ISO text: `22 November 2026`, `22 de noviembre de 2026`.
        """
        day = date.fromisoformat(iso)
        month = self.say("months").split()[day.month - 1]
        return self.say("day", day=day.day, month=month, year=day.year)

    def counted(self, name: str, value: float) -> str:
        """
        A number with its noun: `1 request`, `2 requests`; the catalogue has `name` and `name_1`.
        """
        singular = round(value) == 1
        return self.say(f"{name}_1" if singular else name, number=self.number(value))


def _wanted(args: Sequence[str]) -> str | None:
    for place, word in enumerate(args):
        if word == _OPTION:
            return args[place + 1] if place + 1 < len(args) else None
        if word.startswith(f"{_OPTION}="):
            return word.partition("=")[2]
    return None
