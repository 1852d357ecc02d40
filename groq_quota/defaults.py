"""
The meter that is used where none is named.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .settings import Settings

if TYPE_CHECKING:
    from .meter import QuotaMeter

__all__ = ["default_meter", "set_default_meter"]

_lock = threading.Lock()
_default: QuotaMeter | None = None


def default_meter() -> QuotaMeter:
    """
    The meter of this process: the one that was set or installed, else one by `GROQ_QUOTA_*`.
    """
    global _default  # noqa: PLW0603  # the one meter of the process is what this module is for
    if _default is None:
        with _lock:
            if _default is None:
                from .meter import QuotaMeter

                settings = Settings.from_environment()
                _default = QuotaMeter(
                    settings.storage,
                    limits=settings.limits,
                    plan=settings.plan,
                    day=settings.day,
                )
    return _default


def set_default_meter(meter: QuotaMeter | None) -> None:
    """
    Make a meter the default of this process; None forgets it, the environment is read anew.
    """
    global _default  # noqa: PLW0603  # see default_meter
    with _lock:
        _default = meter
