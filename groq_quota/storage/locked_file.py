"""
A file that many processes read and replace whole, one at a time, without ever tearing it.
"""

# pathlib costs more than most of these calls themselves.
# ruff: noqa: PTH105, PTH108, PTH116, PTH120, PTH123

from __future__ import annotations

import errno
import os
import stat as modes
import sys
import time
from contextlib import suppress

from .locks import LockFile
from .locks import locker as _locker

__all__ = ["LockedFile", "Signature"]

#: What tells whether a file was changed: the generation that its writers count, then, if it is
#: there, its time, its size and its inode, for those who write it by hand.
Signature = tuple[int, ...]

_BINARY: int = getattr(os, "O_BINARY", 0)
_NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)
# A file that is a mount of its own, or another user's in a sticky directory, cannot be replaced.
_NOT_REPLACEABLE = (errno.EBUSY, errno.EXDEV, errno.EPERM)

# What follows the generation in the lock file: whether the file is being written over.
_WHOLE, _TORN = b"\0", b"\1"


class LockedFile:
    """
    A file, with `<file>.lock` beside it, which excludes other processes and counts generations.

    One thread at a time, but for `glance`. Reading alone creates nothing. Everything raises
    OSError.

    Args:
        path: Absolute; links are followed.
        fsync: Whether what was written survives a power loss.
    """

    #: Seconds to wait for other processes: for the lock, and on Windows for those who have the file
    #: open while it is to be replaced.
    patience = 10.0
    replace_patience = 2.0 if sys.platform == "win32" else 0.0

    def __init__(self, path: str, *, fsync: bool = False) -> None:
        self.path = path
        self._fsync = fsync
        self._target = path
        self._lock: LockFile | None = None
        self._lock_place: tuple[int, int] | None = None
        self._generation = 0
        self._like: os.stat_result | None = None
        #: True if a process died while it wrote over the file: the copy is whole, not the file.
        self.torn = False
        #: True once `write` has changed the file, even if it was interrupted just then.
        self.written = False

    def close(self) -> None:
        """
        Let go of the lock file; the next use opens it again.
        """
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    # -- the lock -----------------------------------------------------------------------------

    def acquire(self, *, create: bool) -> bool:
        """
        Exclude all other processes until `release`.

        Without `create` a missing lock file stays missing, as one that may not be opened stays
        closed. False if there is no lock then: what is read is whole, but may change at once.
        """
        while True:
            lock = self._lock or self._open_lock(create=create)
            if lock is None:
                return False
            self._wait_for(lock)
            if self._is_in_place():
                return True
            self.close()  # somebody deleted it, and others may hold a new one

    def release(self) -> None:
        """
        Let others in; harmless if nothing was acquired.
        """
        lock = self._lock
        if lock is not None and not _locker().release(lock):
            self.close()  # which lets others in, too

    def _open_lock(self, *, create: bool) -> LockFile | None:
        self._target = os.path.realpath(self.path)
        place = self._target + ".lock"
        try:
            descriptor = os.open(place, os.O_RDWR | _BINARY | _NO_LINK)
        except FileNotFoundError:
            if not create:
                return None
            like = self._stat()
            descriptor = os.open(place, os.O_RDWR | os.O_CREAT | _BINARY | _NO_LINK, 0o600)
            _adopt(descriptor, os.fstat(descriptor), like)
        except PermissionError:
            if create:
                raise
            return None
        self._lock = lock = LockFile(descriptor)
        found = os.fstat(descriptor)
        self._lock_place = (found.st_dev, found.st_ino)
        return lock

    def _wait_for(self, lock: LockFile) -> None:
        # Asking again and again, since a lock that is waited for cannot be given up.
        acquire = _locker().acquire
        pause, left = 0.0001, self.patience
        while not acquire(lock):
            if left <= 0:
                said = f"another process has kept the lock for {self.patience:g} s"
                raise OSError(errno.ETIMEDOUT, said, self._target + ".lock")
            time.sleep(pause)
            left -= pause
            pause = min(2 * pause, 0.001)

    def _is_in_place(self) -> bool:
        try:
            found = os.stat(self._target + ".lock")
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == self._lock_place

    # -- reading ------------------------------------------------------------------------------

    def signature(self) -> Signature:
        """
        The file's signature as it is now; to be called with the lock held.
        """
        self._generation = self._read_generation()
        self._like = found = self._stat()
        return (self._generation, *_traits(found))

    def glance(self) -> Signature | None:
        """
        The same from any thread and without the lock, where that is possible.
        """
        if sys.platform != "win32":  # where reading moves the lock file's position
            lock = self._lock
            try:
                if lock is not None:
                    generation = int.from_bytes(os.pread(lock.fileno(), 8, 0), "little")
                    return (generation, *_traits(self._stat()))
                if not os.path.lexists(self._target + ".lock"):
                    return (0, *_traits(self._stat()))
            except OSError:  # closed just now
                return None
        return None

    def moved(self) -> bool:
        """
        Whether a link on the way leads elsewhere now; then `close` and `acquire` again.
        """
        return os.path.realpath(self.path) != self._target

    def read(self) -> bytes:
        """
        The content; empty if there is no file.
        """
        return _read(self._target)

    def read_copy(self) -> bytes:
        """
        The copy that is kept beside a file that cannot be replaced; empty if there is none.
        """
        return _read(self._target + ".backup")

    def _stat(self) -> os.stat_result | None:
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return None
        if not modes.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", self._target)
        return found

    def _read_generation(self) -> int:
        if self._lock is None:
            self.torn = False
            return 0
        descriptor = self._lock.fileno()
        os.lseek(descriptor, 0, os.SEEK_SET)
        said = os.read(descriptor, 9)
        self.torn = said[8:] == _TORN
        return int.from_bytes(said[:8], "little")

    # -- writing ------------------------------------------------------------------------------

    def write(self, data: bytes) -> Signature:
        """
        Replace the content, with the lock held and after `signature`; the new signature.

        A process that dies anywhere in here leaves the old content or the new.
        """
        generation = self._next_generation()
        temp = self._target + ".tmp"
        written = None
        try:
            written = self._fill(temp, data)
            try:
                self._replace(temp)
            except OSError as error:
                if error.errno not in _NOT_REPLACEABLE:
                    raise
                written = self._write_over(temp, data)
            self.written = True
        except BaseException:
            with suppress(OSError):
                self.written = written is not None and _traits(written) == _traits(self._stat())
                os.unlink(temp)
            raise
        if self._fsync:
            self._sync_directory()
        if sys.platform == "win32":  # times settle there when a file is closed
            written = os.stat(self._target)
        return (generation, *_traits(written))

    def _next_generation(self) -> int:
        # Counted before the file changes: who dies in between costs others a needless look. A new
        # lock file starts anywhere, so that it is not taken for a deleted one.
        before = self._generation or int.from_bytes(os.urandom(6), "little")
        self._generation = before + 1
        self._write_generation(_WHOLE)
        return self._generation

    def _write_generation(self, mark: bytes) -> None:
        if self._lock is None:
            raise OSError(errno.ENOLCK, "not locked", self._target)
        descriptor = self._lock.fileno()
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, self._generation.to_bytes(8, "little") + mark)

    def _fill(self, path: str, data: bytes, *, over: bool = False) -> os.stat_result:
        how = 0 if over else os.O_CREAT | os.O_TRUNC | _NO_LINK
        descriptor = os.open(path, os.O_WRONLY | _BINARY | how, 0o600)
        try:
            _write(descriptor, data)
            if over:
                os.ftruncate(descriptor, len(data))
            written = os.fstat(descriptor)
            if not over:
                _adopt(descriptor, written, self._like)
            if self._fsync:
                os.fsync(descriptor)
            return written
        finally:
            os.close(descriptor)

    def _replace(self, temp: str) -> None:
        pause, left = 0.001, self.replace_patience
        while True:
            try:
                self.rename(temp, self._target)
                return
            except PermissionError:
                if left <= 0:
                    raise
            time.sleep(pause)
            left -= pause
            pause = min(2 * pause, 0.05)

    def rename(self, source: str, target: str) -> None:
        """
        Give a file another name, and whatever has that name up; a place for tests to get in.
        """
        os.replace(source, target)

    def _write_over(self, temp: str, data: bytes) -> os.stat_result:
        # The copy is whole before the file is touched, and the lock file says so meanwhile.
        before = self.read()
        try:
            os.replace(temp, self._target + ".backup")
        except OSError:
            os.unlink(temp)
            return self._fill(self._target, data, over=True)
        self._write_generation(_TORN)
        try:
            written = self._fill(self._target, data, over=True)
        except OSError:
            # A full disk has room for what was there. What failed must not be found in the copy.
            with suppress(OSError):
                self._fill(self._target, before, over=True)
            if self.read() == before:
                self._write_generation(_WHOLE)
            raise
        self._write_generation(_WHOLE)
        return written

    def _sync_directory(self) -> None:
        if sys.platform != "win32":  # which does not open directories
            descriptor = os.open(os.path.dirname(self._target), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def set_aside(self) -> str:
        """
        Give a damaged file a new name, with the lock held; that name.

        A file that cannot be renamed is copied and emptied.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        place = plain = f"{self._target}.damaged-{stamp}"
        number = 1
        while os.path.lexists(place):
            number += 1
            place = f"{plain}-{number}"
        self._like = self._stat()
        try:
            self.rename(self._target, place)
        except OSError as error:
            if error.errno not in _NOT_REPLACEABLE:
                raise
            self._fill(place, self.read())
            self._fill(self._target, b"", over=True)
        return place


def _traits(found: os.stat_result | None) -> tuple[int, ...]:
    return () if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _adopt(descriptor: int, mine: os.stat_result, like: os.stat_result | None) -> None:
    # The mode and the owner of the file that is replaced; a new file is its owner's alone.
    if sys.platform != "win32":
        if like is not None and (mine.st_uid, mine.st_gid) != (like.st_uid, like.st_gid):
            for owner in ((like.st_uid, like.st_gid), (-1, like.st_gid)):
                with suppress(OSError):
                    os.fchown(descriptor, *owner)
                    break
        mode = modes.S_IMODE(0o600 if like is None else like.st_mode)
        if modes.S_IMODE(mine.st_mode) != mode:
            with suppress(OSError):  # a file system without modes
                os.fchmod(descriptor, mode)
