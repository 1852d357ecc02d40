"""
What type checkers make of decorated functions; never run, only checked.
"""

# Each line of `wrong` must be an error to both checkers.
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar, overload

from typing_extensions import assert_type

from groq_quota.decorator import quota_guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from groq_quota import QuotaMeter

T = TypeVar("T")


@quota_guarded("my-model")
def ask(question: str, *, limit: int = 3) -> list[str]:
    """
    A function.
    """
    return [question] * limit


@quota_guarded("my-model", count="never")
async def answer(question: str) -> str:
    """
    A coroutine function.
    """
    return question


@quota_guarded("my-model")
def words(text: str) -> Generator[str, int, bool]:
    """
    A generator.
    """
    sent = yield text
    return sent > 0


@quota_guarded("my-model")
async def chunks(text: str) -> AsyncIterator[bytes]:
    """
    An async generator.
    """
    yield text.encode()


@quota_guarded("my-model")
def same(value: T) -> T:
    """
    A generic function.
    """
    return value


@overload
def either(value: int) -> int: ...
@overload
def either(value: str) -> str: ...
@quota_guarded("my-model")
def either(value: int | str) -> int | str:
    """
    An overloaded function.
    """
    return value


class Agent:
    """
    Methods of all kinds.
    """

    model = "my-model"

    @quota_guarded(attr="model", on_refused="limit reached")
    def ask(self, question: str, times: int = 1) -> str:
        """
        A method.
        """
        return question * times

    @quota_guarded(attr="model")
    async def answer(self, question: str) -> int:
        """
        A coroutine method.
        """
        return len(question)

    @quota_guarded("my-model")
    @classmethod
    def made(cls, name: str) -> Agent:
        """
        A class method, decorated outside.
        """
        return cls() if name else Agent()

    @classmethod
    @quota_guarded(attr="model")
    def built(cls, name: str) -> Agent:
        """
        A class method, decorated inside.
        """
        return cls() if name else Agent()

    @quota_guarded("my-model")
    @staticmethod
    def outer(name: str) -> int:
        """
        A static method, decorated outside.
        """
        return len(name)

    @staticmethod
    @quota_guarded("my-model")
    def inner(name: str) -> int:
        """
        A static method, decorated inside.
        """
        return len(name)


def choose(*args: object, **kwargs: object) -> str:
    """
    A model by the arguments.
    """
    return "my-model"


def call(agent: Agent) -> None:
    """
    Results are those of the plain functions.
    """
    assert_type(ask("a"), list[str])
    assert_type(ask("a", limit=2), list[str])
    assert_type(words("a"), "Generator[str, int, bool]")
    assert_type(chunks("a"), "AsyncIterator[bytes]")
    assert_type(same(1), int)
    assert_type(either(1), int)
    assert_type(either("a"), str)
    assert_type(agent.ask("a", times=2), str)
    assert_type(Agent.ask(agent, "a"), str)
    assert_type(Agent.made("a"), Agent)
    assert_type(agent.made("a"), Agent)
    assert_type(Agent.built("a"), Agent)
    assert_type(Agent.outer("a"), int)
    assert_type(agent.inner("a"), int)
    assert_type(quota_guarded("my-model")(partial(ask, "a"))(), list[str])


async def acall(agent: Agent) -> None:
    """
    Coroutine functions are awaited for the same.
    """
    assert_type(await answer("a"), str)
    assert_type(await agent.answer("a"), int)
    async for chunk in chunks("a"):
        assert_type(chunk, bytes)


def wrong(agent: Agent) -> None:
    """
    Wrong arguments are wrong as before.
    """
    ask(1)  # type: ignore[arg-type]  # a number is no question
    ask("a", 2)  # type: ignore[call-arg]  # the limit has a name
    agent.ask()  # type: ignore[call-arg]  # no question
    quota_guarded(ask)  # type: ignore[arg-type]  # a callable goes to model=
    quota_guarded("my-model", count="twice")  # type: ignore[arg-type]  # no such way to count


def options(meter: QuotaMeter) -> None:
    """
    All options together.
    """

    def estimate(question: str) -> int:
        return len(question)

    async def refused(error: Exception, question: str) -> str:
        return f"{error}: {question}"

    decorate = quota_guarded(
        model=choose,
        meter=meter,
        tokens=estimate,
        usage=lambda result: result["usage"],
        on_refused=refused,
        count="always",
    )
    assert_type(decorate(len)("a"), int)
