"""
Audio: how long it lasts, and some to hand out.
"""

from __future__ import annotations

import wave
from io import BytesIO

_RATE = 8_000
_SAMPLE = 2
# Bytes for each second of what is no WAV: a look-alike decodes nothing.
_COMPRESSED = 16_000


def duration(content: bytes) -> float:
    """
    Return the seconds that an upload lasts: of a WAV exactly, of all else by its size.
    """
    try:
        with wave.open(BytesIO(content)) as sound:
            frames = sound.getnframes()
            # A recorder that streams writes a length that nothing can have.
            most = len(content) // (sound.getnchannels() * sound.getsampwidth())
            return float(min(frames, most) / sound.getframerate())
    except (wave.Error, EOFError, ValueError, ArithmeticError):
        return len(content) / _COMPRESSED


def silence(seconds: float) -> bytes:
    """
    Return a WAV file of so many seconds: 8 kHz, 16 bit, one channel.
    """
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(_SAMPLE)
        sound.setframerate(_RATE)
        sound.writeframes(bytes(_SAMPLE * round(seconds * _RATE)))
    return file.getvalue()
