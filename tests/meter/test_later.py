"""
What is due later: at the next call, at exit, in forked children.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from groq_quota.meter import QuotaMeter
from groq_quota.outcomes import Outcome
from groq_quota.reports import Usage

from .driver import MODEL, Api

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("by", ["flush", "close", "usage", "reserve", "summary"])
async def test_what_is_due_happens_at_the_next_call(build: Callable[..., Api], by: str) -> None:
    """
    Whatever the call is.
    """
    api = build(rpd=5)
    reservation = await api.reserve(tokens=5)
    api.meter.settle_later(reservation.ending(Outcome(usage=Usage(3))))
    await getattr(api, by)()
    usage = (await api.usages())[MODEL]
    assert (1, 3) == (usage.requests, usage.tokens)


SCRIPT = """
import os
from groq_quota.outcomes import Outcome
from groq_quota.meter import QuotaMeter
from groq_quota.storage.memory import MemoryStorage

class Place(MemoryStorage):
    def close(self):
        print(self.load("default")["m"]["today"]["requests"], flush=True)

place = Place()
meter = QuotaMeter(place)
"""


def run(script: str) -> list[str]:
    """
    What a fresh process prints.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT + script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("turns", range(5))
def test_the_end_of_a_loop_breaks_no_change_off(uri: str, turns: int) -> None:
    """
    `asyncio.run` cancels what is left; what is being counted or booked is not lost.
    """
    meter = QuotaMeter(uri)

    async def main() -> None:
        reservation = await meter.areserve(MODEL, 10)
        left = [
            asyncio.ensure_future(reservation.acommit(10)),
            asyncio.ensure_future(meter.areserve(MODEL, 10)),
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        assert len(left) == 2

    asyncio.run(main())
    meter.flush()
    usage = meter.usage(MODEL)
    assert (1, 10) == (usage.requests, usage.tokens)
    meter.close()


def test_what_is_due_happens_at_exit() -> None:
    """
    A dropped stream of the last moment is counted.
    """
    script = "meter.settle_later(meter.reserve('m', 5).ending(Outcome()))"
    assert ["1"] == run(script)


def test_what_is_due_outlives_its_meter() -> None:
    """
    Where nobody has the meter any more, it is counted at exit all the same.
    """
    script = """
import gc
meter.settle_later(meter.reserve('m', 5).ending(Outcome()))
del meter
gc.collect()
"""
    assert ["1"] == run(script)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_leaves_what_is_due_to_its_parent() -> None:
    """
    It is counted once, by the process that it was due in.
    """
    script = """
meter.settle_later(meter.reserve('m', 5).ending(Outcome()))
child = os.fork()
if child == 0:
    meter.flush()
    place.close()
    os._exit(0)
os.waitpid(child, 0)
"""
    assert ["0", "1"] == run(script)
