"""
Gauges: a bar for each limit of a model, and the line above them that says how the model stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from ..gauges import Gauge, taken_by_others
from ..reports import Status
from ..windows import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..reports import ModelUsage, WindowUsage
    from .console import Glyphs
    from .language import Language

__all__ = ["Artist", "gauges_of", "highest_percent"]

COLOURS = {
    Status.NORMAL: "green",
    Status.WARNING: "dark_orange",
    Status.CRITICAL: "red",
    Status.LIMIT_REACHED: "bold white on red",
}
_BARS = {**COLOURS, Status.LIMIT_REACHED: "bold red"}
# Limits that are read one after the other differ by a moment.
_SAME_RESET = 30.0


def gauges_of(usage: ModelUsage) -> list[Gauge]:
    """
    The daily limits of a model by what was counted, then the shorter windows that are in use.

    Requests and tokens are there without a limit too, tokens only if there were any.
    """
    windows = [window for window in usage.windows if window.limit.confirmed]
    # By what was counted: what is in flight is shown apart.
    daily = [
        Gauge.of(window, getattr(usage, window.limit.metric))
        for window in windows
        if window.limit.daily
    ]
    known = {gauge.metric for gauge in daily}
    if "tokens" not in known and usage.tokens:
        daily.insert(0, Gauge("tokens", DAY, usage.tokens, None))
    if "requests" not in known:
        daily.insert(0, Gauge("requests", DAY, usage.requests, None))
    # The use of a bucket that refills all the time is rounded up: what is left is not overstated.
    return daily + [
        Gauge.of(window, math.ceil(window.used)) for window in windows if _running(window)
    ]


def _running(window: WindowUsage) -> bool:
    return not window.limit.daily and window.limit.amount is not None and window.used > 0


def highest_percent(usage: ModelUsage) -> float | None:
    """
    The highest percentage used of a daily limit; None for a model that has none.
    """
    daily = [gauge for gauge in gauges_of(usage) if gauge.period == DAY]
    return max((gauge.percent for gauge in daily if gauge.limit is not None), default=None)


class _Row(NamedTuple):
    gauge: Gauge
    label: str
    amounts: str
    reset: str


class _Columns(NamedTuple):
    label: int
    bar: int
    amounts: int
    reset: int


@dataclass(frozen=True, slots=True)
class Artist:
    """
    Draws models in a language, with these characters, into so many columns.
    """

    language: Language
    glyphs: Glyphs
    width: int

    def models(self, usages: Sequence[ModelUsage], *, said: float) -> Text:
        """
        All models, one below the other, with their columns in line.

        Args:
            said: Seconds to the day's reset, which was said already: it is not said again for each
                limit that has it.
        """
        blocks = [[self._row(gauge, said) for gauge in gauges_of(usage)] for usage in usages]
        columns = self._columns([row for block in blocks for row in block])
        drawn = (
            Text("\n").join([self.head(usage), *self._lines(block, columns), *self._notes(usage)])
            for usage, block in zip(usages, blocks, strict=True)
        )
        return Text("\n\n").join(drawn)

    def head(self, usage: ModelUsage) -> Text:
        """
        The model's name on the left, its state and percentage on the right.
        """
        percent = highest_percent(usage)
        said = self.state(usage.status, percent)
        room = self.width - said.cell_len - 2
        name = Text(usage.model, "bold")
        name.truncate(room, overflow="ellipsis", pad=True)
        return Text.assemble(name, "  ", said)

    def state(self, status: Status, percent: float | None) -> Text:
        """
        A state in its colour, with its percentage.
        """
        said = f" {self.glyphs.dot} {self.language.say(status.value)} "
        share = "" if percent is None else self.language.percent(percent)
        return Text.assemble((said, COLOURS[status]), (f"{share:>8}", "bold"))

    def bar(self, gauge: Gauge, width: int) -> Text:
        """
        A bar that is full only when the limit is reached, and not empty once anything is used.
        """
        filled = int(gauge.percent * width / 100)
        if gauge.used and gauge.limit is not None:
            filled = max(1, filled)
        return Text.assemble(
            (self.glyphs.full * filled, _BARS[gauge.status]),
            (self.glyphs.rest * (width - filled), "bright_black"),
        )

    def _lines(self, rows: Iterable[_Row], columns: _Columns) -> Iterator[Text]:
        for row in rows:
            reset = f"  {row.reset:>{columns.reset}}" if columns.reset else ""
            yield Text.assemble(
                f"  {row.label:<{columns.label}}  ",
                self.bar(row.gauge, columns.bar),
                f"  {row.amounts:>{columns.amounts}}",
                (reset, "dim"),
            )

    def _notes(self, usage: ModelUsage) -> Iterator[Text]:
        # What else happened, if anything did.
        language = self.language
        counts = {
            name: getattr(usage, name) for name in ("blocked", "fallbacks", "refused", "failed")
        }
        said = [language.counted(f"note_{name}", count) for name, count in counts.items() if count]
        if usage.reserved:
            tokens = language.counted("count_tokens", usage.reserved_tokens)
            held = language.counted("count_requests", usage.reserved)
            said.append(language.say("note_reserved", requests=held, tokens=tokens))
        if usage.waited:
            said.append(language.say("note_waited", duration=language.duration(usage.waited)))
        if usage.estimated_seconds:
            seconds = language.duration(usage.estimated_seconds)
            said.append(language.say("note_estimated", duration=seconds))
        others = taken_by_others(usage).items()
        if others:
            amounts = [f"{language.number(amount)} {language.say(name)}" for name, amount in others]
            said.append(language.say("note_others", amounts=", ".join(amounts)))
        if said:
            yield Text(f"  {f' {self.glyphs.middle} '.join(said)}", "dim")

    def _row(self, gauge: Gauge, said: float) -> _Row:
        language = self.language
        label = language.say(f"per_{gauge.period}", metric=language.say(gauge.metric))
        limit = language.say("unlimited") if gauge.limit is None else language.number(gauge.limit)
        reset = ""
        if gauge.limit is not None and abs(gauge.reset_after - said) > _SAME_RESET:
            name = "resets_in" if gauge.period == DAY else "free_in"
            reset = language.say(name, duration=language.duration(gauge.reset_after))
        return _Row(gauge, label, f"{language.number(gauge.used)} / {limit}", reset)

    def _columns(self, rows: Sequence[_Row]) -> _Columns:
        label = max((len(row.label) for row in rows), default=0)
        amounts = max((len(row.amounts) for row in rows), default=0)
        reset = max((len(row.reset) for row in rows), default=0)
        taken = 2 + label + 2 + 2 + amounts + (2 + reset if reset else 0)
        return _Columns(label, max(self.width - taken, 0), amounts, reset)
