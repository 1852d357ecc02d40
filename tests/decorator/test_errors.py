"""
Functions that fail, are cancelled, or are let down by the guard itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import QuotaExceededError, QuotaMeter, StorageError
from groq_quota.decorator import quota_guarded
from groq_quota.storage.memory import MemoryStorage

from .calls import MODEL, Guard, aask, ask, counts, double

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from groq_quota.simulator import Simulator


class TestErrors:
    @pytest.mark.parametrize(
        ("status", "expected"),
        [(400, (0, 0, 1)), (429, (0, 1, 0)), (413, (0, 1, 0)), (500, (0, 0, 1)), (404, (0, 0, 0))],
    )
    def test_status(
        self,
        status: int,
        expected: tuple[int, int, int],
        guard: Guard,
        server: Simulator,
        client: groq.Groq,
    ) -> None:
        """
        The SDK's errors come through as they are, and are counted as refused or failed once.
        """
        meter = guard()
        server.fail_next(status, retry_after=0.0)

        with pytest.raises(groq.APIStatusError) as caught:
            quota_guarded(MODEL)(ask)(client)

        usage = meter.usage(MODEL)
        assert status == caught.value.status_code
        assert expected == (counts(meter)[0], usage.refused, usage.failed)

    def test_status_of_others(self, guard: Guard) -> None:
        """
        Other clients' errors tell their status, too.
        """
        meter = guard()
        request = httpx.Request("POST", "http://groq")
        error = httpx.HTTPStatusError("no", request=request, response=httpx.Response(429))

        def fail() -> None:
            raise error

        with pytest.raises(httpx.HTTPStatusError) as caught:
            quota_guarded(MODEL)(fail)()

        assert error is caught.value
        assert (0, 1) == (counts(meter)[0], meter.usage(MODEL).refused)

    def test_own_error(self, guard: Guard) -> None:
        """
        A function that fails by itself has made no request, as far as is known.
        """
        meter = guard(rpd=1)

        @quota_guarded(MODEL, tokens=5)
        def fail() -> None:
            raise KeyError("mine")

        for _ in range(2):
            with pytest.raises(KeyError, match="mine"):
                fail()

        assert (0, 0) == counts(meter)
        assert (0, 0) == (meter.usage(MODEL).refused, meter.usage(MODEL).failed)

    def test_refusal_from_within(self, guard: Guard, client: groq.Groq) -> None:
        """
        A refusal of ours that comes from elsewhere is neither refused nor failed.
        """
        meter = guard()
        elsewhere = QuotaMeter("memory://", limits={MODEL: {"rpd": 0}})

        with pytest.raises(groq.RateLimitError) as caught:
            quota_guarded(MODEL)(ask)(groq_quota.wrap(client, elsewhere))

        assert isinstance(caught.value, QuotaExceededError)

        usage = meter.usage(MODEL)
        assert (0, 0, 0, 0) == (*counts(meter), usage.refused, usage.failed)

    @pytest.mark.parametrize("where", ["before", "after"])
    def test_lost(self, where: str, guard: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        An answer that was lost is a request at its estimate; one never sent is none.
        """
        meter = guard()
        if where == "before":
            client = client.with_options(base_url="http://127.0.0.1:9")
        else:
            server.drop_next()

        with pytest.raises(groq.APIConnectionError):
            quota_guarded(MODEL)(ask)(client)

        assert int(where == "after") == counts(meter)[0] == server.ledger.requests()

    async def test_cancelled(
        self, guard: Guard, server: Simulator, aclient: groq.AsyncGroq
    ) -> None:
        """
        A call that is cancelled in flight is a request of unknown fate.
        """
        meter = guard()
        server.stall_next()
        task = asyncio.create_task(_as_coroutine(quota_guarded(MODEL)(aask)(aclient)))
        while not len(server.ledger):  # noqa: ASYNC110  # the ledger is filled by another thread
            await asyncio.sleep(0)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert 1 == counts(meter)[0] == server.ledger.requests()

    async def test_cancelled_without_sdk(self, guard: Guard) -> None:
        """
        Where nobody can tell, a cancelled call without plugin was made; with it, it was not.
        """
        meter = guard()
        begun = asyncio.Event()

        @quota_guarded(MODEL)
        async def wait() -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(_as_coroutine(wait()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert (0 if guard.plugin else 1) == counts(meter)[0]

    def test_check_writes_nothing(
        self, under_plugin: Guard, caplog: pytest.LogCaptureFixture
    ) -> None:
        """
        Under the plugin a call that is let through leaves the storage alone.
        """
        storage = _Broken()
        under_plugin.use(QuotaMeter(storage, on_storage_error="refuse"))
        storage.writable = False

        quota_guarded(MODEL)(lambda: None)()

        assert [] == caplog.records

    def test_our_own_failure(self, guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
        """
        A storage that breaks down does not break the user's function; it is logged.
        """
        storage = _Broken()
        guard.use(QuotaMeter(storage, on_storage_error="refuse"))
        storage.error = RuntimeError("a bug of ours")

        assert 2 == double(1)
        assert ["The guard failed; the call goes on unguarded."] == [
            record.message for record in caplog.records
        ]

    def test_failure_at_the_end(self, guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
        """
        Nor does one that breaks down while the function runs.
        """
        storage = _Broken()
        guard.use(QuotaMeter(storage, on_storage_error="refuse"))

        @quota_guarded(MODEL)
        def function() -> str:
            storage.error = StorageError("away")
            return "mine"

        assert "mine" == function()
        assert [f"A call of {MODEL} could not be counted."] == [
            record.message for record in caplog.records
        ]

    def test_storage_away(self, guard: Guard) -> None:
        """
        With `on_storage_error="refuse"` a storage that is away stops the call.
        """
        storage = _Broken()
        guard.use(QuotaMeter(storage, on_storage_error="refuse"))
        storage.error = StorageError("away")

        with pytest.raises(StorageError, match="away"):
            double(1)


class _Broken(MemoryStorage):
    """
    A storage that fails once it is told to.
    """

    error: Exception | None = None
    writable = True

    def transact(self, key: Any, step: Any) -> Any:
        assert self.writable
        if self.error is not None:
            raise self.error
        return super().transact(key, step)

    def read(self, key: Any) -> Any:
        if self.error is not None:
            raise self.error
        return super().read(key)


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
