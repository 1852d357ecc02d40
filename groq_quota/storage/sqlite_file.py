"""
An SQLite file: opening and making it, its schema, and taking turns on it.
"""

# pathlib costs more than most of these calls themselves.
# ruff: noqa: PTH112, PTH116, PTH120

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import time
from contextlib import suppress
from io import FileIO
from pathlib import Path

from ..errors import StorageError
from .columns import COUNTS
from .locks import locker

__all__ = ["MIGRATIONS", "SqliteFile", "failure"]

logger = logging.getLogger("groq_quota")

_ID = 0x67726F71  # "groq": tells our files from other programs' databases
_PAGE = 2_048  # bytes
_BUSY = 5.0  # seconds that SQLite waits for its own locks
_PATIENCE = 5.0  # seconds to wait for a turn; then without one
# Seconds between two looks whether the file was removed; with it goes what it counted, anyway.
_LOOK = 1.0
_BINARY: int = getattr(os, "O_BINARY", 0)
_NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)


def _columns(prefix: str = "") -> str:
    kinds = {"audio_seconds": "REAL", "waited": "REAL"}
    return ", ".join(
        f"{prefix}{name} {kinds.get(name, 'INTEGER')} NOT NULL DEFAULT 0" for name in COUNTS
    )


_NAMES = ", ".join(COUNTS)

_CELLS = (
    "CREATE TABLE cells (scope TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, "
    f"day TEXT NOT NULL, {_columns()}, {_columns('lifetime_')}, last_request REAL, "
    "state TEXT NOT NULL, PRIMARY KEY (scope, model))"
)
_PAST_DAYS = (
    "CREATE TABLE past_days (scope TEXT NOT NULL, model TEXT NOT NULL, day TEXT NOT NULL, "
    f"{_columns()}, PRIMARY KEY (scope, model, day)) WITHOUT ROWID"
)
_USAGE = (
    f"CREATE VIEW usage AS SELECT scope, model, day, {_NAMES} FROM cells "  # noqa: S608  # our names
    f"WHERE model <> '' AND day <> '' UNION ALL SELECT scope, model, day, {_NAMES} FROM past_days"
)

#: By the version of the schema that they start from: what leads to the next one.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_CELLS, _PAST_DAYS, _USAGE, f"PRAGMA application_id = {_ID}"),
)

# Connections that must not even be closed: to a file that is not there any more, or a parent's.
_abandoned: list[sqlite3.Connection] = []


class SqliteFile:
    """
    A file and the connection to it, for one thread at a time, and `<file>.lock` beside it.

    The lock only gives processes their turns, first come first served as far as may be; it is
    SQLite itself that excludes them. Everything raises sqlite3.Error or OSError.
    """

    def __init__(self, path: str, *, full: bool) -> None:
        self.path = path
        self.connection: sqlite3.Connection | None = None
        # For what returns no rows: a new cursor for each change would cost a tenth of it.
        self.cursor: sqlite3.Cursor | None = None
        self._full = full
        self._place: tuple[int, int] | None = None
        # Until then the connection is that to the file at the path; 0.0 if there is none.
        self._look_at = 0.0
        self._lock: FileIO | None = None

    def __del__(self) -> None:
        with suppress(sqlite3.Error):
            self.close()

    # -- the connection -----------------------------------------------------------------------

    def open(self, *, create: bool) -> bool:
        """
        Have a connection to the file that is at the path now; True if it is another than before.

        Without `create` a missing file stays missing, and there is no connection then.
        """
        if time.monotonic() < self._look_at:
            return False
        place = self._look()
        if self.connection is not None:
            if place == self._place:
                self._look_at = time.monotonic() + _LOOK
                return False
            logger.warning("%s was removed or replaced: it is opened anew.", self.path)
            self.abandon()
        if place is None and not create:
            return True
        try:
            if place is None:
                # Its owner's alone, as are the files that SQLite puts beside it.
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | _BINARY, 0o600))
            self._place = self._look()
            self.connection = self._connected()
            self.cursor = self.connection.cursor()
        except OSError as error:
            raise sqlite3.OperationalError(error.strerror or str(error)) from error
        self._look_at = time.monotonic() + _LOOK
        return True

    def _look(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            # Each change writes a page, and most cells have room in one of this size. It stays with
            # the file, as the mode does; files that are there already keep theirs.
            connection.execute(f"PRAGMA page_size = {_PAGE}")
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._full else 'NORMAL'}")
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        if _version(connection) == len(MIGRATIONS) and _is_ours(connection):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._migrate_locked(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # the disk was full: then there is nothing to take back
                connection.execute("ROLLBACK")
            raise

    def _migrate_locked(self, connection: sqlite3.Connection) -> None:
        version = _version(connection)
        if not _is_ours(connection):
            if version or connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise StorageError(
                    f"{self.path} is another program's database: name a file of its own "
                    "(storage=, or GROQ_QUOTA_STORAGE)."
                )
        elif version > len(MIGRATIONS):
            raise StorageError(
                f"{self.path} was written by a newer version of groq-quota: update this one."
            )
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @property
    def current(self) -> bool:
        """
        Whether what was opened last is the file that is at the path now.
        """
        return self._look() == self._place

    def close(self) -> None:
        """
        Close the connection and the lock file; the next use opens them again.
        """
        connection = self._taken()
        self._close_lock()
        if connection is None:
            return
        if self.current:
            connection.close()
        else:
            # Closing would take away files that belong to the one that is there now.
            _abandoned.append(connection)

    def abandon(self) -> None:
        """
        Forget the connection without closing it.
        """
        connection = self._taken()
        if connection is not None:
            _abandoned.append(connection)
        self._close_lock()

    def _taken(self) -> sqlite3.Connection | None:
        connection, self.connection, self.cursor = self.connection, None, None
        self._look_at = 0.0
        return connection

    def set_aside(self) -> str:
        """
        Give a damaged file and what is beside it a new name; that name.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        place = plain = f"{self.path}.damaged-{stamp}"
        number = 1
        while os.path.lexists(place):
            number += 1
            place = f"{plain}-{number}"
        connection = self._taken()
        if connection is not None:
            connection.close()
        for end in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                Path(self.path + end).replace(place + end)
        return place

    # -- turns --------------------------------------------------------------------------------

    def begin(self) -> bool:
        """
        Wait for a turn, and `open` what is there then, or make it; True as in `open`.
        """
        try:
            if time.monotonic() < self._look_at and self._lock and self._acquire(self._lock):
                return False
        except OSError:
            self._close_lock()
        self.lock()
        return self.open(create=True)

    def lock(self) -> None:
        """
        Wait for a turn; without one after 5 seconds, or where there can be no lock file.
        """
        try:
            lock = self._lock or self._open_lock()
            if self._acquire(lock):
                return
            left, pause = _PATIENCE, 0.00005
            while left > 0 and not self._acquire(lock):
                time.sleep(pause)
                left -= pause
                pause = min(2 * pause, 0.001)
        except OSError:
            self._close_lock()

    def unlock(self) -> None:
        """
        Let others have their turn; harmless for one who has none.
        """
        if self._lock is not None and not self._release(self._lock):
            self._close_lock()

    def _open_lock(self) -> FileIO:
        how = os.O_RDWR | os.O_CREAT | _BINARY | _NO_LINK
        self._acquire, self._release = locker()
        self._lock = FileIO(os.open(self.path + ".lock", how, 0o600), "r+")
        return self._lock

    def _close_lock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            with suppress(OSError):
                lock.close()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_ours(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == _ID)


def failure(file: SqliteFile, error: sqlite3.Error) -> StorageError:
    """
    What to tell the user; a damaged file is set aside first.
    """
    cause = str(error)
    if "readonly" in cause:
        file.close()  # it stays so for this connection, whatever becomes of the file
    if "malformed" in cause or "not a database" in cause:
        if not file.current:
            # Another process was faster: what is there now is whole, and others count in it.
            file.abandon()
            return StorageError(f"{file.path} was damaged ({cause}), and has been replaced.")
        try:
            place = file.set_aside()
        except OSError as problem:
            return StorageError(f"{file.path} is damaged, and cannot be set aside: {problem}.")
        logger.error(
            "%s is damaged (%s): it was set aside as %s, and counting starts anew.",
            file.path,
            cause,
            place,
        )
        return StorageError(f"{file.path} was damaged ({cause}), and was set aside as {place}.")
    inner = error.__cause__
    number = inner.errno if isinstance(inner, OSError) else None
    directory = os.path.dirname(file.path)
    if number is None and not os.path.isdir(directory):
        number = errno.ENOENT
    return StorageError(
        f"{file.path} cannot be used ({cause}): {_remedy(cause, number, directory)}, or choose "
        "another place (storage=, or GROQ_QUOTA_STORAGE)."
    )


def _remedy(cause: str, number: int | None, directory: str) -> str:
    if number == errno.ENOENT:
        return f"create the directory {directory}"
    if number == errno.ENOTDIR:
        return "name a file in a directory"
    if "full" in cause:
        return "make room on the disk"
    if "locked" in cause:
        return "see which program keeps it locked"
    return f"let this user write the file and its directory {directory}"
