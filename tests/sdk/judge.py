"""
The ledger as the judge: what we counted against what the server says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from .driver import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota import ModelUsage, QuotaMeter
    from groq_quota.simulator import Simulator


async def settled(server: Simulator) -> None:
    """
    Let the event loop go on until the server has nothing left to do.
    """
    assert await asyncio.to_thread(server.wait_idle)


async def arrived(server: Simulator) -> None:
    """
    Wait until a request is in the server's hands.
    """
    await until(lambda: len(server.ledger) > 0)


async def until(condition: Callable[[], bool]) -> None:
    """
    Wait until something holds that another thread brings about and tells nobody.
    """
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    pytest.fail("it did not come to hold")


def agrees(
    meter: QuotaMeter,
    server: Simulator,
    model: str = MODEL,
    *,
    unread: bool = False,
    capped: bool = True,
) -> ModelUsage:
    """
    Assert that we counted what the ledger has, and hold nothing; return what we counted.

    Requests are the rows that were answered with 2xx and those whose answer never came. Tokens are
    the ledger's wherever usage was delivered; elsewhere, if max_tokens was given, not fewer.

    Args:
        unread: Usage was sent that the client did not read, as the server cannot know.
        capped: Every request that was not fully answered had max_tokens.
    """
    assert server.wait_idle()
    usage = meter.usage(model)
    ledger = server.ledger
    assert (usage.reserved, usage.reserved_tokens) == (0, 0)
    counted = {name: getattr(usage, name) for name in ("requests", "refused", "failed")}
    assert counted == {
        "requests": ledger.requests(model),
        "refused": ledger.refused(model),
        # Groq does not know the model: such rows are not stored.
        "failed": ledger.failed(model) - sum(row.status == 404 for row in ledger.rows),
    }
    delivered = all(row.delivered for row in ledger.rows if row.answered or row.lost)
    if delivered and not unread:
        assert usage.tokens == ledger.tokens(model)
    elif capped:
        assert usage.tokens >= ledger.tokens(model)
    return usage
