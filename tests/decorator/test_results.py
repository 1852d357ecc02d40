"""
Functions that call no SDK: what their result tells is counted.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import Usage
from groq_quota.decorator import quota_guarded

from .calls import MODEL, Guard, ask, counts

if TYPE_CHECKING:
    import groq

    from groq_quota.simulator import Simulator


USAGE = {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50}


class TestResults:
    @pytest.mark.parametrize(
        "result",
        [
            {"usage": USAGE},
            SimpleNamespace(usage=SimpleNamespace(**USAGE)),
            SimpleNamespace(usage_metadata={"input_tokens": 20, "output_tokens": 30}),
            SimpleNamespace(usage_metadata=None, response_metadata={"token_usage": USAGE}),
            SimpleNamespace(x_groq=SimpleNamespace(usage=SimpleNamespace(**USAGE))),
            Usage(50, 20, 30),
        ],
    )
    async def test_usage(self, result: object, guard: Guard) -> None:
        """
        One request with the usage that the result carries, sync and async.
        """
        meter = guard()

        @quota_guarded(MODEL, tokens=400)
        async def awaited() -> object:
            return result

        assert result is quota_guarded(MODEL, tokens=400)(lambda: result)()
        assert result is await awaited()
        assert (2, 100) == counts(meter)
        assert (40, 60) == (
            meter.usage(MODEL).prompt_tokens,
            meter.usage(MODEL).completion_tokens,
        )

    @pytest.mark.parametrize("result", ["text", 5, ["a"], {"usage": "none"}, {"usage": -1}])
    def test_estimate(self, result: object, guard: Guard) -> None:
        """
        Without usage the estimate stands; a callable gets the arguments.
        """
        meter = guard()

        def echo(value: object, *, size: int) -> object:
            return value

        quota_guarded(MODEL, tokens=7)(echo)(result, size=1)
        quota_guarded(MODEL, tokens=lambda _, size: size)(echo)(result, size=30)
        quota_guarded(MODEL)(echo)(result, size=1)

        assert (3, 37) == counts(meter)

    def test_own_usage(self, guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
        """
        `usage=` is asked instead; where it fails or gives nothing, the estimate stands.
        """
        meter = guard()
        caplog.set_level(logging.CRITICAL, "groq_quota")
        of: list[Any] = [lambda result: result["n"], lambda _: Usage(4), lambda _: None, len]

        for usage in of:
            assert {"n": 11, "usage": 3} == quota_guarded(MODEL, tokens=100, usage=usage)(
                lambda: {"n": 11, "usage": 3}
            )()
        quota_guarded(MODEL, tokens=1_000, usage=lambda result: result.nothing)(lambda: "text")()

        assert (5, 11 + 4 + 100 + 2 + 1_000) == counts(meter)

    def test_nothing_under_the_plugin(self, under_plugin: Guard) -> None:
        """
        Where the plugin saw nothing, None and work that is yet to be done are no requests.
        """
        meter = under_plugin()

        async def later() -> None: ...

        coroutine = later()
        results: list[object] = [None, Future(), threading.Thread(), coroutine, (n for n in [1])]
        for result in results:
            assert result is quota_guarded(MODEL)(lambda result=result: result)()
        coroutine.close()

        assert {} == meter.usages()

    def test_nothing_alone(self, alone: Guard) -> None:
        """
        Without the plugin nobody else counts what such a function sends: it is a request.
        """
        meter = alone()
        quota_guarded(MODEL)(lambda: None)()
        assert (1, 0) == counts(meter)

    def test_cached(self, guard: Guard) -> None:
        """
        LangChain's messages out of its cache are no requests.
        """
        meter = guard()
        message = {"usage_metadata": {"total_tokens": 50, "total_cost": 0}}
        quota_guarded(MODEL)(lambda: message)()
        assert (0, 0) == counts(meter)

    def test_beside_the_plugin(
        self, under_plugin: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        Calls before it, after it and of its own thread are not taken for those of a function.
        """
        meter = under_plugin()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(ask, client).result()
            quota_guarded(MODEL)(lambda: "text")()
            pool.submit(ask, client).result()
        ask(client)

        assert (3, 4) == (len(server.ledger), counts(meter)[0])
