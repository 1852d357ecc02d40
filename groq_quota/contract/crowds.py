"""
The contract on many callers at a time: threads, tasks, and some of them in trouble.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from .. import state
from .opened import Opened
from .steps import (
    KEY,
    NOON,
    admit_of,
    admitted,
    correct,
    count,
    everything,
    fail,
    full_cell,
    iso,
    requests,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ..storage import Storage

__all__ = ["CrowdContract"]


class CrowdContract(Opened):
    """
    What many callers of one process may rely on.
    """

    # -- many at a time -----------------------------------------------------------------------

    def test_16_threads_are_exact(self, tmp_path: Path) -> None:
        """
        Of 400 requests from 16 threads a limit of 250 admits 250.
        """
        with self.opened(tmp_path) as storage:

            def work(_: int) -> int:
                return sum(admitted(storage.transact(KEY, admit_of(250))) for _ in range(25))

            with ThreadPoolExecutor(16) as pool:
                assert 250 == sum(pool.map(work, range(16)))
            cell = storage.read(KEY)

        assert cell is not None
        assert 250 == cell["held"]["requests"]
        assert 150 == cell["today"]["blocked"]

    def test_200_tasks_are_exact(self, tmp_path: Path) -> None:
        """
        Of 600 requests from 200 tasks a limit of 450 admits 450.
        """

        async def work(storage: Storage) -> int:
            return sum([admitted(await storage.atransact(KEY, admit_of(450))) for _ in range(3)])

        async def main(storage: Storage) -> int:
            return sum(await asyncio.gather(*(work(storage) for _ in range(200))))

        with self.opened(tmp_path) as storage:
            assert 450 == asyncio.run(main(storage))
            cell = storage.read(KEY)

        assert cell is not None
        assert 450 == cell["held"]["requests"]

    def test_threads_and_loops_are_exact_together(self, tmp_path: Path) -> None:
        """
        4 threads and 4 event loops in threads of their own, on keys of their own and on one.
        """

        def in_thread(storage: Storage, number: int) -> None:
            for _ in range(20):
                storage.transact(KEY, count)
                storage.transact(("thread", str(number)), count)

        async def in_loop(storage: Storage, number: int) -> None:
            async def twice() -> None:
                await storage.atransact(KEY, count)
                await storage.atransact(("loop", str(number)), count)

            await asyncio.gather(*(twice() for _ in range(20)))

        with self.opened(tmp_path) as storage:
            with ThreadPoolExecutor(8) as pool:
                threads = [pool.submit(in_thread, storage, number) for number in range(4)]
                loops = [
                    pool.submit(lambda number: asyncio.run(in_loop(storage, number)), number)
                    for number in range(4)
                ]
                for done in (*threads, *loops):
                    done.result()
            kept = everything(storage)

        assert 160 == kept[KEY][0]["today"]["requests"]
        for number in range(4):
            assert 20 == kept["thread", str(number)][0]["today"]["requests"]
            assert 20 == kept["loop", str(number)][0]["today"]["requests"]

    def test_a_failing_step_harms_no_other(self, tmp_path: Path) -> None:
        """
        Among threads that share a trip, each gets its own outcome or its own error.
        """
        with self.opened(tmp_path) as storage:
            gate = threading.Barrier(16)

            def work(number: int) -> str:
                gate.wait()
                try:
                    storage.transact(KEY, fail if number % 2 else count)
                except ZeroDivisionError as error:
                    return str(error)
                return "counted"

            with ThreadPoolExecutor(16) as pool:
                said = list(pool.map(work, range(16)))
            cell = storage.read(KEY)

        assert ["counted", "a step"] * 8 == said
        assert cell is not None
        assert 8 == cell["today"]["requests"]

    def test_a_failing_step_harms_no_other_task(self, tmp_path: Path) -> None:
        """
        The same among tasks.
        """

        async def main(storage: Storage) -> list[object]:
            steps = [fail if number % 2 else count for number in range(16)]
            calls = (storage.atransact(KEY, step) for step in steps)
            return await asyncio.gather(*calls, return_exceptions=True)

        with self.opened(tmp_path) as storage:
            said = asyncio.run(main(storage))

        assert list(range(1, 9)) == said[::2]
        assert ["a step"] * 8 == [str(error) for error in said[1::2]]

    def test_a_cancelled_task_harms_no_other(self, tmp_path: Path) -> None:
        """
        Its step was run, or not; the others' were.
        """

        async def main(storage: Storage) -> int:
            calls = [asyncio.ensure_future(storage.atransact(KEY, count)) for _ in range(10)]
            await asyncio.sleep(0)
            calls[3].cancel()
            done = await asyncio.gather(*calls, return_exceptions=True)
            return sum(isinstance(outcome, int) for outcome in done)

        with self.opened(tmp_path) as storage:
            counted = asyncio.run(main(storage))
            cell = storage.read(KEY)

        assert cell is not None
        assert counted >= 9
        assert counted <= cell["today"]["requests"] <= 10

    def test_async_methods_do_the_same(self, tmp_path: Path) -> None:
        """
        Each has the outcome of its sync twin, also in a second event loop.
        """

        async def main(storage: Storage, number: int) -> None:
            assert number == await storage.atransact(KEY, count)
            await storage.atransact(KEY, partial(correct, day=iso(-1), requests=1))
            assert storage.read(KEY) == await storage.aread(KEY)
            assert storage.load("default") == await storage.aload("default")
            assert storage.past("default", "") == await storage.apast("default", "")
            assert {KEY[1]: {iso(-1): number}} == requests(await storage.apast("default", ""))
            assert ["default"] == await storage.ascopes()
            await storage.aput(("put", "m"), full_cell(), {})
            assert full_cell() == await storage.aread(("put", "m"))
            await storage.aput(("put", "m"), state.new_cell(), {})
            await storage.atransact(("put", "m"), partial(state.roll, now=NOON))
            with pytest.raises(ZeroDivisionError):
                await storage.atransact(KEY, fail)
            await storage.aclose()

        with self.opened(tmp_path) as storage:
            for number in (1, 2):
                asyncio.run(main(storage, number))
