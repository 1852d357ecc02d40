"""
What a reservation and its commit cost on the JSON storage, against their floor.

The floor is two bare replacements of the same document: lock, serialise, write a file beside it,
put it in its place, unlock.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from functools import partial
from itertools import count, cycle
from pathlib import Path
from typing import TYPE_CHECKING

import groq_quota
from groq_quota import booking, outcomes, settling
from groq_quota.limits import Limit
from groq_quota.storage.json_file import JsonStorage
from tests.benchmarks.timing import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.state import Cell
    from groq_quota.storage import Storage

NOON = 1_795_348_800.0
MODELS = [f"vendor/model-{number}-instruct" for number in range(12)]
RULES = booking.Rules([Limit(kind, 10**9, "user") for kind in ("rpm", "rpd", "tpm", "tpd")])
AMOUNT = booking.Amount(tokens=1_000, prompt=500, output=500)


def _rules_of(_: Cell) -> booking.Rules:
    return RULES


def _by_steps(storage: Storage) -> Callable[[], object]:
    models, seconds = cycle(MODELS), count()

    def pair() -> None:
        key, now = ("default", next(models)), NOON + next(seconds) / 100
        admit = partial(booking.admit, now=now, rules_of=_rules_of, amount=AMOUNT)
        booked = storage.transact(key, admit)
        outcome = outcomes.Outcome(tokens=700)
        settle = partial(settling.settle, now=now, rules_of=_rules_of, outcome=outcome)
        storage.transact(key, partial(settle, booking=booked))

    return pair


def add_one(cell: Cell) -> None:
    """
    Count a request, and nothing else.
    """
    today, lifetime = cell["today"], cell["lifetime"]
    cell["today"] = {**today, "requests": today["requests"] + 1}
    cell["lifetime"] = {**lifetime, "requests": lifetime["requests"] + 1}


def _by_counting(storage: Storage) -> Callable[[], object]:
    models = cycle(MODELS)

    def pair() -> None:
        key = ("default", next(models))
        storage.transact(key, add_one)
        storage.transact(key, add_one)

    return pair


def _by_meter(storage: Storage) -> Callable[[], object]:
    limits = {model: {"rpm": 10**9, "rpd": 10**9, "tpm": 10**9, "tpd": 10**9} for model in MODELS}
    seconds = count()
    meter = groq_quota.QuotaMeter(storage, limits=limits, clock=lambda: NOON + next(seconds) / 100)
    models = cycle(MODELS)

    def pair() -> None:
        meter.reserve(next(models), 1_000).commit(700)

    return pair


def _floor(place: Path, document: object) -> Callable[[], object]:
    temp = f"{place}.tmp"
    lock = os.open(f"{place}.lock", os.O_RDWR | os.O_CREAT, 0o600)

    def replace() -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data = json.dumps(document).encode()
        written = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(written, data)
        os.close(written)
        os.replace(temp, place)  # noqa: PTH105  # as bare as can be
        fcntl.flock(lock, fcntl.LOCK_UN)

    def pair() -> None:
        replace()
        replace()

    return pair


def main() -> list[Row]:
    """
    Three ways to make two changes, each beside the floor of its own document.
    """
    rows = []
    for what, way in (
        ("reserve + commit", _by_meter),
        ("storage alone, the same steps", _by_steps),
        ("storage alone, counting", _by_counting),
    ):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "usage_data.json")
            storage = JsonStorage(place)
            pair = way(storage)
            for _ in range(3 * len(MODELS)):
                pair()
            document = json.loads(place.read_bytes())
            floor = _floor(Path(folder, "floor.json"), document)
            taken = interleaved({"ours": pair, "floor": floor}, rounds=60, calls=len(MODELS))
            ratio = taken["ours"] / taken["floor"]
            figure = f"{ratio:.2f} x two bare replacements ({taken['floor']:.0f} µs)"
            rows.append(Row(what, figure, "1.3 x"))
            storage.close()
    return rows
