"""
Callers that wait at the same time, and those that are interrupted.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import StorageError
from groq_quota.storage.json_file import JsonStorage
from tests.contract.steps import KEY, count
from tests.storage.people import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from groq_quota.state import Cell


@pytest.fixture
def storage(tmp_path: Path) -> JsonStorage:
    """
    A storage whose lock file is there.
    """
    storage = JsonStorage(tmp_path / "usage_data.json")
    storage.transact(KEY, count)
    return storage


def writes(storage: JsonStorage) -> int:
    """
    How often the file was written, over all processes: the generation in its lock file.
    """
    return int.from_bytes(Path(f"{storage._file.path}.lock").read_bytes(), "little")


def counted(storage: JsonStorage) -> int:
    """
    What is in the file.
    """
    cell = JsonStorage(storage._file.path).read(KEY)
    assert cell is not None
    return cell["today"]["requests"]


class Gate:
    """
    A step that stands still, under the lock, until it is told to go on.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, cell: Cell) -> int:
        """
        Wait, then count.
        """
        self.reached.set()
        assert self.opened.wait(30)
        return count(cell)


def queued(storage: JsonStorage) -> int:
    """
    How many threads wait.
    """
    return len(storage._group._queue)


def behind(
    gate: Gate, storage: JsonStorage, pool: ThreadPoolExecutor, calls: int
) -> Callable[[], list[int]]:
    """
    Let so many threads queue up behind a gate; returns what opens it and gives their outcomes.
    """
    first = pool.submit(storage.transact, KEY, gate)
    assert gate.reached.wait(30)
    others = [pool.submit(storage.transact, KEY, count) for _ in range(calls)]
    until(lambda: queued(storage) == calls)

    def go_on() -> list[int]:
        gate.opened.set()
        return [first.result(30), *(call.result(30) for call in others)]

    return go_on


class TestThreads:
    def test_those_who_wait_share_one_write(self, storage: JsonStorage) -> None:
        """
        15 threads that queued behind one cost one write together.
        """
        before = writes(storage)
        with ThreadPoolExecutor(16) as pool:
            outcomes = behind(Gate(), storage, pool, 15)()

        assert list(range(2, 18)) == sorted(outcomes)
        assert 2 == writes(storage) - before
        assert 17 == counted(storage)

    def test_a_failed_write_fails_all_of_its_trip(
        self, storage: JsonStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        Each gets an error of its own, nothing was kept, and the next call goes on from before.
        """
        full = threading.Event()

        def rename(source: str, target: str) -> None:
            if full.is_set():
                raise OSError(28, "No space left on device")
            Path(source).replace(target)

        monkeypatch.setattr(storage._file, "rename", rename)
        with ThreadPoolExecutor(8) as pool:
            gate = Gate()
            first = pool.submit(storage.transact, KEY, gate)
            assert gate.reached.wait(30)
            others = [pool.submit(storage.transact, KEY, count) for _ in range(7)]
            until(lambda: queued(storage) == 7)
            full.set()
            gate.opened.set()
            errors = [call.exception(30) for call in (first, *others)]

        assert [StorageError] * 8 == [type(error) for error in errors]
        assert 8 == len({id(error) for error in errors})
        assert 1 == counted(storage)
        full.clear()
        assert 2 == storage.transact(KEY, count)

    def test_no_write_without_a_change(self, storage: JsonStorage) -> None:
        """
        A step that leaves the cell as it is costs none.
        """
        before = writes(storage)
        storage.transact(KEY, lambda _: None)
        storage.transact(("default", "other"), lambda _: None)

        assert before == writes(storage)

    def test_from_within_a_step(self, storage: JsonStorage) -> None:
        """
        A call inside a call of the same thread would wait for itself: it is refused.
        """

        def step(cell: Cell) -> int:
            with pytest.raises(StorageError, match="this very thread"):
                storage.transact(KEY, count)
            storage.close()
            return count(cell)

        assert 2 == storage.transact(KEY, step)
        assert 3 == storage.transact(KEY, count)


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals to threads")
class TestInterrupted:
    @pytest.fixture
    def _own_interrupts(self) -> Iterator[None]:
        """
        Ctrl-C is the test's own, and garbage is not collected in the middle of it.
        """
        before = signal.getsignal(signal.SIGINT)
        gc.disable()
        yield
        gc.enable()
        signal.signal(signal.SIGINT, before)

    def test_a_waiting_thread(self, storage: JsonStorage) -> None:
        """
        Ctrl-C in one that waits ends its call, and nobody else's.
        """
        gate = Gate()
        with ThreadPoolExecutor(8) as pool:
            go_on = behind(gate, storage, pool, 5)
            pool.submit(self._interrupt, lambda: queued(storage) == 6)
            with pytest.raises(KeyboardInterrupt):
                storage.transact(KEY, count)
            outcomes = go_on()

        assert 6 == len(outcomes)
        assert counted(storage) in {7, 8}
        assert isinstance(storage.transact(KEY, count), int)

    def test_the_one_who_leads(self, storage: JsonStorage) -> None:
        """
        What its followers wanted is done by others; of its own call nothing is kept.
        """
        gate = Gate()
        with ThreadPoolExecutor(8) as pool:
            others = pool.submit(self._follow, storage, gate, pool)
            pool.submit(self._interrupt, lambda: queued(storage) == 5)
            with pytest.raises(KeyboardInterrupt):
                storage.transact(KEY, gate)
            calls = others.result(30)
            assert list(range(2, 7)) == sorted(call.result(30) for call in calls)

        assert 6 == counted(storage)
        assert 7 == storage.transact(KEY, count)

    @pytest.mark.usefixtures("_own_interrupts")
    def test_again_and_again(self, storage: JsonStorage) -> None:
        """
        At any place in the middle of calls: others are served, nothing acknowledged is lost.
        """
        ending, acknowledged = threading.Event(), [0] * 4

        def work(number: int) -> None:
            while not ending.is_set():
                storage.transact(KEY, count)
                acknowledged[number] += 1

        def interrupt() -> None:
            for _ in range(60):
                target = sum(acknowledged) + 7
                until(lambda: sum(acknowledged) >= target)  # noqa: B023  # it is waited for at once
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        own = interrupts = 0
        armed = False

        def handle(*_: object) -> None:
            if armed:
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, handle)
        with ThreadPoolExecutor(5) as pool:
            workers = [pool.submit(work, number) for number in range(4)]
            nuisance = pool.submit(interrupt)
            while not nuisance.done():
                try:
                    armed = True
                    storage.transact(KEY, count)
                    own += 1
                    armed = False
                except KeyboardInterrupt:
                    armed = False
                    interrupts += 1
            ending.set()
            for worker in workers:
                worker.result(30)

        assert interrupts
        assert own + sum(acknowledged) <= counted(storage) - 1 <= own + sum(acknowledged) + 60

    def test_by_a_signal_handler(self, storage: JsonStorage) -> None:
        """
        A handler that comes in the middle of a call gets an error, and no deadlock.
        """
        said: list[object] = []

        def handle(*_: object) -> None:
            try:
                said.append(storage.transact(KEY, count))
            except StorageError as error:
                said.append(error)

        def step(cell: Cell) -> int:
            signal.raise_signal(signal.SIGUSR1)
            return count(cell)

        before = signal.signal(signal.SIGUSR1, handle)
        try:
            assert 2 == storage.transact(KEY, step)
        finally:
            signal.signal(signal.SIGUSR1, before)

        assert [StorageError] == [type(answer) for answer in said]

    def _interrupt(self, condition: Callable[[], bool]) -> None:
        until(condition)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _follow(
        self, storage: JsonStorage, gate: Gate, pool: ThreadPoolExecutor
    ) -> list[Future[int]]:
        assert gate.reached.wait(30)
        return [pool.submit(storage.transact, KEY, count) for _ in range(5)]


class TestTasks:
    def test_tasks_share_writes(self, storage: JsonStorage) -> None:
        """
        200 tasks cost at most 20 writes, and one thread.
        """
        before, threads = writes(storage), set(threading.enumerate())

        async def main() -> list[int]:
            return await asyncio.gather(*(storage.atransact(KEY, count) for _ in range(200)))

        assert list(range(2, 202)) == asyncio.run(main())
        assert writes(storage) - before <= 20
        assert 1 == len(set(threading.enumerate()) - threads)
        storage.close()

    def test_no_thread_before_the_first_task(self, tmp_path: Path) -> None:
        """
        Sync callers need none.
        """
        threads = set(threading.enumerate())
        storage = JsonStorage(tmp_path / "usage_data.json")
        storage.transact(KEY, count)

        assert set() == set(threading.enumerate()) - threads

    def test_the_loop_goes_on_meanwhile(self, storage: JsonStorage) -> None:
        """
        While the storage waits, the event loop does not.
        """
        gate = Gate()

        async def main() -> int:
            call = asyncio.ensure_future(storage.atransact(KEY, gate))
            assert await asyncio.to_thread(gate.reached.wait, 30)
            look = asyncio.ensure_future(storage.aread(KEY))
            for _ in range(10):
                await asyncio.sleep(0)
            gate.opened.set()
            assert await look is not None
            return await call

        assert 2 == asyncio.run(main())
        storage.close()

    def test_cancelled_before_it_began(self, storage: JsonStorage) -> None:
        """
        Its step is not run.
        """
        gate = Gate()

        async def main() -> None:
            first = asyncio.ensure_future(storage.atransact(KEY, gate))
            assert await asyncio.to_thread(gate.reached.wait, 30)
            second = asyncio.ensure_future(storage.atransact(KEY, count))
            third = asyncio.ensure_future(storage.atransact(KEY, count))
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.sleep(0)
            gate.opened.set()
            assert (2, 3) == (await first, await third)
            assert second.cancelled()

        asyncio.run(main())
        assert 3 == counted(storage)
        storage.close()

    def test_a_loop_that_was_closed(self, storage: JsonStorage) -> None:
        """
        Who went away harms nobody else in the batch.
        """
        gate = Gate()

        async def leave() -> None:
            for _ in range(3):
                task = asyncio.ensure_future(storage.atransact(KEY, gate))
                task.add_done_callback(lambda done: done.cancelled() or done.exception())
            assert await asyncio.to_thread(gate.reached.wait, 30)

        async def stay() -> list[int]:
            calls = [storage.atransact(KEY, count) for _ in range(3)]
            asyncio.get_running_loop().call_later(0.01, gate.opened.set)
            return await asyncio.gather(*calls)

        asyncio.run(leave())
        assert 3 == len(asyncio.run(stay()))
        assert isinstance(storage.transact(KEY, count), int)
        storage.close()

    def test_the_process_ends_with_its_loop(self, tmp_path: Path) -> None:
        """
        The thread that leads for loops keeps no process alive, closed or not.
        """
        program = (
            "import asyncio\n"
            "from groq_quota.storage.json_file import JsonStorage\n"
            "from tests.contract.steps import KEY, count\n"
            f"storage = JsonStorage({str(tmp_path / 'usage_data.json')!r})\n"
            "print(asyncio.run(storage.atransact(KEY, count)))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

        assert ("1\n", "") == (done.stdout, done.stderr)
