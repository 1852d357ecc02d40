"""
Where this process' requests rest until their turn comes.

When it is a request's turn is said by its booking, and may change: the first in each line is woken
to look again whenever something was counted, each other when it becomes the first.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from .trios import in_trio

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Hashable

__all__ = ["Rests", "Ticket"]


class Ticket:
    """
    A place in a line. One thread or task rests on it; any may wake it.
    """

    __slots__ = ("_wake", "_woken", "key")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self._woken = False
        self._wake: Callable[[], object] | None = None

    def rest(self, seconds: float) -> float:
        """
        Block for so long, or until it is woken; returns how long that was, in seconds.
        """
        begun, event = time.monotonic(), threading.Event()
        self._wake = event.set
        if not self._woken:
            event.wait(seconds)
        self._wake, self._woken = None, False
        return time.monotonic() - begun

    async def arest(self, seconds: float) -> float:
        """
        Same as `rest`, without blocking the event loop.
        """
        if in_trio():
            return await self._trest(seconds)
        import asyncio  # whoever awaits has it already; whoever does not need not load it

        begun, loop = time.monotonic(), asyncio.get_running_loop()
        future: Future[None] = loop.create_future()
        self._wake = lambda: loop.call_soon_threadsafe(_done, future)
        timer = loop.call_later(seconds, _done, future)
        try:
            if not self._woken:
                await future
        finally:
            timer.cancel()
            self._wake, self._woken = None, False
        return time.monotonic() - begun

    async def _trest(self, seconds: float) -> float:
        import trio  # it is running

        begun, event = time.monotonic(), trio.Event()
        token = trio.lowlevel.current_trio_token()
        self._wake = lambda: token.run_sync_soon(event.set)
        try:
            with trio.move_on_after(seconds):
                if not self._woken:
                    await event.wait()
        finally:
            self._wake, self._woken = None, False
        return time.monotonic() - begun

    def wake(self) -> None:
        """
        Have whoever rests on it look again; if nobody does, the next rest ends at once.
        """
        self._woken = True
        wake = self._wake
        if wake is not None:
            try:
                wake()
            except RuntimeError:  # its event loop has been closed: nobody rests on it any more
                self._wake = None


def _done(future: Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Rests:
    """
    All lines of a process.

    Attributes:
        lines: By key, who is in each; to be looked at, and changed by the methods only.
    """

    def __init__(self) -> None:
        self.lines: dict[Hashable, dict[Ticket, None]] = {}
        self._lock = threading.Lock()

    def join(self, key: Hashable) -> Ticket:
        """
        A place at the end of a line.
        """
        ticket = Ticket(key)
        with self._lock:
            self.lines.setdefault(key, {})[ticket] = None
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """
        Give up a place; who comes to the front by that is woken.
        """
        with self._lock:
            line = self.lines.get(ticket.key, {})
            was_first = ticket is next(iter(line), None)
            line.pop(ticket, None)
            first = next(iter(line), None)
            if not line:
                self.lines.pop(ticket.key, None)
        if was_first and first is not None:
            first.wake()

    def first(self, key: Hashable) -> Ticket | None:
        """
        Whoever has waited longest in a line.
        """
        with self._lock:
            return next(iter(self.lines.get(key, ())), None)

    def wake_first(self, key: Hashable) -> None:
        """
        Have the first of a line look again.
        """
        first = self.first(key)
        if first is not None:
            first.wake()
