"""
Calls that the client which was asked does not send itself.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import groq
import pytest

from .driver import ASK, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota import QuotaMeter
    from groq_quota.simulator import Simulator


def rotating(sdk: Driver, **options: Any) -> Any:
    """
    A client that has its requests sent by others in turn, each with a key of its own.
    """
    others = [sdk.client(api_key=f"key-{number}", **options) for number in range(2)]

    class Rotating(sdk.client_class):  # type: ignore[name-defined, misc]  # sync or async
        turn = 0

        def post(self, *args: Any, **kwargs: Any) -> Any:
            self.turn += 1
            return others[self.turn % 2].post(*args, **kwargs)

    return sdk.client(Rotating)


@pytest.mark.parametrize("wrapped", [False, True])
async def test_a_client_that_has_others_send(
    sdk: Driver, server: Simulator, meter: QuotaMeter, *, wrapped: bool
) -> None:
    """
    A request that another client of the same meter sends is the call's own, and counts once.
    """
    client = rotating(sdk, max_retries=1)
    if wrapped:
        original = sdk.completions.create
        other = sdk.client(max_retries=1)

        def create(_: Any, **given: Any) -> Any:
            return original(other.chat.completions, **given)

        sdk.completions.create = create
        client = sdk.client()
    await sdk.ask(client)
    await sdk.each(await sdk.ask(client, stream=True))
    server.fail_next(503, retry_after=0.01, times=2)
    with pytest.raises(groq.InternalServerError):
        await sdk.ask(client)
    server.fail_next(429, retry_after=0.01)
    await sdk.ask(client)

    usage = agrees(meter, server)
    assert (3, 1, 2) == (usage.requests, usage.refused, usage.failed)


async def test_two_requests_for_one_call(sdk: Driver, server: Simulator, meter: QuotaMeter) -> None:
    """
    Of two requests within one call the first is the call's; the second is one of its own.
    """
    others = [sdk.client(), sdk.client()]

    class Hedging(sdk.client_class):  # type: ignore[name-defined, misc]  # sync or async
        def post(self, *args: Any, **kwargs: Any) -> Any:
            sent = [other.post(*args, **kwargs) for other in others]
            return both(*sent) if sdk.asynchronous else sent[0]

    async def both(first: Any, second: Any) -> Any:
        await second
        return await first

    await sdk.ask(sdk.client(Hedging))

    assert agrees(meter, server).requests == 2


@pytest.mark.parametrize("fails", [False, True])
def test_a_client_that_sends_in_a_bare_thread(
    server: Simulator, meter: QuotaMeter, *, fails: bool
) -> None:
    """
    A thread that carries no context counts what it sends; the call itself then does not.
    """

    class Threaded(groq.Groq):
        def post(self, *args: Any, **kwargs: Any) -> Any:
            return in_thread(lambda: super(Threaded, self).post(*args, **kwargs))

    with Threaded(api_key="none", base_url=server.base_url, max_retries=0) as client:
        if fails:
            server.fail_next(503)
            with pytest.raises(groq.InternalServerError):
                client.chat.completions.create(model=MODEL, messages=ASK)
        else:
            client.chat.completions.create(model=MODEL, messages=ASK)
        client.chat.completions.create(model=MODEL, messages=ASK)

    usage = agrees(meter, server)
    assert (2 - fails, int(fails)) == (usage.requests, usage.failed)


def in_thread(job: Callable[[], Any]) -> Any:
    """
    What a job gives or raises in a thread of its own.
    """
    given: list[Any] = []

    def run() -> None:
        try:
            given.append(job())
        except groq.APIError as error:
            given.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(given[0], Exception):
        raise given[0]
    return given[0]
