"""
Redis: one round trip, trouble with the server, and what nobody may see.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from groq_quota import QuotaExceededError, QuotaMeter, storage_from_uri
from groq_quota.errors import ConfigurationError, StorageError
from groq_quota.storage.redis import RedisStorage
from groq_quota.storage.redis_commands import Keys
from groq_quota.storage.shelter import Shelter
from tests.contract.steps import correct, count, iso
from tests.storage.people import until
from tests.storage.servers import (
    Proxy,
    RedisCluster,
    RedisServer,
    free_port,
    redis_urls,
    with_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groq_quota.storage.versions import Change, Record

redis = pytest.importorskip("redis")

# As docs/how-to/storage.md has it.
USER_MAY = ("~groq_quota:*", "+@read", "+@write", "+@scripting", "+@connection", "+time")

KEY = ("default", "llama-3.1-8b-instant")
LIMITS = {KEY[1]: {"rpd": 10**9, "tpd": 10**12, "rpm": 10**9, "tpm": 10**12}}


@pytest.fixture
def url() -> Iterator[str]:
    """
    A place of its own on the server that runs here.
    """
    urls = redis_urls()
    yield next(urls)
    urls.close()  # type: ignore[attr-defined]  # a generator


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    """
    A server of the test's own, in place of the look-alike of Groq.
    """
    return redis_server


class Cut(RedisStorage):
    """
    Loses connections: as often as `before`, before a change is sent, and as `after`, behind it.
    """

    before = after = 0
    watch: Callable[[Change], object] = staticmethod(lambda _: None)

    def _swap_single(self, change: Change) -> Record | None:
        self.watch(change)
        found: Record | None = self._cut(lambda: super(Cut, self)._swap_single(change))
        return found

    def _perform(self, name: str, *args: Any) -> Any:
        trip = partial(super()._perform, name, *args)
        return self._cut(trip) if name == "swap" else trip()

    def _cut(self, trip: Callable[[], Any]) -> Any:
        if self.before:
            self.before -= 1
            raise self._failed(redis.ConnectionError("cut before"))
        found = trip()
        if self.after:
            self.after -= 1
            raise self._failed(redis.ConnectionError("cut behind"))
        return found


def counted(storage: Any) -> int:
    """
    The requests that a storage has for the one model.
    """
    cell = storage.read(KEY)
    return 0 if cell is None else int(cell["lifetime"]["requests"])


def is_away(shelter: Shelter) -> bool:
    """
    Whether it counts in memory just now.
    """
    return shelter.away


# -- trips ----------------------------------------------------------------------------------------


def test_an_undisturbed_change_is_one_command(server: RedisServer) -> None:
    """
    Ten changes, ten commands.
    """
    storage = RedisStorage(server.url)
    storage.transact(KEY, count)
    storage.transact(KEY, count)
    with redis.Redis.from_url(server.url) as watcher:
        before = watcher.info("commandstats")["cmdstat_evalsha"]["calls"]
        total = watcher.info("stats")["total_commands_processed"]
        for _ in range(10):
            storage.transact(KEY, count)
        after = watcher.info("commandstats")["cmdstat_evalsha"]["calls"]
        # Its own three of INFO, and within each script one look and one change.
        assert 10 == after - before
        assert watcher.info("stats")["total_commands_processed"] - total <= 10 * 3 + 3
    storage.close()


def test_a_script_flush_loses_nothing(url: str) -> None:
    """
    The server is told the script again, alone and among several changes.
    """
    storage = storage_from_uri(url)
    with redis.Redis.from_url(url.partition("?")[0]) as client:
        for number in range(1, 6):
            client.script_flush()
            assert number == storage.transact(KEY, count)
            client.script_flush()
            storage.put(KEY, storage.read(KEY), {})  # type: ignore[arg-type]  # it is there
    assert 5 == counted(storage)
    storage.close()


async def test_a_script_flush_loses_nothing_in_a_loop(url: str) -> None:
    """
    The same natively async.
    """
    storage = storage_from_uri(url)
    with redis.Redis.from_url(url.partition("?")[0]) as client:
        for number in range(1, 4):
            client.script_flush()
            assert number == await storage.atransact(KEY, count)
    await storage.aclose()


def test_rows_of_days_expire(url: str) -> None:
    """
    Cells stay; rows are gone when the model was not used for as long as they are kept.
    """
    storage = storage_from_uri(url)
    storage.transact(KEY, partial(correct, day=iso(-1), requests=1))
    keys = Keys(url.partition("prefix=")[2])
    with redis.Redis.from_url(url.partition("?")[0]) as client:
        assert 400 * 86_400 < client.ttl(keys.days(KEY)) <= 401 * 86_400
        assert -1 == client.ttl(keys.cells("default"))
    storage.close()


def test_at_most_400_days_are_kept(url: str) -> None:
    """
    The newest.
    """
    storage = storage_from_uri(url)
    rows = {iso(-back): {**_no_counts(), "requests": 1} for back in range(1, 451)}
    storage.put(KEY, _one(), rows)  # type: ignore[arg-type]  # counts
    storage.transact(KEY, partial(correct, day=iso(0), requests=1))
    assert [iso(-back) for back in range(399, -1, -1)] == sorted(
        storage.past("default", "")[KEY[1]]
    )
    storage.close()


def _no_counts() -> Any:
    from groq_quota.state import new_counts

    return new_counts()


def _one() -> Any:
    from groq_quota.state import new_cell

    cell = new_cell()
    count(cell)
    return cell


def test_a_scope_is_kept_together_in_a_cluster() -> None:
    """
    All its keys have one hash tag; odd names cannot end it early.
    """
    keys = Keys()
    assert "groq_quota:{a%7Db}:cells" == keys.cells("a}b")
    assert "groq_quota:{a%7Db}:days" == keys.models("a}b")
    assert "groq_quota:{a%7Db}:days:x%7By%2Fz" == keys.days(("a}b", "x{y/z"))


# -- answers that are lost ------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1)])
def test_a_lost_answer_is_no_second_change(url: str, before: int, after: int) -> None:
    """
    The storage tries again by itself, and finds what was made.
    """
    storage = Cut(url)
    storage.transact(KEY, count)
    storage.before, storage.after = before, after
    assert 2 == storage.transact(KEY, count)
    assert 3 == storage.transact(KEY, count)
    assert 3 == counted(storage)
    storage.close()


@pytest.mark.parametrize(("before", "after"), [(2, 0), (0, 2), (1, 1)])
@pytest.mark.parametrize("others", [0, 3])
def test_what_was_in_doubt_is_counted_once(url: str, before: int, after: int, others: int) -> None:
    """
    By the shelter, when the storage is back; also if others have counted meanwhile.
    """
    now = [0.0]
    storage, other = Cut(url), RedisStorage(url)
    shelter = Shelter(storage, ticks=lambda: now[0])
    shelter.transact(KEY, count)
    storage.before, storage.after = before, after
    shelter.transact(KEY, count)
    assert is_away(shelter)
    for _ in range(others):
        other.transact(KEY, count)
    shelter.transact(KEY, count)
    now[0] += 10
    shelter.transact(KEY, count)
    assert not is_away(shelter)
    assert 4 + others == counted(other)
    storage.close()
    other.close()


@pytest.mark.parametrize(("before", "after"), [(2, 0), (0, 2), (1, 1)])
def test_what_a_refusing_meter_has_in_doubt_is_counted_once(
    url: str, before: int, after: int
) -> None:
    """
    At its next call, whether it had been made or not.
    """
    storage, model = Cut(url), KEY[1]
    meter = QuotaMeter(storage, on_storage_error="refuse")
    reservation = meter.reserve(model, 100)
    storage.before, storage.after = before, after
    with pytest.raises(StorageError):
        reservation.commit(70)
    usage = meter.usage(model)
    assert (1, 70, 0) == (usage.requests, usage.tokens, usage.reserved)
    meter.close()


@pytest.mark.parametrize("after", [2, 4])
def test_what_the_shelter_hands_over_is_counted_once(url: str, after: int) -> None:
    """
    Also if the answer to that is lost, once or twice.
    """
    now = [0.0]
    storage = Cut(url)
    shelter = Shelter(storage, ticks=lambda: now[0])
    shelter.transact(KEY, count)
    storage.before = 2
    shelter.transact(KEY, count)
    shelter.transact(KEY, count)
    storage.after = after
    for _ in range(8):
        now[0] += 10
        shelter.flush()
    assert not is_away(shelter)
    assert 3 == counted(storage)
    storage.close()


class CutTogether(Cut):
    """
    Loses the answers to changes that several threads make in one trip.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.reached, self.go_on = threading.Event(), threading.Event()

    def _swap_single(self, change: Change) -> Record | None:
        self.reached.set()
        assert self.go_on.wait(30)
        return RedisStorage._swap_single(self, change)


def test_all_who_shared_a_trip_are_told_of_the_doubt(url: str) -> None:
    """
    It is one doubt, about one change, for all of them.
    """
    storage = CutTogether(url)
    storage.transact(KEY, count)
    with ThreadPoolExecutor(4) as pool:
        alone = pool.submit(storage.transact, KEY, count)
        assert storage.reached.wait(30)
        queued = [pool.submit(storage.transact, KEY, count) for _ in range(3)]
        until(lambda: 2 == len(storage._group._queue))
        storage.after = 2
        storage.go_on.set()
        assert 2 == alone.result(30)
        errors = [error for call in queued if (error := call.exception(30))]
    doubts = [error.doubt for error in errors]  # type: ignore[attr-defined]  # of storages beyond a network
    assert 2 == len(errors)
    assert doubts[0] is doubts[1]
    assert errors[0] is not errors[1]
    assert 3 == doubts[0].before["today"]["requests"]
    assert 5 == doubts[0].after["today"]["requests"]
    assert storage.applied(KEY, doubts[0].change)
    assert 5 == counted(storage)
    storage.close()


def test_what_arrives_late_is_too_late(url: str) -> None:
    """
    What was looked up in vain is not made any more, even if it was still on its way.
    """
    storage = Cut(url)
    storage.transact(KEY, count)
    storage.before = 2
    sent: list[Change] = []
    storage.watch = sent.append
    with pytest.raises(StorageError) as caught:
        storage.transact(KEY, count)
    assert storage.applied(KEY, caught.value.doubt.change) is False  # type: ignore[attr-defined]  # of storages beyond a network
    assert RedisStorage._swap_single(storage, sent[0]) is not None
    assert 1 == counted(storage)
    storage.close()


# -- outages --------------------------------------------------------------------------------------


def _outage(server: RedisServer, seconds: float, end: Callable[[], None]) -> None:
    # Threads that reserve and commit all the time; the server is away meanwhile.
    url = with_option(server.url, "socket_timeout=0.2&socket_connect_timeout=0.2")
    meter = QuotaMeter(url, limits=LIMITS)
    stop, made, errors = threading.Event(), [0] * 4, list[BaseException]()

    def work(number: int) -> None:
        while not stop.wait(0.002):
            try:
                meter.reserve(KEY[1], 10).commit(7)
            except BaseException as error:
                errors.append(error)
                return
            made[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    assert not stop.wait(0.3)
    (server.stop if end == server.start else server.freeze)()
    assert not stop.wait(seconds)
    end()
    assert not stop.wait(1.5)
    stop.set()
    for thread in threads:
        thread.join()
    _returned(meter)
    assert [] == errors
    fresh = RedisStorage(server.url)
    cell = fresh.read(KEY)
    assert cell is not None
    assert sum(made) == cell["lifetime"]["requests"]
    assert 7 * sum(made) == cell["lifetime"]["tokens"]
    assert 0 == cell["held"]["requests"]
    fresh.close()
    meter.close()


def _returned(meter: QuotaMeter) -> None:
    until = time.monotonic() + 15
    meter.flush()
    while meter.storage.away and time.monotonic() < until:  # type: ignore[attr-defined]  # a Shelter
        meter.flush()
    assert not meter.storage.away  # type: ignore[attr-defined]  # a Shelter


def test_a_server_that_is_stopped_under_load(server: RedisServer) -> None:
    """
    No call fails, and afterwards its requests equal those that were made.
    """
    _outage(server, 1.0, server.start)


def test_a_server_that_is_frozen_under_load(server: RedisServer) -> None:
    """
    It makes changes whose answers nobody waits for any more: they count once.
    """
    _outage(server, 1.0, server.thaw)


@pytest.mark.long
def test_a_server_that_is_stopped_for_30_seconds(server: RedisServer) -> None:
    """
    The same, longer.
    """
    _outage(server, 30.0, server.start)


@pytest.mark.long
def test_a_server_that_is_frozen_for_30_seconds(server: RedisServer) -> None:
    """
    The same, longer.
    """
    _outage(server, 30.0, server.thaw)


def test_no_server_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """
    Calls are counted all the same; one warning names the place and the cause, not the password.
    """
    url = f"redis://me:hush@127.0.0.1:{free_port()}/0"
    meter = QuotaMeter(url, limits={KEY[1]: {"rpd": 2}})
    with caplog.at_level(logging.WARNING, "groq_quota"):
        for _ in range(2):
            meter.reserve(KEY[1]).commit(1)
        with pytest.raises(QuotaExceededError):
            meter.reserve(KEY[1])
    warnings = [
        record.getMessage()
        for record in caplog.records
        if "cannot" in record.getMessage() or "does not" in record.getMessage()
    ]
    assert 1 == len(warnings)
    assert "redis://me:***@127.0.0.1" in warnings[0]
    assert "refused" in warnings[0]
    assert "hush" not in caplog.text
    meter.close()


async def test_tls_and_a_user_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    With the certificate and a user who may do what the documentation says, and no more; a server
    that nobody vouches for is not trusted with anything.
    """
    authority, encrypted = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "server.pem"
    )
    server = RedisServer(
        tmp_path,
        *("--tls-port", str(encrypted), "--tls-auth-clients", "no"),
        *("--tls-cert-file", f"{tmp_path}/server.pem", "--tls-key-file", f"{tmp_path}/server.pem"),
        *("--tls-ca-cert-file", f"{tmp_path}/ca.pem"),
        *("--user", "quota", "on", ">secret", *USER_MAY),
    )
    place = f"rediss://quota:secret@127.0.0.1:{encrypted}/0"
    meter = QuotaMeter(f"{place}?ssl_ca_certs={tmp_path}/ca.pem", on_storage_error="refuse")
    meter.reserve(KEY[1], 9).commit(3)
    await (await meter.areserve(KEY[1], 9)).acommit(4)
    usage = await meter.ausage(KEY[1])
    assert (2, 7, 0) == (usage.requests, usage.tokens, usage.reserved)
    assert [2] == [day.requests for day in meter.history(1)]
    await meter.aclose()

    wary = QuotaMeter(place)
    wary.reserve(KEY[1], 9).commit(3)
    assert 1 == wary.usage(KEY[1]).requests
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "certificate verify failed" in warning
    assert "secret" not in warning
    wary.close()
    server.stop()


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    """
    What to do is said, too.
    """
    server = RedisServer(tmp_path, "--requirepass", "right")
    storage = RedisStorage(server.url.replace("://", "://:wrongest@"))
    with pytest.raises(StorageError, match="check user and password") as caught:
        storage.transact(KEY, count)
    assert "wrongest" not in str(caught.value)
    assert "wrongest" not in storage.uri
    storage.close()
    server.stop()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("maxmemory", "1", "memory"), ("min-replicas-to-write", "1", "replicas")],
)
def test_a_server_that_takes_nothing(server: RedisServer, name: str, value: str, said: str) -> None:
    """
    It is full, or may not write: nothing is changed, and counting goes on when it does again.
    """
    storage = RedisStorage(server.url)
    storage.transact(KEY, count)
    with redis.Redis.from_url(server.url) as client:
        before = client.config_get(name)[name]
        client.config_set(name, value)
        with pytest.raises(StorageError, match=said):
            storage.transact(KEY, count)
        client.config_set(name, before)
    assert 2 == storage.transact(KEY, count)
    storage.close()


def test_a_replica_may_be_waited_for(
    server: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Without one it is said once, and again when there is one.
    """
    storage = storage_from_uri(with_option(server.url, "wait=1"))
    with caplog.at_level(logging.WARNING, "groq_quota"):
        storage.transact(KEY, count)
        storage.transact(KEY, count)
    assert 1 == caplog.text.count("a failover may lose it")
    (tmp_path / "replica").mkdir()
    replica = RedisServer(tmp_path / "replica", "--replicaof", "127.0.0.1", str(server.port))
    with redis.Redis.from_url(server.url) as client:
        while not client.wait(1, 100):
            client.set("x", "y")
    storage.transact(KEY, count)
    assert "1 of 1 replicas have the latest count again" in caplog.text
    copy = RedisStorage(replica.url)
    assert 3 == counted(copy)
    with pytest.raises(StorageError, match="read only"):
        copy.transact(KEY, count)
    copy.close()
    storage.close()
    replica.stop()


@pytest.mark.parametrize("said", ["read only", "Not enough good replicas", "MASTER is down"])
@pytest.mark.parametrize("way", ["thread", "several", "loop"])
async def test_a_failover_behind_one_address(tmp_path: Path, way: str, said: str) -> None:
    """
    A server that has become a replica, or has lost all of its own, is left for the one that the
    address leads to now.
    """
    with ExitStack() as stack:
        await _fail_over(tmp_path, way, said, stack)


async def _fail_over(tmp_path: Path, way: str, said: str, stack: ExitStack) -> None:
    servers = []
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        servers.append(RedisServer(tmp_path / name, "--unixsocket", str(tmp_path / f"{name}.sock")))
        stack.callback(servers[-1].stop)
    old, new = servers
    address = tmp_path / "redis.sock"
    address.symlink_to("old.sock")
    storage = RedisStorage(f"unix://{address}")

    async def again() -> int:
        if way == "loop":
            return await storage.atransact(KEY, count)
        if way == "several":  # a record of its own, and the list of scopes
            storage.transact((uuid.uuid4().hex, "m"), count)
        return storage.transact(KEY, count)

    with redis.Redis.from_url(old.url) as first, redis.Redis.from_url(new.url) as second:
        await again()
        await again()
        second.replicaof("127.0.0.1", old.port)
        while not first.wait(1, 100):
            first.set("x", "y")
        second.replicaof("NO", "ONE")
        if said.startswith("Not"):
            first.config_set("min-replicas-to-write", 1)
            until(lambda: not first.info("replication")["min_slaves_good_slaves"])
        elif said.startswith("MASTER"):
            first.config_set("replica-serve-stale-data", "no")
            first.replicaof("127.0.0.1", free_port())
        else:
            first.script_flush()
            first.replicaof("127.0.0.1", new.port)
        address.unlink()
        address.symlink_to("new.sock")

    with pytest.raises(StorageError, match=said):
        await again()
    assert 3 == await again()
    await storage.aclose()


# -- closing --------------------------------------------------------------------------------------


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    """
    Stands before that server.
    """
    running = Proxy("127.0.0.1", server.port)
    yield running
    running.stop()


def test_closing_lets_others_look_to_the_end(server: RedisServer, proxy: Proxy) -> None:
    """
    A thread that waits for an answer gets it; then nothing is open any more.
    """
    storage = RedisStorage(f"redis://127.0.0.1:{proxy.port}/0")
    storage.transact(KEY, count)
    assert 1 == counted(storage)
    with ThreadPoolExecutor() as threads, redis.Redis.from_url(server.url) as person:
        proxy.answers.clear()
        proxy.asked.clear()
        found = threads.submit(counted, storage)
        assert proxy.asked.wait(10)
        storage.close()
        proxy.answers.set()
        assert 1 == found.result(10)
        until(lambda: 1 == len(person.client_list()))
    assert 2 == storage.transact(KEY, count)
    storage.close()


async def test_closing_lets_other_tasks_look_to_the_end(server: RedisServer, proxy: Proxy) -> None:
    """
    The same for tasks, and for a change that is under way.
    """
    storage = RedisStorage(f"redis://127.0.0.1:{proxy.port}/0")
    person = redis.Redis.from_url(server.url)
    for work in (partial(storage.aread, KEY), partial(storage.atransact, KEY, count)):
        await storage.atransact(KEY, count)
        proxy.answers.clear()
        proxy.asked.clear()
        task = asyncio.create_task(work())
        assert await asyncio.to_thread(proxy.asked.wait, 10)
        await storage.aclose()
        proxy.answers.set()
        assert await task
        await asyncio.to_thread(until, lambda: 1 == len(person.client_list()))
    person.close()
    assert 4 == await storage.atransact(KEY, count)
    await storage.aclose()


def test_closing_under_load(url: str) -> None:
    """
    Whoever looks or counts meanwhile does not notice.
    """
    storage = RedisStorage(url)
    over = threading.Event()

    def look() -> int:
        looks = 0
        while not over.is_set() or not looks:
            assert 0 <= counted(storage)
            looks += bool(storage.load(KEY[0]))
        return looks

    with ThreadPoolExecutor(3) as threads:
        looking = [threads.submit(look) for _ in range(3)]
        for number in range(300):
            assert number + 1 == storage.transact(KEY, count)
            storage.close()
        over.set()
        assert all(each.result(30) for each in looking)
    storage.close()


# -- clusters -------------------------------------------------------------------------------------

# Of scopes whose slots are on different nodes, and some on the same.
SCOPES = [f"scope {number}" for number in range(8)]


@pytest.fixture
def place(cluster: RedisCluster) -> str:
    """
    A place of its own there.
    """
    return with_option(cluster.url, f"prefix={uuid.uuid4().hex}:")


def _nodes(cluster: RedisCluster) -> list[Any]:
    return [redis.Redis.from_url(node.url) for node in cluster.nodes]


def _slot(cluster: RedisCluster, key: str) -> int:
    with redis.Redis.from_url(cluster.nodes[0].url) as node:
        return int(node.cluster("keyslot", key))


def _calls(cluster: RedisCluster) -> dict[str, int]:
    calls: dict[str, int] = {}
    for node in _nodes(cluster):
        for name, about in node.info("commandstats").items():
            calls[name] = calls.get(name, 0) + about["calls"]
        node.close()
    return calls


def test_a_change_in_a_cluster_is_one_command(cluster: RedisCluster, place: str) -> None:
    """
    To the node that has the scope: nobody is asked the way.
    """
    storage = storage_from_uri(place)
    for scope in SCOPES:
        storage.transact((scope, "m"), count)
    before = _calls(cluster)
    for _ in range(5):
        for scope in SCOPES:
            storage.transact((scope, "m"), count)
    after = _calls(cluster)
    asked = {name for name in after if after[name] != before.get(name, 0)}
    assert 5 * len(SCOPES) == after["cmdstat_evalsha"] - before["cmdstat_evalsha"]
    # Within the script, and of this test.
    assert {"cmdstat_evalsha", "cmdstat_hget", "cmdstat_hset"} == asked - {
        "cmdstat_info",
        "cmdstat_hello",
        "cmdstat_client|setinfo",
    }
    storage.close()


def test_a_cluster_that_forgets_scripts_loses_nothing(cluster: RedisCluster, place: str) -> None:
    """
    Each node is told again, by threads and by tasks, of one change and of many.
    """
    storage = storage_from_uri(place)

    async def count_all() -> None:
        await asyncio.gather(*(storage.atransact((scope, "m"), count) for scope in SCOPES * 5))
        await storage.aclose()

    for turn in range(3):
        for node in _nodes(cluster):
            node.script_flush()
            node.close()
        if turn == 1:
            asyncio.run(count_all())
        else:
            for scope in SCOPES:
                storage.transact((scope, "m"), count)
    assert sorted(SCOPES) == storage.scopes()
    for scope in SCOPES:
        assert 7 == storage.load(scope)["m"]["today"]["requests"]
    storage.close()


def test_a_scope_that_moves_to_another_node(cluster: RedisCluster, place: str) -> None:
    """
    Its clients follow it.
    """
    storage = storage_from_uri(place)
    storage.transact(("wanderer", "m"), count)
    key = Keys(place.partition("prefix=")[2]).cells("wanderer")
    nodes = _nodes(cluster)
    slot = _slot(cluster, key)
    owner = next(node for node in nodes if node.cluster("countkeysinslot", slot))
    target = next(node for node in nodes if node is not owner)
    theirs = owner.cluster("myid").decode(), target.cluster("myid").decode()
    target.cluster("setslot", slot, "importing", theirs[0])
    owner.cluster("setslot", slot, "migrating", theirs[1])
    port = target.connection_pool.connection_kwargs["port"]
    keys = owner.cluster("getkeysinslot", slot, 100)
    owner.migrate("127.0.0.1", port, keys, 0, 5_000)
    # Now the node asks to ask the other one, afterwards it says that the slot has moved.
    assert 2 == storage.transact(("wanderer", "m"), count)
    for node in (target, owner):
        node.cluster("setslot", slot, "node", theirs[1])
    assert 3 == storage.transact(("wanderer", "m"), count)
    assert 3 == asyncio.run(storage.aread(("wanderer", "m")))["today"]["requests"]  # type: ignore[index]  # it is there
    for node in nodes:
        node.close()
    storage.close()


def test_a_node_that_dies_and_comes_back(tmp_path: Path) -> None:
    """
    What was counted meanwhile is added, also of the scopes on that node.
    """
    cluster = RedisCluster(tmp_path)
    now = [0.0]
    storage = storage_from_uri(with_option(cluster.url, "socket_timeout=0.5"))
    shelter = Shelter(storage, ticks=lambda: now[0])
    for scope in SCOPES:
        shelter.transact((scope, "m"), count)
    cluster.nodes[1].stop()
    for scope in SCOPES:
        shelter.transact((scope, "m"), count)
    assert is_away(shelter)
    cluster.nodes[1].start()
    cluster.wait()
    for scope in SCOPES:
        shelter.transact((scope, "m"), count)
    shelter.flush()
    assert not is_away(shelter)
    other = storage_from_uri(cluster.url)
    for scope in SCOPES:
        assert 3 == other.load(scope)["m"]["today"]["requests"]
    other.close()
    storage.close()
    cluster.stop()


def test_a_node_that_is_taken_for_a_server(cluster: RedisCluster) -> None:
    """
    Says what is missing in the URL.
    """
    storage = storage_from_uri(cluster.url.partition("?")[0])
    slots = {scope: _slot(cluster, Keys().cells(scope)) for scope in SCOPES}
    elsewhere = max(SCOPES, key=slots.__getitem__)
    with pytest.raises(StorageError, match="add cluster=1"):
        storage.transact((elsewhere, "m"), count)
    storage.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:hush@h/1?cluster=1",
        "redis://u:hush@h?cluster=maybe",
        "redis://u:hush@h?cluster=1&wait=1",
        "unix:///run/redis.sock?cluster=1&password=hush",
    ],
)
def test_clusters_that_cannot_be(url: str) -> None:
    """
    The password is in no message.
    """
    with pytest.raises(ConfigurationError, match="cluster") as caught:
        storage_from_uri(url)
    assert "hush" not in str(caught.value)


def test_no_cluster_at_the_start() -> None:
    """
    A node that does not answer, or that is in none.
    """
    storage = storage_from_uri(f"redis://:hush@127.0.0.1:{free_port()}?cluster=1")
    with pytest.raises(StorageError, match="cluster") as caught:
        storage.transact(KEY, count)
    assert "hush" not in str(caught.value)
    storage.close()


# -- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://h/1", "redis://h/1"),
        ("valkey://:pw@h:1/0?wait=1", "valkey://:***@h:1/0?wait=1"),
        ("rediss://u:p%40w@h/0?ssl_cert_reqs=none", "rediss://u:***@h/0?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock?db=2&password=pw", "unix:///run/redis.sock?db=2&password=***"),
    ],
)
def test_urls(url: str, shown: str) -> None:
    """
    Nothing is opened; the password is not shown.
    """
    storage = storage_from_uri(url)
    assert isinstance(storage, RedisStorage)
    assert shown == storage.uri
    assert shown in repr(QuotaMeter(storage))


@pytest.mark.parametrize("url", ["redis://u:hush@h/0?wait=x", "redis://u:hush@h:port/0"])
def test_urls_that_cannot_be(url: str) -> None:
    """
    The password is in no message.
    """
    with pytest.raises(ConfigurationError) as caught:
        storage_from_uri(url)
    assert "hush" not in str(caught.value)


def test_machines_agree_on_the_time(url: str) -> None:
    """
    The server's clock counts, unless ours is the same to a tenth of a second.
    """
    storage = RedisStorage(url)
    storage.read(KEY)
    assert 0.0 == storage.offset
    storage._set_clock(1_000.0, 1_090.0, 1_000.2)
    assert 89.9 == pytest.approx(storage.offset)
    storage._set_clock(1_000.0, 1_000.15, 1_000.2)
    assert 0.0 == storage.offset
    storage.close()
