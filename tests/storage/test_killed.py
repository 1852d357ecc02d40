"""
Processes that are killed at any moment: nothing acknowledged is lost, and the next starts at once.
"""

from __future__ import annotations

import os
import random
import statistics
import time

import pytest

from groq_quota.storage import storage_from_uri
from tests.contract.steps import KEY, count
from tests.storage.people import fork, killed

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


def counted(uri: str) -> int:
    """
    What a fresh storage reads.
    """
    storage = storage_from_uri(uri)
    cell = storage.read(KEY)
    storage.close()
    return 0 if cell is None else cell["today"]["requests"]


def count_on(uri: str, pipe: int) -> None:
    """
    Write how long the first change took, with opening the storage, and a dot for each further one.
    """
    begun = time.perf_counter()
    storage = storage_from_uri(uri)
    storage.transact(KEY, count)
    os.write(pipe, b"%.6f\n" % (time.perf_counter() - begun))
    while True:
        storage.transact(KEY, count)
        os.write(pipe, b".")


def kill(uri: str, times: int) -> list[float]:
    """
    Kill one process after the other, half of them while they open the storage; how long the first
    changes of those took that came so far, in seconds. Libraries are loaded before.
    """
    counted(uri)
    chance = random.Random(7)
    acknowledged = 0
    took = []
    for number in range(times):
        child, reading = fork(lambda pipe: count_on(uri, pipe))
        said = b""
        while number % 2 and not said.endswith(b"\n"):
            said += os.read(reading, 1)
        time.sleep(chance.random() * 0.02)
        first, done, others = (said + killed(child, reading)).partition(b"\n")
        if done:
            took.append(float(first))
        acknowledged += len(done) + len(others)
        # A server may make the last change of a process after its death.
        assert acknowledged <= counted(uri) <= acknowledged + number + 1
    return took


def test_a_killed_process_loses_nothing(uri: str) -> None:
    """
    No acknowledged count, nothing torn, no lock stuck.
    """
    assert kill(uri, 10)


@pytest.mark.long
def test_after_each_of_200_kills_the_next_start_is_quick(uri: str) -> None:
    """
    Under 100 ms to open the storage and make the first change, without loading libraries.
    """
    took = kill(uri, 200)
    assert len(took) >= 100
    assert statistics.median(took) < 0.1
