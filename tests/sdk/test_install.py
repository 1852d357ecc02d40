from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
import wrapt

import groq_quota
from groq_quota import ConfigurationError, QuotaMeter, WrongTypeError

from .driver import ASK, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from groq_quota.simulator import Simulator

    Pristine = dict[tuple[type, str], object]


def held(pristine: Pristine) -> Pristine:
    """
    What is there now where the SDK's own things were.
    """
    return {(kind, name): vars(kind).get(name) for kind, name in pristine}


def test_install_returns_the_default_meter(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Without arguments it is the meter of the environment; with one, that becomes the default.
    """
    monkeypatch.setenv("GROQ_QUOTA_STORAGE", "memory://")
    assert groq_quota.default_meter() is groq_quota.install()
    groq_quota.uninstall()

    mine = QuotaMeter("memory://")
    assert mine is groq_quota.install(mine)
    assert mine is groq_quota.default_meter()


def test_install_again_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, pristine: Pristine, caplog: pytest.LogCaptureFixture
) -> None:
    """
    From however many threads, there is one meter and one wrapper around each thing.
    """
    monkeypatch.setenv("GROQ_QUOTA_STORAGE", "memory://")
    start, meters = threading.Barrier(16), []

    def run() -> None:
        start.wait()
        meters.append(groq_quota.install())

    threads = [threading.Thread(target=run) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [groq_quota.default_meter()] * 16 == meters
    for (kind, name), original in pristine.items():
        now = vars(kind)[name]
        assert now is not original
        assert not isinstance(now.__wrapped__, wrapt.FunctionWrapper)
    assert not caplog.records


def test_a_meter_of_equal_storage_and_settings_is_the_installed_one(tmp_path: Path) -> None:
    """
    A program that makes its meter anew at every rerun goes on with the first.
    """
    first = groq_quota.install(QuotaMeter(tmp_path / "a.json", limits={"m": {"rpd": 3}}))
    again = groq_quota.install(QuotaMeter(tmp_path / "a.json", limits={"m": {"rpd": 3}}))

    assert first is again
    assert first is groq_quota.default_meter()


@pytest.mark.parametrize("change", ["storage", "limits", "max_wait"])
def test_other_arguments_replace_the_meter_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, pristine: Pristine, change: str
) -> None:
    """
    The last install() holds, the log says so, and uninstall() takes all of it away.
    """
    first = groq_quota.install(QuotaMeter(tmp_path / "a.json"))
    if change == "max_wait":
        groq_quota.install(max_wait=3.0)
    else:
        other = (
            QuotaMeter(tmp_path / "b.json")
            if change == "storage"
            else QuotaMeter(tmp_path / "a.json", limits={"m": {"rpd": 3}})
        )
        assert other is groq_quota.install(other)
        assert first is not groq_quota.default_meter()

    assert [logging.WARNING] == [record.levelno for record in caplog.records]
    groq_quota.uninstall()
    assert pristine == held(pristine)


async def test_calls_count_into_the_meter_that_replaced(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Clients from before go over to the new meter.
    """
    client = sdk.client()
    await sdk.ask(client, model="old")
    other = groq_quota.install(QuotaMeter("memory://"))
    await sdk.ask(client)

    assert agrees(other, server).requests == 1
    assert ["old"] == list(meter.usages())


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_wait": -1}, ConfigurationError),
        ({"max_wait": float("nan")}, ConfigurationError),
        ({"max_wait": float("inf")}, ConfigurationError),
        ({"max_wait": "60"}, WrongTypeError),
        ({"max_wait": True}, WrongTypeError),
        ({"meter": "usage.json"}, WrongTypeError),
    ],
)
def test_bad_arguments_change_nothing(
    arguments: dict[str, Any], error: type[Exception], pristine: Pristine
) -> None:
    """
    A wrong argument is said at once, before anything is wrapped.
    """
    with pytest.raises(error):
        groq_quota.install(**arguments)

    assert pristine == held(pristine)


def test_uninstall_restores_the_identical_originals(meter: QuotaMeter, pristine: Pristine) -> None:
    """
    Nothing of ours is left in the SDK, nor an attribute that was not there before.
    """
    assert pristine != held(pristine)
    groq_quota.uninstall()
    assert pristine == held(pristine)
    groq_quota.uninstall()
    assert pristine == held(pristine)


async def test_uninstall_stops_counting(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    Also for bound methods and raw wrappers that hold our wrappers still.
    """
    client = sdk.client()
    bound = client.chat.completions.create
    raw = client.chat.completions.with_raw_response.create
    groq_quota.uninstall()
    for call in (client.chat.completions.create, bound, raw):
        await sdk.do(call, model=MODEL, messages=ASK)
    assert {} == meter.usages()

    server.reset()
    groq_quota.install(meter)
    for call in (client.chat.completions.create, bound, raw):
        await sdk.do(call, model=MODEL, messages=ASK)
    assert agrees(meter, server).requests == 3


async def test_what_is_under_way_is_still_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Streams that are open at uninstall() settle in their meter.
    """
    stream = await sdk.ask(sdk.client(), stream=True)
    groq_quota.uninstall()
    await sdk.each(stream)

    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_request_that_is_out_at_uninstall_is_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator, *, stream: bool
) -> None:
    """
    So do requests in flight, though their answer comes when the wrappers are gone.
    """

    async def auninstall(_: httpx.Request) -> None:
        groq_quota.uninstall()

    def uninstall(_: httpx.Request) -> None:
        groq_quota.uninstall()

    hook = auninstall if sdk.asynchronous else uninstall
    client = sdk.client(http_client=sdk.http(event_hooks={"request": [hook]}))
    answer = await sdk.ask(client, stream=stream)
    if stream:
        await sdk.each(answer)

    assert agrees(meter, server).requests == 1
