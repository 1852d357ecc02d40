"""
Floods of a look-alike: many at once, mixed sizes, random latency on the way.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import groq
import httpx

import groq_quota
from groq_quota import QuotaExceededError, QuotaMeter
from groq_quota.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

MODEL = "openai/gpt-oss-20b"
WORDS = [
    "the",
    "guard",
    "asks",
    "before",
    "each",
    "call",
    "and",
    "counts",
    "what",
    "came",
    "of",
    "it",
    "afterwards",
]
PROCESSES, THREADS, TASKS = 4, 8, 200


@dataclass(frozen=True)
class Flood:
    """
    What a server saw of a flood.

    Attributes:
        answered, refused: Requests by the ledger, 200 and 429.
        used: What the binding limit was charged, with what was given back taken off.
        share: `used` as a share of the limit's burst and of what it refilled meanwhile.
    """

    answered: int
    refused: int
    used: int
    share: float


def server(*, tpm: int, refund: bool) -> Simulator:
    """
    A look-alike with a minute's limit, up to 120 ms away.
    """
    dice = random.Random(7)  # not for secrets
    return Simulator(
        {MODEL: {"tpm": tpm, "rpm": 10_000}},
        refund=refund,
        latency=lambda: dice.uniform(0, 0.12),
        processing=lambda: dice.uniform(0, 0.12),
        answer=lambda _: "word " * dice.randint(5, 60),
        count_prompt=lambda body: sum(len(one["content"]) for one in body["messages"]) // 4 + 1,
    )


def body(dice: random.Random) -> dict[str, Any]:
    """
    A request of some size.
    """
    text = " ".join(dice.choices(WORDS, k=dice.randint(5, 250)))
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": dice.choice([60, 100, 200, 400]),
    }


def until_the_end(end: float, ask: Callable[[], object]) -> None:
    """
    Ask as fast as it is allowed, until a time.
    """
    while time.time() < end:
        try:
            ask()
        except QuotaExceededError as refused:
            time.sleep(min(refused.retry_after or 1.0, 1.0))
        except groq.APIError:
            return


def threads(url: str, storage: str | None, tpm: int, end: float, seed: int) -> None:
    """
    The share of one process: its threads, each with requests of its own.
    """
    if storage is not None:
        limits = {MODEL: {"tpm": tpm, "rpm": 10_000}}
        groq_quota.install(QuotaMeter(storage, limits=limits), max_wait=600)
    client = groq.Groq(api_key="any", base_url=url, max_retries=0)

    def work(number: int) -> None:
        dice = random.Random(seed * 100 + number)  # not for secrets
        until_the_end(end, lambda: client.chat.completions.create(**body(dice)))

    crowd = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(THREADS)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(max(0.0, end + 1 - time.time()))


async def tasks(url: str, tpm: int, end: float) -> None:
    """
    Two hundred tasks of one process.
    """
    limits = {MODEL: {"tpm": tpm, "rpm": 10_000}}
    meter = QuotaMeter("memory://", limits=limits)
    http = httpx.AsyncClient(limits=httpx.Limits(max_connections=None))
    client = groq_quota.wrap(
        groq.AsyncGroq(api_key="any", base_url=url, max_retries=0, http_client=http),
        meter,
        max_wait=600,
    )

    async def work(number: int) -> None:
        dice = random.Random(number)  # not for secrets
        while time.time() < end:
            await client.chat.completions.create(**body(dice))

    crowd = [asyncio.ensure_future(work(number)) for number in range(TASKS)]
    await asyncio.sleep(max(0.0, end - time.time()))
    for one in crowd:
        one.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    await http.aclose()


def flooded(
    simulator: Simulator, tpm: int, seconds: float, storage: str | None, *, by: str
) -> Flood:
    """
    Let a flood go over a server, and say what came of it.
    """
    url, begun = simulator.base_url, time.time()
    if by == "tasks":
        asyncio.run(tasks(url, tpm, begun + seconds))
    else:
        crowd = [
            subprocess.Popen(  # our own program
                [
                    sys.executable,
                    __file__,
                    url,
                    storage or "",
                    str(tpm),
                    str(begun + seconds),
                    str(n),
                ]
            )
            for n in range(PROCESSES)
        ]
        for one in crowd:
            assert one.wait(seconds + 60) == 0
    rows = [row for row in simulator.ledger if row.time < begun + seconds]
    answered = [row for row in rows if row.status == 200]
    used = sum(row.charged for row in answered)
    first = min(row.time for row in rows)
    whole = tpm * (1 + (begun + seconds - first) / 60)
    refused = sum(row.status == 429 for row in rows)
    return Flood(len(answered), refused, used, used / whole)


if __name__ == "__main__":
    url_, storage_, tpm_, end_, seed_ = sys.argv[1:]
    threads(url_, storage_ or None, int(tpm_), float(end_), int(seed_))
