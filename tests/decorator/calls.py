"""
What the tests decorate, and how they count.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import groq_quota
from groq_quota import QuotaMeter
from groq_quota.decorator import quota_guarded
from groq_quota.testing import FakeClock

if TYPE_CHECKING:
    import groq

    from groq_quota import QuotaEvent
    from groq_quota.simulator import Simulator

MODEL = "test-model"
OTHER = "other-model"
UNLIMITED: dict[str, int | None] = {"rpd": None, "tpd": None}
ASK: list[Any] = [{"role": "user", "content": "hi"}]


class Guard:
    """
    A meter as it is used in a test: installed, or the default one only.
    """

    def __init__(self, *, plugin: bool) -> None:
        self.plugin = plugin
        self.clock = FakeClock()
        self.events: list[QuotaEvent] = []

    def __call__(self, **limits: int | None) -> QuotaMeter:
        """
        A new meter with these limits for `MODEL`, put in force.
        """
        given: dict[str, Any] = {MODEL: UNLIMITED | limits, OTHER: UNLIMITED}
        return self.use(
            QuotaMeter("memory://", limits=given, hooks=[self.events.append], clock=self.clock)
        )

    def use(self, meter: QuotaMeter) -> QuotaMeter:
        """
        Put a meter in force.
        """
        if self.plugin:
            return groq_quota.install(meter)
        groq_quota.set_default_meter(meter)
        return meter


def ask(client: groq.Groq, model: str = MODEL) -> Any:
    """
    One real call.
    """
    return client.chat.completions.create(model=model, messages=ASK)


async def aask(client: groq.AsyncGroq, model: str = MODEL) -> Any:
    """
    One real call, awaited.
    """
    return await client.chat.completions.create(model=model, messages=ASK)


def counts(meter: QuotaMeter, model: str = MODEL) -> tuple[int, int]:
    """
    Requests and tokens; nothing may be left reserved.
    """
    usage = meter.usage(model)
    assert (0, 0) == (usage.reserved, usage.reserved_tokens)
    return usage.requests, usage.tokens


def ledger(server: Simulator, model: str | None = None) -> tuple[int, int]:
    """
    The same by the server's ledger.
    """
    return server.ledger.answered(model), server.ledger.tokens(model)


@quota_guarded(MODEL)
def double(number: int) -> int:
    """
    Twice a number.
    """
    return 2 * number


class Doubler:
    """
    Its methods do the same.
    """

    model = MODEL

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    @quota_guarded(attr="model")
    def double(self, number: int) -> int:
        """
        A method.
        """
        return self.factor * number

    @quota_guarded(MODEL)
    @classmethod
    def of(cls, number: int) -> int:
        """
        A class method.
        """
        return cls().factor * number

    @staticmethod
    @quota_guarded(MODEL)
    def once(number: int) -> int:
        """
        A static method.
        """
        return 2 * number


def plain(number: int) -> int:
    """
    A function that is decorated under another name.
    """
    return 2 * number


doubled = quota_guarded(MODEL)(plain)
partly = quota_guarded(MODEL)(functools.partial(plain, 21))


def worker_count(numbers: list[int]) -> tuple[list[int], int]:
    """
    In another process: double numbers by a decorated function, and say what was counted.
    """
    groq_quota.set_default_meter(QuotaMeter("memory://"))
    results = [double(number) for number in numbers]
    return results, groq_quota.default_meter().usage(MODEL).requests
