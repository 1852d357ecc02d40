from __future__ import annotations

import io
import struct
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.audio import UNKNOWN, Length, length_of

PCM, FLOAT, A_LAW, EXTENSIBLE, ADPCM = 1, 3, 6, 0xFFFE, 2


def form(
    *,
    tag: int = PCM,
    channels: int = 1,
    samples: int = 8_000,
    rate: int | None = None,
    block: int | None = None,
    bits: int = 16,
) -> bytes:
    """
    A chunk that says what a second of the audio is.
    """
    block = channels * bits // 8 if block is None else block
    rate = samples * block if rate is None else rate
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, samples, rate, block, bits))


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    """
    A chunk; of another size than it says, if one is given.
    """
    size = len(content) if size is None else size
    return name + struct.pack("<I", size) + content + bytes(len(content) % 2)


def wav(*chunks: bytes) -> bytes:
    """
    A file of these chunks.
    """
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


SECOND = chunk(b"data", bytes(16_000))


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (wav(form(), SECOND), 1),
        (wav(form(channels=2), SECOND), 0.5),
        (wav(form(bits=8), SECOND), 2),
        (wav(form(bits=24, samples=48_000, channels=2), chunk(b"data", bytes(288_000))), 1),
        (wav(form(tag=FLOAT, bits=32), SECOND), 0.5),
        (wav(form(tag=A_LAW, bits=8), SECOND), 2),
        (wav(form(tag=EXTENSIBLE), SECOND), 1),
        (wav(chunk(b"LIST", b"odd"), form(), chunk(b"fact", bytes(4)), SECOND), 1),
        (wav(form(), SECOND, chunk(b"LIST", bytes(5_000))), 1),
        (wav(form(rate=1), SECOND), 1),  # the samples decide, not what is derived from them
        (wav(form(), chunk(b"data", bytes(3))), 3 / 16_000),
    ],
    ids=[
        *("plain", "stereo", "8 bit", "24 bit", "float", "a-law", "extensible"),
        *("other chunks", "more behind", "wrong rate", "half a sample"),
    ],
)
def test_a_wav_file_says_how_long_it_is(content: bytes, seconds: float) -> None:
    """
    Exactly, wherever the chunks are that say it.
    """
    assert Length(seconds) == length_of(content)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_recorder_that_streams_leaves_the_size_open(size: int) -> None:
    """
    What is there counts, marked as an estimate.
    """
    length = length_of(wav(form(), chunk(b"data", bytes(16_000), size)))
    assert length.seconds == 1
    assert length.floor is not None


def test_a_file_that_was_cut_off_lasts_as_long_as_what_is_left() -> None:
    """
    And that is an estimate.
    """
    whole = wav(form(), chunk(b"data", bytes(160_000)))
    length = length_of(whole[:-80_000])
    assert length.seconds == 5
    assert length.floor is not None


def test_compressed_audio_in_a_wav_file_is_an_estimate() -> None:
    """
    By the bytes per second that its header speaks of.
    """
    content = wav(form(tag=ADPCM, bits=4, block=256, rate=4_000), SECOND)
    length = length_of(content)
    assert length.seconds == 4
    assert length.floor is not None


@pytest.mark.parametrize(
    "content",
    [
        wav(SECOND),
        wav(form()),
        wav(form(channels=0), SECOND),
        wav(form(channels=2_000), SECOND),
        wav(form(samples=0, rate=1), SECOND),
        wav(form(samples=2_000_000), SECOND),
        wav(form(block=0), SECOND),
        wav(form(block=7), SECOND),
        wav(chunk(b"fmt ", b"short"), SECOND),
        wav(*[chunk(b"JUNK", b"")] * 1_000, form(), SECOND),
        wav(chunk(b"JUNK", b"", 0xFFFFFFFF), form(), SECOND),
        wav(),
        b"RIFF",
    ],
    ids=[
        *("no form", "no data", "no channels", "channels", "no samples", "samples"),
        *("no block", "block", "short", "chunks", "size", "empty", "head"),
    ],
)
def test_a_header_that_makes_no_sense_leaves_the_size(content: bytes) -> None:
    """
    An estimate for a WAV file of speech, and marked.
    """
    assert Length(len(content) / 32_000, len(content) / 200_000) == length_of(content)


@pytest.mark.parametrize(
    ("magic", "rate"),
    [
        (b"ID3\x04", 8_000),
        (b"\x00\x00\x00\x20ftypM4A ", 8_000),
        (b"fLaC", 16_000),
        (b"OggS", 4_000),
        (b"\x1aE\xdf\xa3", 4_000),
        (b"", 8_000),
    ],
    ids=["mp3", "m4a", "flac", "ogg", "webm", "any"],
)
def test_all_else_is_estimated_by_its_size(magic: bytes, rate: int) -> None:
    """
    At the rate that speech has in such files.
    """
    content = magic + bytes(40_000)
    assert Length(len(content) / rate, len(content) / 200_000) == length_of(content)


class OnlyOnce(io.BytesIO):
    """
    What cannot be rewound.
    """

    def seekable(self) -> bool:
        """
        It cannot.
        """
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        """
        Not by us.
        """
        raise AssertionError


class Failing(io.BytesIO):
    """
    A file that cannot be read.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """
        Not today.
        """
        raise OSError


@pytest.mark.parametrize(
    "content",
    [None, "text", 7, io.StringIO("text"), OnlyOnce(b"RIFF"), Failing(b"RIFF"), object(), [b"x"]],
    ids=["none", "text", "number", "text file", "once", "failing", "object", "list"],
)
def test_what_cannot_be_looked_at_is_a_guess(content: object) -> None:
    """
    A modest one, marked; nothing is raised.
    """
    assert length_of(content) == UNKNOWN


@pytest.mark.parametrize("place", [0, 5, 44, 16_044, 99_999])
@pytest.mark.parametrize("kind", ["memory", "spooled", "buffered"])
def test_a_files_position_is_put_back(kind: str, place: int) -> None:
    """
    Wherever it was; the length is that of the whole file, which is what is sent.
    """
    file: Any = io.BytesIO(wav(form(), SECOND))
    if kind == "spooled":
        file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  # closed below
        file.write(wav(form(), SECOND))
    elif kind == "buffered":
        file = io.BufferedReader(file)
    file.seek(place)

    assert Length(1) == length_of(file)
    assert place == file.tell()
    file.close()


class Counting(io.BytesIO):
    """
    Counts the bytes that are read.
    """

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """
        The next bytes.
        """
        found = super().read(size)
        self.taken += len(found)
        return found


def test_only_headers_are_read() -> None:
    """
    Not the audio.
    """
    file = Counting(wav(chunk(b"LIST", bytes(9_000)), form(), chunk(b"data", bytes(2_000_000))))
    assert Length(125) == length_of(file)
    assert file.taken < 100


@given(st.binary(max_size=200), st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", wav(form())]))
def test_nothing_is_too_odd(rest: bytes, head: bytes) -> None:
    """
    Any bytes give a length that is no less than its floor, and finite.
    """
    length = length_of(head + rest)
    assert 0 <= (length.floor or 0) <= length.seconds < 1_000_000_000
