from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING, Any

import groq
import pytest

from groq_quota.simulator import Simulator

if TYPE_CHECKING:
    from .conftest import Clock


def test_speech_is_a_wav_file_that_any_player_reads(client: groq.Groq, server: Simulator) -> None:
    """
    Each character takes a token; no usage is delivered.
    """
    answer = client.audio.speech.create(model="m", input="x" * 121, voice="v")
    with wave.open(io.BytesIO(answer.read())) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(1.21)

    (row,) = server.ledger
    assert ("speech", 121, 121, False) == (
        row.kind,
        row.total_tokens,
        row.charged,
        row.delivered,
    )


def test_its_limit_counts_characters(clock: Clock) -> None:
    """
    The refusal asks for as many tokens as the text has characters.
    """
    with Simulator({"m": {"tpm": 1_200}}, clock=clock) as server:
        client = groq.Groq(base_url=server.base_url, api_key="any", max_retries=0)
        answer = client.audio.speech.with_raw_response.create(
            model="m", input="x" * 1_100, voice="v"
        )
        assert answer.headers["x-ratelimit-remaining-tokens"] == "100"
        with pytest.raises(groq.RateLimitError, match=r"\(TPM\).*Used 1100, Requested 121\."):
            client.audio.speech.create(model="m", input="x" * 121, voice="v")


@pytest.mark.parametrize(
    "fields", [{"input": ""}, {"voice": None}, {"response_format": "mp3"}, {"model": ""}]
)
def test_what_makes_no_sense_is_refused(
    client: groq.Groq, server: Simulator, fields: dict[str, Any]
) -> None:
    """
    With the message of a bad request, and no bill.
    """
    with pytest.raises(groq.BadRequestError):
        client.audio.speech.create(**({"model": "m", "input": "hi", "voice": "v"} | fields))

    assert (server.ledger.failed(), server.ledger.tokens()) == (1, 0)


def test_a_connection_can_be_cut_within_the_sound(client: groq.Groq, server: Simulator) -> None:
    """
    As within a stream of text.
    """
    server.drop_next(after=1)
    with pytest.raises(groq.APIConnectionError):
        client.audio.speech.create(model="m", input="x" * 121, voice="v")

    assert server.ledger.requests() == 1
