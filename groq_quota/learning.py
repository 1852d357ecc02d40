"""
What an account's answers teach about its limits, kept in the cell with the date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from .limits import Learned
from .windows import DAY

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from .state import Cell

__all__ = ["forget", "learn", "learned_limits"]

# A limit that is only seen again is written again no more often than this, in seconds.
_REFRESH = 3_600.0


def learn(cell: Cell, at: float, limits: Mapping[str, int], how: str = "headers") -> bool:
    """
    Keep the limits that Groq named at `at`, by kind; True if any is new or has changed.

    A late answer does not overwrite what a newer one said.
    """
    changed = False
    learned = cell["learned"].copy()
    for kind, amount in limits.items():
        known = learned.get(kind)
        if known is not None:
            seen = cast("float", known[1]) or 0.0
            # What was seen more than a day ahead, a clock that was set wrong has seen.
            late = at < seen <= at + DAY
            if late or (known[0] == amount and 0 <= at - seen < _REFRESH):
                continue
        changed = changed or known is None or known[0] != amount
        learned[kind] = [amount, at, how]
    if changed and how == "headers":
        # Other numbers in the headers are another plan's: what refusals told was of the old one.
        for kind in [kind for kind, known in learned.items() if known[2] == "refusal"]:
            del learned[kind]
    cell["learned"] = learned
    return changed


def learned_limits(cell: Cell) -> dict[str, Learned]:
    """
    The learned limits of a cell, as values.
    """
    return {
        kind: Learned(None if amount is None else int(amount), float(at or 0.0), str(how))
        for kind, (amount, at, how) in cell["learned"].items()
    }


def forget(cell: Cell) -> bool:
    """
    Forget what Groq named, with the buckets of these limits; False if there was nothing.
    """
    forgotten = cell["learned"]
    cell["windows"] = _without(cell["windows"], forgotten)
    cell["lows"] = _without(cell["lows"], forgotten)
    cell["heard"] = _without(cell["heard"], forgotten)
    cell["learned"] = {}
    cell["hold"] = {}
    cell["refund"] = None
    return bool(forgotten)


def _without(by_kind: dict[str, list[float]], kinds: Container[str]) -> dict[str, list[float]]:
    return {kind: known for kind, known in by_kind.items() if kind not in kinds}
