from __future__ import annotations

import logging
import pickle
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import QuotaEvent, QuotaExceededError, QuotaMeter, RequestTooLargeError
from groq_quota.simulator import Simulator
from groq_quota.testing import FakeClock

from .driver import ASK, CHAT, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLED = "openai/gpt-oss-20b"


@pytest.fixture
def clock() -> FakeClock:
    """
    The time of the meter and of the server's limiter.
    """
    return FakeClock()


def limited(clock: FakeClock, **limits: int) -> QuotaMeter:
    """
    Install a meter with limits of the user's.
    """
    return groq_quota.install(QuotaMeter("memory://", limits={MODEL: limits}, clock=clock))


@pytest.fixture
def strict(request: pytest.FixtureRequest, clock: FakeClock) -> Iterator[Simulator]:
    """
    A server that refuses what goes beyond these limits, by the same clock.
    """
    with Simulator(request.param, clock=clock) as simulator:
        yield simulator


@pytest.mark.parametrize("strict", [{MODEL: {"rpm": 2}}], indirect=True)
async def test_a_minute_window_is_waited_for(
    sdk: Driver, clock: FakeClock, strict: Simulator
) -> None:
    """
    The third of two requests a minute is sent when the server has room for it again.
    """
    meter, start = limited(clock, rpm=2), clock()
    client = sdk.client(base_url=strict.base_url)
    for _ in range(5):
        await sdk.ask(client)

    usage = agrees(meter, strict)
    assert (5, 0) == (usage.requests, usage.refused)
    # And a moment more, as a request may be on its way for longer than the next.
    assert 90 <= clock() - start < 91
    assert usage.waited == pytest.approx(clock() - start)
    assert (3, 0) == (usage.avoided, usage.blocked)


@pytest.mark.parametrize("strict", [{MODEL: {"tpm": 6_000}}], indirect=True)
async def test_tokens_a_minute_are_waited_for(
    sdk: Driver, clock: FakeClock, strict: Simulator
) -> None:
    """
    Calls with a cap wait until their whole reservation fits, and the server refuses none.
    """
    meter = limited(clock, tpm=6_000)
    client = sdk.client(base_url=strict.base_url)
    for turn in range(6):
        answer = await sdk.ask(client, max_tokens=2_500, stream=turn % 2 == 1)
        if turn % 2:
            await sdk.each(answer)

    usage = agrees(meter, strict)
    assert (6, 0, 0) == (usage.requests, usage.refused, usage.blocked)


async def test_a_longer_wait_is_refused_at_once(
    sdk: Driver, server: Simulator, clock: FakeClock
) -> None:
    """
    What needs longer than max_wait is not waited out.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 2}}, clock=clock)
    groq_quota.install(meter, max_wait=29)
    start = clock()
    await sdk.ask(sdk.client())
    await sdk.ask(sdk.client())
    with pytest.raises(QuotaExceededError) as caught:
        await sdk.ask(sdk.client())

    assert start == clock()
    assert 30 == pytest.approx(caught.value.retry_after)
    assert (2, 1) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)


@pytest.mark.parametrize("timeout", [29, httpx.Timeout(29), httpx.Timeout(None, read=29.0)])
@pytest.mark.parametrize("how", ["create", "post"])
async def test_the_calls_own_timeout_bounds_the_wait(
    sdk: Driver, server: Simulator, clock: FakeClock, timeout: Any, how: str
) -> None:
    """
    A call that may take 29 seconds does not wait for 30; one of 31 does.
    """
    meter = limited(clock, rpm=2)

    async def ask(timeout: Any) -> None:
        body: Any = {"model": MODEL, "messages": ASK}
        client = sdk.client()
        if how == "create":
            await sdk.ask(client, timeout=timeout)
        else:
            options = {"timeout": timeout}
            await sdk.do(client.post, CHAT, body=body, cast_to=object, options=options)

    await ask(None)
    await ask(timeout)
    with pytest.raises(QuotaExceededError):
        await ask(timeout)
    assert 2 == agrees(meter, server).requests
    await ask(31)
    assert 3 == agrees(meter, server).requests


async def test_waiting_is_told(
    sdk: Driver, server: Simulator, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Hooks and the log hear of it, without any text of the prompt.
    """
    told: list[QuotaEvent] = []
    caplog.set_level(logging.INFO, "groq_quota")
    limits = {MODEL: {"rpm": 1}}
    groq_quota.install(QuotaMeter("memory://", limits=limits, clock=clock, hooks=[told.append]))
    for _ in range(2):
        await sdk.ask(sdk.client(), messages=[{"role": "user", "content": "my secret"}])

    assert ["waiting", "resumed"] == [event.kind for event in told]
    assert 60 <= (told[0].seconds or 0) < 61
    assert any("waiting" in record.message for record in caplog.records)
    assert "secret" not in caplog.text + repr(told)


async def test_the_tables_minute_limits_are_not_enforced_unconfirmed(
    sdk: Driver, server: Simulator, clock: FakeClock
) -> None:
    """
    Nobody is held to a table that may be another account's: 40 requests at once, no wait.
    """
    meter = groq_quota.install(QuotaMeter("memory://", clock=clock))
    start, client = clock(), sdk.client()
    for _ in range(40):
        await sdk.ask(client, model=TABLED, max_tokens=2_000)

    assert start == clock()
    assert agrees(meter, server, TABLED).requests == 40


@pytest.mark.parametrize("strict", [None], indirect=True, ids=["free plan"])
async def test_the_tables_minute_limits_are_enforced_once_headers_fit(
    sdk: Driver, clock: FakeClock, strict: Simulator
) -> None:
    """
    An answer whose headers are those of a plan's row confirms the row: the server refuses none.
    """
    meter, start = groq_quota.install(QuotaMeter("memory://", clock=clock)), clock()
    client = sdk.client(base_url=strict.base_url)
    for _ in range(35):
        await sdk.ask(client, model=TABLED, max_tokens=10)

    usage = agrees(meter, strict, TABLED)
    assert (35, 0, 0) == (usage.requests, usage.refused, usage.blocked)
    assert 10 <= clock() - start < 11


@pytest.mark.parametrize("how", ["create", "stream", "raw", "post"])
async def test_a_blocked_call_is_not_sent(
    sdk: Driver, server: Simulator, clock: FakeClock, how: str
) -> None:
    """
    At the daily limit nothing goes out, by whatever way.
    """
    meter = limited(clock, rpd=1)
    client = sdk.client(max_retries=5)
    await sdk.ask(client)
    with pytest.raises(groq.RateLimitError) as caught:
        await sdk.send(client, how)

    assert isinstance(caught.value, QuotaExceededError)
    assert len(server.ledger) == 1
    assert (1, 1) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)


async def test_a_refusal_is_the_sdks_own_error(
    sdk: Driver, server: Simulator, clock: FakeClock
) -> None:
    """
    Code that was written for Groq's 429 finds everything where it expects it.
    """
    limited(clock, rpd=1)
    await sdk.ask(sdk.client())
    with pytest.raises(QuotaExceededError) as caught:
        await sdk.ask(sdk.client())
    assert isinstance(caught.value, groq.RateLimitError)
    error: Any = caught.value

    assert (429, 429) == (error.status_code, error.response.status_code)
    assert "local" == error.response.headers["x-groq-quota"]
    # FakeClock starts at noon.
    assert (43_200, "43200") == (error.retry_after, error.response.headers["retry-after"])
    assert {"message", "type", "code"} == set(error.body["error"])
    assert ("requests", "rate_limit_exceeded") == (
        error.body["error"]["type"],
        error.body["error"]["code"],
    )
    assert error.body == error.response.json()
    assert error.request.method == "POST"
    assert (MODEL, "rpd", 1, 1, 0) == (
        error.model,
        error.limit.kind,
        error.used,
        error.requested,
        error.remaining,
    )
    assert "limit reached" in str(error)
    assert error.__cause__ is None


async def test_a_refusal_pickles(sdk: Driver, server: Simulator, clock: FakeClock) -> None:
    """
    Both refusals come out of a pickle as they went in.
    """
    limited(clock, rpd=0, tpm=100)
    errors: list[Any] = []
    for body in ({}, {"max_tokens": 500}):
        with pytest.raises(groq_quota.QuotaError) as caught:
            await sdk.ask(sdk.client(), **body)
        errors.append(caught.value)
        groq_quota.uninstall()
        limited(clock, tpm=100)

    for error in errors:
        again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
        assert type(error) is type(again)
        assert (str(error), error.details()) == (str(again), again.details())
        assert error.response.headers == again.response.headers
        assert (error.status_code, error.body) == (again.status_code, again.body)
    assert [429, 413] == [error.status_code for error in errors]


async def test_what_never_fits_is_refused_as_too_large(
    sdk: Driver, server: Simulator, clock: FakeClock
) -> None:
    """
    A request that is larger than a whole limit by its own max_tokens is a 413, at once.
    """
    meter = limited(clock, tpm=400)
    with pytest.raises(RequestTooLargeError) as caught:
        await sdk.ask(sdk.client(), max_tokens=401)
    assert isinstance(caught.value, groq.APIStatusError)
    error: Any = caught.value

    assert (413, None) == (error.status_code, error.retry_after)
    assert "retry-after" not in error.response.headers
    assert "tokens" == error.response.json()["error"]["type"]
    assert (0, 1) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)


async def test_what_may_fit_is_groqs_to_decide(
    sdk: Driver, server: Simulator, clock: FakeClock
) -> None:
    """
    Larger than the limit only by the upper estimate: it is sent.
    """
    meter = limited(clock, tpm=400)
    await sdk.ask(sdk.client())

    assert agrees(meter, server).requests == 1


async def test_the_careful_count_admits_what_the_bound_would_not(
    sdk: Driver, server: Simulator, clock: FakeClock
) -> None:
    """
    A prompt of 6,000 letters is no 6,000 tokens: it goes out at once.
    """
    meter, start = limited(clock, tpm=4_000), clock()
    prompt = [{"role": "user", "content": "hello there " * 500}]
    await sdk.ask(sdk.client(), messages=prompt, max_tokens=10)
    await sdk.ask(sdk.client(), messages=prompt, max_tokens=10)

    assert start == clock()
    assert (2, 0) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)


async def test_enforce_false_never_blocks(sdk: Driver, server: Simulator, clock: FakeClock) -> None:
    """
    It counts on, beyond the limit, and does not wait.
    """
    limits = {MODEL: {"rpd": 1, "rpm": 1, "tpm": 10}}
    meter = groq_quota.install(QuotaMeter("memory://", limits=limits, enforce=False, clock=clock))
    start = clock()
    for _ in range(3):
        await sdk.ask(sdk.client(), max_tokens=50)

    assert start == clock()
    assert (3, 0) == (agrees(meter, server).requests, meter.usage(MODEL).blocked)


async def test_a_wait_that_is_cancelled_gives_its_place_back(server: Simulator) -> None:
    """
    A task cancelled while it waits for its window books nothing.
    """
    import asyncio

    class Standing(FakeClock):
        """
        A clock on which nobody's wait ends.
        """

        waiting = asyncio.Event()

        async def asleep(self, seconds: float) -> None:
            self.waiting.set()
            await asyncio.Event().wait()

    clock = Standing()
    meter = limited(clock, rpm=1)
    sdk = Driver("async", server.base_url)
    await sdk.ask(sdk.client())
    task = asyncio.create_task(sdk.ask(sdk.client()))
    await clock.waiting.wait()
    assert meter.usage(MODEL).reserved == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sdk.stop()

    assert agrees(meter, server).requests == 1
    assert meter.check(MODEL).retry_after == pytest.approx(60)
