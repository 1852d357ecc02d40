"""
All forms of callables around the real SDK, with the plugin and without it.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import groq
import pytest

from groq_quota import QuotaExceededError
from groq_quota.decorator import quota_guarded

from .calls import MODEL, Guard, aask, ask, counts, ledger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from groq_quota.simulator import Simulator


def methods(client: groq.Groq, aclient: groq.AsyncGroq) -> type[Any]:  # noqa: C901  # a list
    """
    A class whose methods make one real call each.
    """

    class Agent:
        model = MODEL

        def plain(self) -> Any:
            return ask(client, self.model)

        @quota_guarded(attr="model")
        def method(self) -> Any:
            return ask(client, self.model)

        @quota_guarded(attr="model")
        @classmethod
        def class_outside(cls) -> Any:
            return ask(client, cls.model)

        @classmethod
        @quota_guarded(attr="model")
        def class_inside(cls) -> Any:
            return ask(client, cls.model)

        @quota_guarded(MODEL)
        @staticmethod
        def static_outside() -> Any:
            return ask(client)

        @staticmethod
        @quota_guarded(MODEL)
        def static_inside() -> Any:
            return ask(client)

        @quota_guarded(attr="model")
        async def coroutine(self) -> Any:
            return await aask(aclient, self.model)

        @classmethod
        @quota_guarded(attr="model")
        async def class_coroutine(cls) -> Any:
            return await aask(aclient, cls.model)

        @quota_guarded(attr="model")
        def generator(self) -> Iterator[Any]:
            yield ask(client, self.model)

        @quota_guarded(attr="model")
        async def agenerator(self) -> AsyncIterator[Any]:
            yield await aask(aclient, self.model)

        partial_method = quota_guarded(attr="model")(functools.partialmethod(plain))  # type: ignore[call-overload]  # not called, but bound

        def __call__(self) -> Any:
            return ask(client, self.model)

    return Agent


def functions(client: groq.Groq, aclient: groq.AsyncGroq) -> dict[str, Callable[[], Any]]:
    """
    Decorated callables other than methods; each makes one real call.
    """
    guarded = quota_guarded(MODEL)

    @guarded
    def function(*, client: groq.Groq = client) -> Any:
        return ask(client)

    @guarded
    async def coroutine() -> Any:
        return await aask(aclient)

    class AsyncCallable:
        async def __call__(self) -> Any:
            return await aask(aclient)

    return {
        "function": function,
        "coroutine": coroutine,
        "lambda": guarded(lambda: ask(client)),
        "partial": guarded(functools.partial(ask, client)),
        "partial of a decorated one": functools.partial(function, client=client),
        "partial of a coroutine function": guarded(functools.partial(aask, aclient)),
        "async callable object": guarded(AsyncCallable()),
    }


def forms(client: groq.Groq, aclient: groq.AsyncGroq) -> dict[str, Callable[[], Any]]:
    """
    All forms of a callable; each makes one real call and returns, or yields, its answer.
    """
    kind = methods(client, aclient)
    agent, by_attr = kind(), quota_guarded(attr="model")
    return {
        **functions(client, aclient),
        "method": agent.method,
        "unbound method": lambda: kind.method(agent),
        "class method, outside": kind.class_outside,
        "class method, outside, of an object": agent.class_outside,
        "class method, inside": kind.class_inside,
        "class method, inside, of an object": agent.class_inside,
        "static method, outside": kind.static_outside,
        "static method, inside": agent.static_inside,
        "coroutine method": agent.coroutine,
        "coroutine class method": kind.class_coroutine,
        "generator": agent.generator,
        "async generator": agent.agenerator,
        "partial of a method": by_attr(functools.partial(agent.plain)),
        "partial method": agent.partial_method,
        "bound method": by_attr(agent.plain),
        "callable object": quota_guarded(MODEL)(agent),
    }


FORMS = (
    "function",
    "coroutine",
    "lambda",
    "partial",
    "partial of a decorated one",
    "partial of a coroutine function",
    "async callable object",
    "method",
    "unbound method",
    "class method, outside",
    "class method, outside, of an object",
    "class method, inside",
    "class method, inside, of an object",
    "static method, outside",
    "static method, inside",
    "coroutine method",
    "coroutine class method",
    "generator",
    "async generator",
    "partial of a method",
    "partial method",
    "bound method",
    "callable object",
)


async def outcome(form: Callable[[], Any]) -> Any:
    """
    What a form gives: returned, awaited, or yielded.
    """
    result = form()
    if inspect.isgenerator(result):
        [result] = result
        return result
    if inspect.isasyncgen(result):
        [result] = [item async for item in result]
        return result
    return await result if inspect.isawaitable(result) else result


class TestForms:
    def test_all_are_here(self, client: groq.Groq, aclient: groq.AsyncGroq) -> None:
        """
        No form is left out of the tests below.
        """
        assert FORMS == tuple(forms(client, aclient))

    @pytest.mark.parametrize("form", FORMS)
    async def test_counts_once(
        self, form: str, guard: Guard, server: Simulator, client: groq.Groq, aclient: groq.AsyncGroq
    ) -> None:
        """
        A call gives what the plain function gives, and the meter says what the ledger says.
        """
        meter = guard(rpd=5)

        answer = await outcome(forms(client, aclient)[form])

        assert isinstance(answer, groq.types.chat.ChatCompletion)
        assert (1, answer.usage.total_tokens if answer.usage else 0) == counts(meter)
        assert ledger(server) == counts(meter)

    @pytest.mark.parametrize("form", FORMS)
    async def test_blocks(
        self, form: str, guard: Guard, server: Simulator, client: groq.Groq, aclient: groq.AsyncGroq
    ) -> None:
        """
        At the limit nothing is sent, and what was stopped is blocked once and told once.
        """
        meter = guard(rpd=0)

        with pytest.raises(QuotaExceededError):
            await outcome(forms(client, aclient)[form])

        assert 0 == len(server.ledger)
        assert (0, 0) == counts(meter)
        assert 1 == meter.usage(MODEL).blocked
        assert ["blocked"] == [event.kind for event in guard.events]
