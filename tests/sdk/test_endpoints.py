from __future__ import annotations

import asyncio
import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import groq
import pytest

import groq_quota
from groq_quota import QuotaMeter
from groq_quota.simulator import Simulator

from .asking import ENDPOINTS, WAV, WAYS, ask, stream
from .driver import MODEL, Driver
from .judge import agrees, arrived, settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota import ModelUsage

SPOKEN = {"transcription", "translation"}
PATHS = {
    "embeddings": "/embeddings",
    "responses": "/responses",
    "speech": "/audio/speech",
    "transcription": "/audio/transcriptions",
    "translation": "/audio/translations",
}


def counted(meter: QuotaMeter, server: Simulator, kind: str) -> ModelUsage:
    """
    Assert that we counted what the ledger has, seconds of audio too; return what we counted.
    """
    usage = agrees(meter, server)
    assert {kind} == {row.kind for row in server.ledger}
    assert usage.audio_seconds == server.ledger.audio_seconds()
    assert usage.estimated_seconds == 0
    if kind == "speech":  # no usage is delivered: the text's length is what it takes
        assert usage.tokens == server.ledger.tokens()
    return usage


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_every_endpoint_is_counted_once_by_every_way(
    sdk: Driver, meter: QuotaMeter, server: Simulator, kind: str, way: str
) -> None:
    """
    One request, with the tokens or the seconds that the server billed, and nothing held.
    """
    await ask(sdk, sdk.client(), kind, way)

    usage = counted(meter, server, kind)
    assert usage.requests == 1
    assert (usage.tokens > 0) is (kind not in SPOKEN)
    assert (usage.audio_seconds == 2.5) is (kind in SPOKEN)


@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_answers_are_the_sdks_own(
    sdk: Driver, meter: QuotaMeter, server: Simulator, kind: str
) -> None:
    """
    With the plugin and without it, an answer has the same type and says the same.
    """

    async def told(answer: Any) -> Any:
        if kind == "speech":
            return type(answer), await sdk.do(answer.read)
        dumped = answer if isinstance(answer, dict) else answer.model_dump()
        return type(answer), {key: dumped[key] for key in dumped if key not in ignored}

    ignored = {"x_groq", "id", "created_at", "output"}
    ours = await told(await ask(sdk, sdk.client(), kind))
    groq_quota.uninstall()

    assert await told(await ask(sdk, sdk.client(), kind)) == ours
    assert meter.usage(MODEL).requests == 1


@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_a_retried_request_is_one_request_and_a_refusal(
    sdk: Driver, meter: QuotaMeter, server: Simulator, kind: str
) -> None:
    """
    Attempts that the server refuses or fails are told apart from the one that it answers.
    """
    server.fail_next(429, retry_after=0.001)
    server.fail_next(500)
    await ask(sdk, sdk.client(max_retries=2), kind)

    usage = counted(meter, server, kind)
    assert (usage.requests, usage.refused, usage.failed) == (1, 1, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 429, 500])
@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_an_error_costs_nothing(
    sdk: Driver, meter: QuotaMeter, server: Simulator, kind: str, status: int
) -> None:
    """
    The user gets the SDK's error; tokens and seconds are given back.
    """
    server.fail_next(status)
    with pytest.raises(groq.APIStatusError) as caught:
        await ask(sdk, sdk.client(), kind)

    assert status == caught.value.status_code
    usage = counted(meter, server, kind)
    assert (usage.requests, usage.tokens, usage.audio_seconds) == (0, 0, 0)


@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_a_lost_answer_counts_as_estimated(
    sdk: Driver, meter: QuotaMeter, server: Simulator, kind: str
) -> None:
    """
    The server has billed it: its estimate stands, which is not less.
    """
    server.drop_next()
    with pytest.raises(groq.APIConnectionError):
        await ask(sdk, sdk.client(), kind, **_capped(kind))

    usage = agrees(meter, server)
    assert usage.requests == 1
    assert usage.audio_seconds == server.ledger.audio_seconds()


@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_a_cancelled_request_counts_as_estimated(
    meter: QuotaMeter, server: Simulator, kind: str
) -> None:
    """
    Nobody knows its fate, and the server has it in hand.
    """
    sdk = Driver("async", server.base_url)
    server.stall_next()
    task = asyncio.create_task(ask(sdk, sdk.client(), kind, **_capped(kind)))
    await arrived(server)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settled(server)

    usage = agrees(meter, server)
    assert usage.requests == 1
    assert usage.audio_seconds == server.ledger.audio_seconds()
    await sdk.stop()


def _capped(kind: str) -> dict[str, Any]:
    return {"max_output_tokens": 50} if kind == "responses" else {}


@pytest.mark.parametrize(
    ("kind", "limits", "fit"),
    [
        ("embeddings", {"tpd": 20}, 1),
        ("responses", {"tpd": 1_080}, 1),
        ("speech", {"tpd": 50}, 2),
        ("transcription", {"asd": 6}, 2),
        ("transcription", {"ash": 6}, 2),
        ("translation", {"rpd": 2}, 2),
        ("speech", {"rpm": 2}, 2),
    ],
)
async def test_what_does_not_fit_is_refused_before_it_is_sent(
    sdk: Driver, server: Simulator, kind: str, limits: dict[str, int], fit: int
) -> None:
    """
    As the SDK's own error, with the limit that binds; the server hears nothing of it.
    """
    meter = groq_quota.install(QuotaMeter("memory://", limits={MODEL: limits}), max_wait=0)
    client = sdk.client()
    for _ in range(fit):
        await ask(sdk, client, kind)
    with pytest.raises(groq.RateLimitError) as caught:
        await ask(sdk, client, kind)

    assert isinstance(caught.value, groq_quota.QuotaExceededError)
    assert set(limits) == {caught.value.limit.kind}
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301  our own
        assert error.request.url.path.endswith(PATHS[kind])
    usage = counted(meter, server, kind)
    assert (usage.requests, usage.blocked) == (fit, 1)


async def test_audio_longer_than_the_whole_limit_is_too_large(
    sdk: Driver, server: Simulator
) -> None:
    """
    A WAV file says so itself: waiting would not help.
    """
    groq_quota.install(QuotaMeter("memory://", limits={MODEL: {"ash": 2}}))
    with pytest.raises(groq.APIStatusError) as caught:
        await ask(sdk, sdk.client(), "transcription")

    assert isinstance(caught.value, groq_quota.RequestTooLargeError)
    assert caught.value.status_code == 413
    assert len(server.ledger) == 0


async def test_a_guess_is_not_too_large(sdk: Driver, server: Simulator) -> None:
    """
    Whose length nobody knows is given the whole window; in doubt Groq decides.
    """
    meter = groq_quota.install(QuotaMeter("memory://", limits={MODEL: {"ash": 20}}))
    await ask(sdk, sdk.client(), "transcription", file=groq.NOT_GIVEN, url="https://a/b")

    assert meter.usage(MODEL).requests == server.ledger.requests() == 1


@pytest.mark.parametrize(
    "path", ["models.list", "models.retrieve", "batches.list", "files.list", "files.delete"]
)
async def test_all_else_passes_unmetered(
    sdk: Driver, meter: QuotaMeter, server: Simulator, path: str
) -> None:
    """
    What has no limits is not looked at, whatever becomes of it.
    """
    resource, _, name = path.partition(".")
    method = getattr(getattr(sdk.client(), resource), name)
    with suppress(groq.NotFoundError):  # the look-alike has no such place
        await sdk.do(method, *["some"] * (name in {"retrieve", "delete"}))

    assert len(server.ledger) == 1
    assert {} == meter.usages()


async def test_a_call_of_the_same_model_within_a_chat_call_is_a_call_of_its_own(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    What a hook of the user's HTTP client asks on the way, the chat call's reservation is not for.
    """
    other = sdk.client()

    def hook(request: Any) -> None:
        if request.url.path.endswith("/chat/completions"):
            other.embeddings.create(model=MODEL, input="hi")

    async def ahook(request: Any) -> None:
        if request.url.path.endswith("/chat/completions"):
            await other.embeddings.create(model=MODEL, input="hi")

    hooks = {"request": [ahook if sdk.asynchronous else hook]}
    await sdk.ask(sdk.client(http_client=sdk.http(event_hooks=hooks)))

    assert agrees(meter, server).requests == 2


@pytest.mark.parametrize("reads", ["all", "some", "none"])
async def test_a_stream_of_responses_is_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator, reads: str
) -> None:
    """
    By the usage in its last event; by what was seen where it is left before.
    """
    async with stream(sdk, sdk.client(), max_output_tokens=50) as events:
        if reads == "all":
            await sdk.each(events)
        elif reads == "some":
            for _ in range(6):
                await sdk.next(events)
    await settled(server)

    assert agrees(meter, server, unread=reads != "all").requests == 1


async def test_a_stream_of_responses_without_a_cap_counts_what_was_seen(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    A stream that breaks off after a few pieces counts the prompt and those.
    """
    server.break_next_stream(after=5)
    with pytest.raises(groq.APIError):
        async with stream(sdk, sdk.client()) as events:
            await sdk.each(events)

    usage = agrees(meter, server, capped=False)
    assert usage.requests == 1
    assert 5 <= usage.tokens < 1_024


async def test_cached_tokens_of_responses_are_counted(sdk: Driver) -> None:
    """
    They are part of the usage, under another name than in chat.
    """
    meter = groq_quota.install(QuotaMeter("memory://"))
    with Simulator({}, cached=3) as server:
        local = Driver(sdk.kind, server.base_url)
        await ask(local, local.client(), "responses", input="x" * 400)
        await local.stop()

        usage = agrees(meter, server)
        assert usage.cached_tokens == sum(row.cached_tokens for row in server.ledger) == 3


async def test_hidden_usage_of_embeddings_leaves_the_estimate(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Which is not less than what was billed.
    """
    server.hide_next_usage()
    await ask(sdk, sdk.client(), "embeddings", "post")

    assert agrees(meter, server).tokens >= server.ledger.tokens() > 0


@pytest.mark.parametrize("form", ["json", "text", "verbose_json"])
async def test_every_form_of_a_transcript_is_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator, form: str
) -> None:
    """
    With the answer's duration or with that of the WAV file, which is the same.
    """
    answer = await ask(sdk, sdk.client(), "transcription", response_format=form)

    usage = counted(meter, server, "transcription")
    assert usage.audio_seconds == 2.5
    assert (answer if isinstance(answer, str) else answer.text).strip()


@pytest.mark.parametrize("way", WAYS)
async def test_the_duration_of_the_answer_goes_before_an_estimate(
    sdk: Driver, meter: QuotaMeter, server: Simulator, way: str
) -> None:
    """
    Of what is no WAV file only the answer knows it, where it is told.
    """
    file = ("a.mp3", b"ID3" + bytes(40_000))
    fields = {"file": file, "response_format": "verbose_json"}
    await ask(sdk, sdk.client(), "transcription", way, **fields)

    usage = counted(meter, server, "transcription")
    assert usage.audio_seconds == pytest.approx(40_003 / 16_000)


async def test_an_estimate_is_marked(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    Seconds that nobody measured are counted, and said to be an estimate.
    """
    client = sdk.client()
    await ask(sdk, client, "transcription")
    await ask(sdk, client, "transcription", file=("a.mp3", b"ID3" + bytes(80_000)))
    await ask(sdk, client, "transcription", file=groq.NOT_GIVEN, url="https://example.com/a.mp3")

    usage = meter.usage(MODEL)
    assert server.ledger.requests() == usage.requests == 3
    assert usage.audio_seconds == pytest.approx(2.5 + 80_003 / 8_000 + 60)
    assert usage.estimated_seconds == pytest.approx(80_003 / 8_000 + 60)
    assert usage.to_dict()["estimated_seconds"] == usage.estimated_seconds


@pytest.fixture(name="limited")
def _limited() -> Iterator[Simulator]:
    with Simulator({MODEL: {"ash": 7_200}}) as simulator:
        yield simulator


async def test_a_header_tells_how_long_the_audio_was(sdk: Driver, limited: Simulator) -> None:
    """
    By how much less is left of the hour's seconds than after the answer before; no estimate then.
    """
    meter = groq_quota.install(QuotaMeter("memory://", limits={MODEL: {"ash": 7_200}}))
    client, guess = sdk.client(base_url=limited.base_url), 80_003 / 8_000
    mp3 = ("a.mp3", b"ID3" + bytes(80_000))
    await ask(sdk, client, "transcription", file=mp3)
    first = meter.usage(MODEL)
    assert (first.audio_seconds, first.estimated_seconds) == (guess, guess)  # nothing to compare

    for _ in range(3):
        await ask(sdk, client, "transcription", file=mp3)

    usage, real = meter.usage(MODEL), limited.ledger.audio_seconds() / 4
    assert usage.estimated_seconds == guess
    assert usage.audio_seconds - guess == pytest.approx(3 * real, abs=4)


async def test_a_header_tells_nothing_of_two_at_once(sdk: Driver, limited: Simulator) -> None:
    """
    Nor while another request is on its way: then the estimate counts.
    """
    meter = groq_quota.install(QuotaMeter("memory://", limits={MODEL: {"ash": 7_200}}))
    client = sdk.client(base_url=limited.base_url)
    mp3 = ("a.mp3", b"ID3" + bytes(80_000))
    await ask(sdk, client, "transcription", file=mp3)

    with meter.reserve(MODEL):
        await ask(sdk, client, "transcription", file=mp3)

    usage = meter.usage(MODEL)
    assert usage.estimated_seconds == usage.audio_seconds == 2 * 80_003 / 8_000


async def test_speech_reaches_the_user_byte_for_byte(
    sdk: Driver, meter: QuotaMeter, server: Simulator, tmp_path: Any
) -> None:
    """
    Written to a file or streamed to one.
    """
    client = sdk.client()
    whole = await ask(sdk, client, "speech")
    await sdk.do(whole.write_to_file, tmp_path / "whole.wav")
    streamed = await ask(sdk, client, "speech", "streamed")

    assert (tmp_path / "whole.wav").read_bytes() == streamed
    assert streamed.startswith(b"RIFF")
    assert counted(meter, server, "speech").requests == 2


async def test_a_wrapped_client_counts_audio(sdk: Driver, server: Simulator) -> None:
    """
    The meter of a client alone meters every endpoint.
    """
    meter = QuotaMeter("memory://")
    client = groq_quota.wrap(sdk.client(), meter)
    await ask(sdk, client, "transcription", file=("a.wav", WAV))

    assert counted(meter, server, "transcription").requests == 1
