"""
`groq-quota demo`: the guard at work, redrawn in place on a terminal, line by line elsewhere.
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from ..reports import Status
from .console import is_live
from .gauges import COLOURS, Artist, highest_percent
from .world import MODEL, REQUESTS, TOKENS, world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ..reports import ModelUsage
    from .console import Glyphs
    from .language import Language
    from .world import Batch, Comparison, Ending, World

__all__ = ["perform"]

_RECENT = 6


def perform(console: Console, language: Language, glyphs: Glyphs, *, fast: bool = False) -> bool:
    """
    Play the demo; whether ledger and counts agree, and nothing was sent beyond the limit.
    """
    said = _Report(console, language, glyphs)
    with _quiet_log(), world(language, fast=fast) as played:
        said.opening(played)
        with _stage(console, language, glyphs) as stage:
            before = Status.NORMAL
            for batch in played.climb():
                usage = played.usage()
                news = played.message() if usage.status is not before else None
                stage.show(batch, usage, news)
                before = usage.status
        ending, comparison = played.go_beyond(), played.compare()
    said.ending(ending)
    said.comparison(comparison)
    return comparison.agrees and ending.held


@contextmanager
def _quiet_log() -> Iterator[None]:
    # The demo tells what the log would; its lines would tear the picture.
    logger = logging.getLogger("groq_quota")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


class _Stage(Protocol):
    """
    Where calls are shown as they are answered.
    """

    def show(self, batch: Batch, usage: ModelUsage, news: str | None) -> None: ...


@contextmanager
def _stage(console: Console, language: Language, glyphs: Glyphs) -> Iterator[_Stage]:
    if not is_live(console):
        yield _Lines(console, language)
        return
    with Live(console=console, refresh_per_second=12) as live:
        picture = _Picture(live, language, Artist(language, glyphs, console.width))
        yield picture
        picture.finish()


def _call(batch: Batch, language: Language) -> str:
    # As in `3-6  async    HTTP 200  143 tokens`.
    numbers = f"{batch.first}" if batch.first == batch.last else f"{batch.first}-{batch.last}"
    kind = language.say(f"kind_{batch.kind}")
    tokens = language.counted("count_tokens", batch.tokens)
    statuses = ", ".join(str(status) for status in batch.statuses)
    return f"{numbers:>6}  {kind:<7}  HTTP {statuses}  {tokens:>10}"


class _Lines:
    """
    A line for each batch, with how the model stands after it.
    """

    def __init__(self, console: Console, language: Language) -> None:
        self._console = console
        self._language = language

    def show(self, batch: Batch, usage: ModelUsage, news: str | None) -> None:
        language = self._language
        requests = f"{language.number(usage.requests)}/{language.number(REQUESTS)}"
        percent = language.percent(highest_percent(usage) or 0.0)
        state = Text(language.say(usage.status.value), COLOURS[usage.status])
        line = f"{_call(batch, language)}  {requests:>9}  {percent:>7}  "
        self._console.print(Text.assemble(line, state), soft_wrap=True)
        if news:
            self._console.print(Text(f"        {news}", "bold"))


class _Picture:
    """
    One picture: the model's gauges, what was announced, and the latest calls.
    """

    def __init__(self, live: Live, language: Language, artist: Artist) -> None:
        self._live = live
        self._language = language
        self._artist = artist
        self._gauges: Text | None = None
        self._news: list[Text] = []
        self._recent: deque[str] = deque(maxlen=_RECENT)

    def show(self, batch: Batch, usage: ModelUsage, news: str | None) -> None:
        reset = max(window.reset_after for window in usage.windows)
        self._gauges = self._artist.models([usage], said=reset)
        self._recent.append(_call(batch, self._language))
        if news:
            place = Text(f"  {batch.last:>4}  ", "dim")
            self._news.append(Text.assemble(place, (news, COLOURS[usage.status])))
        self._live.update(self._drawn(calls=True))

    def finish(self) -> None:
        """
        Leave the picture without the calls, which are over.
        """
        self._live.update(self._drawn(calls=False))

    def _drawn(self, *, calls: bool) -> Group:
        parts = [self._gauges] if self._gauges else []
        if self._news:
            parts += [Text(), *self._news]
        if calls:
            parts += [Text(), *(Text(call, "dim") for call in self._recent)]
        return Group(*parts)


class _Report:
    """
    What is said before and after the calls.
    """

    def __init__(self, console: Console, language: Language, glyphs: Glyphs) -> None:
        self._console = console
        self._language = language
        self._glyphs = glyphs

    def opening(self, played: World) -> None:
        """
        What is about to be seen, and where it happens.
        """
        language = self._language
        self._print(language.say("demo_title", middle=self._glyphs.middle), "bold")
        self._print()
        limits = language.say(
            "demo_limit_text",
            requests=language.counted("count_requests", REQUESTS),
            tokens=language.counted("count_tokens", TOKENS),
        )
        self._facts(
            demo_server=played.simulator.base_url,
            demo_counts=str(played.path),
            demo_limits=f"{MODEL}: {limits}",
        )
        self._print()

    def ending(self, ending: Ending) -> None:
        """
        What became of the calls beyond the limit.
        """
        language = self._language
        wait = ending.retry_after
        self._print()
        self._print(language.say("demo_stopped", number=ending.calls), "bold")
        self._facts(
            demo_raised=", ".join(dict.fromkeys(ending.errors)),
            demo_sent=language.counted("demo_sent_text", ending.sent),
            demo_message=ending.message,
            demo_free=language.duration(wait) if wait is not None else "",
        )
        self._print()

    def comparison(self, comparison: Comparison) -> None:
        """
        Ledger and counts side by side, and the verdict.
        """
        language = self._language
        self._print(language.say("demo_compare"), "bold")
        names = [language.say(name) for name, _, _ in comparison.rows]
        width = max(map(len, names))
        heads = [language.say("demo_ledger"), language.say("demo_ours")]
        self._print(f"  {'':<{width}}  {heads[0]:>12}  {heads[1]:>12}", "dim")
        for name, (_, theirs, ours) in zip(names, comparison.rows, strict=True):
            same = theirs == ours
            numbers = f"{language.number(theirs):>12}  {language.number(ours):>12}"
            mark = self._glyphs.yes if same else self._glyphs.no
            line = f"  {name:<{width}}  {numbers}  "
            self._console.print(Text.assemble(line, (mark, "green" if same else "bold red")))
        agreed = comparison.agrees
        verdict = language.say("demo_agree" if agreed else "demo_differ")
        self._print(f"  {verdict}", "bold green" if agreed else "bold red")
        self._print()
        self._print(language.say("demo_yours"))

    def _facts(self, **facts: str) -> None:
        names = {name: self._language.say(name) for name in facts}
        width = max(map(len, names.values()))
        for name, fact in facts.items():
            # Soft-wrapped, so that a long path can be copied whole.
            line = Text.assemble((f"  {names[name]:<{width}}  ", "dim"), fact)
            self._console.print(line, soft_wrap=True)

    def _print(self, line: str = "", style: str = "") -> None:
        self._console.print(Text(line, style))
