"""
Generators and async generators: their steps, their ends, and who is within.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import QuotaExceededError, QuotaMeter
from groq_quota.decorator import quota_guarded

from .calls import ASK, MODEL, OTHER, Guard, aask, ask, counts, ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    import groq

    from groq_quota.simulator import Simulator


class TestGenerators:
    def test_checked_at_the_first_step(self, guard: Guard) -> None:
        """
        Nothing happens before the first step; what is never begun counts nothing.
        """
        meter = guard(rpd=0)

        @quota_guarded(MODEL)
        def steps() -> Generator[int, None, None]:
            yield 1

        made = steps()
        steps().close()
        assert 0 == meter.usage(MODEL).blocked
        with pytest.raises(QuotaExceededError):
            next(made)

    def test_protocol(self, guard: Guard) -> None:
        """
        What is sent and thrown arrives, what is returned comes out, and it is one request.
        """
        meter = guard()

        @quota_guarded(MODEL)
        def steps() -> Generator[Any, Any, str]:
            sent = yield "first"
            try:
                yield sent
            except KeyError as error:
                yield error
            return "end"

        made: Any = steps()
        error = KeyError()
        assert ["first", 5, error] == [next(made), made.send(5), made.throw(error)]
        with pytest.raises(StopIteration) as stop:
            next(made)
        assert "end" == stop.value.value
        assert (1, 0) == counts(meter)

    async def test_async_protocol(self, guard: Guard) -> None:
        """
        The same for async generators.
        """
        meter = guard()
        closed: list[str] = []

        @quota_guarded(MODEL)
        async def steps() -> Any:
            try:
                sent = yield "first"
                try:
                    yield sent
                except KeyError as error:
                    yield error
            finally:
                await asyncio.sleep(0)
                closed.append("closed")

        made: Any = steps()
        error = KeyError()
        assert ["first", 5, error] == [
            await anext(made),
            await made.asend(5),
            await made.athrow(error),
        ]
        with pytest.raises(StopAsyncIteration):
            await anext(made)
        early: Any = steps()
        await anext(early)
        await early.aclose()

        assert ["closed"] * 2 == closed
        assert (2, 0) == counts(meter)

    @pytest.mark.parametrize("how", ["closed", "dropped", "thrown"])
    def test_early_end(self, how: str, guard: Guard) -> None:
        """
        One that ends in the middle of its answer is a request, with the usage seen so far.
        """
        meter = guard()
        ended: list[str] = []

        @quota_guarded(MODEL, tokens=100)
        def steps() -> Iterator[Any]:
            try:
                yield {"usage": {"total_tokens": 5}}
                yield {"usage": {"total_tokens": 8}}
                yield "text"
                yield "never"
            finally:
                ended.append("ended")

        made: Any = steps()
        for _ in range(3):
            next(made)
        if how == "closed":
            made.close()
        elif how == "thrown":
            with pytest.raises(KeyError):
                made.throw(KeyError())
        del made
        gc.collect()

        assert ["ended"] == ended
        assert (1, 8) == counts(meter)

    def test_close_returns(self, guard: Guard) -> None:
        """
        `close` gives what the plain generator gives: a value from Python 3.13 on.
        """
        guard()

        def steps() -> Generator[int, None, str]:
            with contextlib.suppress(GeneratorExit):
                yield 1
            return "left"

        made: list[Any] = [steps(), quota_guarded(MODEL)(steps)()]
        for each in made:
            next(each)
        first, second = (each.close() for each in made)
        assert first == second

    def test_fails_at_once(self, guard: Guard) -> None:
        """
        One that fails before it yields anything counts nothing.
        """
        meter = guard()

        @quota_guarded(MODEL)
        def steps(found: dict[str, int]) -> Iterator[int]:
            yield found["mine"]

        with pytest.raises(KeyError):
            next(steps({}))
        assert (0, 0) == counts(meter)

    def test_refused_in_the_middle(self, guard: Guard) -> None:
        """
        One that is refused after a step has made no request of its own.
        """
        meter, elsewhere = guard(), QuotaMeter("memory://", limits={OTHER: {"rpd": 0}})

        @quota_guarded(MODEL, on_refused="later")
        def steps() -> Iterator[str]:
            yield "first"
            elsewhere.reserve(OTHER)

        assert ["first", "later"] == list(steps())
        assert (0, 0) == counts(meter)

    def test_stream(self, guard: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        A stream that is passed on counts once, with its usage; unread, it counts all the same.
        """
        meter = guard()

        @quota_guarded(MODEL)
        def stream() -> Iterator[Any]:
            yield from client.chat.completions.create(
                model=MODEL, messages=ASK, max_tokens=50, stream=True
            )

        assert len(list(stream())) > 1
        assert ledger(server) == counts(meter)
        made = stream()
        next(made)
        del made
        gc.collect()
        assert 2 == counts(meter)[0]

    def test_consumer_apart(
        self, under_plugin: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        Calls that its consumer makes between two steps are not the generator's.
        """
        meter = under_plugin()

        @quota_guarded(MODEL)
        def steps() -> Iterator[str]:
            yield "a"
            yield "b"

        for _ in steps():
            ask(client)

        assert (2, 3) == (len(server.ledger), counts(meter)[0])

    async def test_async_consumer_apart(
        self, under_plugin: Guard, server: Simulator, aclient: groq.AsyncGroq
    ) -> None:
        """
        The same for async generators.
        """
        meter = under_plugin()

        @quota_guarded(MODEL)
        async def steps() -> AsyncIterator[str]:
            yield "a"
            yield "b"

        async for _ in steps():
            await aask(aclient)

        assert (2, 3) == (len(server.ledger), counts(meter)[0])

    def test_opened_within(self, under_plugin: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        A generator that is begun in one step of another and goes on in the next is still within.
        """
        meter = under_plugin()

        @quota_guarded(MODEL)
        def inner() -> Iterator[str]:
            yield "begun"
            yield str(ask(client))

        @quota_guarded(MODEL)
        def outer() -> Iterator[str]:
            yield from inner()

        with contextlib.closing(outer()) as steps:  # type: ignore[type-var]  # it is a generator
            assert ["begun"] == [next(steps)]
            ask(client)
            next(steps)
            assert [] == list(steps)

        assert 2 == len(server.ledger)
        assert ledger(server) == counts(meter)

    def test_across_threads(
        self, under_plugin: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        Each step may run in another thread, as web frameworks do.
        """
        meter = under_plugin()

        @quota_guarded(MODEL)
        def steps() -> Iterator[str]:
            yield "begun"
            yield str(ask(client))

        made = steps()
        for _ in range(2):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(next, made).result()
        assert [] == list(made)

        assert ledger(server) == counts(meter)
