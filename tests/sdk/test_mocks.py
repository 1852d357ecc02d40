from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest
from groq.types.chat import ChatCompletion

import groq_quota
from groq_quota import QuotaMeter

from .driver import ASK, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from pytest_mock import MockerFixture

    from groq_quota.simulator import Simulator

ANSWER = ChatCompletion.construct(
    id="1",
    choices=[],
    usage=groq.types.CompletionUsage(prompt_tokens=3, completion_tokens=4, total_tokens=7),
)


def replacement(sdk: Driver, mocker: MockerFixture, style: str, **how: Any) -> Any:
    """
    What a test puts in the place of `create`; None lets the mock library choose.
    """
    if style == "mock":
        return (mocker.AsyncMock if sdk.asynchronous else mocker.MagicMock)(**how)
    if style == "future":
        future = asyncio.get_running_loop().create_future()
        future.set_result(how.get("return_value"))
        return mocker.MagicMock(return_value=future)

    async def acreate(*args: Any, **kwargs: Any) -> Any:
        return outcome()

    def create(*args: Any, **kwargs: Any) -> Any:
        return outcome()

    def outcome() -> Any:
        if "side_effect" in how:
            raise how["side_effect"]
        return how["return_value"]

    return acreate if sdk.asynchronous else create


@pytest.mark.parametrize("style", ["mock", "function"])
async def test_a_create_mocked_before_install(
    sdk: Driver, mocker: MockerFixture, style: str
) -> None:
    """
    What never reaches HTTP is counted at the front door, by the usage of what was answered.
    """
    fake = replacement(sdk, mocker, style, return_value=ANSWER)
    mocker.patch.object(sdk.completions, "create", fake)
    meter = groq_quota.install(QuotaMeter("memory://"))

    assert ANSWER is await sdk.ask(sdk.client())
    usage = meter.usage(MODEL)
    assert (1, 7, 0) == (usage.requests, usage.tokens, usage.reserved)


async def test_a_create_that_the_mock_library_chose(sdk: Driver, mocker: MockerFixture) -> None:
    """
    `mocker.patch.object` alone, and with autospec, makes mocks that are counted too.
    """
    for how in ({}, {"autospec": True}):
        patched = mocker.patch.object(sdk.completions, "create", return_value=ANSWER, **how)
        meter = groq_quota.install(QuotaMeter("memory://"))
        assert ANSWER is await sdk.ask(sdk.client())
        assert (1, 7) == (meter.usage(MODEL).requests, meter.usage(MODEL).tokens)
        assert patched.call_count == 1
        groq_quota.uninstall()
        mocker.stopall()


async def test_an_answer_that_is_a_mock_too(sdk: Driver, mocker: MockerFixture) -> None:
    """
    What carries no usage that can be read counts as the estimate.
    """
    fake = replacement(sdk, mocker, "mock")
    mocker.patch.object(sdk.completions, "create", fake)
    meter = groq_quota.install(QuotaMeter("memory://"))
    await sdk.ask(sdk.client(), max_tokens=50)

    assert meter.usage(MODEL).requests == 1
    assert meter.usage(MODEL).tokens >= 50
    assert fake.call_args.kwargs == {"model": MODEL, "messages": ASK, "max_tokens": 50}


async def test_a_mock_that_gives_a_future(server: Simulator, mocker: MockerFixture) -> None:
    """
    Whatever can be awaited may stand for the coroutine.
    """
    sdk = Driver("async", server.base_url)
    mocker.patch.object(
        sdk.completions, "create", replacement(sdk, mocker, "future", return_value=ANSWER)
    )
    meter = groq_quota.install(QuotaMeter("memory://"))

    assert ANSWER is await sdk.ask(sdk.client())
    assert (1, 7) == (meter.usage(MODEL).requests, meter.usage(MODEL).tokens)


@pytest.mark.parametrize("style", ["mock", "function"])
@pytest.mark.parametrize(
    ("status", "counted"), [(429, (0, 1, 0)), (500, (0, 0, 1)), (404, (0, 0, 0)), (None, (0, 0, 0))]
)
async def test_a_mock_that_raises(
    sdk: Driver,
    mocker: MockerFixture,
    style: str,
    status: int | None,
    counted: tuple[int, int, int],
) -> None:
    """
    A status counts as what it says; anything else was never sent.
    """
    error: Exception = ZeroDivisionError()
    if status:
        response = httpx.Response(status, request=httpx.Request("POST", "http://groq"))
        error = groq.APIStatusError("no", response=response, body=None)
    mocker.patch.object(
        sdk.completions, "create", replacement(sdk, mocker, style, side_effect=error)
    )
    meter = groq_quota.install(QuotaMeter("memory://"))
    with pytest.raises(type(error)) as caught:
        await sdk.ask(sdk.client())

    assert error is caught.value
    usage = meter.usage(MODEL)
    assert counted == (usage.requests, usage.refused, usage.failed)
    assert (0, 0) == (usage.reserved, usage.reserved_tokens)


async def test_a_mock_that_ends_after_install(
    sdk: Driver, server: Simulator, mocker: MockerFixture
) -> None:
    """
    Its end puts the original back over our wrapper; the net then carries the calls.
    """
    original = sdk.completions.create
    mocker.patch.object(
        sdk.completions, "create", replacement(sdk, mocker, "mock", return_value=ANSWER)
    )
    meter = groq_quota.install(QuotaMeter("memory://"))
    mocker.stopall()
    assert original is sdk.completions.create

    await sdk.ask(sdk.client())
    assert agrees(meter, server).requests == 1
    groq_quota.uninstall()
    assert original is sdk.completions.create


async def test_a_create_mocked_after_install(
    sdk: Driver, meter: QuotaMeter, server: Simulator, mocker: MockerFixture
) -> None:
    """
    It is what the user sees, and counts nothing; when it ends, we count again.
    """
    fake = replacement(sdk, mocker, "mock", return_value=ANSWER)
    mocker.patch.object(sdk.completions, "create", fake)
    assert ANSWER is await sdk.ask(sdk.client())
    assert {} == meter.usages()

    mocker.stopall()
    await sdk.ask(sdk.client())
    assert agrees(meter, server).requests == 1


async def test_a_mock_on_one_client(
    sdk: Driver, meter: QuotaMeter, server: Simulator, mocker: MockerFixture
) -> None:
    """
    A `create` replaced on one instance is the user's own affair.
    """
    client = sdk.client()
    fake = replacement(sdk, mocker, "mock", return_value=ANSWER)
    mocker.patch.object(client.chat.completions, "create", fake)
    assert ANSWER is await sdk.ask(client)

    assert {} == meter.usages()
    await sdk.ask(sdk.client())
    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("where", ["class", "client"])
async def test_a_mocked_request(sdk: Driver, mocker: MockerFixture, where: str) -> None:
    """
    A `request` that somebody replaced has answered: one request, not two.
    """
    fake = replacement(sdk, mocker, "mock", return_value=ANSWER)
    client = sdk.client()
    mocker.patch.object(sdk.client_class if where == "class" else client, "request", fake)
    meter = groq_quota.install(QuotaMeter("memory://"))

    assert ANSWER is await sdk.ask(client)
    usage = meter.usage(MODEL)
    assert (1, 7, 0) == (usage.requests, usage.tokens, usage.reserved)


async def test_a_mocked_processing(sdk: Driver, meter: QuotaMeter, mocker: MockerFixture) -> None:
    """
    What the SDK returned was answered, also where our sign of it is gone.
    """
    fake = replacement(sdk, mocker, "mock", return_value=ANSWER)
    mocker.patch.object(sdk.client_class, "_process_response", fake)
    canned = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    client = sdk.client(http_client=sdk.http(transport=canned))

    assert ANSWER is await sdk.ask(client)
    usage = meter.usage(MODEL)
    assert (1, 7, 0) == (usage.requests, usage.tokens, usage.reserved)


async def test_a_replaced_create_that_asks_the_real_one(
    sdk: Driver, server: Simulator, mocker: MockerFixture
) -> None:
    """
    A retrying or voting `create` counts every request that it sends, and no more.
    """
    original = sdk.completions.create

    async def aboth(self: Any, **body: Any) -> Any:
        await original(self, **body)
        return await original(self, **body)

    def both(self: Any, **body: Any) -> Any:
        original(self, **body)
        return original(self, **body)

    mocker.patch.object(sdk.completions, "create", aboth if sdk.asynchronous else both)
    meter = groq_quota.install(QuotaMeter("memory://"))
    await sdk.ask(sdk.client())

    assert agrees(meter, server).requests == 2


async def test_a_replaced_create_that_goes_through_raw(
    sdk: Driver, server: Simulator, mocker: MockerFixture
) -> None:
    """
    A `create` that calls itself by another way is a door within the door: one request.
    """
    original = sdk.completions.create
    inside = False

    async def araw(self: Any, **body: Any) -> Any:
        nonlocal inside
        if inside:
            return await original(self, **body)
        inside = True
        return await (await self.with_raw_response.create(**body)).parse()

    def raw(self: Any, **body: Any) -> Any:
        nonlocal inside
        if inside:
            return original(self, **body)
        inside = True
        return self.with_raw_response.create(**body).parse()

    mocker.patch.object(sdk.completions, "create", araw if sdk.asynchronous else raw)
    meter = groq_quota.install(QuotaMeter("memory://"))
    answer = await sdk.ask(sdk.client(), max_tokens=3)

    assert answer.usage.completion_tokens == 3
    assert agrees(meter, server).requests == 1
