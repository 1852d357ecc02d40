"""
How long the audio of an upload is, before it is sent: by its WAV header, else by its size.

Only the first bytes of a chunk are ever read, a file's position is put back, and what cannot be
rewound is not touched. Nothing here raises.
"""

from __future__ import annotations

import logging
from io import BytesIO, TextIOBase
from struct import unpack_from
from typing import Any, NamedTuple

__all__ = ["UNKNOWN", "Length", "length_of"]

logger = logging.getLogger("groq_quota")


class Length(NamedTuple):
    """
    Seconds of audio; `floor` is what it surely lasts, None if `seconds` is no estimate.
    """

    seconds: float
    floor: float | None = None


#: Of audio that cannot be looked at: a URL, or a stream that can be read only once. A guess.
UNKNOWN = Length(60.0, 0.0)

# Bytes for each second, by how a file begins; speech as it is usually recorded. Guesses, as every
# program records with another rate: hence all lengths by size are marked as estimates.
_RATES = (
    (b"RIFF", 32_000),  # a WAV without a header that says more; 16 kHz, 16 bit, one channel
    (b"fLaC", 16_000),
    (b"OggS", 4_000),  # mostly Opus
    (b"\x1aE\xdf\xa3", 4_000),  # WebM
)
_RATE = 8_000  # MP3, M4A and all else
# More than that is no speech: CD quality, with room for what is not audio.
_MOST_RATE = 200_000

# Format tags whose every second has the same number of bytes: PCM, float, A-law, mu-law, and the
# "extensible" one, which is one of these nearly always.
_UNCOMPRESSED = frozenset({1, 3, 6, 7, 0xFFFE})
# Recorders that stream do not know their length when they write the header.
_STREAMED = frozenset({0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF})
# Chunks that are looked through for the two that matter; damaged files may have any number.
_MOST_CHUNKS = 64
_MOST_CHANNELS = 64
_MOST_SAMPLES = 1_000_000


def length_of(content: object) -> Length:
    """
    The length of an upload: bytes, or a file object that is sent from its beginning.
    """
    try:
        if isinstance(content, bytes):
            return _measured(BytesIO(content), len(content))
        if _can_rewind(content):
            return _of_file(content)
    except Exception:  # a file object may be anything
        logger.debug("The length of an upload cannot be told.", exc_info=True)
    return UNKNOWN


def _can_rewind(content: object) -> bool:
    if content is None or isinstance(content, (str, TextIOBase)):
        return False
    if not all(callable(getattr(content, name, None)) for name in ("read", "seek", "tell")):
        return False
    # Spooled files, as web frameworks have uploads in, do not say it before Python 3.11.
    seekable = getattr(content, "seekable", None)
    return seekable is None or bool(seekable())


def _of_file(file: Any) -> Length:  # whatever reads bytes and can be rewound
    before = file.tell()
    try:
        size = file.seek(0, 2)
        return _measured(file, file.tell() if size is None else size)
    finally:
        file.seek(before)


def _measured(file: Any, size: int) -> Length:  # as in `_of_file`
    file.seek(0)
    head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        length = _of_wav(file, size)
        if length is not None:
            return length
    rate = next((rate for magic, rate in _RATES if head.startswith(magic)), _RATE)
    return _by_rate(size, rate)


def _by_rate(size: float, rate: float) -> Length:
    return Length(size / rate, size / max(rate, _MOST_RATE))


def _of_wav(file: Any, size: int) -> Length | None:
    # None if it has no header that makes sense.
    form: _Form | None = None
    place = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return None
        (length,) = unpack_from("<I", head, 4)
        place += 8
        if head[:4] == b"fmt ":
            form = _form(file.read(16))
            if form is None:
                return None
        elif head[:4] == b"data":
            return None if form is None else _of_data(form, length, size - place)
        place += length + length % 2
    return None


class _Form(NamedTuple):
    rate: float  # bytes per second
    uncompressed: bool


def _form(fields: bytes) -> _Form | None:
    if len(fields) < 16:
        return None
    tag, channels, samples, rate, block, bits = unpack_from("<HHIIHH", fields)
    if not (0 < channels <= _MOST_CHANNELS and 0 < samples <= _MOST_SAMPLES and rate and block):
        return None
    if tag not in _UNCOMPRESSED:
        return _Form(rate, uncompressed=False)
    if block != channels * -(-bits // 8):
        return None
    return _Form(samples * block, uncompressed=True)


def _of_data(form: _Form, declared: int, there: int) -> Length:
    if form.uncompressed and declared <= there and declared not in _STREAMED:
        return Length(declared / form.rate)
    # What is there counts, but nobody says that all of it is audio, nor that the rate is kept.
    found = there if declared in _STREAMED else min(declared, there)
    return _by_rate(max(0, found), form.rate)
