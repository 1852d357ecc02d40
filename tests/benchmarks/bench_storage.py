"""
What storages cost beside their floors, and beside the guards and limiters of others.

Servers are those of the tests; what is missing is passed over, with the reason.
"""

from __future__ import annotations

import importlib
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, contextmanager
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import booking
from groq_quota.storage import MemoryStorage, storage_from_uri
from groq_quota.storage.sqlite import SqliteStorage
from tests.benchmarks.bench_json import AMOUNT, MODELS, NOON, RULES, _by_steps, add_one
from tests.benchmarks.bench_sdk import MESSAGES, MODEL, client, guarded, unlimited
from tests.benchmarks.timing import Row, interleaved
from tests.storage.servers import postgres_urls, redis_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota import QuotaMeter
    from groq_quota.storage import Storage

Way = Callable[[], object]


def main() -> list[Row]:
    """
    Memory, SQLite, Redis, and 10,000 scopes.
    """
    rows: list[Row] = []
    for bench in (_memory, _sqlite, _sdk_on_sqlite, _processes, _redis, _many_scopes):
        try:
            rows += bench()
        except pytest.skip.Exception as missing:
            rows.append(Row(bench.__name__.strip("_"), f"passed over: {missing}"))
    return rows


def _of_others(name: str, make: Callable[[Any], Way]) -> dict[str, Way]:
    # Only what is installed: the dependency group `bench` has them.
    try:
        return {name: make(importlib.import_module(name))}
    except ImportError as error:
        print(f" storage | without {name}: {error}")
        return {}


def _ratio(taken: dict[str, float], name: str, floor: str) -> str:
    return f"{taken[name] / taken[floor]:.2f} x {floor} ({taken[floor]:.1f} µs)"


def _theirs(taken: dict[str, float], ours: str, names: dict[str, Way]) -> list[Row]:
    return [Row(f"  {name}", f"{taken[name]:.1f} µs, ours {taken[ours]:.1f} µs") for name in names]


# -- memory ---------------------------------------------------------------------------------------


def _limits(library: Any, place: str = "memory://") -> Way:
    strategies = importlib.import_module("limits.strategies")
    storages = importlib.import_module("limits.storage")
    limiter = strategies.FixedWindowRateLimiter(storages.storage_from_string(place))
    item = library.parse("1000000000/day")
    return lambda: limiter.hit(item, MODEL)


def _throttled(library: Any, place: str = "") -> Way:
    store = library.RedisStore(server=place) if place else library.MemoryStore()
    throttle = library.Throttled(
        key=MODEL, quota=library.rate_limiter.per_day(10**9), using="fixed_window", store=store
    )
    limit: Way = throttle.limit
    return limit


def _memory() -> list[Row]:
    lock = threading.Lock()

    def locks() -> None:
        with lock:
            pass
        with lock:
            pass

    meter = unlimited()
    others = _of_others("limits", _limits) | _of_others("throttled", _throttled)
    ways = {
        "two locks": locks,
        "steps": _by_steps(MemoryStorage()),
        "meter": lambda: meter.reserve(MODEL, 1_000).commit(700),
        **others,
    }
    taken = interleaved(ways, rounds=60, calls=50)
    return [
        Row("memory pair, storage", _ratio(taken, "steps", "two locks"), "15 x"),
        Row("memory pair, meter", _ratio(taken, "meter", "two locks")),
        *_theirs(taken, "meter", others),
    ]


# -- SQLite ---------------------------------------------------------------------------------------


@contextmanager
def _bare(place: Path, level: str) -> Iterator[Way]:
    with closing(sqlite3.connect(place, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {level}")
        connection.execute(
            "CREATE TABLE t (scope, model, requests, tokens, PRIMARY KEY (scope, model))"
        )
        rows = [("default", model, 0, 0) for model in MODELS]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
        models = cycle(MODELS)
        update = (
            "UPDATE t SET requests = requests + 1, tokens = tokens + ? "
            "WHERE scope = ? AND model = ?"
        )

        def pair() -> None:
            model = next(models)
            connection.execute(update, (700, "default", model))
            connection.execute(update, (700, "default", model))

        yield pair


def _sqlite() -> list[Row]:
    rows = []
    for level, aim in (("normal", "3 x"), ("full", "")):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "usage.db")
            storage = SqliteStorage(place, synchronous=level)
            with closing(storage), _bare(Path(folder, "bare.db"), level) as floor:
                meter = unlimited(f"sqlite:///{folder}/meter.db?synchronous={level}")
                models = cycle(MODELS)
                ways: dict[str, Way] = {
                    "two bare UPDATEs": floor,
                    "steps": _by_steps(storage),
                    "meter": partial(_pair, meter, models),
                }
                rounds = 60 if level == "normal" else 15
                taken = interleaved(ways, rounds=rounds, calls=len(MODELS))
                meter.close()
        ratio = _ratio(taken, "steps", "two bare UPDATEs")
        rows.append(Row(f"SQLite pair, {level}, storage", ratio, aim))
        rows.append(Row(f"SQLite pair, {level}, meter", _ratio(taken, "meter", "two bare UPDATEs")))
    return rows


def _pair(meter: QuotaMeter, models: Iterator[str]) -> None:
    meter.reserve(next(models), 1_000).commit(700)


def _sdk_on_sqlite() -> list[Row]:
    chat = client().chat.completions

    def call() -> None:
        chat.create(model=MODEL, messages=MESSAGES, max_tokens=100)

    with tempfile.TemporaryDirectory() as folder:
        meter = unlimited(f"sqlite:///{folder}/usage.db")
        within = {"guarded": lambda: guarded(meter)}
        taken = interleaved({"bare": call, "guarded": call}, within=within)
        meter.close()
    added, bare = taken["guarded"] - taken["bare"], taken["bare"]
    return [Row("plain call, SQLite", f"+{added:.1f} µs on {bare:.0f} µs", "+150 µs")]


def _processes() -> list[Row]:
    guards = {"ours": "ours", "ours, full": "ours"}
    try:
        importlib.import_module("tokencap")
        guards["tokencap"] = "tokencap"
    except ImportError as error:
        print(f" storage | without tokencap: {error}")
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, guard in guards.items():
            place = f"{folder}/{name}.db".replace(" ", "-")
            if guard == "ours":
                place = f"sqlite:///{place}" + ("?synchronous=full" if "full" in name else "")
            rates[name] = _rate(guard, place, 4, 2.0)
    theirs = rates.pop("tokencap", None)
    beside = "" if theirs is None else f", tokencap {theirs:.0f}/s"
    aim = "more than tokencap"
    return [
        Row(f"4 processes, SQLite ({name})", f"{rate:.0f} reservations/s{beside}", aim)
        for name, rate in rates.items()
    ]


def _rate(guard: str, place: str, processes: int, seconds: float) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.storage_worker", guard, place, str(seconds)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return sum(int(worker.communicate()[0]) for worker in workers) / seconds


# -- Redis ----------------------------------------------------------------------------------------


def _redis() -> list[Row]:
    urls = redis_urls()
    url = next(urls)
    storage: Any = storage_from_uri(url)
    other = storage_from_uri(next(urls))
    reserve = _reserving(storage)
    reserve()
    plain = url.partition("?")[0]
    others = _of_others("limits", partial(_limits, place=plain))
    others |= _of_others("throttled", partial(_throttled, place=plain))
    ping = storage._client.ping
    ways = {
        "PING": ping,
        "two PINGs": lambda: (ping(), ping()),
        "reserve": reserve,
        "pair": _by_steps(other),
        **others,
    }
    taken = interleaved(ways, rounds=80, calls=12)
    storage.close()
    other.close()
    urls.close()  # type: ignore[attr-defined]  # a generator
    return [
        Row("Redis reserve, none given back", _ratio(taken, "reserve", "PING"), "1.6 x"),
        Row("Redis reserve + commit", _ratio(taken, "pair", "two PINGs"), "1.6 x"),
        *_theirs(taken, "reserve", others),
    ]


def _reserving(storage: Storage) -> Way:
    models, seconds = cycle(MODELS), count()

    def reserve() -> None:
        now = NOON + next(seconds) / 100
        step = partial(booking.admit, now=now, rules_of=lambda _: RULES, amount=AMOUNT)
        storage.transact(("default", next(models)), step)

    return reserve


# -- many scopes ----------------------------------------------------------------------------------


def _many_scopes() -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        places = {"SQLite": iter([f"sqlite:///{folder}/few.db", f"sqlite:///{folder}/many.db"])}
        servers = {"Redis": redis_urls(), "PostgreSQL": postgres_urls()}
        for name, urls in (places | servers).items():
            try:
                rows.append(_scopes_on(name, next(urls), next(urls)))
            except pytest.skip.Exception as missing:
                rows.append(Row(f"10,000 scopes, {name}", f"passed over: {missing}"))
        for urls in servers.values():
            urls.close()  # type: ignore[attr-defined]  # a generator
    return rows


def _scopes_on(name: str, few: str, many: str) -> Row:
    ways = {}
    storages = []
    for number, place in ((12, few), (10_000, many)):
        storage = storage_from_uri(place)
        storages.append(storage)
        scopes = cycle([f"scope {place}" for place in range(number)])
        ways[f"{number}"] = partial(_change, storage, scopes)
        for _ in range(number):
            ways[f"{number}"]()
    taken = interleaved(ways, rounds=40, calls=12)
    for storage in storages:
        storage.close()
    figure = f"{taken['10000'] / taken['12']:.2f} x what 12 cost ({taken['12']:.0f} µs)"
    return Row(f"change of 10,000 scopes, {name}", figure, "1.5 x")


def _change(storage: Storage, scopes: Iterator[str]) -> None:
    storage.transact((next(scopes), MODEL), add_one)
