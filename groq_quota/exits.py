"""
The end of a process, also of one of multiprocessing's, whose end is none for `atexit`.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any

from .hooks import logger

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["at_exit", "heed_multiprocessing"]

# After what others do at the end of a child, which may count yet.
_LAST = -1_000

_jobs: list[Callable[[], None]] = []


def at_exit(job: Callable[[], None]) -> Callable[[], None]:
    """
    Have a job done when the process ends; what came last is done first.
    """
    _jobs.append(job)
    return job


@atexit.register
def _finish() -> None:
    for job in reversed(_jobs):
        try:
            job()
        except Exception:  # the program is ending, and its own exit must not fail
            logger.debug("What was to be done at exit failed.", exc_info=True)


_finalizer: Any = None  # a `multiprocessing.util.Finalize`, which has no types
_heeded = False


def heed_multiprocessing() -> None:
    """
    Have the jobs done at the end of this process's children too, and of this one if it is a child.

    Children that multiprocessing forks leave by `os._exit`, after its own finalizers. It is not
    imported for our sake: where it is not imported, there are no such children.
    """
    global _heeded  # noqa: PLW0603  once for a process and those forked of it
    util = sys.modules.get("multiprocessing.util")
    if util is None:
        return
    if not _heeded:
        _heeded = True
        # A child forgets its parent's finalizers when it begins, and does this then.
        util.register_after_fork(_finish, _end_with)
    if sys.modules["multiprocessing.process"].parent_process() is not None:
        _end_with(_finish)


def _end_with(job: Callable[[], None]) -> None:
    global _finalizer  # noqa: PLW0603  once for each process
    if _finalizer is None or not _finalizer.still_active():
        util = sys.modules["multiprocessing.util"]
        _finalizer = util.Finalize(None, job, exitpriority=_LAST)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=heed_multiprocessing)
