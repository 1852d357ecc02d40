from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

import groq_quota
from groq_quota import ConfigurationError, QuotaMeter, WrongTypeError

from .driver import ASK, CHAT, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from groq_quota.simulator import Simulator


async def test_only_the_wrapped_client_is_guarded(sdk: Driver, server: Simulator) -> None:
    """
    Without install() a wrapped client counts, and no other.
    """
    meter = QuotaMeter("memory://")
    client = sdk.client()
    assert client is groq_quota.wrap(client, meter)
    await sdk.ask(sdk.client(), model="other")
    await sdk.ask(client)
    await sdk.do(client.post, CHAT, body={"model": MODEL, "messages": ASK}, cast_to=object)
    await sdk.each(await sdk.ask(client, stream=True))

    assert agrees(meter, server).requests == 3
    assert [MODEL] == list(meter.usages())


async def test_a_wrapped_clients_meter_goes_before_the_installed_one(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Its calls are counted in its own meter only.
    """
    mine = QuotaMeter("memory://")
    await sdk.ask(groq_quota.wrap(sdk.client(), mine))
    await sdk.ask(sdk.client(), model="other")

    assert agrees(mine, server).requests == 1
    assert ["other"] == list(meter.usages())


async def test_without_a_meter_it_is_the_installed_one(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    `wrap(client)` counts where everything else is counted, once.
    """
    await sdk.ask(groq_quota.wrap(sdk.client()))

    assert agrees(meter, server).requests == 1


async def test_what_is_made_of_a_wrapped_client_is_wrapped(sdk: Driver, server: Simulator) -> None:
    """
    `with_options`, `copy` and raw wrappers carry the meter.
    """
    meter = QuotaMeter("memory://")
    client = groq_quota.wrap(sdk.client(), meter)
    await sdk.ask(client.with_options(timeout=9))
    await sdk.ask(client.copy().with_options(max_retries=1))
    await sdk.ask(client.with_raw_response)
    await sdk.ask(copy.copy(client))

    assert agrees(meter, server).requests == 4


async def test_uninstall_leaves_wrapped_clients_guarded(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    They were not install()'s to begin with.
    """
    mine = QuotaMeter("memory://")
    client = groq_quota.wrap(sdk.client(), mine)
    groq_quota.uninstall()
    await sdk.ask(client)
    await sdk.ask(sdk.client(), model="other")

    assert agrees(mine, server).requests == 1
    assert {} == meter.usages()


async def test_two_wrapped_clients_nested(sdk: Driver, server: Simulator) -> None:
    """
    Each counts in its own meter, also where one calls the other from an HTTP hook.
    """
    meters = [QuotaMeter("memory://"), QuotaMeter("memory://")]
    inner = groq_quota.wrap(sdk.client(), meters[0])

    async def ahook(_: Any) -> None:
        await sdk.ask(inner, model="inner")

    def hook(_: Any) -> None:
        inner.chat.completions.create(model="inner", messages=ASK)

    http = sdk.http(event_hooks={"request": [ahook if sdk.asynchronous else hook]})
    await sdk.ask(groq_quota.wrap(sdk.client(http_client=http), meters[1]))

    assert agrees(meters[0], server, "inner").requests == 1
    assert agrees(meters[1], server).requests == 1
    assert [["inner"], [MODEL]] == [list(meter.usages()) for meter in meters]


async def test_a_request_of_another_client_is_not_taken_for_ours(
    sdk: Driver, server: Simulator
) -> None:
    """
    What a wrapper between the front door and the net sends by another client is that client's.
    """
    original = sdk.completions.create
    meters = [QuotaMeter("memory://"), QuotaMeter("memory://")]
    other = sdk.client()
    body = {"model": MODEL, "messages": ASK, "max_tokens": 2}

    async def aasking(self: Any, **given: Any) -> Any:
        await sdk.do(other.post, CHAT, body=body, cast_to=object)
        return await original(self, **given)

    def asking(self: Any, **given: Any) -> Any:
        other.post(CHAT, body=body, cast_to=object)
        return original(self, **given)

    sdk.completions.create = aasking if sdk.asynchronous else asking
    client = groq_quota.wrap(sdk.client(), meters[1])
    groq_quota.wrap(other, meters[0])
    await sdk.ask(client, max_tokens=9)

    assert [row.total_tokens for row in server.ledger] == [
        meter.usage(MODEL).tokens for meter in meters
    ]


async def test_a_limit_of_the_wrapped_clients_own(sdk: Driver, server: Simulator) -> None:
    """
    It is held to its own meter's limits.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 1}})
    client = groq_quota.wrap(sdk.client(), meter)
    await sdk.ask(client)
    with pytest.raises(groq_quota.QuotaExceededError):
        await sdk.ask(client)

    assert agrees(meter, server).requests == 1
    await sdk.ask(sdk.client())


@pytest.mark.parametrize("client", [None, "client", object()])
def test_what_is_no_client_is_refused(client: Any) -> None:
    """
    Anything but the SDK's clients is said to be the wrong type.
    """
    with pytest.raises(WrongTypeError, match=r"groq\.Groq"):
        groq_quota.wrap(client)


async def test_bad_arguments_leave_the_client_alone(sdk: Driver) -> None:
    """
    A wrong argument changes nothing.
    """
    client = sdk.client()
    before = dict(vars(client))
    with pytest.raises(ConfigurationError):
        groq_quota.wrap(client, max_wait=-1)

    assert before == vars(client)


@pytest.mark.parametrize("value", ["1", "true", "ON"])
async def test_everything_can_be_switched_off(
    sdk: Driver, server: Simulator, monkeypatch: pytest.MonkeyPatch, pristine: object, value: str
) -> None:
    """
    GROQ_QUOTA_DISABLED leaves the SDK alone; install() and wrap() return what they always do.
    """
    monkeypatch.setenv("GROQ_QUOTA_DISABLED", value)
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 0}})
    client = sdk.client()
    assert meter is groq_quota.install(meter)
    assert client is groq_quota.wrap(client, meter)
    await sdk.ask(client)

    assert {} == meter.usages()
    assert not hasattr(vars(sdk.completions)["create"], "__wrapped__")
