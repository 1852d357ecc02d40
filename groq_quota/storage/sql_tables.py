"""
The tables of a database, and the trips to them on an open SQLAlchemy connection.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ..errors import StorageError
from .columns import (
    CELL,
    COUNTS,
    cell_of,
    counts_of,
    decoded,
    encode,
    is_row,
    only_state,
    state_of,
    values_of,
)
from .versions import KEPT_DAYS, NOTHING, Change, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..state import Rows
    from .base import Key

__all__ = ["Tables"]

_SCHEMA = 1
# Held while the tables are made, so that of several processes one does it.
_LOCK = 0x67726F71

_KINDS: dict[str, sa.types.TypeEngine[Any]] = {
    name: sa.Double() if name in ("audio_seconds", "waited") else sa.BigInteger() for name in COUNTS
}


def _columns(prefix: str = "") -> list[sa.Column[Any]]:
    return [sa.Column(prefix + name, kind, nullable=False) for name, kind in _KINDS.items()]


_names = sa.MetaData()
# Names may be 255 characters long where a database wants a limit.
_text = sa.Text().with_variant(sa.String(255), "mysql", "mariadb", "mssql", "oracle")
_about = sa.Table("groq_quota_schema", _names, sa.Column("version", sa.Integer, nullable=False))
_cells = sa.Table(
    "groq_quota_cells",
    _names,
    sa.Column("scope", _text, primary_key=True),
    sa.Column("model", _text, primary_key=True),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("recent", sa.Text, nullable=False),
    sa.Column("day", sa.String(10), nullable=False),
    *_columns(),
    *_columns("lifetime_"),
    sa.Column("last_request", sa.Double()),
    sa.Column("state", sa.Text, nullable=False),
)
# Room to change rows in their page: they are changed all the time, and no index is then.
sa.event.listen(
    _cells,
    "after_create",
    sa.DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy gives it no types
        "ALTER TABLE %(fullname)s SET (fillfactor = 50)"
    ).execute_if(dialect="postgresql"),
)
_days = sa.Table(
    "groq_quota_past_days",
    _names,
    sa.Column("scope", _text, primary_key=True),
    sa.Column("model", _text, primary_key=True),
    sa.Column("day", sa.String(10), primary_key=True),
    *_columns(),
)
_COUNTED = ", ".join(("scope", "model", "day", *COUNTS))
_USAGE = sa.text(
    f"CREATE OR REPLACE VIEW groq_quota_usage AS SELECT {_COUNTED} FROM groq_quota_cells "  # noqa: S608  # our names
    f"WHERE model <> '' AND day <> '' UNION ALL SELECT {_COUNTED} FROM groq_quota_past_days"
)

_WHOLE = ("version", "recent", *CELL)
_ours = sa.and_(
    _cells.c.scope == sa.bindparam("its_scope"),
    _cells.c.model == sa.bindparam("its_model"),
    _cells.c.version == sa.bindparam("expected"),
)
_FETCH = sa.select(*(_cells.c[name] for name in _WHOLE)).where(
    _cells.c.scope == sa.bindparam("its_scope"), _cells.c.model == sa.bindparam("its_model")
)
_LOAD = sa.select(_cells.c.model, *(_cells.c[name] for name in _WHOLE)).where(
    _cells.c.scope == sa.bindparam("its_scope")
)
_UPDATE = sa.update(_cells).where(_ours).values({n: sa.bindparam(n) for n in _WHOLE})
_UPDATE_STATE = (
    sa.update(_cells)
    .where(_ours)
    .values({n: sa.bindparam(n) for n in ("version", "recent", "state")})
)
_DELETE = sa.delete(_cells).where(_ours)
_INSERT_ANY = sa.insert(_cells)
_INSERT = postgresql.insert(_cells).on_conflict_do_nothing().returning(_cells.c.version)
_PAST = sa.select(_days.c.model, _days.c.day, *(_days.c[name] for name in COUNTS)).where(
    _days.c.scope == sa.bindparam("its_scope"), _days.c.day >= sa.bindparam("since")
)
_mine = sa.and_(
    _days.c.scope == sa.bindparam("its_scope"), _days.c.model == sa.bindparam("its_model")
)
_DAYS = sa.select(_days.c.day, *(_days.c[name] for name in COUNTS)).where(
    _mine, _days.c.day.in_(sa.bindparam("days", expanding=True))
)
_CLEAR = sa.delete(_days).where(_mine)
_CLEAR_DAYS = sa.delete(_days).where(_mine, _days.c.day.in_(sa.bindparam("days", expanding=True)))
_OLDEST_KEPT = (
    sa.select(_days.c.day).where(_mine).order_by(_days.c.day.desc()).offset(KEPT_DAYS - 1).limit(1)
)
_TRIM = sa.delete(_days).where(_mine, _days.c.day < sa.bindparam("oldest"))
_SET_DAYS = sa.insert(_days)
_SCOPES = sa.union(sa.select(_cells.c.scope), sa.select(_days.c.scope))


class Tables:
    """
    What can be done on a connection; `place` is said when something cannot.
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def create(self, connection: sa.Connection) -> None:
        """
        Make the tables that are missing.

        Raises:
            StorageError: If a newer version of groq-quota made them.
        """
        version = _version(connection)
        if version is None or (
            version == _SCHEMA and not _known(connection).issuperset(_names.tables)
        ):
            with _alone(connection):
                version = _make(connection, _version(connection))
        if version > _SCHEMA:
            raise StorageError(
                f"{self._place} was made by a newer version of groq-quota: update this one."
            )

    def clock(self, connection: sa.Connection) -> float:
        """
        The server's epoch seconds.
        """
        return float(
            connection.execute(sa.text("SELECT EXTRACT(EPOCH FROM clock_timestamp())")).scalar_one()
        )

    def fetch(self, connection: sa.Connection, key: Key) -> Record:
        """
        One record.
        """
        row = connection.execute(_FETCH, _named(key)).first()
        return NOTHING if row is None else self._record(row, key)

    def _record(self, row: Sequence[Any], key: Key) -> Record:
        version, recent, *values = row
        where = (self._place, *key)
        cell = cell_of(values, where) if values[-1] else None
        return Record(version, decoded(recent, where), cell)

    def load(self, connection: sa.Connection, scope: str) -> list[tuple[str, Record]]:
        """
        All records of a scope, by model.
        """
        found = connection.execute(_LOAD, {"its_scope": scope})
        return [(model, self._record(row, (scope, model))) for model, *row in found]

    def past(self, connection: sa.Connection, scope: str, since: str) -> dict[str, Rows]:
        """
        The rows of past days from a day on.
        """
        models: dict[str, Rows] = {}
        for model, day, *counts in connection.execute(_PAST, {"its_scope": scope, "since": since}):
            where = (self._place, scope, model)
            if is_row(day, where):
                models.setdefault(model, {})[day] = counts_of(counts, (*where, day))
        return models

    def days(self, connection: sa.Connection, key: Key, days: Sequence[str]) -> Rows:
        """
        Rows of certain days.
        """
        found = connection.execute(_DAYS, {**_named(key), "days": list(days)})
        return {day: counts_of(counts, (self._place, *key, day)) for day, *counts in found}

    def scopes(self, connection: sa.Connection) -> list[str]:
        """
        The scopes that anything is kept for.
        """
        return [scope for (scope,) in connection.execute(_SCOPES)]

    # -- changing -----------------------------------------------------------------------------

    def swap(self, connection: sa.Connection, changes: Sequence[Change]) -> list[Record | None]:
        """
        Make all changes whose record still has the expected version, in one transaction.
        """
        if len(changes) == 1 and not changes[0].rows and not changes[0].whole:
            return [self._swap_one(connection, changes[0])]
        connection.rollback()
        connection = connection.execution_options(isolation_level="READ COMMITTED")
        # Always in the same order, so that processes do not wait for each other in a circle.
        places = sorted(range(len(changes)), key=lambda place: changes[place].key)
        found: list[Record | None] = [None] * len(changes)
        with connection.begin():
            for place in places:
                found[place] = self._swap_one(connection, changes[place])
        return found

    def _swap_one(self, connection: sa.Connection, change: Change) -> Record | None:
        if not self._write(connection, change):
            return self.fetch(connection, change.key)
        mine = _named(change.key)
        if change.whole:
            connection.execute(_CLEAR, mine)
        if change.rows:
            scope, model = change.key
            connection.execute(_CLEAR_DAYS, {**mine, "days": list(change.rows)})
            connection.execute(
                _SET_DAYS,
                [
                    {"scope": scope, "model": model, "day": day, **counts}
                    for day, counts in change.rows.items()
                ],
            )
            oldest = connection.execute(_OLDEST_KEPT, mine).scalar()
            if oldest is not None:
                connection.execute(_TRIM, {**mine, "oldest": oldest})
        return None

    def _write(self, connection: sa.Connection, change: Change) -> bool:
        record, expected = change.record, change.expected
        mine = {**_named(change.key), "expected": expected}
        if record is None or (not record.version and not expected):
            return self.fetch(connection, change.key).version == expected
        if not record.version:
            return connection.execute(_DELETE, mine).rowcount == 1
        values = {"version": record.version, "recent": encode(record.ids)}
        if expected and record.cell and only_state(record.cell, change.before):
            values["state"] = state_of(record.cell)
            return connection.execute(_UPDATE_STATE, {**mine, **values}).rowcount == 1
        values.update(zip(CELL, _values(record), strict=True))
        if expected:
            return connection.execute(_UPDATE, {**mine, **values}).rowcount == 1
        scope, model = change.key
        return _inserted(connection, {"scope": scope, "model": model, **values})


def _version(connection: sa.Connection) -> int | None:
    # Written last: where there is none, the tables may be there in part.
    if _about.name not in _known(connection):
        return None
    found: int | None = connection.execute(sa.select(sa.func.max(_about.c.version))).scalar()
    return found


def _known(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())


def _make(connection: sa.Connection, version: int | None) -> int:
    # What is missing of the tables; somebody may have dropped some of them.
    if version is not None and version > _SCHEMA:
        return version
    _names.create_all(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(_USAGE)
    if version is None:
        connection.execute(sa.insert(_about).values(version=_SCHEMA))
    return _SCHEMA


def _values(record: Record) -> tuple[Any, ...]:
    if record.cell is None:  # nothing but a version
        return ("", *(0 for _ in CELL[1:-2]), None, "")
    return values_of(record.cell)


def _inserted(connection: sa.Connection, values: dict[str, Any]) -> bool:
    if connection.dialect.name == "postgresql":
        return connection.execute(_INSERT, values).first() is not None
    try:
        connection.execute(_INSERT_ANY, values)
    except sa.exc.IntegrityError:
        return False
    return True


def _named(key: Key) -> dict[str, Any]:
    return {"its_scope": key[0], "its_model": key[1]}


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
    try:
        yield
    finally:
        connection.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))
