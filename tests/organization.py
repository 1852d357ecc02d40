"""
An organization whose other programs use a model, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from groq_quota.simulator import Simulator
from groq_quota.transport import QuotaTransport

if TYPE_CHECKING:
    from groq_quota import QuotaMeter
    from groq_quota.testing import FakeClock

__all__ = ["hear_of_others"]


def hear_of_others(meter: QuotaMeter, clock: FakeClock, model: str, *, requests: int) -> None:
    """
    Send two requests under a meter; between them others send theirs, as the second answer tells.
    """
    question = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    with (
        Simulator({model: {"rpd": 1_000}}, clock=clock) as simulator,
        httpx.Client(
            transport=QuotaTransport(meter=meter),
            headers={"authorization": "Bearer any"},
            base_url=simulator.base_url,
        ) as client,
    ):
        for taken in (0, requests):
            simulator.spend(model, rpd=taken)
            client.post("/openai/v1/chat/completions", json=question).raise_for_status()
            clock.advance(1)
