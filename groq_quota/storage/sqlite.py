"""
A storage in one SQLite file, for the processes of one machine and for people with questions.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

from ..errors import ConfigurationError, StorageError, WrongTypeError
from .columns import (
    CELL,
    COUNTS,
    Texts,
    cell_of,
    counts_of,
    is_row,
    only_state,
    state_of,
    values_of,
)
from .sqlite_file import SqliteFile, failure
from .versioned import VersionedStorage
from .versions import KEPT_DAYS, NOTHING, Change, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..state import Cell, Rows
    from .base import Key
    from .grouping import Job
    from .versions import Work

__all__ = ["SqliteStorage"]

T = TypeVar("T")

_NAMES = ", ".join(CELL)
_FETCH = f"SELECT version, {_NAMES} FROM cells WHERE scope = ? AND model = ?"  # noqa: S608  # our names
# Somebody may have written names that are no text: they are none of ours.
_LOAD = (
    f"SELECT model, version, {_NAMES} FROM cells WHERE scope = ? AND typeof(model) = 'text' "  # noqa: S608  # our names
    "ORDER BY rowid"
)
_UPDATE = (
    f"UPDATE cells SET version = ?, {', '.join(f'{name} = ?' for name in CELL)} "  # noqa: S608  # our names
    "WHERE scope = ? AND model = ? AND version = ?"
)
_UPDATE_STATE = (
    "UPDATE cells SET version = ?, state = ? WHERE scope = ? AND model = ? AND version = ?"
)
_INSERT = (
    f"INSERT INTO cells (version, {_NAMES}, scope, model) "  # noqa: S608  # our names
    f"VALUES ({', '.join('?' * (len(CELL) + 3))}) ON CONFLICT DO NOTHING"
)
_DELETE = "DELETE FROM cells WHERE scope = ? AND model = ? AND version = ?"
_COUNTS = ", ".join(COUNTS)
_PAST = (
    f"SELECT model, day, {_COUNTS} FROM past_days "  # noqa: S608  # our names
    "WHERE scope = ? AND day >= ? AND typeof(model) = 'text'"
)
_DAY = f"SELECT {_COUNTS} FROM past_days WHERE scope = ? AND model = ? AND day = ?"  # noqa: S608  # our names
_SET_DAY = (
    f"INSERT OR REPLACE INTO past_days (scope, model, day, {_COUNTS}) "  # noqa: S608  # our names
    f"VALUES ({', '.join('?' * (len(COUNTS) + 3))})"
)
_CLEAR_DAYS = "DELETE FROM past_days WHERE scope = ? AND model = ?"
_TRIM_DAYS = (
    "DELETE FROM past_days WHERE scope = ? AND model = ? AND day NOT IN (SELECT day FROM "
    "past_days WHERE scope = ? AND model = ? ORDER BY day DESC LIMIT ?)"
)
_SCOPES = (
    "SELECT scope FROM cells WHERE typeof(scope) = 'text' "
    "UNION SELECT scope FROM past_days WHERE typeof(scope) = 'text'"
)

# Cells whose texts are kept, of what changes seldom in them.
_WRITTEN = 4_096


class SqliteStorage(VersionedStorage):
    """
    Keeps everything in one SQLite file, exact over threads, tasks and processes.

    The view `usage` has the counts by scope, model and day. Callers that wait at the same time
    share one transaction. Constructing touches no disk. For local disks, not for network drives.

    Args:
        path: Of the file; its directory must be there.
        synchronous: "full" for what survives a power loss too; each change then waits for the disk.
    """

    def __init__(self, path: str | os.PathLike[str], *, synchronous: str = "normal") -> None:
        super().__init__()
        self._full = _checked_synchronous(synchronous)
        self._file = SqliteFile(_checked_path(path), full=self._full)
        # Of the one connection, for one thread at a time; reentrant, as changing looks, too.
        self._using = threading.RLock()
        self._texts: dict[Key, Texts] = {}
        self._forking = False
        _open.add(self)

    @classmethod
    def from_uri(cls, text: str) -> SqliteStorage:
        """
        The storage at `sqlite:///relative.db` or `sqlite:////absolute.db`, as SQLAlchemy writes it.

        `?synchronous=full` at the end stands for the argument of that name.

        Raises:
            ConfigurationError: For an empty path or an unknown option.
        """
        place, _, query = text.partition("://")[2].partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        synchronous = options.pop("synchronous", "normal")
        if options:
            raise ConfigurationError(
                f"{text!r}: unknown option {next(iter(options))!r}; known is synchronous=full"
            )
        return cls(unquote(place.removeprefix("/")), synchronous=synchronous)

    @property
    def uri(self) -> str:
        """
        Its place, as `from_uri` takes it.
        """
        path = self._file.path.replace(os.sep, "/").replace("%", "%25").replace("?", "%3F")
        return f"sqlite:///{path}" + ("?synchronous=full" if self._full else "")

    def close(self) -> None:
        """
        Close the file; the next use opens it again.
        """
        if self._entered():  # a signal handler: the call that it interrupted needs the file
            return
        with self._using:
            self._file.close()
        super().close()

    # -- forks: SQLite must not see one with the file open ------------------------------------

    def before_fork(self) -> None:
        """
        Close the file, and keep it closed: what SQLite knows of open files must not be inherited.
        """
        if not self._entered():
            self._using.acquire()
            self._forking = True
            with suppress(StorageError):
                self._file.close()

    def after_fork_in_parent(self) -> None:
        """
        Let other threads open it again.
        """
        if self._forking:
            self._forking = False
            self._using.release()

    def after_fork(self) -> None:
        """
        In a forked child: a free lock, and nobody else's calls.
        """
        super().after_fork()
        self._forking = False
        self._using = threading.RLock()
        self._file.abandon()

    # -- trips --------------------------------------------------------------------------------

    def _made_alone(self, key: Key, step: Callable[[Cell], T]) -> tuple[T] | None:
        # Steps are run under the lock, too: no other process changes the cell meanwhile.
        file = self._file
        with self._using:
            try:
                if file.begin():
                    self._known.clear()
                return self._made_quickly(key, step)
            except sqlite3.Error as error:
                raise self._failed(error) from error
            finally:
                file.unlock()

    def _commit(self, jobs: Sequence[Job[Work]]) -> None:
        with self._using:
            try:
                if self._file.begin():
                    self._known.clear()
                super()._commit(jobs)
            except sqlite3.Error as error:
                raise self._failed(error) from error
            finally:
                self._file.unlock()

    def _perform(self, name: str, *args: Any) -> Any:  # what a trip brings
        try:
            with self._using:
                return getattr(self, "_" + name)(*args)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: sqlite3.Error) -> StorageError:
        self._known.clear()
        with self._using:
            return failure(self._file, error)

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        # Looking creates no file.
        if self._file.open(create=False):
            self._known.clear()
        connection = self._file.connection
        return [] if connection is None else connection.execute(statement, values).fetchall()

    def _fetch(self, key: Key) -> Record:
        found = self._rows(_FETCH, *key)
        return self._record(found[0], key) if found else NOTHING

    def _record(self, row: Sequence[Any], key: Key) -> Record:
        return Record(row[0], {}, cell_of(row[1:], (self._file.path, *key)))

    def _days(self, key: Key, days: Sequence[str]) -> Rows:
        found = {day: self._rows(_DAY, *key, day) for day in days}
        where = (self._file.path, *key)
        return {day: counts_of(rows[0], (*where, day)) for day, rows in found.items() if rows}

    def _load(self, scope: str) -> list[tuple[str, Record]]:
        rows = self._rows(_LOAD, scope)
        return [(model, self._record(row, (scope, model))) for model, *row in rows]

    def _past(self, scope: str, since: str) -> dict[str, Rows]:
        models: dict[str, Rows] = {}
        for model, day, *counts in self._rows(_PAST, scope, since):
            where = (self._file.path, scope, model)
            if is_row(day, where):
                models.setdefault(model, {})[day] = counts_of(counts, (*where, day))
        return models

    def _scopes(self) -> list[str]:
        return [scope for (scope,) in self._rows(_SCOPES)]

    def _swap(self, changes: Sequence[Change]) -> list[Record | None]:
        connection = self._file.connection
        if connection is None:
            raise StorageError(f"{self._file.path} is not open")
        if len(changes) == 1 and not changes[0].rows and not changes[0].whole:
            return [self._swap_one(connection, changes[0])]
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = [self._swap_one(connection, change) for change in changes]
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return found

    def _swap_single(self, change: Change) -> Record | None:
        # Called within `_commit` only: everything is open and locked.
        if change.record is None:
            return super()._swap_single(change)
        return None if self._write(change, change.record) else self._fetch(change.key)

    def _swap_one(self, connection: sqlite3.Connection, change: Change) -> Record | None:
        key, expected, record, rows, whole, _ = change
        if record is None or (record is NOTHING and not expected):
            stands = self._fetch(key)
            made = stands.version == expected
        else:
            made = self._write(change, record)
            stands = NOTHING if made else self._fetch(key)
        if not made:
            return stands
        if whole:
            connection.execute(_CLEAR_DAYS, key)
        if rows:
            values = [(*key, day, *counts.values()) for day, counts in rows.items()]
            connection.executemany(_SET_DAY, values)
            connection.execute(_TRIM_DAYS, (*key, *key, KEPT_DAYS))
        return None

    def _write(self, change: Change, record: Record) -> bool:
        cursor = self._file.cursor
        if cursor is None:
            raise StorageError(f"{self._file.path} is not open")
        key, expected, _, _, _, before = change
        version, _, cell = record
        if cell is None:
            self._texts.pop(key, None)
            cursor.execute(_DELETE, (*key, expected))
            return cursor.rowcount == 1
        texts = self._texts.get(key)
        if texts is None:
            if len(self._texts) >= _WRITTEN:
                self._texts.clear()
            texts = self._texts[key] = {}
        if not expected:
            cursor.execute(_INSERT, (version, *values_of(cell, texts), *key))
        elif only_state(cell, before):
            cursor.execute(_UPDATE_STATE, (version, state_of(cell, texts), *key, expected))
        else:
            cursor.execute(_UPDATE, (version, *values_of(cell, texts), *key, expected))
        return cursor.rowcount == 1


_open: weakref.WeakSet[SqliteStorage] = weakref.WeakSet()


def _before_fork() -> None:
    for storage in list(_open):
        storage.before_fork()


def _after_fork_in_parent() -> None:
    for storage in list(_open):
        storage.after_fork_in_parent()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent)


def _checked_synchronous(value: object) -> bool:
    known = {"normal": False, "full": True}
    if not isinstance(value, str) or value.lower() not in known:
        raise ConfigurationError(f"synchronous must be 'normal' or 'full', not {value!r}")
    return known[value.lower()]


def _checked_path(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise WrongTypeError(f"path must be text or a path, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text or text.endswith(("/", os.sep)):
        raise ConfigurationError(
            f"{text!r} is not the path of a file: give one such as 'usage_data.db'"
        )
    return os.path.abspath(text)  # noqa: PTH100  # Path.resolve would read the disk
