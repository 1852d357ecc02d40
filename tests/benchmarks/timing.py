"""
Measuring two ways of doing a thing beside each other, on a machine that is never quiet.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

__all__ = ["Row", "interleaved"]


@dataclass(frozen=True)
class Row:
    """
    One line of the report: a figure, what it is compared with, and what was aimed at.
    """

    what: str
    figure: str
    aim: str = ""


def interleaved(
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 60,
    calls: int = 20,
    within: Mapping[str, Callable[[], AbstractContextManager[object]]] | None = None,
) -> dict[str, float]:
    """
    Microseconds per call of each way: the mean of its fastest fifth of interleaved rounds.

    `within` has what is to be around a way's rounds, outside the timing. Whoever comes first after
    the garbage collection is slowed by it, so each round begins with another.
    """
    order = deque(ways)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    around = within or {}
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for name in order:
                way = ways[name]
                with around.get(name, nullcontext)():
                    way()
                    begun = time.perf_counter()
                    for _ in range(calls):
                        way()
                    taken[name].append((time.perf_counter() - begun) / calls * 1e6)
            gc.collect()
            order.rotate(1)
    finally:
        gc.enable()
    return {name: _fastest(figures) for name, figures in taken.items()}


def _fastest(figures: list[float]) -> float:
    best = sorted(figures)[: max(1, len(figures) // 5)]
    return sum(best) / len(best)
