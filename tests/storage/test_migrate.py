"""
Moving everything between storages.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import ConfigurationError, StorageError
from groq_quota.meter import QuotaMeter
from groq_quota.state import new_cell
from groq_quota.storage import MemoryStorage, storage_from_uri
from groq_quota.storage.migrate import Moved, migrate
from groq_quota.testing import FakeClock

if TYPE_CHECKING:
    from groq_quota.state import Cell, Rows
    from groq_quota.storage import Storage

PLACES = ("memory://", "usage.json", "sqlite:///usage.db")


def fill(storage: Storage, days: int = 3) -> None:
    """
    Two scopes that count two models for some days.
    """
    clock = FakeClock()
    meter = QuotaMeter(storage, clock=clock, on_storage_error="refuse")
    for _ in range(days):
        meter.record("a/model", 10)
        meter.scoped("team").record("b", 5)
        clock.advance(86_400)
    meter.record("a/model", 7)
    meter.reserve("b", 100)


def everything(storage: Storage) -> dict[tuple[str, str], tuple[Cell, Rows]]:
    """
    All that a storage has.
    """
    return {
        (scope, model): (cell, storage.past(scope, "0001-01-01").get(model, {}))
        for scope in storage.scopes()
        for model, cell in storage.load(scope).items()
    }


@pytest.mark.parametrize(("source", "target"), list(permutations(PLACES, 2)))
def test_everything_arrives(source: str, target: str) -> None:
    """
    Cells, rows and scopes, from any storage to any other, and the source stays as it is.
    """
    old, new = storage_from_uri(source), storage_from_uri(target)
    fill(old)
    before = everything(old)

    moved = migrate(old, new)

    assert Moved(2, 3, 5, 0, 7, 52) == moved
    assert before == everything(new) == everything(old)


def test_days_that_the_target_does_not_keep_are_told() -> None:
    """
    A file keeps 62 days; older ones stay behind, and the lifetime has them.
    """
    old, new = MemoryStorage(), storage_from_uri("usage.json")
    fill(old, days=70)

    moved = migrate(old, new)

    # 70 days of one model, 69 and today's of the other.
    assert (62 + 62, 8 + 7) == (moved.days, moved.dropped_days)
    assert 71 + 70 == moved.requests


def test_other_places_are_refused() -> None:
    """
    The same place, an empty source and a target that is not empty: nothing is written.
    """
    old, new = MemoryStorage(), storage_from_uri("usage.json")
    with pytest.raises(ConfigurationError, match="nothing is kept there"):
        migrate(old, new)
    fill(old)
    for same in (old, storage_from_uri("usage.json")):
        with pytest.raises(ConfigurationError, match="already"):
            migrate(same, same if same is old else new)
    fill(new)
    before = everything(new)
    with pytest.raises(ConfigurationError, match="is not empty"):
        migrate(old, new)
    assert before == everything(new)


def test_force_replaces_what_is_the_same_and_keeps_the_rest() -> None:
    """
    Models of the target that the source does not have stay.
    """
    old, new = MemoryStorage(), MemoryStorage()
    fill(old)
    QuotaMeter(new).record("only here", 3)
    QuotaMeter(new).record("a/model", 3)

    migrate(old, new, force=True)

    assert everything(old).items() <= everything(new).items()
    assert ("default", "only here") in everything(new)


class Forgetful(MemoryStorage):
    """
    Loses what it is given of one model.
    """

    def put(self, key: tuple[str, str], cell: Cell, rows: Rows) -> None:
        """
        Keep it, unless it is the one.
        """
        super().put(key, new_cell() if key == ("team", "b") else cell, rows)


def test_what_does_not_arrive_is_an_error() -> None:
    """
    What was written is read back and compared.
    """
    old = MemoryStorage()
    fill(old)
    with pytest.raises(StorageError, match="what was written for team b reads otherwise"):
        migrate(old, Forgetful())
