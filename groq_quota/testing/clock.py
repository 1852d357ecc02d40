"""
A clock that moves only when it is told to.
"""

from __future__ import annotations

import threading
from datetime import datetime, timezone

from ..trios import checkpoint

__all__ = ["FakeClock"]


class FakeClock:
    """
    A clock to be called for epoch seconds; a meter that has it waits by moving it.

    Safe to use from threads and tasks: each wait moves it by its whole length.

    Args:
        start: Epoch seconds, or ISO text such as `2026-11-22T12:00:00Z` (UTC where it names no
            offset).
    """

    __slots__ = ("_lock", "_now")

    def __init__(self, start: str | float = "2026-11-22T12:00:00Z") -> None:
        self._lock = threading.Lock()
        self._now = _epoch(start)

    def __call__(self) -> float:
        """
        The epoch seconds that it stands at.
        """
        return self._now

    def __repr__(self) -> str:
        moment = datetime.fromtimestamp(self._now, timezone.utc)
        return f"FakeClock({moment.isoformat()!r})"

    def advance(self, seconds: float) -> None:
        """
        Move on by so many seconds, not below 0; to go back, `set` the time.
        """
        if seconds < 0:
            msg = f"a clock advances by 0 seconds or more, not by {seconds!r}: set() moves it back"
            raise ValueError(msg)
        with self._lock:
            self._now += seconds

    def set(self, moment: str | float) -> None:
        """
        Move to a time, forward or back; see `start` of the class.
        """
        with self._lock:
            self._now = _epoch(moment)

    def sleep(self, seconds: float) -> None:
        """
        Move on at once, in place of waiting.
        """
        self.advance(seconds)

    async def asleep(self, seconds: float) -> None:
        """
        Same as `sleep`, and let the other tasks have a turn.
        """
        self.advance(seconds)
        await checkpoint()


def _epoch(moment: str | float) -> float:
    if not isinstance(moment, str):
        return float(moment)
    # Python 3.10 does not read the Z.
    named = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return (named if named.tzinfo else named.replace(tzinfo=timezone.utc)).timestamp()
