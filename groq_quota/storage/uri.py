"""
From a place as text to its storage.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import ConfigurationError, WrongTypeError
from .memory import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from .base import Storage

__all__ = ["GROUP", "storage_from_uri"]

#: The group of entry points whose names are schemes.
GROUP = "groq_quota.storage"


def storage_from_uri(uri: str | os.PathLike[str]) -> Storage:
    r"""
    The storage at a place: `usage.json`, `json:///abs/path.json`, `memory://`.

    Text without `://` is the path of a JSON file (also `C:\data\usage.json`). `sqlite:///usage.db`,
    `redis://`, `rediss://`, `valkey://`, `unix://` (Redis' socket) and `postgresql://` are built
    in, too; databases of SQLAlchemy other than PostgreSQL are untested. An entry point in the group
    `groq_quota.storage` adds the scheme of its name: it is called with the URI. Nothing is opened
    or written before the storage is first used.

    Raises:
        ConfigurationError: For an empty place or an unknown scheme; it names the known ones.
    """
    text: object = os.fspath(uri) if isinstance(uri, os.PathLike) else uri
    if not isinstance(text, str):
        msg = f"storage must be a URI, a path or a Storage, not {type(uri).__name__}"
        raise WrongTypeError(msg)
    if not text:
        msg = "storage is empty: give a path such as 'usage_data.json' or a URI"
        raise ConfigurationError(msg)
    scheme, separator, _ = text.partition("://")
    if not separator:
        scheme = "json"
    name = scheme.lower()
    database, plus, _ = name.partition("+")  # the driver comes after it
    build = _BUILDERS.get(name)
    if plus and _BUILDERS.get(database) is _sql:
        build = _sql
    return build(text) if build is not None else _from_elsewhere(name, text)


def _from_elsewhere(scheme: str, uri: str) -> Storage:
    from importlib.metadata import entry_points  # only where none of ours is meant

    found = {point.name.lower(): point for point in entry_points(group=GROUP)}
    if scheme not in found:
        known = ", ".join(f"{name}://" for name in sorted({*_BUILDERS, *found}))
        msg = f"unknown storage scheme {scheme + '://'!r}: known are {known}, or a file's path"
        raise ConfigurationError(msg)
    try:
        storage: Storage = found[scheme].load()(uri)
    except ConfigurationError:
        raise
    except Exception as error:  # whatever that package does
        # Not its message: it may have the URI in it, and with it a password.
        msg = (
            f"{scheme}:// is built by {found[scheme].value}, which failed with "
            f"{type(error).__name__}"
        )
        raise ConfigurationError(msg) from error
    return storage


def _memory(uri: str) -> Storage:
    del uri
    return MemoryStorage()


def _json(uri: str) -> Storage:
    from .json_file import JsonStorage  # only where a file is used

    return JsonStorage.from_uri(uri)


def _sqlite(uri: str) -> Storage:
    from .sqlite import SqliteStorage  # only where one is used, as all that follow

    return SqliteStorage.from_uri(uri)


def _redis(uri: str) -> Storage:
    from .redis import RedisStorage

    return RedisStorage(uri)


def _sql(uri: str) -> Storage:
    from .sql import sql_storage

    return sql_storage(uri)


_BUILDERS: dict[str, Callable[[str], Storage]] = {
    "json": _json,
    "memory": _memory,
    "sqlite": _sqlite,
    **dict.fromkeys(("redis", "rediss", "unix", "valkey", "valkeys"), _redis),
    **dict.fromkeys(("mariadb", "mssql", "mysql", "oracle", "postgres", "postgresql"), _sql),
}
