"""
Counting once: threads, tasks, nesting and pools, against a server's ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import groq
import pytest

import groq_quota
from groq_quota import QuotaExceededError, UsageTracker
from groq_quota.decorator import quota_guarded
from groq_quota.outcomes import Amount
from groq_quota.records import enclosing

from .calls import MODEL, OTHER, Guard, aask, ask, counts, double, ledger

if TYPE_CHECKING:
    from groq_quota.simulator import Simulator


class TestOnce:
    def test_threads_at_the_limit(self, guard: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        24 threads on a limit of 5 send exactly 5 requests.
        """
        meter = guard(rpd=5)
        asking = quota_guarded(MODEL)(ask)
        barrier = threading.Barrier(24)

        def attempt(_: int) -> bool:
            barrier.wait()
            with contextlib.suppress(QuotaExceededError):
                asking(client)
                return True
            return False

        with ThreadPoolExecutor(24) as pool:
            made = sum(pool.map(attempt, range(24)))

        assert (5, 5) == (made, len(server.ledger))
        assert ledger(server) == counts(meter)
        assert 19 == meter.usage(MODEL).blocked

    def test_tracking_by_hand_within_it(
        self, guard: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        What a function tracks itself is counted once, as it says; a call that it does not make is
        given back.
        """
        meter = guard(rpd=9)
        tracker = UsageTracker(meter=meter)

        @quota_guarded(MODEL)
        def asking(times: int) -> None:
            for _ in range(times):
                answer = ask(client)
                assert answer.usage is not None
                tracker.track_request(MODEL, answer.usage.total_tokens)

        for times in (1, 2):
            asking(times)

        assert ledger(server) == counts(meter)
        assert 3 == meter.usage(MODEL).requests
        assert 0 == meter.usage(MODEL).reserved

    def test_tracking_another_model_by_hand(
        self, guard: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        Says nothing of the calls that the function is decorated for.
        """
        meter = guard()
        tracker = UsageTracker(meter=meter)

        @quota_guarded(MODEL)
        def asking() -> Any:
            tracker.track_request(OTHER, 7)
            return ask(client)

        asking()

        assert ledger(server) == counts(meter)
        assert 7 == meter.usage(OTHER).tokens

    async def test_tasks_at_the_limit(
        self, guard: Guard, server: Simulator, aclient: groq.AsyncGroq
    ) -> None:
        """
        24 tasks on a limit of 5 send exactly 5 requests.
        """
        meter = guard(rpd=5)
        asking = quota_guarded(MODEL)(aask)

        results = await asyncio.gather(
            *(asking(aclient) for _ in range(24)), return_exceptions=True
        )

        assert 19 == sum(isinstance(result, QuotaExceededError) for result in results)
        assert 5 == len(server.ledger)
        assert ledger(server) == counts(meter)

    def test_bare_pool(self, under_plugin: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        Three calls of bare threads within a decorated one fit a limit of three, and count three.
        """
        meter = under_plugin(rpd=3)

        @quota_guarded(MODEL)
        def fan_out() -> str:
            with ThreadPoolExecutor(3) as pool:
                return str(list(pool.map(lambda _: ask(client), range(3))))

        fan_out()

        assert (3, 3) == (len(server.ledger), meter.usage(MODEL).requests)
        assert ledger(server) == counts(meter)

    def test_nested_over_a_bare_pool(
        self, under_plugin: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        Of two decorated calls around a bare pool, the inner one answers for both.
        """
        meter = under_plugin()

        @quota_guarded(MODEL)
        def inner() -> str:
            with ThreadPoolExecutor(1) as pool:
                return str(pool.submit(ask, client).result())

        quota_guarded(MODEL)(inner)()

        assert ledger(server) == counts(meter)

    def test_two_calls(self, under_plugin: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        Under the plugin, a function that makes two calls and returns text counts two.
        """
        meter = under_plugin()
        quota_guarded(MODEL)(lambda: f"{ask(client)}{ask(client)}")()

        assert 2 == len(server.ledger)
        assert ledger(server) == counts(meter)

    def test_another_model(self, under_plugin: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        A call of another model answers for the function, too.
        """
        meter = under_plugin()
        quota_guarded(MODEL)(lambda: str(ask(client, OTHER)))()

        assert (0, 0) == counts(meter)
        assert ledger(server) == counts(meter, OTHER)

    @pytest.mark.parametrize("limit", [1, 2])
    def test_nested(self, limit: int, guard: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        Decorated calls within decorated ones count once, and need room for one.
        """
        meter = guard(rpd=limit)
        once = quota_guarded(MODEL)
        thrice = once(once(once(ask)))

        for _ in range(limit):
            thrice(client)
        with pytest.raises(QuotaExceededError):
            thrice(client)

        assert limit == len(server.ledger)
        assert ledger(server) == counts(meter)
        assert 1 == meter.usage(MODEL).blocked

    async def test_nested_tasks(
        self, guard: Guard, server: Simulator, aclient: groq.AsyncGroq
    ) -> None:
        """
        Three decorated tasks within a decorated call fit a limit of three.
        """
        meter = guard(rpd=3)
        asking = quota_guarded(MODEL)(aask)

        @quota_guarded(MODEL)
        async def gather() -> list[Any]:
            return await asyncio.gather(*(asking(aclient) for _ in range(3)))

        await gather()

        assert 3 == len(server.ledger)
        assert ledger(server) == counts(meter)

    def test_nested_in_a_queue(self, alone: Guard) -> None:
        """
        The room of an outer call is the inner one's: it does not queue up again.
        """
        meter, begun = alone(rpm=1), alone.clock()

        @quota_guarded(MODEL)
        def outer() -> int:
            meter.run(meter.booking(MODEL, Amount(), max_wait=60))
            return double(1)

        assert 2 == outer()
        assert begun == alone.clock()

    def test_leaves_nothing_open(self, guard: Guard) -> None:
        """
        After a call no record of it is left in its context.
        """
        meter = guard(rpd=1)
        double(1)
        with pytest.raises(QuotaExceededError):
            double(1)
        assert [] == enclosing(meter)

    def test_nested_models(self, guard: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        An inner call of another model answers for the outer one, which gives its room back.
        """
        meter = guard(rpd=1)
        inner = quota_guarded(OTHER)(ask)

        @quota_guarded(MODEL)
        def outer() -> str:
            return str(inner(client, OTHER)) + str(meter.usage(MODEL).reserved)

        assert outer().endswith("0")
        assert (0, 0) == counts(meter)
        assert ledger(server) == counts(meter, OTHER)

    def test_answers_for_what_is_blocked_within(self, guard: Guard) -> None:
        """
        A function that turns an inner refusal into text has made no request.
        """
        meter = guard(rpd=0)

        @quota_guarded(OTHER)
        def outer() -> str:
            try:
                return str(double(1))
            except QuotaExceededError:
                return "later"

        assert "later" == outer()
        assert (0, 0) == counts(meter, OTHER)
        assert 1 == meter.usage(MODEL).blocked

    def test_wrapped_client(self, alone: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        A client that is guarded by itself books for itself; the decorated call gives way to it.
        """
        meter = alone(rpd=1)
        guarded = groq_quota.wrap(client, meter)

        answer = quota_guarded(MODEL)(ask)(guarded)

        assert (1, answer.usage.total_tokens) == counts(meter)
        assert ledger(server) == counts(meter)

    async def test_to_thread(
        self, under_plugin: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        `asyncio.to_thread` and bare executors are seen through.
        """
        meter = under_plugin()

        @quota_guarded(MODEL)
        async def threaded() -> str:
            loop = asyncio.get_running_loop()
            first = await asyncio.to_thread(ask, client)
            return f"{first}{await loop.run_in_executor(None, ask, client)}"

        await threaded()

        assert 2 == len(server.ledger)
        assert ledger(server) == counts(meter)

    def test_retry(self, under_plugin: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        The SDK's retries are the plugin's business.
        """
        meter = under_plugin()
        server.fail_next(500)
        quota_guarded(MODEL)(lambda: str(ask(client.with_options(max_retries=1))))()

        assert (1, 1) == (server.ledger.answered(), meter.usage(MODEL).failed)
        assert ledger(server) == counts(meter)

    def test_blocked_by_the_client(
        self, under_plugin: Guard, server: Simulator, client: groq.Groq
    ) -> None:
        """
        What the client refuses within a decorated call is blocked once, and is no request.
        """
        meter = under_plugin(rpd=1)

        @quota_guarded(MODEL)
        def twice() -> str:
            ask(client)
            try:
                return str(ask(client))
            except groq.RateLimitError:
                return "later"

        assert "later" == twice()
        assert 1 == meter.usage(MODEL).blocked
        assert ledger(server) == counts(meter)
