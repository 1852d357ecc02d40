"""
A storage in one JSON file, of the seed's structure, which people and other programs can read.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

from ..errors import ConfigurationError, StorageError, WrongTypeError
from ..windows import utc_date
from .base import BaseStorage, Key
from .document import Document, Draft
from .grouping import Group, Job
from .json_text import DamagedError, Encoder, NewerError, decode
from .locked_file import LockedFile, Signature

if TYPE_CHECKING:
    from ..state import Cell, Rows

__all__ = ["JsonStorage"]

T = TypeVar("T")

_Known = tuple[Signature, Document]
_Work = Callable[[Draft], Any]

logger = logging.getLogger("groq_quota")

# A text that cannot be read may be one that another program is just writing: seconds to wait.
_SECOND_LOOKS = (0.01, 0.03, 0.06)
# No file's: who only looked at a damaged one has yet to set it aside before writing.
_UNKNOWN: Signature = ()


class JsonStorage(BaseStorage):
    """
    Keeps everything in one JSON file, exact over threads, tasks and processes.

    The file is current after every call, and replaced whole: a process may die at any point.
    Callers that wait at the same time share one write. Constructing touches no disk.

    Args:
        path: Of the file; its directory must be there.
        fsync: Whether what was counted survives a power loss too; each write waits for the disk.
    """

    def __init__(self, path: str | os.PathLike[str], *, fsync: bool = False) -> None:
        super().__init__()
        self._fsync = fsync
        self._file = self._open(_checked_path(path), fsync=fsync)
        self._encoder = Encoder()
        self._known: _Known | None = None
        self._warned = ""
        self._busy = threading.Lock()
        self._group: Group[_Work] = Group(self._commit)

    @classmethod
    def from_uri(cls, text: str) -> JsonStorage:
        """
        The storage at `usage.json`, `json:///abs/usage.json` or `json://relative/usage.json`.

        `?fsync=1` at the end stands for `fsync=True`. In a URI, `%` begins an escaped character.

        Raises:
            ConfigurationError: For an empty path or an unknown option.
        """
        path, fsync = _parse(text)
        return cls(path, fsync=fsync)

    def _open(self, path: str, *, fsync: bool) -> LockedFile:
        return LockedFile(path, fsync=fsync)

    @property
    def uri(self) -> str:
        """
        Its place, as `from_uri` takes it.
        """
        path = self._file.path.replace(os.sep, "/").replace("%", "%25").replace("?", "%3F")
        root = "" if path.startswith("/") else "/"
        return f"json://{root}{path}" + ("?fsync=1" if self._fsync else "")

    def after_fork(self) -> None:
        """
        In a forked child: a lock of its own, and nobody else's calls.
        """
        # A lock file that was opened before a fork is the parent's, too, and excludes nobody.
        self._file.close()
        self._busy = threading.Lock()
        self._group.after_fork()

    # -- the storage's methods ----------------------------------------------------------------

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Run `step` on a copy of the cell and write the copy; see `Storage.transact`.
        """
        outcome: T = self._group.run(lambda draft: draft.transact(key, step))
        return outcome

    async def atransact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        Same as `transact`, without blocking the event loop.
        """
        outcome: T = await self._group.arun(lambda draft: draft.transact(key, step))
        return outcome

    def put(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Replace a cell and its rows.
        """
        self._group.run(lambda draft: draft.put(key, cell, rows))

    async def aput(self, key: Key, cell: Cell, rows: Rows) -> None:
        """
        Same as `put`, without blocking the event loop.
        """
        await self._group.arun(lambda draft: draft.put(key, cell, rows))

    def read(self, key: Key) -> Cell | None:
        """
        A copy of one cell, or None.
        """
        return self._look(lambda document: document.cell(key))

    async def aread(self, key: Key) -> Cell | None:
        """
        Same as `read`, without blocking the event loop.
        """
        return await self._alook(lambda document: document.cell(key))

    def load(self, scope: str) -> dict[str, Cell]:
        """
        Copies of all cells of a scope, by model.
        """
        return self._look(lambda document: document.cells(scope))

    async def aload(self, scope: str) -> dict[str, Cell]:
        """
        Same as `load`, without blocking the event loop.
        """
        return await self._alook(lambda document: document.cells(scope))

    def past(self, scope: str, since: str) -> dict[str, Rows]:
        """
        The rows of past days from `since` on, by model and day; the newest 62 are kept.
        """
        return self._look(lambda document: document.past(scope, since))

    async def apast(self, scope: str, since: str) -> dict[str, Rows]:
        """
        Same as `past`, without blocking the event loop.
        """
        return await self._alook(lambda document: document.past(scope, since))

    def scopes(self) -> list[str]:
        """
        The names of all scopes, sorted.
        """
        return self._look(lambda document: document.names())

    async def ascopes(self) -> list[str]:
        """
        Same as `scopes`, without blocking the event loop.
        """
        return await self._alook(lambda document: document.names())

    def close(self) -> None:
        """
        Let go of the lock file; the next use opens it again.
        """
        if self._group.entered():  # a signal handler: the call that it interrupted needs the file
            return
        with self._busy:
            self._file.close()
        self._group.close()

    async def aclose(self) -> None:
        """
        Same as `close`, without blocking the event loop.
        """
        await self._group.elsewhere(self.close)

    # -- looking ------------------------------------------------------------------------------

    def _look(self, view: Callable[[Document], T]) -> T:
        known = self._glance()
        if known is not None:
            return view(known)
        outcome: T = self._group.run(lambda draft: view(draft.before), reads=True)
        return outcome

    async def _alook(self, view: Callable[[Document], T]) -> T:
        known = self._glance()
        if known is not None:
            return view(known)
        outcome: T = await self._group.arun(lambda draft: view(draft.before), reads=True)
        return outcome

    def _glance(self) -> Document | None:
        # What is known, if nobody has changed the file since: no lock, nothing read.
        known = self._known
        if known is not None and self._file.glance() == known[0]:
            return known[1]
        return None

    # -- one trip to the file -----------------------------------------------------------------

    def _commit(self, jobs: Sequence[Job[_Work]]) -> None:
        reading = all(job.reads for job in jobs)
        self._file.written = False
        try:
            with self._busy:
                self._commit_locked(jobs, create=not reading)
            _settle(jobs)
        except OSError as error:
            if self._file.written:
                _settle(jobs)
                self._warn(f"{self._file.path} is written, but a power loss may undo it ({error}).")
                return
            raise _failure(self._file.path, error, reading=reading) from error
        except NewerError as error:
            raise StorageError(f"{self._file.path} {error}") from error
        except BaseException:  # KeyboardInterrupt: who is in the file already is not to come again
            if self._file.written:
                _settle(jobs)
            raise

    def _commit_locked(self, jobs: Sequence[Job[_Work]], *, create: bool) -> None:
        try:
            draft = Draft(self._current(create=create))
            for job in jobs:
                job.attempt(draft)
            document = draft.finish()
            if document is not draft.before:
                data = self._encoder.encode(document, since=draft.before, changed=draft.changed)
                self._known = (self._file.write(data), document)
        finally:
            self._file.release()

    def _current(self, *, create: bool) -> Document:
        file, known = self._file, self._known
        locked = file.acquire(create=create)
        signature = file.signature()
        if known is not None and signature == known[0]:
            return known[1]
        if file.moved():
            file.close()
            locked = file.acquire(create=create)
            signature = file.signature()
        filled = known is not None and bool(known[1].scopes)
        self._known = known = self._load(signature, filled=filled, locked=locked)
        return known[1]

    def _load(self, signature: Signature, *, filled: bool, locked: bool) -> _Known:
        if self._file.torn and len(signature) > 1 and self._file.read_copy():
            return self._repaired("a process died while it wrote it", locked=locked)
        # Another program may be just writing it, and not in one piece as we do.
        for pause in _SECOND_LOOKS:
            data = self._file.read()
            if data.strip() or not filled or len(signature) == 1:
                with suppress(DamagedError):
                    return signature, self._decoded(data, signature)
            time.sleep(pause)
        try:
            return signature, self._decoded(self._file.read(), signature)
        except DamagedError as error:
            return self._repaired(str(error), locked=locked)

    def _decoded(self, data: bytes, signature: Signature) -> Document:
        written = signature[1] / 1e9 if len(signature) > 1 else 0.0
        document, problems = decode(data, day=utc_date(written))
        if problems:
            said = ", ".join(problems[:8]) + (", ..." if len(problems) > 8 else "")
            self._warn(f"{self._file.path}: passed over what cannot be read: {said}")
        return document

    def _repaired(self, damage: str, *, locked: bool) -> _Known:
        file, document = self._file, Document()
        copy, signature = file.read_copy(), file.signature()
        try:
            document = self._decoded(copy, signature)
        except DamagedError:
            copy = b""
        onward = "counting goes on from its copy" if copy else "counting starts anew"
        if not locked:  # only looking
            self._warn(f"{file.path} is damaged ({damage}): it will be set aside, and {onward}.")
            return _UNKNOWN, document
        place = file.set_aside()
        logger.error(
            "%s is damaged (%s): it was set aside as %s, and %s.", file.path, damage, place, onward
        )
        signature = file.signature()
        return (file.write(copy) if copy else signature), document

    def _warn(self, text: str) -> None:
        if text != self._warned:
            self._warned = text
            logger.warning(text)


def _settle(jobs: Sequence[Job[_Work]]) -> None:
    for job in jobs:
        job.settled = True


def _failure(path: str, error: OSError, *, reading: bool) -> StorageError:
    cause = error.strerror or str(error)
    if error.filename not in (None, path):
        cause += f": {error.filename}"
    directory = Path(os.path.realpath(path)).parent
    remedy = {
        errno.ENOENT: f"create the directory {directory}",
        errno.ENOTDIR: "name a file in a directory",
        errno.EISDIR: "name a file, not a directory",
        errno.EINVAL: "name a file",
        errno.EACCES: f"let this user write in the directory {directory}",
        errno.EPERM: f"let this user write in the directory {directory}",
        errno.EROFS: f"let this user write in the directory {directory}",
        errno.ENOSPC: "make room on the disk",
        errno.EDQUOT: "make room on the disk",
    }.get(error.errno or 0, "see to it")
    return StorageError(
        f"{path} cannot be {'read' if reading else 'written'} ({cause}): {remedy}, or choose "
        "another place (storage=, or GROQ_QUOTA_STORAGE)."
    )


def _checked_path(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise WrongTypeError(f"path must be text or a path, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text or text.endswith(("/", os.sep)):
        raise ConfigurationError(
            f"{text!r} is not the path of a file: give one such as 'usage_data.json'"
        )
    return os.path.abspath(text)  # noqa: PTH100  # Path.resolve would read the disk


_SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _parse(text: str, *, drives: bool = os.name == "nt") -> tuple[str, bool]:
    _, separator, rest = text.partition("://")
    if not separator:
        # A plain path may have a question mark in it.
        path, mark, query = text.rpartition("?")
        return (
            (path, _option(text, query)) if mark and query.startswith("fsync=") else (text, False)
        )
    path, _, query = rest.partition("?")
    path = unquote(path)
    if drives and path[:1] == "/" and path[2:3] == ":":  # json:///C:/data/usage.json
        path = path[1:]
    return path, _option(text, query)


def _option(text: str, query: str) -> bool:
    options = dict(parse_qsl(query, keep_blank_values=True))
    value = options.pop("fsync", "0").lower()
    if options:
        raise ConfigurationError(
            f"{text!r}: unknown option {next(iter(options))!r}; known is fsync=1"
        )
    if value not in _SWITCH:
        raise ConfigurationError(f"{text!r}: fsync must be 1 or 0, not {value!r}")
    return _SWITCH[value]
