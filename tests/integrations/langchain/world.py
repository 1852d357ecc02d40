"""
What a cell of the matrix runs in: a stack of surfaces over one meter, and the ledger as the judge.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
from typing import TYPE_CHECKING, Any

import groq
import httpx
from langchain_groq import ChatGroq

import groq_quota
from groq_quota import QuotaMeter
from groq_quota.decorator import quota_guarded
from groq_quota_langchain import QuotaCallbackHandler

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.simulator import Simulator

__all__ = ["CAP", "FULL", "MODEL", "OTHER", "World", "close_worlds"]

MODEL = "test-model"
OTHER = "other-model"
FULL = "full-model"
CAP = 40


_worlds: list[World] = []


def close_worlds() -> None:
    """
    Close the connections of all worlds.
    """
    while _worlds:
        _worlds.pop().http.close()


class World:
    """
    A stack: P for the patched SDK, H for the handler, D for the decorator, with + between them.
    """

    def __init__(self, stack: str, server: Simulator, meter: QuotaMeter | None = None) -> None:
        self.surfaces = stack.split("+")
        self.server = server
        self.meter = meter or QuotaMeter("memory://", limits={FULL: {"rpd": 0}})
        self.handler = QuotaCallbackHandler(self.meter)
        self.http = httpx.Client(verify=False)  # noqa: S501  # plain http to the loopback
        self._ahttp: list[httpx.AsyncClient] = []
        _worlds.append(self)
        if "P" in self.surfaces:
            groq_quota.install(self.meter)

    # -- what the modes use -------------------------------------------------------------------

    @property
    def config(self) -> Any:
        """
        What runs are given: the handler, where the stack has it.
        """
        return {"callbacks": [self.handler]} if "H" in self.surfaces else {}

    def llm(self, model: str = MODEL, **options: Any) -> ChatGroq:
        """
        A model of langchain-groq; it does not retry unless told to.
        """
        given: dict[str, Any] = {
            "model": model,
            "base_url": self.server.base_url,
            "api_key": "any",
            "max_retries": 0,
            "max_tokens": CAP,
            # Without certificates, which take long to load.
            "http_client": self.http,
            "http_async_client": self.ahttp(),
        }
        return ChatGroq(**given | options)

    def sdk(self) -> groq.Groq:
        """
        A plain client of the SDK.
        """
        return groq.Groq(
            base_url=self.server.base_url,
            api_key="any",
            max_retries=0,
            http_client=self.http,
        )

    def ask(self, model: str = MODEL) -> Any:
        """
        One plain call of the SDK.
        """
        return self.sdk().chat.completions.create(
            model=model, messages=[{"role": "user", "content": "hi"}], max_tokens=CAP
        )

    def ahttp(self) -> httpx.AsyncClient:
        """
        An asynchronous HTTP client.
        """
        made = httpx.AsyncClient(verify=False)  # noqa: S501  # plain http to the loopback
        self._ahttp.append(made)
        return made

    # -- what the tests use -------------------------------------------------------------------

    def run(self, mode: Callable[[World], Any]) -> Any:
        """
        What a mode returns, decorated where the stack says so; a coroutine is run in a new loop.
        """
        if "D" in self.surfaces:
            mode = quota_guarded(MODEL, meter=self.meter)(mode)
        if inspect.iscoroutinefunction(mode):
            return asyncio.run(self._arun(mode))
        return mode(self)

    async def _arun(self, mode: Callable[[World], Any]) -> Any:
        try:
            return await mode(self)
        finally:
            for client in self._ahttp:
                await client.aclose()

    def counted(self) -> dict[str, tuple[int, int, int]]:
        """
        By model, what the meter counted of requests, refused and failed; nothing is held.
        """
        gc.collect()
        assert self.server.wait_idle()
        self.meter.flush()
        usages = self.meter.usages()
        assert [] == [usage for usage in usages.values() if usage.reserved or usage.reserved_tokens]
        counts = {
            model: (usage.requests, usage.refused, usage.failed) for model, usage in usages.items()
        }
        return {model: count for model, count in counts.items() if any(count)}

    def billed(self) -> dict[str, tuple[int, int, int]]:
        """
        The same as the ledger has it.
        """
        ledger = self.server.ledger
        return {
            model: (ledger.requests(model), ledger.refused(model), ledger.failed(model))
            for model in sorted({row.model for row in ledger})
        }

    def wrong_tokens(self, *, unread: bool) -> dict[str, tuple[int, int]]:
        """
        By model, our tokens and the ledger's where they disagree.

        They agree if they are equal wherever usage was delivered, and ours not below elsewhere.
        """
        ledger, wrong = self.server.ledger, {}
        for model, usage in self.meter.usages().items():
            rows = [row for row in ledger if row.model == model and (row.answered or row.lost)]
            known = all(row.delivered for row in rows) and not unread
            billed = ledger.tokens(model)
            if usage.tokens < billed or (known and usage.tokens > billed):
                wrong[model] = (usage.tokens, billed)
        return wrong
