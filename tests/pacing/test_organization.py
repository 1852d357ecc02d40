"""
An organization's limits, shared with a program that we do not see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import groq
import pytest

import groq_quota
from groq_quota import QuotaExceededError, QuotaMeter
from groq_quota.simulator import Simulator
from groq_quota.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "openai/gpt-oss-20b"
ASK = [{"role": "user", "content": "Tell me something about buckets that refill, please."}]


class SharedTime(FakeClock):
    """
    Time in which somebody else does something, again and again.
    """

    __slots__ = ("_next", "act", "every")

    def __init__(self, every: float) -> None:
        super().__init__()
        self.every = every
        self._next = self() + every / 2
        self.act: Callable[[], None] = lambda: None

    def advance(self, seconds: float) -> None:
        """
        Move on; what the other does on the way is done at its own time.
        """
        until = self() + seconds
        while self._next <= until:
            super().advance(max(0.0, self._next - self()))
            self._next += self.every
            self.act()
        super().advance(max(0.0, until - self()))


@pytest.fixture(autouse=True)
def _uninstalled() -> Iterator[None]:
    yield
    groq_quota.uninstall()


def refusals_after_20(
    clock: SharedTime,
    limits: dict[str, int],
    others: dict[str, int],
    *,
    asks: int,
    day: str,
    pause: float,
    **body: int,
) -> tuple[list[int], QuotaMeter, float]:
    """
    Ask as often as is allowed beside the other; which answers were refusals of the server's, and
    the longest that the guard has kept us waiting at once.
    """
    longest = 0.0
    with Simulator({MODEL: limits}, clock=clock) as simulator:
        clock.act = lambda: simulator.spend(MODEL, **others)
        meter = QuotaMeter("memory://", clock=clock, day=day)
        groq_quota.install(meter)
        client = groq.Groq(api_key="any", base_url=simulator.base_url, max_retries=0)
        while len(simulator.ledger) < asks:
            begun = clock()
            try:
                client.chat.completions.create(model=MODEL, messages=ASK, **body)  # type: ignore[call-overload]  # as users call it
                clock.sleep(pause)
            except QuotaExceededError as refused:
                clock.sleep((refused.retry_after or 0.0) + 0.001)
            except groq.RateLimitError:
                clock.sleep(1.0)
            longest = max(longest, clock() - begun)
        statuses = [row.status for row in simulator.ledger]
    return [n for n, status in enumerate(statuses) if status == 429], meter, longest


@pytest.mark.parametrize("every", [0.7, 3.0, 7.3])
def test_tokens_of_the_minute_are_shared(every: float) -> None:
    """
    The other takes half, steadily: after 20 answers hardly any of ours is refused.
    """
    limits = {"tpm": 8_000, "rpd": 100_000}
    clock = SharedTime(every)
    others = {"tpm": int(8_000 / 60 * every / 2)}
    refused, meter, longest = refusals_after_20(
        clock, limits, others, asks=320, day="calendar", pause=0.2, max_tokens=300
    )
    assert len([n for n in refused if n >= 20]) < 3
    assert longest < 60
    assert meter.usage(MODEL).requests == 320 - len(refused)


@pytest.mark.parametrize("every", [60.0, 172.8, 400.0])
def test_requests_of_the_day_are_shared(every: float) -> None:
    """
    The same with the requests of a day, as Groq counts them: a bucket that always refills.
    """
    limits = {"tpm": 1_000_000, "rpd": 1_000}
    clock = SharedTime(every)
    others = {"rpd": max(1, round(1_000 / 86_400 * every / 2))}
    with_others = others["rpd"] / every <= 1_000 / 86_400 / 2 * 1.01
    if not with_others:
        clock.every = others["rpd"] / (1_000 / 86_400 / 2)
    refused, _, _ = refusals_after_20(
        clock, limits, others, asks=1_400, day="rolling", pause=2.0, max_tokens=30
    )
    assert len([n for n in refused if n >= 20]) < 14
