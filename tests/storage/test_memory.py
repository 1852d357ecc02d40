"""
Storage in memory, as far as the contract of all storages does not say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota.state import count, new_cell, new_counts, roll
from groq_quota.storage.memory import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.state import Cell

NOON = 1_795_348_800.0
KEY = ("default", "m")


def request_at(now: float) -> Callable[[Cell], bool]:
    """
    A step that counts one request.
    """

    def step(cell: Cell) -> bool:
        roll(cell, now)
        return count(cell, now, cell["day"], {"requests": 1})

    return step


def test_two_of_them_share_nothing() -> None:
    """
    `memory://` is no place that two can meet at.
    """
    one, two = MemoryStorage(), MemoryStorage()
    assert one.transact(KEY, request_at(NOON))
    assert {} == two.load("default")
    assert "memory://" == one.uri
    assert 0.0 == one.offset


def test_what_is_given_and_what_is_taken_are_copies() -> None:
    """
    Changing them changes nothing that is kept.
    """
    storage, cell, rows = MemoryStorage(), new_cell(), {"2026-11-21": new_counts()}
    cell["lifetime"]["requests"] = 1
    storage.put(KEY, cell, rows)
    cell["lifetime"]["requests"] = rows["2026-11-21"]["requests"] = 9
    for taken in (storage.read(KEY), storage.load("default")["m"]):
        assert taken is not None
        assert 1 == taken["lifetime"]["requests"]
        taken["lifetime"]["requests"] = 9
    past = storage.past("default", "")
    assert 0 == past["m"]["2026-11-21"]["requests"]
    past["m"]["2026-11-21"]["requests"] = 9
    assert 0 == storage.past("default", "")["m"]["2026-11-21"]["requests"]


def test_400_days_are_kept() -> None:
    """
    The newest ones.
    """
    storage = MemoryStorage()
    for day in range(402):
        storage.transact(KEY, request_at(NOON + 86_400 * day))
    rows = storage.past("default", "")["m"]
    assert 400 == len(rows)
    assert "2026-11-23" == min(rows)


def test_a_step_that_raises_keeps_nothing() -> None:
    """
    Not even the cell.
    """
    storage = MemoryStorage()

    def step(cell: Cell) -> None:
        cell["epoch"] = 5
        raise KeyError

    with pytest.raises(KeyError):
        storage.transact(KEY, step)
    assert storage.read(KEY) is None
    assert [] == storage.scopes()
