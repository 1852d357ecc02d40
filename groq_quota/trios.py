"""
Being awaited by trio, whose event loop the SDK's async clients know as well as asyncio's.

Storages know asyncio alone: for trio they are asked as threads ask them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aside", "checkpoint", "in_trio"]

T = TypeVar("T")


def in_trio() -> bool:
    """
    Whether it is trio that awaits; it is not imported for our sake.
    """
    # Another thread may be importing it just now.
    asked = getattr(sys.modules.get("trio.lowlevel"), "in_trio_task", None)
    return asked is not None and bool(asked())


async def aside(work: Callable[..., T], *args: Any) -> T:
    """
    What a function gives, in a thread of trio's; a cancellation comes only after it.
    """
    import trio  # it is running

    with trio.CancelScope(shield=True):
        given = await trio.to_thread.run_sync(work, *args)
    return given  # noqa: RET504  within, mypy takes the scope for one that may swallow it


async def checkpoint() -> None:
    """
    Let the other tasks have a turn.
    """
    if in_trio():
        import trio  # it is running

        await trio.lowlevel.checkpoint()
    else:
        import asyncio  # whoever awaits has it already; whoever does not need not load it

        await asyncio.sleep(0)
