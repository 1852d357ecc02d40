"""
One of several processes that reserve on one file: `python -m tests.benchmarks.storage_worker`.

Arguments: whose guard (`ours` or `tokencap`), the file, the seconds. Waits for a line, and prints
how many reservations it got.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "llama-3.1-8b-instant"


def ours(place: str) -> Callable[[], bool]:
    """
    A reservation by the storage's own steps, under four limits that are never reached.
    """
    from functools import partial

    from groq_quota import booking
    from groq_quota.storage import storage_from_uri
    from tests.benchmarks.bench_json import AMOUNT, RULES

    storage = storage_from_uri(place)
    key = ("default", MODEL)

    def reserve() -> bool:
        step = partial(booking.admit, now=time.time(), rules_of=lambda _: RULES, amount=AMOUNT)
        return isinstance(storage.transact(key, step), booking.Booking)

    return reserve


def tokencap(place: str) -> Callable[[], bool]:
    """
    The same job: of one budget, atomically.
    """
    from tokencap.backends.sqlite import SQLiteBackend
    from tokencap.core.types import BudgetKey

    backend, key = SQLiteBackend(place), BudgetKey("model", MODEL)
    backend.set_limit(key, 10**12)
    return lambda: bool(backend.check_and_increment([key], 1_000).allowed)


def main(guard: str, place: str, seconds: float) -> None:
    """
    Reserve for so many seconds.
    """
    reserve = {"ours": ours, "tokencap": tokencap}[guard](place)
    reserve()
    print("ready", flush=True)
    sys.stdin.readline()
    done, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        done += reserve()
    print(done, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
