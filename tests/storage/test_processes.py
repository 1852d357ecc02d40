"""
Many processes on one JSON file: exact, also after a fork, and whole, also after kill -9.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from groq_quota.storage.json_file import JsonStorage
from groq_quota.storage.locked_file import LockedFile
from tests.contract.steps import KEY, admit_of, admitted, count
from tests.storage.people import fork, killed, said, until
from tests.storage.test_json_file import MountedStorage

if TYPE_CHECKING:
    from pathlib import Path

    from groq_quota.state import Cell

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """
    Where the file is, or will be.
    """
    return tmp_path / "usage_data.json"


def held(place: Path) -> int:
    """
    What reservations hold, as a fresh process reads it.
    """
    cell = JsonStorage(place).read(KEY)
    return 0 if cell is None else cell["held"]["requests"]


def counted(place: Path) -> int:
    """
    What was counted, as a fresh process reads it; the document is whole.
    """
    if place.exists():
        json.loads(place.read_bytes())
    cell = JsonStorage(place).read(KEY)
    return 0 if cell is None else cell["today"]["requests"]


def try_all(storage: JsonStorage, writing: int, *, threads: int, tries: int, limit: int) -> None:
    """
    Ask for requests from many threads; write how many were admitted.
    """

    def work(_: int) -> int:
        return sum(admitted(storage.transact(KEY, admit_of(limit))) for _ in range(tries))

    with ThreadPoolExecutor(threads) as pool:
        os.write(writing, b"%d\n" % sum(pool.map(work, range(threads))))


class TestExact:
    def test_forked_with_the_file_open(self, place: Path) -> None:
        """
        8 processes x 4 threads on a limit of 1,000 admit exactly 1,000.
        """
        storage = JsonStorage(place)
        assert admitted(storage.transact(KEY, admit_of(1_000)))
        children = [
            fork(lambda pipe: try_all(storage, pipe, threads=4, tries=40, limit=1_000))
            for _ in range(8)
        ]

        assert 999 == sum(int(said(*child)) for child in children)
        assert 1_000 == held(place)

    def test_started_afresh(self, place: Path) -> None:
        """
        The same with processes that share nothing but the file.
        """
        program = (
            "import sys\n"
            "from tests.storage.test_processes import JsonStorage, try_all\n"
            f"storage = JsonStorage({str(place)!r})\n"
            "try_all(storage, 1, threads=4, tries=10, limit=100)\n"
        )
        children = [
            subprocess.Popen(
                [sys.executable, "-c", program],
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            for _ in range(4)
        ]

        assert 100 == sum(int(child.communicate()[0]) for child in children)
        assert [0] * 4 == [child.returncode for child in children]
        assert 100 == held(place)

    def test_forked_among_tasks(self, place: Path) -> None:
        """
        A child of a process with an event loop, and with a thread for it, has both anew.
        """
        storage = JsonStorage(place)

        async def work() -> int:
            calls = (storage.atransact(KEY, admit_of(100)) for _ in range(40))
            return sum(map(admitted, await asyncio.gather(*calls)))

        def child(writing: int) -> None:
            os.write(writing, b"%d\n" % asyncio.run(work()))

        own = asyncio.run(work())
        children = [fork(child) for _ in range(3)]
        own += asyncio.run(work())

        assert 100 == own + sum(int(said(*each)) for each in children)
        assert 100 == held(place)
        storage.close()


class TestForked:
    def test_while_another_thread_holds_the_lock(self, place: Path) -> None:
        """
        The child waits for the parent's thread, not for a lock that nobody frees there.
        """
        storage = JsonStorage(place)
        reached, opened = threading.Event(), threading.Event()

        def step(cell: Cell) -> int:
            reached.set()
            assert opened.wait(30)
            return count(cell)

        def child(writing: int) -> None:
            os.write(writing, b"here\n")
            os.write(writing, b"%d\n" % storage.transact(KEY, count))

        with ThreadPoolExecutor(3) as pool:
            first = pool.submit(storage.transact, KEY, step)
            assert reached.wait(30)
            queued = pool.submit(storage.transact, KEY, count)
            until(lambda: storage._group._queue)
            number, reading = fork(child)
            assert b"here\n" == os.read(reading, 5)
            opened.set()
            outcomes = {first.result(30), queued.result(30), int(said(number, reading))}

        assert {1, 2, 3} == outcomes
        assert 3 == counted(place)

    def test_the_parents_lock_outlives_its_child(self, place: Path) -> None:
        """
        A child that uses the file and ends frees nothing that its parent holds.
        """
        storage, impatient = JsonStorage(place), LockedFile(str(place))
        impatient.patience = 0.0
        storage.transact(KEY, count)

        def step(cell: Cell) -> int:
            said(*fork(lambda _: storage.close()))
            with pytest.raises(OSError, match="kept the lock"):
                impatient.acquire(create=True)
            return count(cell)

        assert 2 == storage.transact(KEY, step)

    def test_children_see_what_the_parent_counted(self, place: Path) -> None:
        """
        And the parent what they did.
        """
        storage = JsonStorage(place)
        for number in range(1, 12, 2):
            assert number == storage.transact(KEY, count)
            child = fork(lambda pipe: os.write(pipe, b"%d" % storage.transact(KEY, count)))
            assert number + 1 == int(said(*child))


class TestKilled:
    @pytest.mark.parametrize("kind", [JsonStorage, MountedStorage])
    def test_60_times(self, place: Path, kind: type[JsonStorage]) -> None:
        """
        Nothing acknowledged is lost, nothing is torn; at most one request more is counted.
        """
        if kind is MountedStorage:
            place.write_text("{}")
        chance = random.Random(7)
        total = kills = 0
        while kills < 60:
            before = counted(place)
            number, reading = fork(lambda pipe: self._count_on(kind(place), pipe))
            first = os.read(reading, 1)
            time.sleep(chance.random() * 0.01)
            acknowledged = len(first) + len(killed(number, reading))
            after = counted_by(kind(place))
            assert acknowledged <= after - before <= acknowledged + 1
            assert after == counted(place)
            total += acknowledged
            kills += 1

        assert total > kills

    def test_with_threads_and_a_survivor(self, place: Path) -> None:
        """
        Another process counts on meanwhile: at most one more for each thread killed.
        """
        asked, ending = os.pipe()
        survivor = fork(lambda pipe: self._survive(JsonStorage(place), pipe, asked, ending))
        os.close(asked)
        acknowledged = 0
        for _ in range(15):
            number, reading = fork(lambda pipe: self._count_on_threads(JsonStorage(place), pipe))
            first = os.read(reading, 1)
            time.sleep(0.005)
            acknowledged += len(first) + len(killed(number, reading))
        os.close(ending)
        acknowledged += len(said(*survivor))

        assert acknowledged <= counted(place) <= acknowledged + 15 * 4

    @pytest.mark.long
    @pytest.mark.parametrize("kind", [JsonStorage, MountedStorage])
    def test_1000_times(self, place: Path, kind: type[JsonStorage]) -> None:
        """
        The same for longer.
        """
        for _ in range(17):
            self.test_60_times(place, kind)

    def _count_on(self, storage: JsonStorage, pipe: int) -> None:
        while True:
            storage.transact(KEY, count)
            os.write(pipe, b".")

    def _count_on_threads(self, storage: JsonStorage, pipe: int) -> None:
        with ThreadPoolExecutor(4) as pool:
            for call in [pool.submit(self._count_on, storage, pipe) for _ in range(4)]:
                call.result()

    def _survive(self, storage: JsonStorage, pipe: int, asked: int, ending: int) -> None:
        # Counts until the parent closes its end.
        os.close(ending)
        while not select.select([asked], [], [], 0)[0]:
            storage.transact(KEY, count)
            os.write(pipe, b".")


def counted_by(storage: JsonStorage) -> int:
    """
    What a process reads that comes to count: it makes whole what it finds torn.
    """
    storage.transact(KEY, lambda _: None)
    cell = storage.read(KEY)
    storage.close()
    return 0 if cell is None else cell["today"]["requests"]
