from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

import groq
import pytest

from groq_quota.simulator import Simulator

if TYPE_CHECKING:
    from .conftest import Clock


def sound(seconds: float) -> tuple[str, bytes]:
    """
    A WAV file of so many seconds, with a name.
    """
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(1_000)
        writer.writeframes(bytes(4 * round(1_000 * seconds)))
    return "a.wav", file.getvalue()


@pytest.mark.parametrize("kind", ["transcription", "translation"])
def test_a_transcript_is_billed_by_its_seconds(
    client: groq.Groq, server: Simulator, kind: str
) -> None:
    """
    Exactly in the ledger, whole in the limits; no tokens.
    """
    resource: Any = getattr(client.audio, kind + "s")
    answer = resource.create(model="m", file=sound(2.5))

    assert answer.text.split()
    assert answer.x_groq["id"] == server.ledger[0].request_id
    (row,) = server.ledger
    assert (kind, 2.5, 0, False) == (row.kind, row.audio_seconds, row.charged, row.delivered)
    assert server.ledger.audio_seconds("m") == 2.5


def test_verbose_json_has_duration_and_segments(client: groq.Groq, server: Simulator) -> None:
    """
    And words where they are asked for.
    """
    answer: Any = client.audio.transcriptions.create(
        model="m",
        file=sound(2.5),
        language="es",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )

    assert ("transcribe", "es", 2.5) == (answer.task, answer.language, answer.duration)
    assert answer.segments[0]["end"] == 2.5
    assert [word["word"] for word in answer.words] == answer.text.split()
    assert server.ledger[0].delivered


def test_text_is_nothing_but_text(client: groq.Groq) -> None:
    """
    The SDK gives a str.
    """
    answer: Any = client.audio.translations.with_raw_response.create(
        model="m", file=sound(1), extra_body={"response_format": "text"}
    )

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.http_response.text.split()


def test_what_is_said_is_the_answer() -> None:
    """
    One answer for all endpoints.
    """
    with Simulator({}, answer=lambda body: f"You speak {body['language']}.") as server:
        client = groq.Groq(base_url=server.base_url, api_key="any")
        answer = client.audio.transcriptions.create(model="m", file=sound(1), language="es")

    assert answer.text == "You speak es."


@pytest.mark.parametrize(
    ("file", "seconds"),
    [
        (("a.mp3", bytes(32_000)), 2.0),
        (("a.wav", b"RIFF\0\0\0\0WAVE" + bytes(15_988)), 1.0),
        (None, 30.0),
    ],
    ids=["mp3", "broken", "url"],
)
def test_what_is_no_wav_lasts_by_its_size(
    client: groq.Groq, server: Simulator, file: Any, seconds: float
) -> None:
    """
    A look-alike decodes nothing, and fetches nothing.
    """
    more: dict[str, Any] = {"url": "https://a/b"} if file is None else {"file": file}
    client.audio.transcriptions.create(model="m", **more)

    assert server.ledger.audio_seconds() == seconds


def test_a_header_of_a_recorder_that_streams_is_read(client: groq.Groq, server: Simulator) -> None:
    """
    What is there counts, not what the header says.
    """
    name, content = sound(2)
    streamed = content[:40] + b"\xff\xff\xff\xff" + content[44:]
    client.audio.transcriptions.create(model="m", file=(name, streamed))

    assert server.ledger.audio_seconds() == pytest.approx(2, abs=0.02)


def test_limits_and_headers_are_of_seconds(clock: Clock) -> None:
    """
    7,200 seconds an hour refill by two a second; there are no token headers.
    """
    with Simulator({"m": {"rpd": 2_000, "ash": 7_200}}, clock=clock) as server:
        client = groq.Groq(base_url=server.base_url, api_key="any", max_retries=0)
        answer = client.audio.transcriptions.with_raw_response.create(model="m", file=sound(1.2))
        headers = answer.headers

        assert headers["x-ratelimit-limit-audio-seconds"] == "7200"
        assert headers["x-ratelimit-remaining-audio-seconds"] == "7198"
        assert headers["x-ratelimit-reset-audio-seconds"] == "1s"
        assert headers["x-ratelimit-reset-requests"] == "43.2s"
        assert "x-ratelimit-limit-tokens" not in headers

        server.spend("m", ash=7_000)
        with pytest.raises(groq.RateLimitError) as caught:
            client.audio.transcriptions.create(model="m", file=sound(600))
        error: Any = caught.value.body
        assert error["error"]["type"] == "seconds"
        assert (
            "on seconds of audio per hour (ASPH): Limit 7200, Used 7002, Requested 600. "
            "Please try again in 3m21s."
        ) in error["error"]["message"]
        assert caught.value.response.headers["retry-after"] == "201"


@pytest.mark.parametrize(("limit", "words"), [("ash", "(ASPH)"), ("asd", "(ASPD)")])
def test_more_than_a_whole_limit_is_too_large(clock: Clock, limit: str, words: str) -> None:
    """
    It is answered with 413.
    """
    with Simulator({"m": {limit: 100}}, clock=clock) as server:
        client = groq.Groq(base_url=server.base_url, api_key="any", max_retries=0)
        with pytest.raises(groq.APIStatusError) as caught:
            client.audio.translations.create(model="m", file=sound(101))

    assert caught.value.status_code == 413
    assert f"{words}: Limit 100, Requested 101" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"file": groq.NOT_GIVEN}, "either 'file' or 'url'"),
        ({"file": ("a.wav", b"")}, "too short"),
        ({"file": sound(0.005)}, "too short"),
        ({"response_format": "srt"}, "'response_format'"),
        ({"model": ""}, "'model'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: groq.Groq, server: Simulator, fields: dict[str, Any], message: str
) -> None:
    """
    With the message of a bad request, and no bill.
    """
    with pytest.raises(groq.BadRequestError, match=message):
        client.audio.transcriptions.create(**({"model": "m", "file": sound(1)} | fields))

    assert (server.ledger.failed(), server.ledger.audio_seconds()) == (1, 0)


def test_a_file_over_25_mib_is_too_large(client: groq.Groq, server: Simulator) -> None:
    """
    It is answered with 413, which is not the limiter's.
    """
    with pytest.raises(groq.APIStatusError) as caught:
        client.audio.transcriptions.create(model="m", file=("a.mp3", bytes(25 * 2**20 + 1)))

    assert caught.value.status_code == 413
    assert "request_too_large" in str(caught.value.body)
    assert server.ledger.audio_seconds() == 0
