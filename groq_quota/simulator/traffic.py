"""
How many requests are being served.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Traffic:
    """
    A counter that can be waited for until it is at rest.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """
        Count one request for the extent of the block.
        """
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def wait_idle(self, timeout: float) -> bool:
        """
        Wait until no request is being served, at most *timeout* seconds; tell whether it is so.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout)

    def _add(self, change: int) -> None:
        with self._changed:
            self._count += change
            self._changed.notify_all()
