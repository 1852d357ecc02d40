"""
What decorated functions look like to `inspect`, `pickle` and `copy`: as the plain ones.
"""

from __future__ import annotations

import copy
import inspect
import multiprocessing
import pickle
import typing
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota.decorator import quota_guarded

from .calls import MODEL, Doubler, Guard, counts, double, doubled, partly, plain, worker_count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class TestLooks:
    def test_signature_and_hints(self) -> None:
        """
        Name, text, signature and hints are those of the function.
        """

        def function(question: str, *rest: int, limit: float = 1.5) -> list[str]:
            """
            A text.
            """
            return [question] * int(limit)

        guarded = quota_guarded(MODEL)(function)

        assert inspect.signature(function) == inspect.signature(guarded)
        assert typing.get_type_hints(function) == typing.get_type_hints(guarded)
        assert ("function", function.__doc__) == (guarded.__name__, guarded.__doc__)
        assert inspect.isfunction(guarded)
        assert function is inspect.unwrap(guarded)

    def test_signature_of_methods(self) -> None:
        """
        Bound methods have no `self` in their signature.
        """
        assert "(number: 'int') -> 'int'" == str(inspect.signature(Doubler().double))
        assert "(number: 'int') -> 'int'" == str(inspect.signature(Doubler.of))
        assert inspect.ismethod(Doubler().double)

    @pytest.mark.parametrize("name", ["function", "coroutine", "generator", "agenerator"])
    def test_kinds(self, name: str) -> None:
        """
        `inspect` and `asyncio` tell decorated kinds apart as they do plain ones.
        """

        def function() -> None: ...
        async def coroutine() -> None: ...
        def generator() -> Iterator[None]:
            yield None

        async def agenerator() -> AsyncIterator[None]:
            yield None

        made = {each.__name__: each for each in (function, coroutine, generator, agenerator)}
        kind: Any = made[name]
        guarded = quota_guarded(MODEL)(kind)

        for tell in (
            inspect.iscoroutinefunction,
            inspect.isgeneratorfunction,
            inspect.isasyncgenfunction,
            inspect.isroutine,
        ):
            assert tell(kind) == tell(guarded)

    async def test_what_is_made(self, alone: Guard) -> None:
        """
        Coroutines and generators are real ones, and bear the function's name.
        """
        alone()

        async def coroutine() -> int:
            return 1

        def generator() -> Iterator[int]:
            yield 1

        async def agenerator() -> AsyncIterator[int]:
            yield 1

        guarded = quota_guarded(MODEL)
        awaitable: Any = guarded(coroutine)()
        made: list[Any] = [awaitable, guarded(generator)(), guarded(agenerator)()]

        names = ["coroutine", "generator", "agenerator"]
        assert names == [each.__name__ for each in made]
        assert [True] * 3 == [
            each.__qualname__.endswith(name) for each, name in zip(made, names, strict=True)
        ]
        assert inspect.iscoroutine(made[0])
        assert inspect.isgenerator(made[1])
        assert inspect.isasyncgen(made[2])
        assert 1 == await awaitable

    def test_wrong_arguments(self, alone: Guard) -> None:
        """
        A call with wrong arguments is the function's own TypeError, and counts nothing.
        """
        meter = alone()

        with pytest.raises(TypeError, match=r"double\(\) missing 1 required positional argument"):
            double()  # type: ignore[call-arg]  # that is the test

        assert (0, 0) == counts(meter)

    def test_pickle(self) -> None:
        """
        What is picklable undecorated is picklable, and comes back as the same, or one like it.
        """
        back = {each: pickle.loads(pickle.dumps(each)) for each in (double, doubled, partly)}  # noqa: S301  # our own bytes

        assert back[double] is double
        assert back[doubled].__wrapped__ is plain
        assert 42 == back[doubled](21)
        assert 42 == back[partly]()

    def test_pickle_methods(self) -> None:
        """
        Methods are pickled with their object, class and static methods by their name.
        """
        made = [Doubler(3).double, Doubler.double, Doubler.of, Doubler.once]
        method, unbound, of, once = pickle.loads(pickle.dumps(made))  # noqa: S301  # our own bytes

        assert 63 == method(21)
        assert 42 == unbound(Doubler(), 21)
        assert 42 == of(21)
        assert once is Doubler.once

    def test_pickle_fails_as_before(self) -> None:
        """
        What is not picklable undecorated is not picklable.
        """

        def local() -> None: ...

        with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
            pickle.dumps(quota_guarded(MODEL)(local))

    def test_copies(self) -> None:
        """
        Copies are as those of functions and methods: the same function, a method of a copy.
        """
        doubler = Doubler(3)
        bound = copy.deepcopy({"method": doubler.double, "object": doubler})
        doubler.factor = 5

        assert double is copy.copy(double)
        assert double is copy.deepcopy(double)
        assert 15 == copy.copy(doubler.double)(3)
        assert 9 == bound["method"](3)  # type: ignore[operator]  # it is a method
        assert 42 == copy.deepcopy(Doubler.double)(Doubler(), 21)

    def test_in_another_process(self) -> None:
        """
        A spawned process gets a decorated function by its name, and counts with its own meter.
        """
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            doubles = pool.map(double, [1, 2])
            results, requests = pool.apply(worker_count, ([3, 4],))

        assert [2, 4] == doubles
        assert ([6, 8], 2) == (results, requests)
