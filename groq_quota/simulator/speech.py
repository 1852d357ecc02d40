"""
The endpoint of speech.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .endpoints import Asked, Made, Stamp, Tokens
from .fields import choice, model_of, text
from .limiter import Charge
from .replies import WAV, Part
from .sounds import silence

if TYPE_CHECKING:
    from .answers import Body

# How long the look-alike is silent for each character, in seconds.
_PACE = 0.01
_PIECE = 4_096


class Speech:
    """
    What speech takes and gives: a token for each character, and a silent WAV file.
    """

    kind = "speech"
    path = "/openai/v1/audio/speech"

    def read(self, body: Body) -> Asked:
        """
        Return what the body asks for; Groq's limiter was seen to take the length of the text.
        """
        model = model_of(body)
        said = text(body, "input", model)
        text(body, "voice", model)
        choice(body, "response_format", ("wav",), model)
        return Asked(body, model, Charge(input_tokens=len(said)))

    def make(self, asked: Asked, stamp: Stamp, *, usage: bool) -> Made:
        """
        Return the answer, in which no usage is in any case.
        """
        sound = silence(_PACE * len(asked.body["input"]))
        pieces = [sound[at : at + _PIECE] for at in range(0, len(sound), _PIECE)]
        parts = tuple(Part(piece, content=True) for piece in pieces)
        return Made(Tokens(prompt=asked.charge.input_tokens), parts, WAV)
