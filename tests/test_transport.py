from __future__ import annotations

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import ConfigurationError, QuotaMeter, quota_guarded
from groq_quota.testing import FakeClock
from groq_quota.transport import AsyncQuotaTransport, QuotaTransport
from tests.sdk.judge import agrees, arrived, settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from groq_quota.simulator import Simulator

MODEL = "test-model"
BODY: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 30,
}
STREAM = BODY | {"stream": True}
ENDS = pytest.mark.parametrize("body", [BODY, STREAM], ids=["plain", "stream"])


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """
    Each test ends without the plugin, and without a default meter.
    """
    yield
    groq_quota.uninstall()
    groq_quota.set_default_meter(None)


@pytest.fixture
def meter() -> QuotaMeter:
    """
    A meter in memory that the transport is not given: it is the default.
    """
    made = QuotaMeter("memory://")
    groq_quota.set_default_meter(made)
    return made


class Way:
    """
    httpx's two kinds of client behind one face.
    """

    def __init__(self, kind: str, base_url: str) -> None:
        self.asynchronous = kind == "async"
        self.base_url = base_url
        self._made: list[Any] = []

    def transport(self, inner: Any = None, **options: Any) -> Any:
        """
        A transport of this kind; without certificates, which take long to load.
        """
        if self.asynchronous:
            inner = inner or httpx.AsyncHTTPTransport(verify=False)
            return AsyncQuotaTransport(inner, **options)
        return QuotaTransport(inner or httpx.HTTPTransport(verify=False), **options)

    def http(self, inner: Any = None, **options: Any) -> Any:
        """
        A client that sends through such a transport.
        """
        return self.client(self.transport(inner, **options))

    def client(self, transport: Any) -> Any:
        """
        A client that sends through this transport.
        """
        kind: Any = httpx.AsyncClient if self.asynchronous else httpx.Client
        key = {"authorization": "Bearer any"}
        made = kind(transport=transport, base_url=self.base_url + "/openai/v1", headers=key)
        self._made.append(made)
        return made

    async def post(self, client: Any, body: Any = None, **options: Any) -> httpx.Response:
        """
        One chat request, its answer read.
        """
        found = client.post("/chat/completions", json=body or BODY, **options)
        answer: httpx.Response = await found if self.asynchronous else found
        return answer

    async def open(self, client: Any) -> httpx.Response:
        """
        A streamed answer, not read yet.
        """
        request = client.build_request("POST", "/chat/completions", json=STREAM)
        found = client.send(request, stream=True)
        answer: httpx.Response = await found if self.asynchronous else found
        return answer

    async def first_line(self, answer: httpx.Response) -> str:
        """
        The first line of a streamed answer; what reads it stays open.
        """
        if self.asynchronous:
            return await anext(answer.aiter_lines())
        return next(answer.iter_lines())

    async def close(self, thing: Any) -> None:
        """
        Close an answer or a client.
        """
        if self.asynchronous:
            await thing.aclose()
        else:
            thing.close()

    async def stop(self) -> None:
        """
        Close every client that was made.
        """
        for client in self._made:
            await self.close(client)


@pytest.fixture(params=["sync", "async"])
async def way(request: pytest.FixtureRequest, server: Simulator) -> AsyncIterator[Way]:
    """
    Once by `httpx.Client` and once by `httpx.AsyncClient`.
    """
    made = Way(request.param, server.base_url)
    yield made
    await made.stop()


@ENDS
async def test_an_answer_is_counted(
    way: Way, meter: QuotaMeter, server: Simulator, body: dict[str, Any]
) -> None:
    """
    It counts one request and the usage of its body, or of its last chunk.
    """
    answer = await way.post(way.http(), body)

    assert 200 == answer.status_code
    assert "usage" in answer.text
    assert agrees(meter, server).requests == 1


async def test_an_answer_that_is_held_is_reserved(
    way: Way, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Until its end a streamed answer is in flight.
    """
    answer = await way.open(way.http())

    assert 1 == meter.usage(MODEL).reserved
    if way.asynchronous:
        await answer.aread()
    else:
        answer.read()
    assert agrees(meter, server).requests == 1


async def test_a_stream_closed_early(way: Way, meter: QuotaMeter, server: Simulator) -> None:
    """
    It counts as one request, at its estimate.
    """
    answer = await way.open(way.http())
    await way.first_line(answer)
    await way.close(answer)

    assert agrees(meter, server, unread=True).requests == 1


async def test_a_stream_that_is_dropped(way: Way, meter: QuotaMeter, server: Simulator) -> None:
    """
    It counts as one request once it is freed.
    """
    client = way.http()
    answer = await way.open(client)
    del answer
    gc.collect()
    await way.close(client)
    meter.flush()

    assert agrees(meter, server, unread=True).requests == 1


@pytest.mark.parametrize(
    ("status", "counts"),
    [(429, (1, 0)), (413, (1, 0)), (404, (0, 0)), (400, (0, 1)), (503, (0, 1))],
)
async def test_an_error_is_no_request(
    way: Way, meter: QuotaMeter, server: Simulator, status: int, counts: tuple[int, int]
) -> None:
    """
    Groq's refusals are counted as such, a model that it does not know not at all.
    """
    server.fail_next(status)
    answer = await way.post(way.http())

    assert status == answer.status_code
    assert "x-groq-quota" not in answer.headers
    usage = agrees(meter, server)
    assert counts == (usage.refused, usage.failed)


async def test_a_server_that_is_not_there(way: Way, meter: QuotaMeter) -> None:
    """
    Nothing was sent: it failed.
    """
    way.base_url = "http://127.0.0.1:9"
    with pytest.raises(httpx.ConnectError):
        await way.post(way.http())

    usage = meter.usage(MODEL)
    assert (0, 1, 0) == (usage.requests, usage.failed, usage.reserved)


@pytest.mark.parametrize("after", [None, 2])
@ENDS
async def test_a_cut_connection(
    way: Way, meter: QuotaMeter, server: Simulator, body: dict[str, Any], after: int | None
) -> None:
    """
    It counts as a request, as Groq may have processed it: before the answer or within it.
    """
    server.drop_next(after=after)
    with pytest.raises(httpx.RemoteProtocolError):
        await way.post(way.http(), body)

    assert agrees(meter, server, unread=True).requests == 1


async def test_a_timeout(way: Way, meter: QuotaMeter, server: Simulator) -> None:
    """
    It counts as a request, at its estimate.
    """
    server.stall_next()
    with pytest.raises(httpx.ReadTimeout):
        await way.post(way.http(), timeout=0.3)

    assert agrees(meter, server).requests == 1


async def test_a_cancelled_request(meter: QuotaMeter, server: Simulator) -> None:
    """
    Cancelled in flight it counts as a request: nobody knows its fate.
    """
    way = Way("async", server.base_url)
    server.stall_next()
    task = asyncio.create_task(way.post(way.http()))
    await arrived(server)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await way.stop()
    await settled(server)

    assert agrees(meter, server).requests == 1


@ENDS
async def test_at_the_limit_nothing_is_sent(
    way: Way, server: Simulator, body: dict[str, Any]
) -> None:
    """
    The client gets a 429 in Groq's body shape, made here, which says not to try again.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 1}})
    client = way.http(meter=meter)
    await way.post(client)
    answer = await way.post(client, body)

    assert 429 == answer.status_code
    assert "local" == answer.headers["x-groq-quota"]
    assert "false" == answer.headers["x-should-retry"]
    assert int(answer.headers["retry-after"]) > 0
    error = answer.json()["error"]
    assert ("requests", "rate_limit_exceeded") == (error["type"], error["code"])
    assert "1 of 1" in error["message"]
    assert answer.elapsed.total_seconds() >= 0
    assert 1 == len(server.ledger)
    assert 1 == meter.usage(MODEL).blocked
    assert agrees(meter, server).requests == 1


def test_many_threads_at_a_limit(server: Simulator) -> None:
    """
    24 threads on a limit of 5 send exactly 5 requests.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 5}})
    client = Way("sync", server.base_url).http(meter=meter)
    with client, ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(client.post, "/chat/completions", json=BODY) for _ in range(24)]
        statuses = sorted(answer.result().status_code for answer in asked)

    assert [200] * 5 + [429] * 19 == statuses
    assert 5 == len(server.ledger)
    assert agrees(meter, server).requests == 5


async def test_a_request_that_never_fits(way: Way, server: Simulator) -> None:
    """
    It is answered with a 413, and nothing is sent.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"tpd": 20}})
    answer = await way.post(way.http(meter=meter))

    assert 413 == answer.status_code
    assert "tokens" == answer.json()["error"]["type"]
    assert 0 == len(server.ledger)


async def test_it_waits_for_a_minute_window(way: Way, server: Simulator) -> None:
    """
    It waits as long as it may: not longer than the request's read timeout.
    """
    clock = FakeClock()
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 1}}, clock=clock)
    client = way.http(meter=meter)
    began = clock()
    for timeout in (None, None, 5.0):
        answer = await way.post(client, timeout=timeout)

    assert 60 == pytest.approx(clock() - began)
    assert 429 == answer.status_code
    assert 2 == len(server.ledger)


async def test_other_requests_pass(way: Way, meter: QuotaMeter, server: Simulator) -> None:
    """
    What is no chat request, or names no model, is left to the server.
    """
    client = way.http()
    for request in (client.get("/models"), client.post("/chat/completions", content=b"{")):
        if way.asynchronous:
            await request

    assert 2 == len(server.ledger)
    assert {} == meter.usages()


async def test_switched_off(way: Way, server: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The environment's switch is for this guard, too.
    """
    monkeypatch.setenv("GROQ_QUOTA_DISABLED", "1")
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 0}})

    assert 200 == (await way.post(way.http(meter=meter))).status_code
    assert 0 == meter.usage(MODEL).requests


async def test_one_within_the_other(way: Way, meter: QuotaMeter, server: Simulator) -> None:
    """
    A request that passes two guards of one meter counts once.
    """
    await way.post(way.http(way.transport()))

    assert agrees(meter, server).requests == 1


async def test_an_answer_that_was_read_already(way: Way, meter: QuotaMeter) -> None:
    """
    A transport that answers by itself, as in tests, is counted by its body.
    """
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    mock = httpx.MockTransport(lambda _: httpx.Response(200, json={"usage": usage}))
    await way.post(way.http(mock))

    assert (1, 7) == (meter.usage(MODEL).requests, meter.usage(MODEL).tokens)


async def test_a_redirect_is_no_attempt(way: Way, meter: QuotaMeter) -> None:
    """
    Where it leads is asked by another request, which counts.
    """
    to = {"location": "/v2/chat/completions"}
    mock = httpx.MockTransport(
        lambda request: httpx.Response(200 if "v2" in request.url.path else 308, headers=to)
    )
    await way.post(way.http(mock), follow_redirects=True)

    usage = meter.usage(MODEL)
    assert (1, 0) == (usage.requests, usage.failed)


@ENDS
async def test_a_decorated_call_around_it(
    way: Way, meter: QuotaMeter, server: Simulator, body: dict[str, Any]
) -> None:
    """
    The decorator leaves the counting to the transport, which is closer to the wire.
    """

    @quota_guarded(MODEL)
    async def ask() -> str:
        return (await way.post(way.http(), body)).text

    await ask()

    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("patched", [True, False], ids=["patched", "not patched"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_in_a_client_of_the_sdk(
    way: Way,
    meter: QuotaMeter,
    server: Simulator,
    patched: bool,  # noqa: FBT001  parametrized
    stream: bool,  # noqa: FBT001  parametrized
) -> None:
    """
    Under the plugin the plugin counts, and the transport does not count again, retries included.
    """
    if patched:
        groq_quota.install(meter)
    kind: Any = groq.AsyncGroq if way.asynchronous else groq.Groq
    client = kind(base_url=server.base_url, api_key="any", http_client=way.http(), max_retries=1)
    server.fail_next(500, retry_after=0)
    answer = client.chat.completions.create(**BODY, stream=stream)
    answer = await answer if way.asynchronous else answer
    if stream and way.asynchronous:
        assert [chunk async for chunk in answer]
    elif stream:
        assert list(answer)

    usage = agrees(meter, server)
    assert (1, 1) == (usage.requests, usage.failed)


def test_a_request_of_the_sdk_whose_context_was_lost(meter: QuotaMeter, server: Simulator) -> None:
    """
    A transport that sends from another thread counts nothing under the plugin, either.
    """

    class Elsewhere(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return pool.submit(inner.handle_request, request).result()

    groq_quota.install(meter)
    inner = QuotaTransport(httpx.HTTPTransport(verify=False))
    with ThreadPoolExecutor(1) as pool, inner, httpx.Client(transport=Elsewhere()) as http:
        client = groq.Groq(base_url=server.base_url, api_key="any", http_client=http)
        client.chat.completions.create(**BODY)

    assert agrees(meter, server).requests == 1


def openai_client(way: Way, **options: Any) -> Any:
    """
    A client of the OpenAI SDK at the server's URL, if there is that SDK.
    """
    openai = pytest.importorskip("openai", reason="the OpenAI SDK is not installed")
    kind = openai.AsyncOpenAI if way.asynchronous else openai.OpenAI
    url = way.base_url + "/openai/v1"
    return kind(base_url=url, api_key="any", **({"http_client": way.http()} | options))


async def openai_asked(way: Way, client: Any, **body: Any) -> Any:
    """
    One chat call by it.
    """
    asked = client.chat.completions.create(**BODY, **body)
    return await asked if way.asynchronous else asked


async def test_the_openai_sdk(way: Way, meter: QuotaMeter, server: Simulator) -> None:
    """
    Its plain answers, its streams and its retries are counted as the server counts them.
    """
    client = openai_client(way, max_retries=1)
    server.fail_next(500, retry_after=0)
    assert (await openai_asked(way, client)).usage.total_tokens > 0
    stream = await openai_asked(way, client, stream=True)
    if way.asynchronous:
        assert [chunk async for chunk in stream]
    else:
        assert list(stream)

    usage = agrees(meter, server)
    assert (2, 1) == (usage.requests, usage.failed)


async def test_the_openai_sdk_at_the_limit(way: Way, server: Simulator) -> None:
    """
    It raises its own error at once: it is told not to try again.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"rpd": 1}})
    client = openai_client(way, http_client=way.http(meter=meter), max_retries=2)
    await openai_asked(way, client)
    openai = pytest.importorskip("openai")
    with pytest.raises(openai.RateLimitError, match="1 of 1") as refused:
        await openai_asked(way, client)

    assert "local" == refused.value.response.headers["x-groq-quota"]
    assert 1 == meter.usage(MODEL).blocked
    assert 1 == len(server.ledger)


def test_settings_that_cannot_be() -> None:
    """
    They are found when it is made, not at a request.
    """
    with pytest.raises(ConfigurationError, match="max_wait"):
        QuotaTransport(max_wait=-1)
    with pytest.raises(TypeError, match="QuotaMeter"):
        AsyncQuotaTransport(meter="memory://")  # type: ignore[arg-type]  # which is what is tried
