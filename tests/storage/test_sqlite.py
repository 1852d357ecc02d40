"""
SQLite: what people may ask it, what happens to its file, and to processes that use it.
"""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import QuotaMeter, storage_from_uri
from groq_quota.errors import ConfigurationError, StorageError, WrongTypeError
from groq_quota.state import clone
from groq_quota.storage import sqlite_file
from groq_quota.storage.sqlite import SqliteStorage
from tests.contract.steps import DAY, NOON, book, correct, count, iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from groq_quota.state import Cell

KEY = ("default", "llama-3.1-8b-instant")
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    Where there is no file yet.
    """
    return tmp_path / "usage.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    """
    A storage there.
    """
    made = SqliteStorage(path)
    yield made
    made.close()


def requests_in(path: Path) -> int:
    """
    The requests of the one model, as another process sees them.
    """
    other = SqliteStorage(path)
    cell = other.read(KEY)
    other.close()
    return 0 if cell is None else cell["today"]["requests"]


def test_people_may_ask_it(storage: SqliteStorage, path: Path) -> None:
    """
    The view `usage` has a row for each scope, model and day, today's included.
    """
    book(storage, KEY, NOON, tokens=10)
    book(storage, KEY, NOON + DAY, tokens=20)
    book(storage, ("team", "m"), NOON, tokens=5)
    storage.transact(("default", ""), count)
    with sqlite3.connect(path) as person:
        found = person.execute(
            "SELECT scope, model, day, requests, tokens FROM usage ORDER BY scope, day"
        ).fetchall()
        lifetime = person.execute("SELECT sum(lifetime_tokens) FROM cells").fetchone()
    person.close()
    assert [
        ("default", KEY[1], iso(0), 1, 10),
        ("default", KEY[1], iso(1), 1, 20),
        ("team", "m", iso(0), 1, 5),
    ] == found
    assert (35,) == lifetime


def test_at_most_400_days_are_kept(storage: SqliteStorage) -> None:
    """
    The newest.
    """
    for back in range(410, 0, -1):
        storage.transact(KEY, partial(correct, day=iso(-back), requests=1))
    assert [iso(-back) for back in range(400, 0, -1)] == sorted(storage.past("default", "")[KEY[1]])


def test_the_file_has_what_changed_and_what_did_not(storage: SqliteStorage, path: Path) -> None:
    """
    Also what was taken away, and came back with another value.
    """

    def learn(amount: int | None, cell: Cell) -> None:
        cell["learned"] = {} if amount is None else {"rpm": [amount, NOON, "headers"]}
        cell["heard"] = {"rpm": [float(amount or 0), *[0.0] * 8]}

    book(storage, KEY, NOON, tokens=10)
    for amount in (30, 30, 60, None, 30):
        storage.transact(KEY, partial(learn, amount))
        book(storage, KEY, NOON, tokens=10)
        other = SqliteStorage(path)
        assert other.read(KEY) == storage.transact(KEY, clone)
        other.close()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX'")
def test_its_files_are_their_owners_alone(storage: SqliteStorage, path: Path) -> None:
    """
    Also those that SQLite and we put beside it.
    """
    storage.transact(KEY, count)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert dict.fromkeys(modes, 384) == modes
    assert {"usage.db", "usage.db-wal", "usage.db.lock"} <= modes.keys()


def test_looking_creates_nothing(storage: SqliteStorage, path: Path) -> None:
    """
    Nor does constructing.
    """
    assert storage.read(KEY) is None
    assert {} == storage.load("default")
    assert {} == storage.past("default", "")
    assert [] == storage.scopes()
    assert [] == list(path.parent.iterdir())


@pytest.mark.parametrize(("synchronous", "level"), [("normal", 1), ("full", 2), ("FULL", 2)])
def test_how_sure_it_is(path: Path, synchronous: str, level: int) -> None:
    """
    A write-ahead log; `full` waits for the disk.
    """
    storage = SqliteStorage(path, synchronous=synchronous)
    storage.transact(KEY, count)
    connection = storage._file.connection
    assert connection is not None
    assert (level,) == connection.execute("PRAGMA synchronous").fetchone()
    assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
    storage.close()


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:///usage.db", "sqlite:///{here}/usage.db"),
        ("sqlite:////abs/a%3Fb.db", "sqlite:////abs/a%3Fb.db"),
        ("SQLITE:////abs/u.db?synchronous=full", "sqlite:////abs/u.db?synchronous=full"),
    ],
)
def test_uris(uri: str, shown: str, tmp_path: Path) -> None:
    """
    As SQLAlchemy writes them: three slashes and a relative path, four and an absolute one.
    """
    made = storage_from_uri(uri)
    assert shown.format(here=tmp_path) == made.uri
    assert made.uri == storage_from_uri(made.uri).uri


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:////dir/",
        "sqlite:///u?mode=ro",
        "sqlite:///u?synchronous=2",
    ],
)
def test_uris_that_cannot_be(uri: str) -> None:
    """
    They are told apart from those that can.
    """
    with pytest.raises(ConfigurationError):
        storage_from_uri(uri)


def test_a_path_of_the_wrong_type() -> None:
    """
    Says so.
    """
    with pytest.raises(WrongTypeError):
        SqliteStorage(5)  # type: ignore[arg-type]  # that is the test


# -- trouble --------------------------------------------------------------------------------------


def test_a_missing_directory(tmp_path: Path) -> None:
    """
    The message names it and says what to do; nothing is created.
    """
    storage = SqliteStorage(tmp_path / "no" / "usage.db")
    with pytest.raises(StorageError, match="create the directory"):
        storage.transact(KEY, count)
    assert [] == list(tmp_path.iterdir())
    (tmp_path / "no").mkdir()
    assert 1 == storage.transact(KEY, count)
    storage.close()


def test_a_full_disk(storage: SqliteStorage) -> None:
    """
    Nothing of the change is kept, and the next one goes on from what was.
    """
    storage.transact(KEY, count)
    connection = storage._file.connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for number in range(100):
            storage.transact(("default", f"{'x' * 900}{number}"), count)

    with pytest.raises(StorageError, match="make room on the disk"):
        fill()
    connection.execute("PRAGMA max_page_count = 1000000")
    assert 2 == storage.transact(KEY, count)


def test_a_file_that_may_not_be_written(storage: SqliteStorage) -> None:
    """
    Says so; what was counted can still be read.
    """
    storage.transact(KEY, count)
    connection = storage._file.connection
    assert connection is not None
    connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StorageError, match="let this user write"):
        storage.transact(KEY, count)
    cell = storage.read(KEY)
    assert cell is not None
    assert 1 == cell["today"]["requests"]
    # Another connection may do better: the file's mode has changed meanwhile.
    assert 2 == storage.transact(KEY, count)


def test_a_file_that_another_program_keeps_locked(
    storage: SqliteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    It is waited for, but not for ever.
    """
    monkeypatch.setattr(sqlite_file, "_BUSY", 0.05)
    storage.transact(KEY, count)
    with sqlite3.connect(path, isolation_level=None) as person:
        person.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="see which program keeps it locked"):
            storage.transact(KEY, count)
        person.execute("ROLLBACK")
    person.close()
    assert 2 == storage.transact(KEY, count)


def test_a_process_that_hangs_with_the_turn(
    storage: SqliteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Its turn is over after a while: it is SQLite that excludes others, not the turn.
    """
    monkeypatch.setattr(sqlite_file, "_PATIENCE", 0.05)
    storage.transact(KEY, count)
    other = SqliteStorage(path)
    other._file.lock()
    assert 2 == storage.transact(KEY, count)
    other._file.unlock()
    other.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but text" * 99, b"SQLite format 3\0junk" * 99]
)
def test_a_damaged_file_is_set_aside(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Under a new name, said loudly, and counting goes on.
    """
    path.write_bytes(content)
    meter = QuotaMeter(f"sqlite:///{path}")
    with caplog.at_level(logging.WARNING, "groq_quota"):
        meter.reserve("llama-3.1-8b-instant").commit(5)
    meter.flush()
    aside = [file for file in path.parent.iterdir() if ".damaged-" in file.name]
    assert [content] == [
        file.read_bytes() for file in aside if not file.name.endswith(("-wal", "-shm"))
    ]
    assert "was set aside as" in caplog.text
    meter.close()
    assert 1 == SqliteStorage(path).load("default")["llama-3.1-8b-instant"]["lifetime"]["requests"]


def test_a_damaged_file_is_set_aside_once(storage: SqliteStorage, path: Path) -> None:
    """
    Whoever sees its damage later leaves the new file alone.
    """
    for number in range(200):
        storage.transact(("default", f"model {number}"), count)
    late = SqliteStorage(path)
    late.read(KEY)
    connection = storage._file.connection
    assert connection is not None
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    storage.close()  # what it has read is not looked up again
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(3 * 2_048)
        file.write(b"\xff" * (size - file.tell()))
    with pytest.raises(StorageError, match="was set aside"):
        storage.load("default")
    assert 1 == storage.transact(KEY, count)
    with pytest.raises(StorageError, match="has been replaced"):
        late.load("default")
    assert 2 == late.transact(KEY, count) == len(storage.load("default")) + 1
    aside = [file.name for file in path.parent.glob("*.damaged-*")]
    assert 1 == sum(not name.endswith(("-wal", "-shm")) for name in aside)
    late.close()


def test_a_damaged_entry_counts_anew(
    storage: SqliteStorage, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    What stands in columns of its own is still there.
    """
    storage.transact(KEY, count)
    storage.transact(("default", "other"), count)
    storage.close()
    with sqlite3.connect(path) as person:
        person.execute("UPDATE cells SET state = '{', version = 'x' WHERE model = ?", KEY[1:])
    person.close()
    assert 2 == storage.transact(KEY, count)
    assert "damaged entry" in caplog.text


def test_another_programs_database_is_left_alone(path: Path) -> None:
    """
    It is not ours to add tables to.
    """
    with sqlite3.connect(path) as person:
        person.execute("CREATE TABLE theirs (x)")
    person.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another program's database"):
        SqliteStorage(path).transact(KEY, count)
    with sqlite3.connect(path) as person:
        assert [("theirs",)] == person.execute("SELECT name FROM sqlite_master").fetchall()
    person.close()
    assert len(before) == path.stat().st_size


def test_a_file_of_a_newer_version_is_left_alone(storage: SqliteStorage, path: Path) -> None:
    """
    Says to update.
    """
    storage.transact(KEY, count)
    storage.close()
    with sqlite3.connect(path) as person:
        person.execute("PRAGMA user_version = 99")
    person.close()
    with pytest.raises(StorageError, match="newer version"):
        storage.transact(KEY, count)


def test_an_older_schema_is_brought_up_to_date(
    storage: SqliteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    At the next opening; what it has is kept. A migration that fails changes nothing.
    """
    storage.transact(KEY, count)
    storage.close()
    newer = ("CREATE TABLE more (x)", "INSERT INTO more VALUES (1)")
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", (*sqlite_file.MIGRATIONS, (*newer, "nonsense")))
    with pytest.raises(StorageError):
        storage.transact(KEY, count)
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", (*sqlite_file.MIGRATIONS[:1], newer))
    assert 2 == storage.transact(KEY, count)
    storage.close()
    with sqlite3.connect(path) as person:
        assert [(1,)] == person.execute("SELECT x FROM more").fetchall()
        assert (2,) == person.execute("PRAGMA user_version").fetchone()
    person.close()


def test_a_deleted_file_is_a_fresh_start(storage: SqliteStorage, path: Path) -> None:
    """
    After a second at most, and without harm to the file that took its place.
    """
    storage.transact(KEY, count)
    for file in path.parent.iterdir():
        file.unlink()
    other = SqliteStorage(path)
    other.transact(KEY, count)
    storage._file._look_at = 0.0  # the second is over
    assert 2 == storage.transact(KEY, count)
    assert 3 == other.transact(KEY, count)
    storage.close()
    other.close()
    assert 3 == requests_in(path)


# -- processes ------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_fork_while_threads_are_counting(storage: SqliteStorage, path: Path) -> None:
    """
    The child finds no lock held, and both go on in one file.
    """
    script = f"""
import os, threading
from groq_quota.storage.sqlite import SqliteStorage
from tests.contract.steps import count
storage = SqliteStorage({os.fspath(path)!r})
stop = threading.Event()
made = [0] * 4
def work(number):
    while not stop.is_set():
        storage.transact({KEY!r}, count)
        made[number] += 1
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for _ in range(20):
    child = os.fork()
    if not child:
        for _ in range(5): storage.transact({KEY!r}, count)
        storage.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
storage.close()
print(sum(made) + 100)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "" == done.stderr
    assert int(done.stdout) == requests_in(path)


def _killed(path: Path, runs: int) -> None:
    # At random moments, also while the file is being made.
    kept = 0
    for _ in range(runs):
        command = [sys.executable, "-m", "tests.storage.killed", f"sqlite:///{path}"]
        process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE)
        assert process.stdout is not None
        acknowledged = len(process.stdout.read(1))
        threading.Event().wait(random.uniform(0, 0.02))
        process.kill()
        acknowledged += len(process.stdout.read())
        process.stdout.close()
        process.wait()
        begun = time.perf_counter()
        now = _counted(path)
        assert time.perf_counter() - begun < 1.0  # 12 ms where nothing else runs
        assert acknowledged <= now - kept <= acknowledged + 1
        kept = now
    with sqlite3.connect(path) as person:
        assert ("ok",) == person.execute("PRAGMA integrity_check").fetchone()
    person.close()


def _counted(path: Path) -> int:
    other = SqliteStorage(path)
    cell = other.read(("default", "m"))
    other.close()
    return 0 if cell is None else cell["today"]["requests"]


def test_a_killed_process_loses_nothing(path: Path) -> None:
    """
    No acknowledged count, nothing torn, no lock stuck.
    """
    _killed(path, 8)


@pytest.mark.long
def test_200_killed_processes_lose_nothing(path: Path) -> None:
    """
    The same, 200 times.
    """
    _killed(path, 200)


class Interrupted:
    """
    A lock in whose taking a signal comes, once.
    """

    def __init__(self, lock: Any, handler: Callable[[], None]) -> None:
        self._lock = lock
        self._handlers = [handler]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def acquire(self, *, blocking: bool) -> bool:
        """
        Take it; before anybody knows, the handler runs.
        """
        taken: bool = self._lock.acquire(blocking=blocking)
        while self._handlers:
            self._handlers.pop()()
        return taken


def test_ctrl_c_as_its_lock_is_taken(storage: SqliteStorage) -> None:
    """
    It is free again, for this thread and for others.
    """

    def interrupt() -> None:
        raise KeyboardInterrupt

    storage.transact(KEY, count)
    storage._busy = Interrupted(storage._busy, interrupt)  # type: ignore[assignment]  # as good as one
    with pytest.raises(KeyboardInterrupt):
        storage.transact(KEY, count)
    with ThreadPoolExecutor(1) as pool:
        assert 2 == pool.submit(storage.transact, KEY, count).result(10)
    assert 3 == storage.transact(KEY, count)


def test_a_signal_handler_as_its_lock_is_taken(storage: SqliteStorage) -> None:
    """
    It gets an error, and no deadlock; the change that it interrupted is made.
    """

    def handle() -> None:
        with pytest.raises(StorageError, match="interrupted in a call of this very thread"):
            storage.transact(KEY, count)

    storage.transact(KEY, count)
    storage._busy = Interrupted(storage._busy, handle)  # type: ignore[assignment]  # as good as one
    assert 2 == storage.transact(KEY, count)
