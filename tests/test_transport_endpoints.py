"""
The transport at the endpoints beside chat: what a request demands, and what its answer used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

import groq_quota
from groq_quota import QuotaMeter
from groq_quota.transport import AsyncQuotaTransport, QuotaTransport
from tests.sdk.asking import WAV
from tests.sdk.judge import agrees

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from groq_quota.simulator import Simulator

    Post = Callable[..., Any]

MODEL = "test-model"
FORM = {"model": MODEL}
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "responses": ("/responses", {"json": {"model": MODEL, "input": "hi"}}),
    "stream": ("/responses", {"json": {"model": MODEL, "input": "hi", "stream": True}}),
    "embeddings": ("/embeddings", {"json": {"model": MODEL, "input": ["hi", "you"]}}),
    "speech": ("/audio/speech", {"json": {"model": MODEL, "input": "Say this.", "voice": "v"}}),
    "transcription": ("/audio/transcriptions", {"data": FORM, "files": {"file": WAV}}),
    "verbose": (
        "/audio/transcriptions",
        {"data": FORM | {"response_format": "verbose_json"}, "files": {"file": b"ID3" + WAV}},
    ),
    "translation": ("/audio/translations", {"data": FORM, "files": {"file": WAV}}),
}


@pytest.fixture(params=["sync", "async"])
async def post(request: pytest.FixtureRequest, server: Simulator) -> AsyncIterator[Post]:
    """
    Sends one request through a transport with this meter, and reads its answer.
    """
    about: dict[str, Any] = {
        "base_url": server.base_url + "/openai/v1",
        "headers": {"authorization": "Bearer any"},
    }
    clients: list[Any] = []

    async def send(meter: QuotaMeter, path: str, **content: Any) -> httpx.Response:
        answer: httpx.Response
        if request.param == "sync":
            transport = QuotaTransport(httpx.HTTPTransport(verify=False), meter=meter, max_wait=0)
            clients.append(httpx.Client(transport=transport, **about))
            answer = clients[-1].post(path, **content)
        else:
            inner = httpx.AsyncHTTPTransport(verify=False)
            atransport = AsyncQuotaTransport(inner, meter=meter, max_wait=0)
            clients.append(httpx.AsyncClient(transport=atransport, **about))
            answer = await clients[-1].post(path, **content)
        return answer

    yield send
    for client in clients:
        if isinstance(client, httpx.AsyncClient):
            await client.aclose()
        else:
            client.close()


@pytest.mark.parametrize("kind", REQUESTS)
async def test_every_endpoint_is_counted(post: Post, server: Simulator, kind: str) -> None:
    """
    By the ledger's tokens or seconds, and what is uploaded arrives whole.
    """
    meter = QuotaMeter("memory://")
    path, content = REQUESTS[kind]
    answer = await post(meter, path, **content)

    assert answer.is_success
    usage = agrees(meter, server)
    assert usage.requests == 1
    assert usage.tokens == server.ledger.tokens()
    assert usage.audio_seconds == pytest.approx(server.ledger.audio_seconds())
    assert usage.estimated_seconds == 0


@pytest.mark.parametrize("kind", REQUESTS)
async def test_what_does_not_fit_is_not_sent(post: Post, server: Simulator, kind: str) -> None:
    """
    Its answer is made here.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"tpd": 0, "asd": 0}})
    path, content = REQUESTS[kind]
    answer = await post(meter, path, **content)

    assert (429, "local") == (answer.status_code, answer.headers["x-groq-quota"])
    assert len(server.ledger) == 0
    assert meter.usage(MODEL).blocked == 1


@pytest.mark.parametrize("path", ["/models", "/batches", "/files", "/audio/other"])
async def test_all_else_passes(post: Post, server: Simulator, path: str) -> None:
    """
    Unmetered.
    """
    meter = QuotaMeter("memory://")
    await post(meter, path, json={"model": MODEL})

    assert len(server.ledger) == 1
    assert {} == meter.usages()


async def test_a_form_that_makes_no_sense_passes(post: Post, server: Simulator) -> None:
    """
    The server says so.
    """
    meter = QuotaMeter("memory://")
    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = await post(meter, "/audio/transcriptions", content=b"--x\r\nno", headers=kind)

    assert answer.status_code == 400
    assert {} == meter.usages()


def test_the_openai_sdk_is_counted_at_every_endpoint(server: Simulator) -> None:
    """
    It has a resource for `/responses`, and asks for packed vectors.
    """
    openai = pytest.importorskip("openai")
    meter = QuotaMeter("memory://")
    transport = QuotaTransport(httpx.HTTPTransport(verify=False), meter=meter)
    with openai.OpenAI(
        base_url=server.base_url + "/openai/v1",
        api_key="any",
        http_client=httpx.Client(transport=transport),
    ) as client:
        answer = client.responses.create(model=MODEL, input="hi", max_output_tokens=9)
        assert answer.output_text
        with client.responses.stream(model=MODEL, input="hi") as events:
            assert events.get_final_response().usage.total_tokens > 0
        vectors = client.embeddings.create(model=MODEL, input=["hi", "you"])
        assert len(vectors.data[1].embedding) == 768
        text = client.audio.transcriptions.create(model=MODEL, file=("a.wav", WAV))
        assert text.text
        verbose = client.audio.transcriptions.create(
            model=MODEL, file=("a.wav", WAV), response_format="verbose_json"
        )
        assert verbose.duration == 2.5
        assert client.audio.speech.create(model=MODEL, input="hi", voice="v").content

    usage = agrees(meter, server)
    assert (usage.requests, usage.audio_seconds) == (6, 5.0)
    assert usage.tokens == server.ledger.tokens()


async def test_under_the_plugin_it_counts_once(server: Simulator) -> None:
    """
    What the SDK sends through it, the plugin accounts for.
    """
    import groq

    meter = groq_quota.install(QuotaMeter("memory://"))
    transport = QuotaTransport(httpx.HTTPTransport(verify=False), meter=meter)
    http = httpx.Client(transport=transport)
    with groq.Groq(base_url=server.base_url, api_key="any", http_client=http) as client:
        client.audio.transcriptions.create(model=MODEL, file=("a.wav", WAV))
        client.embeddings.create(model=MODEL, input="hi")
    groq_quota.uninstall()
    groq_quota.set_default_meter(None)

    assert agrees(meter, server).requests == 2
