from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import QuotaMeter
from groq_quota.storage.memory import MemoryStorage

from .driver import MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.simulator import Simulator

ERRORS = {
    400: groq.BadRequestError,
    401: groq.AuthenticationError,
    403: groq.PermissionDeniedError,
    409: groq.ConflictError,
    413: groq.APIStatusError,
    422: groq.UnprocessableEntityError,
    429: groq.RateLimitError,
    498: groq.APIStatusError,
    500: groq.InternalServerError,
    503: groq.InternalServerError,
}
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@STREAMED
@pytest.mark.parametrize("status", ERRORS)
async def test_an_error_of_the_server(
    sdk: Driver, meter: QuotaMeter, server: Simulator, status: int, *, stream: bool
) -> None:
    """
    It is the SDK's own error; a refusal or a failure is counted, and no request.
    """
    server.fail_next(status)
    with pytest.raises(ERRORS[status]) as caught:
        await sdk.ask(sdk.client(), stream=stream)

    assert status == caught.value.response.status_code
    assert ERRORS[status] is type(caught.value)
    usage = agrees(meter, server)
    assert (0, 0, 1) == (usage.requests, usage.tokens, usage.refused + usage.failed)
    assert (1 if status in {413, 429} else 0) == usage.refused


async def test_an_unknown_model_leaves_nothing(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    A model that Groq does not know is not stored.
    """
    server.fail_next(404)
    with pytest.raises(groq.NotFoundError):
        await sdk.ask(sdk.client())

    assert len(server.ledger) == 1
    assert {} == meter.usages()
    assert agrees(meter, server).requests == 0


@STREAMED
async def test_refusals_then_an_answer(
    sdk: Driver, meter: QuotaMeter, server: Simulator, *, stream: bool
) -> None:
    """
    The SDK's own retries are seen one by one.
    """
    server.fail_next(429, retry_after=0.01, times=2)
    answer = await sdk.ask(sdk.client(max_retries=2), stream=stream)
    if stream:
        await sdk.each(answer)

    usage = agrees(meter, server)
    assert (1, 2, 0) == (usage.requests, usage.refused, usage.failed)


async def test_refusals_to_the_end(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    When all attempts are refused, none is a request.
    """
    server.fail_next(429, retry_after=0.01, times=3)
    with pytest.raises(groq.RateLimitError):
        await sdk.ask(sdk.client(max_retries=2))

    assert (0, 3) == (agrees(meter, server).requests, meter.usage(MODEL).refused)


async def test_failures_then_an_answer(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    Each 5xx of the way is a failure.
    """
    for status in (500, 503):
        server.fail_next(status, retry_after=0.01)
    await sdk.ask(sdk.client(max_retries=2))

    usage = agrees(meter, server)
    assert (1, 0, 2) == (usage.requests, usage.refused, usage.failed)


async def test_a_retried_failure_that_ends_in_another(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Attempts are counted each by what became of it.
    """
    server.fail_next(429, retry_after=0.01)
    server.fail_next(500, retry_after=0.01)
    server.fail_next(400)
    with pytest.raises(groq.BadRequestError):
        await sdk.ask(sdk.client(max_retries=5))

    usage = agrees(meter, server)
    assert (0, 1, 2) == (usage.requests, usage.refused, usage.failed)


@pytest.fixture
def _short_naps(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Retries without a retry-after come at once.
    """
    monkeypatch.setattr("groq._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("groq._base_client.MAX_RETRY_DELAY", 0.01)


@pytest.mark.usefixtures("_short_naps")
@pytest.mark.parametrize("lost", [1, 3])
@STREAMED
async def test_dropped_connections(
    sdk: Driver, meter: QuotaMeter, server: Simulator, lost: int, *, stream: bool
) -> None:
    """
    An attempt whose answer never came is a request at its estimate: it may have been billed.
    """
    server.drop_next(times=lost)
    client = sdk.client(max_retries=2)
    if lost == 3:
        with pytest.raises(groq.APIConnectionError):
            await sdk.ask(client, stream=stream, max_tokens=30)
    else:
        answer = await sdk.ask(client, stream=stream, max_tokens=30)
        if stream:
            await sdk.each(answer)

    assert agrees(meter, server).requests == (3 if lost == 3 else 2)


async def test_an_answer_cut_halfway(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    A plain answer of which a part came was answered, and counts as such.
    """
    server.drop_next(after=2)
    with pytest.raises(groq.APIConnectionError):
        await sdk.ask(sdk.client(), max_tokens=30)

    assert agrees(meter, server).requests == 1


@pytest.mark.usefixtures("_short_naps")
async def test_each_lost_attempt_counts_its_estimate(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Three attempts of one call count three times what one does, not more.
    """
    for retries in (0, 2):
        server.drop_next(times=retries + 1)
        with pytest.raises(groq.APIConnectionError):
            await sdk.ask(sdk.client(max_retries=retries), max_tokens=30)
        if retries == 0:
            once = meter.usage(MODEL).tokens

    assert 4 * once == agrees(meter, server).tokens


@pytest.mark.parametrize("status", [200, 500])
async def test_a_call_is_settled_before_it_returns(
    sdk: Driver, server: Simulator, status: int
) -> None:
    """
    Nothing is left for later, whether it was answered or failed.
    """
    storage = MemoryStorage()
    groq_quota.install(QuotaMeter(storage))
    if status == 500:
        server.fail_next(500)
        with pytest.raises(groq.InternalServerError):
            await sdk.ask(sdk.client())
    else:
        await sdk.ask(sdk.client())

    cell = storage.read(("default", MODEL))
    assert cell is not None
    assert (0, 0) == (cell["held"]["requests"], cell["held"]["tokens"])


@pytest.mark.usefixtures("_short_naps")
@pytest.mark.parametrize("retries", [0, 1])
async def test_timeouts(sdk: Driver, meter: QuotaMeter, server: Simulator, retries: int) -> None:
    """
    An attempt that timed out is a request at its estimate.
    """
    server.stall_next(times=retries + 1)
    with pytest.raises(groq.APITimeoutError):
        await sdk.ask(sdk.client(max_retries=retries), timeout=0.15, max_tokens=30)

    assert agrees(meter, server).requests == retries + 1


@pytest.mark.usefixtures("_short_naps")
@pytest.mark.parametrize("retries", [0, 2])
async def test_a_refused_connection_is_no_request(
    sdk: Driver, meter: QuotaMeter, retries: int
) -> None:
    """
    What was surely never sent is a failure, attempt by attempt.
    """
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(groq.APIConnectionError):
            await sdk.ask(sdk.client(base_url=url, max_retries=retries))

    usage = meter.usage(MODEL)
    assert (0, 0, retries + 1) == (usage.requests, usage.tokens, usage.failed)
    assert (0, 0) == (usage.reserved, usage.reserved_tokens)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.ReadTimeout,
        httpx.WriteTimeout,
        httpx.ReadError,
        httpx.WriteError,
        httpx.RemoteProtocolError,
        RuntimeError,
    ],
)
async def test_what_was_never_sent_is_told_by_the_error(
    sdk: Driver, meter: QuotaMeter, error: type[Exception]
) -> None:
    """
    Errors from before the request went out are failures; of all others nobody knows.
    """

    def broken(_: httpx.Request) -> httpx.Response:
        raise error("broken")

    client = sdk.client(http_client=sdk.http(transport=httpx.MockTransport(broken)))
    with pytest.raises(groq.APIConnectionError):
        await sdk.ask(client, max_tokens=9)

    unsent = (
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    )
    usage = meter.usage(MODEL)
    assert ((0, 1) if issubclass(error, unsent) else (1, 0)) == (usage.requests, usage.failed)
    assert (0, 0) == (usage.reserved, usage.reserved_tokens)


@pytest.mark.usefixtures("_short_naps")
async def test_a_hook_that_raises_for_a_status_hides_no_status(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Where the user's HTTP client turns a 429 or 500 into an exception, it is still that.
    """

    async def check(response: httpx.Response) -> None:
        response.raise_for_status()

    hook: Callable[[httpx.Response], Any] = (
        check if sdk.asynchronous else httpx.Response.raise_for_status
    )
    client = sdk.client(http_client=sdk.http(event_hooks={"response": [hook]}), max_retries=1)
    server.fail_next(429)
    server.fail_next(500)
    with pytest.raises(groq.APIConnectionError):
        await sdk.ask(client)

    usage = agrees(meter, server)
    assert (0, 1, 1) == (usage.requests, usage.refused, usage.failed)


@pytest.mark.parametrize("status", [429, 500])
async def test_another_request_within_the_call(
    sdk: Driver, meter: QuotaMeter, server: Simulator, status: int
) -> None:
    """
    What a hook asks of the same client besides is none of the call's attempts: its answer is not
    taken for the call's.
    """
    client = sdk.client()

    async def look(options: Any) -> Any:
        if "chat" in options.url:
            await client.models.list()
        return options

    def look_at_once(options: Any) -> Any:
        if "chat" in options.url:
            client.models.list()
        return options

    client._prepare_options = look if sdk.asynchronous else look_at_once
    server.fail_next(status, model=MODEL)
    with pytest.raises(ERRORS[status]):
        await sdk.ask(client)
    await sdk.ask(client)

    usage = agrees(meter, server)
    assert (1, 1) == (usage.requests, usage.refused + usage.failed)


async def test_a_key_that_no_header_can_have(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Nothing was sent, so nothing is counted as sent.
    """
    with pytest.raises(groq.APIConnectionError):
        await sdk.ask(sdk.client(api_key="key\n", max_retries=1))

    usage = meter.usage(MODEL)
    assert (0, 2, 0) == (usage.requests, usage.failed, usage.reserved)
    assert not server.ledger


async def test_a_client_that_has_been_closed(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    It sends nothing, however often it tries.
    """
    client = sdk.client(max_retries=1)
    await sdk.close(client)
    with pytest.raises(groq.APIConnectionError):
        await sdk.ask(client)

    assert not server.ledger.rows
    usage = meter.usage(MODEL)
    assert (0, 2, 0) == (usage.requests, usage.failed, usage.reserved)
