"""
The world of the demo: a simulated Groq, and the real SDK guarded by a meter on a file.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from ..defaults import set_default_meter
from ..meter import QuotaMeter
from ..sdk import install, uninstall
from ..settings import Settings
from ..windows import seconds_to_midnight
from .complaint import Complaint
from .sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import groq
    from groq.types import CompletionUsage
    from groq.types.chat import ChatCompletionMessageParam

    from ..reports import ModelUsage
    from ..simulator import Simulator
    from .language import Language

__all__ = ["MODEL", "REQUESTS", "TOKENS", "Batch", "Comparison", "Ending", "World", "world"]

MODEL = "openai/gpt-oss-20b"
REQUESTS = 40
TOKENS = 4_000
_DAILY = {"rpd": REQUESTS, "tpd": TOKENS}
_LIMITS = {MODEL: {**_DAILY, "rpm": None, "tpm": None}}
_MAX_TOKENS = 64
_KEY = "demo"
# One round: how, and how many calls at once. 75 and 90 % of the limit are each the end of a batch.
_ROUND = (*[("plain", 1)] * 2, ("async", 4), *[("stream", 1)] * 4)
_KINDS = ("plain", "stream", "async")
_QUESTIONS = 4
# What a request takes at the simulated Groq, and the pause between two chunks, in seconds.
_PROCESSING = 0.1
_GAP = 0.004
# The demo is over long before this; a day that ends sooner is not begun.
_LONGEST = 120.0


class _Request(TypedDict):
    model: str
    messages: list[ChatCompletionMessageParam]
    max_tokens: int


class Batch(NamedTuple):
    """
    Calls that were made at once, numbered from 1, and what the server answered.
    """

    kind: str
    first: int
    last: int
    statuses: frozenset[int | None]
    tokens: int


@dataclass(frozen=True, slots=True)
class Ending:
    """
    What became of the calls beyond the limit.

    Attributes:
        calls: How many there were.
        errors: What they raised, by its public names.
        sent: The HTTP requests that the server got meanwhile.
        message: What the user is told.
        retry_after: Seconds until there is room again.
    """

    calls: int
    errors: tuple[str, ...]
    sent: int
    message: str
    retry_after: float | None

    @property
    def held(self) -> bool:
        """
        Whether all of them were stopped before anything was sent.
        """
        return self.sent == 0 and len(self.errors) == self.calls


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    The server's ledger beside our counts, by the names of what was counted.
    """

    rows: tuple[tuple[str, int, int], ...]

    @property
    def agrees(self) -> bool:
        """
        Whether all numbers are the same.
        """
        return all(theirs == ours for _, theirs, ours in self.rows)


class World:
    """
    What happens in it: calls up to the limit, calls beyond it, and what was counted of them.
    """

    def __init__(
        self,
        simulator: Simulator,
        meter: QuotaMeter,
        path: Path,
        client: groq.Groq,
        language: Language,
    ) -> None:
        self.simulator = simulator
        self.meter = meter
        self.path = path
        self._client = client
        self._language = language
        self._calls = 0

    def climb(self) -> Iterator[Batch]:
        """
        Send calls of all kinds until the daily limit of requests is reached.
        """
        while self._calls < REQUESTS:
            for kind, size in _ROUND:
                first, seen = self._calls + 1, len(self.simulator.ledger)
                tokens = self._send(kind, size)
                statuses = frozenset(row.status for row in self.simulator.ledger[seen:])
                yield Batch(kind, first, self._calls, statuses, tokens)

    def usage(self) -> ModelUsage:
        """
        What we counted so far.
        """
        return self.meter.usage(MODEL)

    def message(self) -> str:
        """
        How the model stands, in the user's language.
        """
        return sentence(self.meter.check(MODEL), self.usage(), self._language)

    def go_beyond(self) -> Ending:
        """
        Try one more call of each kind.
        """
        import groq

        before = len(self.simulator.ledger)
        errors = []
        for kind in _KINDS:
            try:
                self._send(kind, 1)
            except groq.RateLimitError as error:
                errors.append(_names(error))
        decision = self.meter.check(MODEL)
        return Ending(
            calls=len(_KINDS),
            errors=tuple(errors),
            sent=len(self.simulator.ledger) - before,
            message=self.message(),
            retry_after=decision.retry_after,
        )

    def compare(self) -> Comparison:
        """
        The server's ledger against what another process would read from our file.
        """
        self.meter.close()
        reader = QuotaMeter(self.path, on_storage_error="refuse", clock=self.meter.clock)
        usage, ledger = reader.usage(MODEL), self.simulator.ledger
        reader.close()
        return Comparison(
            (
                ("demo_requests", ledger.answered(), usage.requests),
                ("demo_tokens", ledger.tokens(), usage.tokens),
                ("demo_refused", ledger.refused(), usage.refused),
                ("demo_open", ledger.lost(), usage.reserved),
            )
        )

    def _send(self, kind: str, size: int) -> int:
        # Send so many calls at once; return the tokens that their answers name.
        if kind == "async":
            usages = asyncio.run(self._send_async(size))
        elif kind == "stream":
            usages = [self._send_stream()]
        else:
            usages = [self._client.chat.completions.create(**self._request()).usage]
        self._calls += size
        return sum(usage.total_tokens for usage in usages if usage)

    def _send_stream(self) -> CompletionUsage | None:
        usage = None
        for chunk in self._client.chat.completions.create(**self._request(), stream=True):
            usage = chunk.x_groq.usage if chunk.x_groq else usage
        return usage

    async def _send_async(self, size: int) -> list[CompletionUsage | None]:
        import groq

        quiet = groq.DefaultAsyncHttpxClient(trust_env=False)
        address = self.simulator.base_url
        async with groq.AsyncGroq(api_key=_KEY, base_url=address, http_client=quiet) as client:
            create = client.chat.completions.create
            answers = await asyncio.gather(
                *(create(**self._request(place)) for place in range(size))
            )
        return [answer.usage for answer in answers]

    def _request(self, place: int = 0) -> _Request:
        number = (self._calls + place) % _QUESTIONS
        question = self._language.say(f"demo_question_{number}")
        return {
            "model": MODEL,
            "messages": [{"role": "user", "content": question}],
            "max_tokens": _MAX_TOKENS,
        }


@contextmanager
def world(language: Language, *, fast: bool = False) -> Iterator[World]:
    """
    Set everything up, and take it down again whatever happens: server, plugin, directory.

    Raises:
        Complaint: The guard is switched off by the environment.
        ModuleNotFoundError: The extra `simulator` is not installed.
    """
    if Settings.from_environment().disabled:
        raise Complaint("demo_disabled")
    import groq

    clock = steady_clock(time.time)
    with ExitStack() as stack:
        simulator = stack.enter_context(_simulator(language, clock, fast=fast))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="groq-quota-demo-"))
        path = Path(folder) / "usage_data.json"
        meter = QuotaMeter(path, limits=_LIMITS, on_storage_error="refuse", clock=clock)
        stack.callback(meter.close)
        install(meter)
        stack.callback(set_default_meter, None)
        stack.callback(uninstall)
        # Without the proxies that the environment may name: the server is here.
        quiet = groq.DefaultHttpxClient(trust_env=False)
        client = groq.Groq(api_key=_KEY, base_url=simulator.base_url, http_client=quiet)
        yield World(simulator, meter, path, stack.enter_context(client), language)


def _simulator(language: Language, clock: Callable[[], float], *, fast: bool) -> Simulator:
    from ..simulator import Simulator

    answer = language.say("demo_answer")
    pause = 0.0 if fast else _PROCESSING
    simulator = Simulator({MODEL: _DAILY}, clock=clock, processing=pause, answer=answer)
    if not fast:
        simulator.slow_next_stream(_GAP, times=None)
    return simulator


def _names(error: Exception) -> str:
    # An error is both the SDK's and ours; its own class is nobody's to name.
    public = [kind for kind in type(error).__mro__ if kind.__name__ in _ERRORS]
    return " + ".join(f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in public)


_ERRORS = frozenset({"RateLimitError", "QuotaExceededError"})


def steady_clock(clock: Callable[[], float]) -> Callable[[], float]:
    """
    A clock whose UTC day does not end while the demo runs: an hour slow, where it would.
    """
    slow = 3_600.0 if seconds_to_midnight(clock()) < _LONGEST else 0.0
    return lambda: clock() - slow
