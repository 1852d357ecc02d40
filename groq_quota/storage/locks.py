"""
The lock between processes, on a file that stays open.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import HasFileno

__all__ = ["LockFile", "Locker", "locker", "portalockers"]


class LockFile:
    """
    An open file to lock; it is closed when nobody has it any more.

    Unlike Python's own files it does not mind being forgotten, as storages are.
    """

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __del__(self) -> None:
        self.close()

    def fileno(self) -> int:
        """
        The descriptor; -1 once it is closed.
        """
        return self._descriptor

    def tell(self) -> int:
        """
        Its position, which older portalockers ask for on Windows.
        """
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def seek(self, position: int) -> int:
        """
        Set its position.
        """
        return os.lseek(self._descriptor, position, os.SEEK_SET)

    def close(self) -> None:
        """
        Close it; harmless if it is closed.
        """
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)


class Locker(NamedTuple):
    """
    How a file is locked for this process alone, without waiting, and let go; both tell whether.
    """

    acquire: Callable[[HasFileno], bool]
    release: Callable[[HasFileno], bool]


@cache
def locker() -> Locker:
    """
    The way of this platform.
    """
    # The same lock either way, but importing portalocker brings in redis where that is installed.
    if sys.platform != "win32":
        from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

        how = LOCK_EX | LOCK_NB

        def acquire(lock: HasFileno) -> bool:
            try:
                flock(lock, how)
            except BlockingIOError:
                return False
            return True

        def release(lock: HasFileno) -> bool:
            flock(lock, LOCK_UN)
            return True

        return Locker(acquire, release)
    else:  # noqa: RET505  # mypy looks at the branch of one platform only
        return portalockers()


def portalockers() -> Locker:
    """
    The way of Windows, which works everywhere.
    """
    import portalocker

    how = portalocker.LockFlags.EXCLUSIVE | portalocker.LockFlags.NON_BLOCKING

    def acquire(lock: HasFileno) -> bool:
        try:
            portalocker.lock(lock, how)
        except portalocker.LockException as error:
            cause = error.args[0] if error.args else None
            if isinstance(error, portalocker.AlreadyLocked):
                return False
            if isinstance(cause, BlockingIOError):  # portalocker before 2.8
                return False
            raise OSError(getattr(cause, "errno", None), f"cannot be locked: {error}") from error
        return True

    def release(lock: HasFileno) -> bool:
        try:
            portalocker.unlock(lock)
        except (OSError, portalocker.LockException):
            return False
        return True

    return Locker(acquire, release)
