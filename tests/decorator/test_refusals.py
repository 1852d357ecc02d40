"""
What is refused, what waits, and the user's own answer to refusals.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import groq
import pytest

from groq_quota import QuotaExceededError, QuotaMeter, RequestTooLargeError
from groq_quota.decorator import quota_guarded
from groq_quota.outcomes import Amount
from groq_quota.testing import FakeClock

from .calls import MODEL, OTHER, Doubler, Guard, aask, ask, counts, double, ledger, plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from groq_quota.simulator import Simulator


class TestRefusal:
    def test_kind(self, guard: Guard) -> None:
        """
        Under the plugin a refusal is the SDK's error too, as that of a client is.
        """
        guard(rpd=0)
        with pytest.raises(QuotaExceededError, match="not sent") as caught:
            double(1)

        assert guard.plugin == isinstance(caught.value, groq.RateLimitError)
        assert MODEL == caught.value.model

    def test_too_large(self, alone: Guard) -> None:
        """
        An estimate that is larger than a whole limit never fits.
        """
        meter = alone(tpd=100)

        with pytest.raises(RequestTooLargeError):
            quota_guarded(MODEL, tokens=101)(plain)(1)

        assert (0, 0) == counts(meter)

    def test_tokens_of_the_day(self, guard: Guard) -> None:
        """
        The day's tokens block as its requests do.
        """
        meter = guard(tpd=100)
        meter.record(MODEL, 100)
        with pytest.raises(QuotaExceededError):
            double(1)

    def test_minute_alone(self, alone: Guard) -> None:
        """
        Without the plugin a minute window is waited for.
        """
        meter, begun = alone(rpm=1), alone.clock()

        assert [2, 4, 6] == [double(1), double(2), double(3)]

        assert 120 == pytest.approx(alone.clock() - begun)
        assert (3, 2) == (counts(meter)[0], meter.usage(MODEL).avoided)

    async def test_minute_alone_awaited(self, alone: Guard) -> None:
        """
        Coroutine functions wait without blocking the event loop.
        """
        waits: list[float] = []

        class Clock(FakeClock):
            def sleep(self, seconds: float) -> None:
                raise AssertionError("the event loop is blocked")

            async def asleep(self, seconds: float) -> None:
                waits.append(seconds)
                await super().asleep(seconds)

        meter = alone.use(QuotaMeter("memory://", limits={MODEL: {"rpm": 1}}, clock=Clock()))

        @quota_guarded(MODEL)
        async def awaited() -> str:
            return "text"

        await awaited()
        await awaited()

        assert [60] == pytest.approx(waits)
        assert 2 == counts(meter)[0]

    def test_longer_than_a_minute_alone(self, alone: Guard) -> None:
        """
        What needs longer than a minute is refused at once.
        """
        meter, begun = alone(rpm=1), alone.clock()
        meter.record(MODEL)
        meter.run(meter.booking(MODEL, Amount(), max_wait=60))

        with pytest.raises(QuotaExceededError) as caught:
            double(1)

        assert 120 == pytest.approx(caught.value.retry_after)
        assert begun == alone.clock()

    def test_minute_under_the_plugin(
        self, under_plugin: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        Minute windows are left to the plugin, which waits for them, once.
        """
        meter, begun = under_plugin(rpm=1), under_plugin.clock()
        asking = quota_guarded(MODEL)(ask)

        asking(client)
        assert 2 == quota_guarded(MODEL, count="never")(plain)(1)
        assert begun == under_plugin.clock()
        asking(client)

        assert 60 == pytest.approx(under_plugin.clock() - begun)
        assert 2 == len(server.ledger)
        assert ledger(server) == counts(meter)


class TestOnRefused:
    @pytest.mark.parametrize("where", ["limit reached", "limit reached within"])
    async def test_value(
        self,
        where: str,
        guard: Guard,
        server: Simulator,
        client: groq.Groq,
        aclient: groq.AsyncGroq,
    ) -> None:
        """
        A value is the answer, in every form: also where the call is refused from within.
        """
        within = where.endswith("within")
        meter = guard(rpd=0)
        model = OTHER if within else MODEL
        answering = quota_guarded(model, on_refused="later")
        inner = quota_guarded(MODEL)(ask)
        ainner = quota_guarded(MODEL)(aask)

        @answering
        def function() -> Any:
            return inner(client)

        @answering
        async def coroutine() -> Any:
            return await ainner(aclient)

        @answering
        def generator() -> Iterator[Any]:
            yield inner(client)

        @answering
        async def agenerator() -> AsyncIterator[Any]:
            yield await ainner(aclient)

        assert "later" == function()
        assert "later" == await coroutine()
        assert ["later"] == list(generator())
        assert ["later"] == [item async for item in agenerator()]
        assert ((0, 0), (0, 0)) == (counts(meter), counts(meter, OTHER))
        assert (4, 0) == (meter.usage(MODEL).blocked, len(server.ledger))

    def test_of_the_client(self, under_plugin: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        The client's own refusal is answered, too; Groq's is not ours to answer.
        """
        meter = under_plugin(rpd=1)

        @quota_guarded(MODEL, on_refused="later")
        def twice() -> str:
            return f"{ask(client)}{ask(client)}"

        assert "later" == twice()
        assert ledger(server) == counts(meter)
        under_plugin()
        server.fail_next(429, retry_after=0.0)
        with pytest.raises(groq.RateLimitError):
            twice()

    async def test_callable(self, guard: Guard) -> None:
        """
        A callable gets the error and the arguments; a coroutine function is awaited.
        """
        guard(rpd=0)

        def answer(error: QuotaExceededError, agent: Doubler, number: int) -> str:
            return f"{error.model} {agent.factor} {number}"

        async def aanswer(error: QuotaExceededError, number: int) -> str:
            await asyncio.sleep(0)
            return f"{error.model} {number}"

        class Agent(Doubler):
            @quota_guarded(attr="model", on_refused=answer)
            def run(self, number: int) -> str:
                return "no"

        @quota_guarded(MODEL, on_refused=aanswer)
        async def run(number: int) -> str:
            return "no"

        @quota_guarded(MODEL, on_refused=aanswer)
        async def steps(number: int) -> AsyncIterator[str]:
            yield "no"

        assert f"{MODEL} 2 7" == Agent().run(7)
        assert f"{MODEL} 8" == await run(8)
        assert [f"{MODEL} 9"] == [item async for item in steps(9)]
        assert "8" == (await quota_guarded(MODEL, on_refused=aanswer)(plain)(8))[-1]  # type: ignore[misc]  # the answer is awaitable here

    def test_raising(self, guard: Guard) -> None:
        """
        What it raises is raised, from the refusal.
        """
        guard(rpd=0)

        def answer(error: Exception, *_: object) -> None:
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine") as caught:
            quota_guarded(MODEL, on_refused=answer)(plain)(1)
        assert isinstance(caught.value.__context__, QuotaExceededError)

    def test_other_errors(self, guard: Guard) -> None:
        """
        It is for refusals alone.
        """
        guard()

        def fail() -> None:
            raise KeyError("mine")

        with pytest.raises(KeyError):
            quota_guarded(MODEL, on_refused="later")(fail)()
