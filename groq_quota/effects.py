"""
Operations that wait for nothing themselves, and the two ways to run them.

An operation is a generator: it yields what it needs done, a name and arguments such as
`("transact", key, step)`, and is sent the answer. So sync and async callers share all of it but
the waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

__all__ = ["Operation", "arun", "run"]

T = TypeVar("T")

# What is yielded is a name and its arguments, what is sent back depends on the name.
Operation = Generator[tuple[Any, ...], Any, T]


def run(operation: Operation[T], perform: Callable[..., Any]) -> T:
    """
    Run an operation to its end; `perform(name, *args)` does what it yields.
    """
    try:
        request = next(operation)
        while True:
            try:
                answer = perform(*request)
            except BaseException as error:  # it belongs to the operation, whatever it is
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # a generator's value is untyped


async def arun(operation: Operation[T], perform: Callable[..., Awaitable[Any]]) -> T:
    """
    Same as `run`, but `perform` is awaited.
    """
    try:
        request = next(operation)
        while True:
            try:
                answer = await perform(*request)
            except BaseException as error:  # it belongs to the operation, whatever it is
                request = operation.throw(error)
            else:
                request = operation.send(answer)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # a generator's value is untyped
