"""
The endpoints of audio: transcription and translation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from .answers import Answer, Body, pieces, words
from .bodies import RejectedError, bad_request, made_up_error
from .endpoints import Asked, Made, Stamp, Tokens
from .fields import choice, model_of
from .forms import Upload
from .limiter import Charge
from .replies import JSON, TEXT, Part, json_parts
from .sounds import duration

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST = 25 * 1024 * 1024  # bytes; as documented
_SHORTEST = 0.01  # seconds; as documented
# The look-alike fetches nothing.
_BEHIND_URL = 30.0
_LENGTH = 16
_FORMATS = ("json", "text", "verbose_json")


@dataclass(frozen=True, slots=True)
class Transcripts:
    """
    What transcriptions and translations take and give.

    *answer* makes the answer to a form, None for a made-up one: its text is what was said.
    """

    kind: str
    path: str
    task: str
    answer: Callable[[Body], Answer] | None

    def read(self, body: Body) -> Asked:
        """
        Return what the form asks for: whole seconds of audio, rounded up.
        """
        model = model_of(body)
        choice(body, "response_format", _FORMATS, model)
        return Asked(body, model, Charge(audio_seconds=ceil(_seconds(body, model))))

    def make(self, asked: Asked, stamp: Stamp, *, usage: bool) -> Made:
        """
        Return the answer; *usage* False leaves the duration out.
        """
        body, seconds = asked.body, _seconds(asked.body, asked.model)
        said = words(_LENGTH) if self.answer is None else self.answer(body).text
        form = choice(body, "response_format", _FORMATS, asked.model)
        if form == "text":
            parts = tuple(Part(piece.encode(), content=True) for piece in pieces(said))
            return Made(Tokens(), (*parts, Part(b"\n")), TEXT, seconds)
        whole: dict[str, Any] = {"text": said}
        verbose = form == "verbose_json"
        if verbose:
            whole = self._verbose(body, said, seconds)
            if not usage:
                del whole["duration"]
        whole["x_groq"] = {"id": stamp.request_id}
        return Made(Tokens(), json_parts(whole, usage=usage and verbose), JSON, seconds)

    def _verbose(self, body: Body, said: str, seconds: float) -> dict[str, Any]:
        segment = {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": seconds,
            "text": said,
            "tokens": list(range(50_364, 50_364 + len(pieces(said)))),
            "temperature": 0.0,
            "avg_logprob": -0.25,
            "compression_ratio": 1.2,
            "no_speech_prob": 0.01,
        }
        whole: dict[str, Any] = {
            "task": self.task,
            "language": "english" if self.task == "translate" else body.get("language", "english"),
            "duration": seconds,
            "text": said,
        }
        wanted = body.get("timestamp_granularities") or ["segment"]
        if "word" in wanted:
            spoken = said.split()
            step = seconds / max(1, len(spoken))
            whole["words"] = [
                {"word": word, "start": at * step, "end": (at + 1) * step}
                for at, word in enumerate(spoken)
            ]
        if "segment" in wanted:
            whole["segments"] = [segment]
        return whole


def transcription(answer: Callable[[Body], Answer] | None) -> Transcripts:
    """
    Return the endpoint that writes down what is said.
    """
    path = "/openai/v1/audio/transcriptions"
    return Transcripts("transcription", path, "transcribe", answer)


def translation(answer: Callable[[Body], Answer] | None) -> Transcripts:
    """
    Return the endpoint that says it in English.
    """
    return Transcripts("translation", "/openai/v1/audio/translations", "translate", answer)


def _seconds(body: Body, model: str) -> float:
    file = body.get("file")
    if not isinstance(file, Upload):
        if isinstance(body.get("url"), str) and body["url"]:
            return _BEHIND_URL
        raise bad_request("either 'file' or 'url' must be provided", model)
    if len(file.content) > _LARGEST:
        raise RejectedError(413, made_up_error(413, None, model), model)
    seconds = duration(file.content)
    if seconds < _SHORTEST:
        message = f"Audio file is too short. Minimum audio length is {_SHORTEST} seconds."
        raise bad_request(message, model)
    return seconds
