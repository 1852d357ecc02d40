"""
A thousand tasks that wait for their minute, as a program: nothing else spends its process's time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from groq_quota import QuotaMeter
from groq_quota.booking import Amount
from groq_quota.policy import waiting

if TYPE_CHECKING:
    from groq_quota.booking import Booking, Denial

MODEL = "openai/gpt-oss-20b"
TASKS, SECONDS = 1_000, 4.0


async def crowd() -> float:
    """
    Returns:
        The share of a core that their waiting took.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 1, "rpd": None}})
    await meter.areserve(MODEL)
    bookings = [
        await meter.arun(meter.booking(MODEL, Amount(), max_wait=100_000)) for _ in range(TASKS)
    ]

    async def wait(booked: Booking | Denial) -> object:
        return await meter.arun(waiting(meter, MODEL, booked, max_wait=100_000))

    tasks = [asyncio.ensure_future(wait(booked)) for booked in bookings]
    await asyncio.sleep(0)  # now each has begun to wait
    before, begun = time.process_time(), time.monotonic()
    done, _ = await asyncio.wait(tasks, timeout=SECONDS)
    share = (time.process_time() - before) / (time.monotonic() - begun)
    assert not done
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await meter.aflush()
    assert meter.usage(MODEL).reserved == 1
    return share


if __name__ == "__main__":
    print(asyncio.run(crowd()))  # noqa: T201  # its result
