"""
The line of requests that wait for room in a model's buckets: how much has joined, and has left.

First come, first served: nobody takes room that is meant for those before him. A request that is
never heard of again, of a process that was killed, holds up nobody for good: whoever leaves the
line from behind it takes it along. Nothing here reads a clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .state import Cell

__all__ = ["ahead", "give_up", "join", "leave", "tidy", "waiting"]

# Seconds after the last one's turn, after which nobody is in the line any more.
_STALE = 30.0


def waiting(cell: Cell, now: float, metric: str) -> float:
    """
    How much is in the line.
    """
    joined, left, until = cell["line"].get(metric) or _EMPTY
    return max(0.0, joined - left) if now <= until + _STALE else 0.0


_EMPTY = (0.0, 0.0, 0.0)


def tidy(cell: Cell, now: float) -> None:
    """
    Forget a line in which nobody is any more.
    """
    if all(now > line[2] + _STALE for line in cell["line"].values()):
        cell["line"] = {}


def join(cell: Cell, until: float, needs: Mapping[str, float]) -> dict[str, float]:
    """
    Join the line, to be sent at `until`; returns the place in it.
    """
    place, line = {}, cell["line"].copy()
    for metric, need in needs.items():
        joined, left, last = line.get(metric) or _EMPTY
        place[metric] = joined
        line[metric] = [joined + need, left, max(last, until)]
    cell["line"] = line
    return place


def ahead(cell: Cell, metric: str, place: Mapping[str, float]) -> float:
    """
    How much is still before a place.
    """
    line = cell["line"].get(metric)
    return max(0.0, place.get(metric, 0.0) - line[1]) if line else 0.0


def leave(cell: Cell, needs: Mapping[str, float], place: Mapping[str, float]) -> None:
    """
    Leave the line to be sent, and all before it with it.
    """
    for metric, need in needs.items():
        line = cell["line"].get(metric)
        if line:
            _left(cell, metric, line, max(line[1], place.get(metric, 0.0) + need))


def give_up(cell: Cell, needs: Mapping[str, float]) -> None:
    """
    Leave the line without being sent.
    """
    for metric, need in needs.items():
        line = cell["line"].get(metric)
        if line:
            _left(cell, metric, line, line[1] + need)


def _left(cell: Cell, metric: str, line: list[float], left: float) -> None:
    cell["line"] = {**cell["line"], metric: [line[0], min(left, line[0]), line[2]]}
