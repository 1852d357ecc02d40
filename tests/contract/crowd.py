"""
Many processes that reserve at one storage: `python -m tests.contract.crowd URI HOW PROCESSES EACH`.

HOW is `threads` or `tasks`, EACH how many of them a process has. All are forked from one process
that has the storage open and used. Together they try 1,000 times, then each process once more.
Prints how many were admitted in the first round and in the second, then what the cell says: how
many are held, and how many were blocked.
"""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from groq_quota.storage import storage_from_uri
from tests.contract.steps import admit_of, admitted

if TYPE_CHECKING:
    from groq_quota.storage import Storage

LIMIT = 1_000
KEY = ("default", "llama-3.1-8b-instant")
STEP = admit_of(LIMIT)


def _threads(storage: Storage, each: int, tries: int) -> int:
    def work(number: int) -> int:
        mine = range(number, tries, each)
        return sum(admitted(storage.transact(KEY, STEP)) for _ in mine)

    with ThreadPoolExecutor(each) as pool:
        return sum(pool.map(work, range(each)))


def _tasks(storage: Storage, each: int, tries: int) -> int:
    async def work(number: int) -> int:
        mine = range(number, tries, each)
        return sum([admitted(await storage.atransact(KEY, STEP)) for _ in mine])

    async def main() -> int:
        try:
            return sum(await asyncio.gather(*(work(number) for number in range(each))))
        finally:
            await storage.aclose()

    return asyncio.run(main())


def _child(storage: Storage, how: str, each: int, tries: int, *, start: int, result: int) -> None:
    # The start is when the parent closes the pipe's other end.
    os.read(start, 1)
    count = (_threads if how == "threads" else _tasks)(storage, each, tries)
    os.write(result, f"{count}\n".encode())


def _round(storage: Storage, how: str, each: int, shares: list[int]) -> int:
    start, go = os.pipe()
    results, result = os.pipe()
    children = []
    for share in shares:
        child = os.fork()
        if not child:
            os.close(go)
            try:
                _child(storage, how, each, share, start=start, result=result)
                storage.close()
            finally:
                os._exit(0)
        children.append(child)
    for end in (go, start, result):
        os.close(end)
    with os.fdopen(results) as told:
        counts = [int(line) for line in told]
    for child in children:
        os.waitpid(child, 0)
    assert len(counts) == len(shares), "a process failed"
    return sum(counts)


def main(uri: str, how: str, processes: int, each: int) -> None:
    """
    Both rounds.
    """
    storage = storage_from_uri(uri)
    # Open, and used: what a fork has to cope with.
    first = int(admitted(storage.transact(KEY, STEP)))
    left = LIMIT - first
    shares = [left // processes + (number < left % processes) for number in range(processes)]
    admits = first + _round(storage, how, each, shares)
    sys.stdout.write(f"{admits} {_round(storage, how, each, [1] * processes)}\n")
    cell = storage.read(KEY)
    assert cell is not None
    sys.stdout.write(f"{cell['held']['requests']} {cell['today']['blocked']}\n")
    storage.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
