"""
PostgreSQL: one statement, trouble with the server, and what people may ask it.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from groq_quota import QuotaMeter, booking, storage_from_uri
from groq_quota.errors import ConfigurationError, StorageError
from groq_quota.outcomes import Outcome
from groq_quota.settling import settle
from groq_quota.storage import sql
from groq_quota.storage.shelter import Shelter
from tests.contract.steps import DAY, NOON, admit_of, book, correct, count, iso
from tests.storage.servers import Proxy, free_port, postgres_urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from groq_quota.storage.sql import PostgresStorage

sqlalchemy = pytest.importorskip("sqlalchemy")
psycopg = pytest.importorskip("psycopg")

KEY = ("default", "llama-3.1-8b-instant")


@pytest.fixture
def url() -> Iterator[str]:
    """
    A schema of its own on the server that runs here.
    """
    urls = postgres_urls()
    yield next(urls)
    urls.close()  # type: ignore[attr-defined]  # a generator


@pytest.fixture
def storage(url: str) -> Iterator[PostgresStorage]:
    """
    A storage there.
    """
    made = storage_from_uri(url)
    yield made  # type: ignore[misc]  # of this URL
    made.close()


def is_away(shelter: Shelter) -> bool:
    """
    Whether it counts in memory just now.
    """
    return shelter.away


def cut_behind(
    monkeypatch: pytest.MonkeyPatch,
    storage: PostgresStorage,
    times: int,
    *,
    then: Callable[[], object] = lambda: None,
) -> None:
    """
    Lose the answers to the next changes, so many times; after each, do something.
    """
    real, left = storage._perform, [times]

    def perform(name: str, *args: object) -> object:
        found = real(name, *args)
        if name == "swap" and left[0]:
            left[0] -= 1
            then()
            lost = psycopg.OperationalError("cut behind")
            raise storage._failed(
                sqlalchemy.exc.DBAPIError("", {}, lost, connection_invalidated=True)
            )
        return found

    monkeypatch.setattr(storage, "_perform", perform)


def test_people_may_ask_it(storage: PostgresStorage, url: str) -> None:
    """
    The view `groq_quota_usage` has a row for each scope, model and day, today's included.
    """
    book(storage, KEY, NOON, tokens=10)
    book(storage, KEY, NOON + DAY, tokens=20)
    with psycopg.connect(url) as person:
        found = person.execute(
            "SELECT scope, model, day, requests, tokens FROM groq_quota_usage ORDER BY day"
        ).fetchall()
    assert [(*KEY, iso(0), 1, 10), (*KEY, iso(1), 1, 20)] == found


def test_an_undisturbed_change_is_one_statement(storage: PostgresStorage) -> None:
    """
    And no transaction around it.
    """
    for _ in range(2):
        storage.transact(KEY, count)
    said: list[str] = []
    engine = storage._engine
    sqlalchemy.event.listen(
        engine, "before_cursor_execute", lambda *given: said.append(given[2].split()[0])
    )
    for _ in range(3):
        storage.transact(KEY, count)
    assert ["UPDATE"] * 3 == said


def test_at_most_400_days_are_kept(storage: PostgresStorage) -> None:
    """
    The newest.
    """
    storage.transact(KEY, count)
    cell = storage.read(KEY)
    assert cell is not None
    storage.put(KEY, cell, {iso(-back): cell["today"] for back in range(1, 451)})
    storage.transact(KEY, lambda found: correct(found, iso(0), 1))
    assert [iso(-back) for back in range(399, -1, -1)] == sorted(
        storage.past("default", "")[KEY[1]]
    )


def test_connections_that_were_cut_are_replaced(storage: PostgresStorage, url: str) -> None:
    """
    By a restart, say: the next change is made, and made once.
    """
    storage.transact(KEY, count)
    for number in range(2, 5):
        with psycopg.connect(url, autocommit=True) as person:
            person.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'groq-quota' AND pid <> pg_backend_pid()"
            )
        assert number == storage.transact(KEY, count)


async def test_connections_that_were_cut_are_replaced_in_a_loop(
    storage: PostgresStorage, url: str
) -> None:
    """
    The same natively async.
    """
    await storage.atransact(KEY, count)
    with psycopg.connect(url, autocommit=True) as person:
        person.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'groq-quota' AND pid <> pg_backend_pid()"
        )
    assert 2 == await storage.atransact(KEY, count)
    await storage.aclose()


def test_a_lost_answer_and_a_refusal_after_it_are_counted_once(
    storage: PostgresStorage, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The first try was made, and the second is refused: that says nothing of the first.
    """
    now = [0.0]
    shelter = Shelter(storage, ticks=lambda: now[0])
    shelter.transact(KEY, count)
    with psycopg.connect(url, autocommit=True) as person:
        person.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'not now'; END $$"
        )

        cut_behind(
            monkeypatch,
            storage,
            1,
            then=lambda: person.execute(
                "CREATE TRIGGER refusing BEFORE UPDATE ON groq_quota_cells "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
            ),
        )
        shelter.transact(KEY, count)
        assert is_away(shelter)
        person.execute("DROP TRIGGER refusing ON groq_quota_cells")
    now[0] += 10
    shelter.transact(KEY, count)
    assert not is_away(shelter)
    cell = storage.read(KEY)
    assert cell is not None
    assert 3 == cell["lifetime"]["requests"]


def test_what_was_in_doubt_is_counted_once(
    storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the answer to a change is lost twice, the shelter looks it up when it hands over.
    """
    now = [0.0]
    shelter = Shelter(storage, ticks=lambda: now[0])
    shelter.transact(KEY, count)
    cut_behind(monkeypatch, storage, 2)
    shelter.transact(KEY, count)
    away = [shelter.away]
    shelter.transact(KEY, count)
    now[0] += 10
    shelter.flush()
    away.append(shelter.away)
    assert [True, False] == away
    cell = storage.read(KEY)
    assert cell is not None
    assert 3 == cell["today"]["requests"]


def test_what_was_given_back_in_doubt_frees_no_other_hold(
    storage: PostgresStorage, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Where the last hold is given back and the answer is lost twice, so that nobody knows whether
    anything is stored still: it is given back once, whoever holds something by then.
    """
    now, reserve = [0.0], admit_of(5)
    rules_of = reserve.keywords["rules_of"]
    shelter, other = Shelter(storage, ticks=lambda: now[0]), storage_from_uri(url)
    held = shelter.transact(KEY, reserve)
    assert isinstance(held, booking.Booking)

    cut_behind(monkeypatch, storage, 2)
    given_up = Outcome(requests=0)
    shelter.transact(
        KEY, partial(settle, now=NOON, rules_of=rules_of, outcome=given_up, booking=held)
    )
    assert shelter.away
    other.transact(KEY, reserve)
    now[0] += 10
    shelter.flush()
    assert not is_away(shelter)
    cell = other.read(KEY)
    other.close()
    assert cell is not None
    assert (1, 1) == (cell["held"]["requests"], cell["held"]["tokens"])


@pytest.mark.parametrize("dropped", ["groq_quota_cells", "groq_quota_cells, groq_quota_schema"])
def test_tables_that_were_dropped_are_made_again(
    storage: PostgresStorage, url: str, dropped: str
) -> None:
    """
    At the change after the one that fails for it.
    """
    storage.transact(KEY, count)
    with psycopg.connect(url, autocommit=True) as person:
        person.execute(f"DROP TABLE {dropped} CASCADE")
    with pytest.raises(StorageError, match="groq_quota_cells"):
        storage.transact(KEY, count)
    storage.read(KEY)
    assert storage.transact(KEY, count) in {1, 2}


def test_tables_of_a_newer_version_are_left_alone(storage: PostgresStorage, url: str) -> None:
    """
    Says to update.
    """
    storage.transact(KEY, count)
    with psycopg.connect(url, autocommit=True) as person:
        person.execute("UPDATE groq_quota_schema SET version = 99")
    other = storage_from_uri(url)
    with pytest.raises(StorageError, match="newer version"):
        other.transact(KEY, count)
    other.close()


def test_a_database_that_may_only_be_read(storage: PostgresStorage, url: str) -> None:
    """
    Nothing is changed; what is there can be read.
    """
    storage.transact(KEY, count)
    other = storage_from_uri(
        url.replace("options=", "options=-cdefault_transaction_read_only%3Don%20")
    )
    with pytest.raises(StorageError, match="read-only"):
        other.transact(KEY, count)
    assert storage.read(KEY) == other.read(KEY)
    other.close()


def test_sessions_that_may_only_read_are_replaced(storage: PostgresStorage, url: str) -> None:
    """
    They stay so, whatever becomes of the server: after a failover, for one.
    """
    storage.transact(KEY, count)
    assert storage._engine is not None
    with storage._engine.connect() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = on")
    with pytest.raises(StorageError, match="read-only"):
        storage.transact(KEY, count)
    assert 2 == storage.transact(KEY, count)


def test_a_server_that_takes_too_long(storage: PostgresStorage, url: str) -> None:
    """
    The statement is given up: nothing was changed.
    """
    storage.transact(KEY, count)
    quick = storage_from_uri(url.replace("options=", "options=-cstatement_timeout%3D100%20"))
    with psycopg.connect(url) as person:
        person.execute("LOCK TABLE groq_quota_cells")
        with pytest.raises(StorageError, match="timeout"):
            quick.transact(KEY, count)
    assert 2 == quick.transact(KEY, count)
    quick.close()


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    """
    A proxy before the server.
    """
    place = sqlalchemy.make_url(url)
    made = Proxy(place.host, place.port or 5432)
    yield made
    made.stop()


@pytest.fixture
def through(url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresStorage]:
    """
    A storage that goes by the proxy, and is patient for half a second.
    """
    monkeypatch.setattr(sql, "_SILENCE", 0.5)
    place = sqlalchemy.make_url(url).set(host="127.0.0.1", port=proxy.port)
    made = storage_from_uri(place.render_as_string(hide_password=False))
    yield made  # type: ignore[misc]  # of this URL
    made.close()


def test_a_server_that_says_nothing(
    through: PostgresStorage, storage: PostgresStorage, proxy: Proxy
) -> None:
    """
    It takes what is sent and acknowledges it: the call gives it up, and the change counts once.
    """
    shelter = Shelter(through)
    for _ in range(2):
        shelter.transact(KEY, count)
    proxy.swallows = True
    begun = time.monotonic()
    assert 3 == shelter.transact(KEY, count)
    assert 0.5 <= time.monotonic() - begun < 4  # 0.6 s where nothing else runs
    assert is_away(shelter)
    proxy.swallows = False
    while is_away(shelter):
        shelter.flush()
    assert 4 == shelter.transact(KEY, count)
    cell = storage.read(KEY)
    assert cell is not None
    assert 4 == cell["today"]["requests"]


async def test_a_server_that_says_nothing_in_a_loop(
    through: PostgresStorage, storage: PostgresStorage, proxy: Proxy
) -> None:
    """
    The same natively async.
    """
    shelter = Shelter(through)
    for _ in range(2):
        await shelter.atransact(KEY, count)
    proxy.swallows = True
    begun = time.monotonic()
    assert 3 == await shelter.atransact(KEY, count)
    assert 0.5 <= time.monotonic() - begun < 4
    assert is_away(shelter)
    proxy.swallows = False
    while is_away(shelter):
        await shelter.aflush()
    cell = storage.read(KEY)
    assert cell is not None
    assert 3 == cell["today"]["requests"]
    await through.aclose()


def test_a_server_that_says_nothing_when_asked(through: PostgresStorage, proxy: Proxy) -> None:
    """
    Reads are given up, too.
    """
    through.transact(KEY, count)
    proxy.swallows = True
    with pytest.raises(StorageError, match="does not answer"):
        through.load("default")


def test_no_server_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """
    Calls are counted all the same; one warning names the place, not the password.
    """
    meter = QuotaMeter(f"postgresql://me:hush@127.0.0.1:{free_port()}/x")
    with caplog.at_level(logging.WARNING, "groq_quota"):
        for _ in range(2):
            meter.reserve(KEY[1]).commit(1)
    assert 1 == caplog.text.count("see whether it runs")
    assert "postgresql+psycopg://me:***@127.0.0.1" in caplog.text
    assert "hush" not in caplog.text
    assert 2 == meter.usage(KEY[1]).requests
    meter.close()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_urls(scheme: str) -> None:
    """
    All are PostgreSQL's, by psycopg; nothing is opened.
    """
    assert "postgresql+psycopg://u:***@h/d" == storage_from_uri(f"{scheme}://u:p@h/d").uri


@pytest.mark.parametrize("url", ["mysql+nodriver://u:hush@h/d", "oracle+oracledb://u:hush@h/d"])
def test_drivers_that_are_not_there(url: str) -> None:
    """
    Says what is missing, without the password.
    """
    with pytest.raises(ConfigurationError) as caught:
        storage_from_uri(url)
    assert "hush" not in str(caught.value)
