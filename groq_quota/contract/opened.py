"""
How the contract opens the storage under test.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..storage import Storage

__all__ = ["Opened"]


class Opened:
    """
    Subclass it with a name that begins with `Test`, and override `make`.

    Attributes:
        persistent: True if what was kept is there again in another storage made at the same place.
    """

    persistent = True

    def make(self, place: Path) -> Storage:
        """
        Open the storage under test; `place` is an empty directory, one for each test.
        """
        raise NotImplementedError

    @contextmanager
    def opened(self, place: Path) -> Iterator[Storage]:
        """
        Same as `make`, and closed at the end.
        """
        storage = self.make(place)
        try:
            yield storage
        finally:
            storage.close()
