"""
A storage in a database server, through SQLAlchemy: PostgreSQL; others are untested.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, StorageError
from .loops import NetworkStorage
from .places import Place
from .versioned import VersionedStorage
from .versions import DisconnectedError

if TYPE_CHECKING:
    import sqlalchemy
    from sqlalchemy.ext.asyncio import AsyncEngine

    from .sql_tables import Tables

__all__ = ["PostgresStorage", "SqlStorage", "sql_storage"]

_PSYCOPG = "postgresql+psycopg"
# Seconds to connect, for a statement, and until a server that says nothing is given up.
_CONNECT = 3
_ANSWER = 5
_SILENCE = _CONNECT + _ANSWER
# What PostgreSQL says to changes in a session that may only read.
_READ_ONLY = "25006"


def sql_storage(url: str) -> SqlStorage:
    """
    The storage at a URL as SQLAlchemy takes it.

    `postgresql://` and `postgres://` stand for `postgresql+psycopg://`. Other databases and
    drivers are untested.

    Raises:
        ConfigurationError: If the URL cannot be read, or its driver is not installed.
    """
    scheme, _, rest = url.partition("://")
    if scheme in ("postgres", "postgresql", _PSYCOPG):
        return PostgresStorage(f"{_PSYCOPG}://{rest}")
    return SqlStorage(url)


class SqlStorage(VersionedStorage):
    """
    Keeps everything in tables of a database, exact over all machines that share it.

    A change that nobody disturbs is one statement. Needs the extra `sql`. Constructing opens no
    connection; the tables are made when they are missing.

    Args:
        url: As SQLAlchemy takes it.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._place = place = Place(url)
        self._library = _library()
        try:
            self._url = self._library.make_url(place.url)
            self._url.get_dialect().import_dbapi()
        except self._library.exc.SQLAlchemyError as error:
            raise ConfigurationError(f"{place.shown}: {place.hide(error)}") from None
        except ImportError as error:
            raise ConfigurationError(
                f"{place.shown} needs a driver ({error}): the one for PostgreSQL comes with "
                "pip install 'groq-quota[sql]'"
            ) from None
        self._engine: sqlalchemy.Engine | None = None
        self._tables: Tables | None = None

    @property
    def uri(self) -> str:
        """
        Where it is, without the password.
        """
        return self._place.shown

    def after_fork(self) -> None:
        """
        In a forked child: connections of its own; the parent's are not even closed.
        """
        super().after_fork()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose(close=False)

    def close(self) -> None:
        """
        Close the connections of this process's threads; the next use opens them again.
        """
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()
        super().close()

    def _options(self) -> dict[str, Any]:
        return {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}

    def _made_engine(self) -> sqlalchemy.Engine:
        made: sqlalchemy.Engine = self._library.create_engine(self._url, **self._options())
        return made

    def _perform(self, name: str, *args: Any) -> Any:  # what a trip brings
        engine = self._engine
        try:
            if engine is None:
                engine = self._engine = self._made_engine()
            with engine.connect() as connection:
                return self._made_on(connection, name, *args)
        except self._library.exc.SQLAlchemyError as error:
            raise self._failed(error) from error

    def _made_on(self, connection: sqlalchemy.Connection, name: str, *args: Any) -> Any:  # the same
        tables = self._tables
        if tables is None:
            from .sql_tables import Tables

            tables = Tables(self._place.shown)
            tables.create(connection)
            self._tables = tables
        try:
            return getattr(tables, name)(connection, *args)
        except self._library.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _READ_ONLY:
                connection.invalidate()  # a session stays so, whatever becomes of the server
            raise

    def _failed(self, error: Exception) -> StorageError:
        original = getattr(error, "orig", None) or error
        state = getattr(original, "sqlstate", None)
        said = f"{self._place.shown} does not do its part ({self._place.hide(original)})"
        other = "or choose another place (storage=, or GROQ_QUOTA_STORAGE)."
        broken = bool(getattr(error, "connection_invalidated", False))
        if broken or (state is None and isinstance(error, self._library.exc.DBAPIError)):
            return DisconnectedError(f"{said}: see whether it runs, {other}", again=broken)
        if state is not None and state.startswith("28"):
            return StorageError(f"{said}: check user and password in the URL, {other}")
        if state == "42P01":
            self._tables = None  # somebody dropped them
        return StorageError(f"{said}: see to the server, {other}")


class PostgresStorage(NetworkStorage["AsyncEngine"], SqlStorage):
    """
    Same as `SqlStorage`, with PostgreSQL's driver psycopg: natively async, and with time-outs.

    The view `groq_quota_usage` has the counts by scope, model and day.
    """

    def _options(self) -> dict[str, Any]:
        given = self._url.query
        options = str(given.get("options", ""))
        if "statement_timeout" not in options:
            options = f"{options} -c statement_timeout={_ANSWER * 1_000}".strip()
        defaults = {
            "connect_timeout": _CONNECT,
            "tcp_user_timeout": _ANSWER * 1_000,
            "application_name": "groq-quota",
        }
        chosen = {name: value for name, value in defaults.items() if name not in given}
        return {
            **super()._options(),
            "pool_timeout": _ANSWER,
            "connect_args": {**chosen, "options": options},
        }

    def _made_engine(self) -> sqlalchemy.Engine:
        from .psycopg_connection import Connection

        def connect(_: object, __: object, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
            connection = Connection.connect(*args, **options)
            connection.patience = _SILENCE
            return connection

        engine = super()._made_engine()
        self._library.event.listen(engine, "do_connect", connect)
        return engine

    def _connect(self) -> AsyncEngine:
        from sqlalchemy.ext.asyncio import create_async_engine

        from .psycopg_connection import AsyncConnection

        async def connect(*args: Any, **options: Any) -> AsyncConnection:
            connection = await AsyncConnection.connect(*args, **options)
            connection.patience = _SILENCE
            return connection

        options = self._options()
        options["connect_args"]["async_creator_fn"] = connect
        return create_async_engine(self._url, **options)

    async def _disconnect(self, client: AsyncEngine) -> None:
        await client.dispose()

    def _made_on(self, connection: sqlalchemy.Connection, name: str, *args: Any) -> Any:  # as above
        if self._tables is not None and self._clock_due():
            before = time.time()
            self._set_clock(before, self._tables.clock(connection), time.time())
        return super()._made_on(connection, name, *args)

    async def _aperform(self, client: AsyncEngine, name: str, *args: Any) -> Any:  # see above
        try:
            async with client.connect() as connection:
                return await connection.run_sync(self._made_on, name, *args)
        except self._library.exc.SQLAlchemyError as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> StorageError:
        from .psycopg_connection import NoAnswerError

        if isinstance(getattr(error, "orig", None), NoAnswerError):
            return DisconnectedError(
                f"{self._place.shown} does not answer: see whether it can be reached, or choose "
                "another place (storage=, or GROQ_QUOTA_STORAGE)."
            )
        return super()._failed(error)


def _library() -> Any:  # the package sqlalchemy, which need not be there
    try:
        import sqlalchemy
    except ImportError:
        raise ConfigurationError(
            "a database's URL needs the package sqlalchemy: pip install 'groq-quota[sql]'"
        ) from None
    return sqlalchemy
