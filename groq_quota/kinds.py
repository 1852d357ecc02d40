"""
What a limit is: so much of something, over a window.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from .windows import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .tables import Origin

__all__ = ["KINDS", "Kind", "Learned", "Limit"]


class Kind(NamedTuple):
    """
    What a limit counts (requests, tokens, audio_seconds, ...), and over how many seconds.
    """

    metric: str
    period: int


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "rpm": Kind("requests", 60),
        "rpd": Kind("requests", DAY),
        "tpm": Kind("tokens", 60),
        "tpd": Kind("tokens", DAY),
        "itpm": Kind("input_tokens", 60),
        "otpm": Kind("output_tokens", 60),
        "ash": Kind("audio_seconds", 3_600),
        "asd": Kind("audio_seconds", DAY),
    }
)


@dataclass(frozen=True, slots=True)
class Limit:
    """
    One number over one window, and where it comes from.

    Attributes:
        kind: A key of `KINDS`.
        amount: Requests, tokens or seconds of audio per period; None is no limit.
        confirmed: True if it is enforced, False if it is only assumed.
        since: The date of the table it is from, or when it was learned (epoch seconds).
    """

    kind: str
    amount: int | None
    origin: Origin
    confirmed: bool = True
    since: float | str | None = None

    @property
    def metric(self) -> str:
        """
        What is counted: see `KINDS`.
        """
        return KINDS[self.kind].metric

    @property
    def period(self) -> int:
        """
        The length of the window in seconds.
        """
        return KINDS[self.kind].period

    @property
    def daily(self) -> bool:
        """
        True for limits per day.
        """
        return KINDS[self.kind].period == DAY


@dataclass(frozen=True, slots=True)
class Learned:
    """
    A limit as Groq named it at `at` (epoch seconds), in headers or in a refusal.
    """

    amount: int | None
    at: float
    how: str
