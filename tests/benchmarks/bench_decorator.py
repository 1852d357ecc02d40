"""
What `quota_guarded` adds to a function, with the meter in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groq_quota.decorator import quota_guarded
from groq_quota.records import mark
from tests.benchmarks.bench_sdk import MODEL, guarded, unlimited
from tests.benchmarks.timing import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota import QuotaMeter


class _Agent:
    """
    A method that is answered for, as if the plugin had accounted for what it sent.
    """

    model = MODEL

    def __init__(self, meter: QuotaMeter) -> None:
        self.meter = meter

    def ask(self) -> None:
        mark(self.meter)

    decorated = quota_guarded(attr="model")(ask)


def _row(
    what: str,
    plain: Callable[[], object],
    decorated: Callable[[], object],
    floor: Callable[[], object],
    aim: str,
) -> Row:
    ways = {"plain": plain, "decorated": decorated, "floor": floor}
    taken = interleaved(ways, rounds=100, calls=200)
    added = taken["decorated"] - taken["plain"]
    return Row(what, f"+{added:.1f} µs (x {added / taken['floor']:.2f} of its storage work)", aim)


def main() -> list[Row]:
    """
    A call that the plugin accounts, and one that reserves itself.

    The floor is what the meter and its storage take for it: a check, or reserve and commit.
    """
    meter = unlimited()
    agent = _Agent(meter)

    def check() -> None:
        meter.run(meter.barring(MODEL))

    def book() -> None:
        meter.reserve(MODEL, 100).commit()

    def function() -> str:
        return "answer"

    with guarded(meter):
        accounted = _row("accounted by the plugin", agent.ask, agent.decorated, check, "+15 µs")
    decorated = quota_guarded(MODEL, tokens=100, meter=meter)(function)
    return [accounted, _row("reserving itself", function, decorated, book, "+30 µs")]
