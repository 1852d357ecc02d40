"""
Tasks that nobody breaks off: what has begun to change a storage is brought to its end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["detached"]

T = TypeVar("T")


def detached(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """
    A task that goes on when it is cancelled: an event loop that ends waits for it.

    Whoever waits for it does so behind `asyncio.shield`, and may leave at once.
    """
    loop = asyncio.get_running_loop()
    inner = asyncio.Task(work, loop=loop)
    # A loop that ends cancels all tasks that it knows of, and waits for them. This one may be
    # cancelled from within only, as time-outs do it; the loop is to know the other.
    asyncio.tasks._unregister_task(inner)
    return _Detached(_outcome(inner), loop=loop)


async def _outcome(inner: asyncio.Task[T]) -> T:
    return await inner


class _Detached(asyncio.Task[T]):
    def cancel(self, msg: object = None) -> bool:
        """
        Does nothing: false, as of a task that is done.
        """
        return False
