"""
Entries of databases that somebody has written to by hand, or that were damaged.
"""

from __future__ import annotations

import json
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import QuotaMeter, storage_from_uri
from groq_quota.storage.redis_commands import Keys
from tests.contract.steps import KEY, NOON, correct, count, iso
from tests.storage.servers import postgres_urls, redis_urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groq_quota.storage import Storage

# Fields of a cell that has counted two requests, and what they are damaged to.
DAMAGES: list[dict[str, Any]] = [
    {"windows": {"rpm": "full"}},
    {"windows": {"rpm": [1.0, float("nan"), 0.0]}},
    {"windows": 7},
    {"held": {"requests": "two"}},
    {"held": {"requests": -2}},
    {"hours": {"25": [1, 1]}},
    {"learned": {"rpd": [1e999, None, "header"]}},
    {"epoch": "x", "told": -1, "fits": [], "heard": {"rpd": []}},
]


class Place:
    """
    A database, and how a person changes things in it.

    Attributes:
        state: Changes the state of the cell.
        lifetime: Sets the requests of its lifetime.
        day: Damages the counts of a past day.
        rename: Gives those of a past day to another.
    """

    def __init__(
        self,
        uri: str,
        state: Callable[[dict[str, Any]], None],
        lifetime: Callable[[int], None],
        day: Callable[[str], None],
        rename: Callable[[str, str], None],
    ) -> None:
        self.uri = uri
        self.state = state
        self.lifetime = lifetime
        self.day = day
        self.rename = rename


def _sqlite(path: Path) -> Place:
    def run(*statements: tuple[str, tuple[Any, ...]]) -> None:
        person = sqlite3.connect(path)
        with person:
            for statement, values in statements:
                person.execute(statement, values)
        person.close()

    def state(fields: dict[str, Any]) -> None:
        run(("UPDATE cells SET state = ?, version = 'x'", (json.dumps(fields),)))

    return Place(
        f"sqlite:///{path}",
        state,
        lambda more: run(("UPDATE cells SET lifetime_requests = ?, version = 'x'", (more,))),
        lambda day: run(
            ("UPDATE past_days SET requests = 'many', tokens = -5 WHERE day = ?", (day,))
        ),
        lambda old, new: run(("UPDATE past_days SET day = ? WHERE day = ?", (new, old))),
    )


def _redis(url: str) -> Place:
    import redis

    keys = Keys(url.partition("prefix=")[2])

    def change(name: str, field: str, how: Callable[[bytes], str]) -> None:
        with redis.Redis.from_url(url.partition("?")[0]) as person:
            person.hset(name, field, how(person.hget(name, field) or b""))

    def state(fields: dict[str, Any]) -> None:
        def changed(blob: bytes) -> str:
            record = json.loads(blob.partition(b" ")[2])
            record["cell"].update(fields)
            return "x " + json.dumps(record)

        change(keys.cells(KEY[0]), KEY[1], changed)

    def day(day: str) -> None:
        change(keys.days(KEY), day, lambda _: '{"counts": ["many", -5]}')

    def rename(old: str, new: str) -> None:
        change(keys.days(KEY), new, lambda _: '{"counts": [3]}')
        with redis.Redis.from_url(url.partition("?")[0]) as person:
            person.hdel(keys.days(KEY), old)

    return Place(url, state, lambda more: state({"lifetime": [more]}), day, rename)


def _postgres(url: str) -> Place:
    import psycopg

    def run(statement: str, *values: Any) -> None:
        with psycopg.connect(url, autocommit=True) as person:
            person.execute(statement.encode(), values)

    def state(fields: dict[str, Any]) -> None:
        run("UPDATE groq_quota_cells SET state = %s, version = 'x'", json.dumps(fields))

    return Place(
        url,
        state,
        lambda more: run("UPDATE groq_quota_cells SET lifetime_requests = %s, version = 'x'", more),
        lambda day: run("UPDATE groq_quota_past_days SET requests = -5 WHERE day = %s", day),
        lambda old, new: run("UPDATE groq_quota_past_days SET day = %s WHERE day = %s", new, old),
    )


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """
    A database of each kind.
    """
    if request.param == "sqlite":
        yield _sqlite(tmp_path / "u.db")
        return
    urls = redis_urls() if request.param == "redis" else postgres_urls()
    yield (_redis if request.param == "redis" else _postgres)(next(urls))
    urls.close()  # type: ignore[attr-defined]  # a generator


def counted_before(place: Place) -> None:
    """
    Two requests of today, and three of the day before.
    """
    storage: Storage = storage_from_uri(place.uri)
    storage.transact(KEY, partial(count, more=2))
    storage.transact(KEY, partial(correct, day=iso(-1), requests=3))
    storage.close()


@pytest.mark.parametrize("fields", DAMAGES, ids=str)
def test_damaged_fields_count_anew(
    place: Place, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """
    Each by itself, and that is said once; the counts of the day are still there.
    """
    counted_before(place)
    place.state(fields)
    meter = QuotaMeter(place.uri, clock=lambda: NOON)
    before = meter.usage(KEY[1]).requests
    with meter.reserve(KEY[1], 5) as booked:
        booked.commit(5)

    usage = meter.usage(KEY[1])
    assert (before + 1, 0) == (usage.requests, usage.reserved)
    assert [1] * len(fields) == [caplog.text.count(f"cell.{name}") for name in fields]
    meter.close()


def test_damaged_days_are_told_of_once(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """
    What can be read of them is.
    """
    counted_before(place)
    place.day(iso(-1))
    storage = storage_from_uri(place.uri)
    for _ in range(3):
        rows = storage.past(KEY[0], "")[KEY[1]]
        assert 0 == rows[iso(-1)]["requests"]
    assert 1 == caplog.text.count("damaged entry (counts.requests")
    assert f" of {'/'.join(KEY)}/{iso(-1)})" in caplog.text
    storage.close()


def test_days_that_are_none_are_left_alone(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """
    The others are read.
    """
    counted_before(place)
    storage = storage_from_uri(place.uri)
    storage.transact(KEY, partial(correct, day=iso(-2), requests=4))
    place.rename(iso(-1), "soon")
    for _ in range(3):
        assert [iso(-2)] == [*storage.past(KEY[0], "")[KEY[1]]]
    assert 1 == caplog.text.count(f"damaged entry (day 'soon' of {'/'.join(KEY)})")
    storage.close()


def test_counts_that_leave_no_room_count_anew(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """
    One more would not fit into the column: nobody could count ever again.
    """
    counted_before(place)
    place.lifetime(2**63 - 1)
    meter = QuotaMeter(place.uri, clock=lambda: NOON)
    meter.record(KEY[1], 5)
    storage = storage_from_uri(place.uri)
    assert 1 == storage.load(KEY[0])[KEY[1]]["lifetime"]["requests"]
    storage.close()
    assert 1 == caplog.text.count("damaged entry (cell.lifetime.requests")
    assert "in memory" not in caplog.text
    meter.close()


def test_names_that_are_bytes_keep_nothing_away(tmp_path: Path) -> None:
    """
    In each table of SQLite, whose columns take anything.
    """
    place = _sqlite(tmp_path / "u.db")
    counted_before(place)
    person = sqlite3.connect(tmp_path / "u.db")
    with person:
        for names in ("x'ff', 'm'", "'default', x'ff'"):
            person.execute(
                "INSERT INTO cells (scope, model, version, day, state) "  # noqa: S608  # our names
                f"VALUES ({names}, 'x', '', '{{}}')"
            )
            person.execute(
                "INSERT INTO past_days (scope, model, day) "  # noqa: S608  # our names
                f"VALUES ({names}, '{iso(-1)}')"
            )
    person.close()

    storage = storage_from_uri(place.uri)
    assert [KEY[1]] == [*storage.load(KEY[0])]
    assert [KEY[1]] == [*storage.past(KEY[0], "")]
    assert [KEY[0]] == storage.scopes()
    storage.close()


@pytest.fixture
def url() -> Iterator[str]:
    """
    A place on the Redis server.
    """
    urls = redis_urls()
    yield next(urls)
    urls.close()  # type: ignore[attr-defined]  # a generator


@pytest.mark.parametrize("blob", [b"\xff\xfe {}", b"x []", b'x {"cell": []}', b"\xff", b"x {"])
def test_a_record_that_is_none_is_counted_over(
    url: str, blob: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Whatever its version is, a change replaces it; what was lost with it is told.
    """
    import redis

    with redis.Redis.from_url(url.partition("?")[0]) as person:
        person.hset(Keys(url.partition("prefix=")[2]).cells(KEY[0]), KEY[1], blob)
    storage = storage_from_uri(url)
    assert [1, 2] == [storage.transact(KEY, count), storage.transact(KEY, count)]
    assert (not blob.endswith(b"{}")) == caplog.text.count(f"of {'/'.join(KEY)})")
    storage.close()


def test_names_that_are_no_text_keep_nothing_away(url: str) -> None:
    """
    In a hash of cells, in the sets of scopes and models, and among days.
    """
    import redis

    storage = storage_from_uri(url)
    storage.transact(KEY, partial(correct, day=iso(-1), requests=3))
    storage.transact(KEY, count)
    keys = Keys(url.partition("prefix=")[2])
    with redis.Redis.from_url(url.partition("?")[0]) as person:
        person.hset(keys.cells(KEY[0]), b"\xff", b"x {}")
        person.hset(keys.days(KEY), b"\xff", b"{}")
        person.sadd(keys.models(KEY[0]), b"\xff")
        person.sadd(keys.scopes, b"\xff")
    assert 1 == storage.load(KEY[0])[KEY[1]]["today"]["requests"]
    assert [iso(-1)] == [*storage.past(KEY[0], "")[KEY[1]]]
    assert [KEY[0]] == storage.scopes()
    storage.close()
