"""
For tests of programs that use groq-quota: a clock that moves only when it is told to, what a
storage of your own has to do, and the fixtures of the pytest plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clock import FakeClock

if TYPE_CHECKING:
    from ..contract import StorageContract

__all__ = ["FakeClock", "StorageContract"]


def __getattr__(name: str) -> type[StorageContract]:
    # It needs pytest; the clock does not.
    if name == "StorageContract":
        from ..contract import StorageContract

        return StorageContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
