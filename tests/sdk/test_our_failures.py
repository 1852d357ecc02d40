from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import groq_quota
from groq_quota import QuotaMeter, StorageError
from groq_quota.storage.memory import MemoryStorage

from .driver import ASK, CHAT, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.simulator import Simulator
    from groq_quota.state import Cell


class Broken(MemoryStorage):
    """
    A storage of somebody's that raises what no storage should, from its n-th change on.
    """

    def __init__(self, error: BaseException, after: int = 0) -> None:
        super().__init__()
        self.error = error
        self.left = after

    @property
    def uri(self) -> str:
        """
        Where it would be.
        """
        return "broken://"

    def transact(self, key: tuple[str, str], step: Callable[[Cell], Any]) -> Any:
        """
        Fail when its time has come.
        """
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().transact(key, step)


ODD = pytest.mark.parametrize(
    "error",
    [
        RuntimeError("odd"),
        KeyError("odd"),
        OSError(28, "No space left"),
        RecursionError(),
        StopIteration(),
        UnicodeDecodeError("utf-8", b"", 0, 1, "odd"),
    ],
    ids=lambda error: type(error).__name__,
)


@ODD
@pytest.mark.parametrize("after", [0, 1, 2])
async def test_a_storage_that_raises_anything_breaks_no_call(
    sdk: Driver, server: Simulator, error: BaseException, after: int
) -> None:
    """
    Before a call or after it, our failure is logged and never the user's.
    """
    groq_quota.install(QuotaMeter(Broken(error, after)))
    client = sdk.client()

    assert (await sdk.ask(client)).usage is not None
    assert await sdk.each(await sdk.ask(client, stream=True))
    body = {"model": MODEL, "messages": ASK}
    assert await sdk.do(client.post, CHAT, body=body, cast_to=object)
    assert server.ledger.answered() == 3


@ODD
async def test_what_breaks_is_said(
    sdk: Driver, server: Simulator, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The log has it, without the prompt.
    """
    groq_quota.install(QuotaMeter(Broken(error)))
    await sdk.ask(sdk.client(), messages=[{"role": "user", "content": "my secret"}])

    assert any(record.levelno >= logging.WARNING for record in caplog.records)
    assert "secret" not in caplog.text


@pytest.mark.parametrize("how", ["create", "stream", "raw", "post"])
async def test_refuse_raises_before_sending(sdk: Driver, server: Simulator, how: str) -> None:
    """
    With on_storage_error="refuse" a storage that is away stops the call, and nothing is sent.
    """
    away = Broken(StorageError("broken://: away"))
    groq_quota.install(QuotaMeter(away, on_storage_error="refuse"))
    with pytest.raises(StorageError, match="away"):
        await sdk.send(sdk.client(), how)

    assert len(server.ledger) == 0


async def test_refuse_does_not_take_an_answer_away(sdk: Driver, server: Simulator) -> None:
    """
    A storage that fails when the answer is there costs the count, not the answer.
    """
    away = Broken(StorageError("broken://: away"), after=1)
    groq_quota.install(QuotaMeter(away, on_storage_error="refuse"))

    assert (await sdk.ask(sdk.client())).usage is not None


async def test_allow_counts_on_while_the_storage_is_away(sdk: Driver, server: Simulator) -> None:
    """
    By default the calls go on, and are counted in memory.
    """
    away: Any = Away()
    meter = groq_quota.install(QuotaMeter(away))
    for _ in range(3):
        await sdk.ask(sdk.client())

    assert agrees(meter, server).requests == 3


class Away:
    """
    A storage whose place cannot be reached, whatever is asked of it.
    """

    uri = "away://"
    offset = 0.0

    def __getattr__(self, name: str) -> Any:
        return self._fail

    def _fail(self, *_: object) -> Any:
        raise StorageError("away://: cannot be reached")


async def test_a_hook_that_raises_breaks_no_call(sdk: Driver, server: Simulator) -> None:
    """
    Every kind of event may meet a broken listener.
    """

    def broken(_: object) -> None:
        raise ZeroDivisionError

    limits = {MODEL: {"rpd": 4}}
    meter = groq_quota.install(QuotaMeter("memory://", limits=limits, hooks=[broken]))
    for _ in range(4):
        await sdk.ask(sdk.client())
    with pytest.raises(groq_quota.QuotaExceededError):
        await sdk.ask(sdk.client())

    assert agrees(meter, server).requests == 4


class Awkward(dict[str, Any]):
    """
    A message that cannot be looked at twice.
    """

    def __init__(self) -> None:
        super().__init__(role="user", content="hi")
        self.left = 0

    def get(self, *_: Any) -> Any:
        """
        Refuse to say.
        """
        raise RuntimeError("do not look")


async def test_messages_that_cannot_be_estimated_are_sent(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Whatever the messages are made of, the SDK gets them.
    """
    await sdk.ask(sdk.client(), messages=[Awkward()], max_tokens=5)

    assert agrees(meter, server).requests == 1


async def test_a_clock_that_raises_breaks_no_call(sdk: Driver, server: Simulator) -> None:
    """
    Not even the time has to be known.
    """

    def broken() -> float:
        raise OSError

    groq_quota.install(QuotaMeter("memory://", clock=broken))

    assert (await sdk.ask(sdk.client())).usage is not None
