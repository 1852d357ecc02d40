"""
A handler for every run of the process, without passing callbacks.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING

from langchain_core.tracers.context import register_configure_hook

from .handler import QuotaCallbackHandler

if TYPE_CHECKING:
    from uuid import UUID

    from groq_quota import QuotaMeter

    from .reading import Asked
    from .run import Run

__all__ = ["attach_globally", "detach_globally"]


class _EveryRun(QuotaCallbackHandler):
    """
    The handler of all runs; while it is detached, it begins none.

    It was not given to the runs on purpose, so it leaves alone what is not Groq's.
    """

    attached = False

    def use(self, meter: QuotaMeter | None) -> None:
        """
        Count with this meter from now on; None for the default one.
        """
        self._meter = meter

    def wants(self, meter: QuotaMeter, model: str, asked: Asked) -> bool:
        """
        Whether a run goes to Groq, or perhaps, with a model that the limits know.
        """
        to_groq = asked.to_groq
        return meter.limits.known(model) if to_groq is None else to_groq

    def _begun(self, run_id: UUID, asked: Asked) -> Run | None:
        return super()._begun(run_id, asked) if self.attached else None


_handler = _EveryRun()
# The default makes it present in every context and in bare threads.
_everywhere: ContextVar[_EveryRun | None] = ContextVar("groq_quota_handler", default=_handler)
_lock = threading.Lock()
_registered = False


def attach_globally(meter: QuotaMeter | None = None) -> None:
    """
    Guard every run of LangChain in this process that goes to Groq.

    A `QuotaCallbackHandler` that a run is given besides is not doubled.

    Args:
        meter: The meter; None for the default meter, looked up at each run.
    """
    global _registered  # noqa: PLW0603  # LangChain takes a hook, and never gives it back
    with _lock:
        _handler.use(meter)
        _handler.attached = True
        if not _registered:
            register_configure_hook(
                _everywhere, inheritable=True, handle_class=QuotaCallbackHandler
            )
            _registered = True


def detach_globally() -> None:
    """
    Undo `attach_globally`; runs that are under way are still counted.
    """
    with _lock:
        _handler.attached = False
