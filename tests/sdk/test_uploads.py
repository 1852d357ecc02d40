from __future__ import annotations

import io
import tempfile
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

import groq
import pytest

import groq_quota

from .asking import WAV, ask, sound
from .driver import MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from groq_quota import QuotaMeter
    from groq_quota.simulator import Simulator

LONG = sound(30, rate=16_000)  # more than is read of a header, and than httpx reads at a time
NOT_WAV = b"ID3" + bytes(range(256)) * 300


class Spy:
    """
    Keeps the body of every request as it went over the wire.
    """

    def __init__(self, sdk: Driver) -> None:
        self.bodies: list[bytes] = []
        self.types: list[str] = []
        hook = self._aseen if sdk.asynchronous else self._seen
        self.client = sdk.client(http_client=sdk.http(event_hooks={"request": [hook]}))

    def _keep(self, request: httpx.Request) -> None:
        self.bodies.append(request.content)
        self.types.append(request.headers["content-type"])

    def _seen(self, request: httpx.Request) -> None:
        request.read()
        self._keep(request)

    async def _aseen(self, request: httpx.Request) -> None:
        await request.aread()
        self._keep(request)

    def files(self) -> list[tuple[str | None, bytes]]:
        """
        Name and content of the file in each form, as a reader of mail finds them.
        """
        found: list[tuple[str | None, bytes]] = []
        for body, kind in zip(self.bodies, self.types, strict=True):
            head = b"Content-Type: " + kind.encode() + b"\r\n\r\n"
            form: Any = BytesParser().parsebytes(head + body)
            found += [
                (part.get_filename(), part.get_payload(decode=True))
                for part in form.get_payload()
                if part.get_param("name", header="content-disposition") == "file"
            ]
        return found


def opened(content: bytes, folder: Path) -> io.BufferedReader:
    """
    A file on the disk, opened.
    """
    path = folder / "opened.wav"
    path.write_bytes(content)
    return path.open("rb")


def spooled(content: bytes, _: Path) -> Any:
    """
    A file as web frameworks give it.
    """
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  # the test closes it
    file.write(content)
    return ("spooled.wav", file)


def saved(content: bytes, folder: Path) -> Path:
    """
    A path.
    """
    (folder / "saved.wav").write_bytes(content)
    return folder / "saved.wav"


GIVEN: dict[str, Callable[[bytes, Path], Any]] = {
    "bytes": lambda content, _: content,
    "path": saved,
    "opened": opened,
    "in memory": lambda content, _: io.BytesIO(content),
    "named bytes": lambda content, _: ("a.wav", content),
    "named file": lambda content, _: ("a.wav", io.BytesIO(content)),
    "with type": lambda content, _: ("a.wav", content, "audio/wav"),
    "with headers": lambda content, _: ("a.wav", io.BytesIO(content), "audio/wav", {"x": "y"}),
    "spooled": spooled,
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("content", [WAV, LONG, NOT_WAV], ids=["short", "long", "no wav"])
async def test_what_is_uploaded_arrives_byte_for_byte(
    sdk: Driver,
    meter: QuotaMeter,
    server: Simulator,
    tmp_path: Path,
    *,
    given: str,
    content: bytes,
) -> None:
    """
    However it is given, and the seconds are those of its header.
    """
    spy, file = Spy(sdk), GIVEN[given](content, tmp_path)
    await ask(sdk, spy.client, "transcription", file=file)
    for part in file if isinstance(file, tuple) else [file]:
        if hasattr(part, "close"):
            part.close()

    assert [content] == [sent for _, sent in spy.files()]
    usage = agrees(meter, server)
    if content is NOT_WAV:
        assert usage.estimated_seconds == usage.audio_seconds == len(content) / 8_000
    else:
        assert usage.audio_seconds == server.ledger.audio_seconds()
        assert usage.estimated_seconds == 0


async def test_a_retry_uploads_the_same(sdk: Driver, meter: QuotaMeter, server: Simulator) -> None:
    """
    Looking at a file leaves nothing behind that a second attempt would stumble over.
    """
    server.fail_next(500)
    file = io.BytesIO(WAV)
    spy = Spy(sdk)
    retrying = spy.client.with_options(max_retries=1)
    await ask(sdk, retrying, "transcription", file=file)

    assert [WAV, WAV] == [sent for _, sent in spy.files()]
    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("place", [0, 7, len(WAV)])
def test_a_refused_files_position_is_as_it_was(
    meter: QuotaMeter, server: Simulator, place: int
) -> None:
    """
    Where nothing was sent, nobody but us has moved it.
    """
    groq_quota.install(groq_quota.QuotaMeter("memory://", limits={MODEL: {"ash": 1}}))
    file = io.BytesIO(WAV)
    file.seek(place)
    client = groq.Groq(base_url=server.base_url, api_key="any")
    with pytest.raises(groq_quota.RequestTooLargeError):
        client.audio.transcriptions.create(model=MODEL, file=file)

    assert place == file.tell()
    assert len(server.ledger) == 0
    assert meter.usage(MODEL).requests == 0


class Once(io.RawIOBase):
    """
    A stream that can be read once, and says who did.
    """

    def __init__(self, content: bytes) -> None:
        self._rest = content
        self.touched: list[str] = []

    def readable(self) -> bool:
        """
        It is.
        """
        return True

    def read(self, size: int = -1) -> bytes:
        """
        The next bytes.
        """
        self.touched.append("read")
        size = len(self._rest) if size < 0 else size
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def seek(self, place: int, whence: int = 0) -> int:
        """
        Not this one.
        """
        self.touched.append("seek")
        raise io.UnsupportedOperation

    def tell(self) -> int:
        """
        Nor that.
        """
        raise io.UnsupportedOperation


async def test_a_stream_that_can_be_read_once_is_left_alone(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    It reaches the server whole; its length is a guess, and marked.
    """
    file = Once(NOT_WAV)
    await ask(sdk, sdk.client(), "transcription", file=("a.mp3", file))
    with_us = list(file.touched)
    usage = agrees(meter, server)
    groq_quota.uninstall()
    plain = Once(NOT_WAV)
    await ask(sdk, sdk.client(), "transcription", file=("a.mp3", plain))

    assert with_us == plain.touched
    assert [row.audio_seconds for row in server.ledger] == [len(NOT_WAV) / 16_000] * 2
    assert usage.audio_seconds == usage.estimated_seconds == 60


class Broken(io.BytesIO):
    """
    A file that fails in our hands.
    """

    def seekable(self) -> bool:
        """
        Not today.
        """
        raise RuntimeError


async def test_a_file_that_fails_in_our_hands_is_uploaded_all_the_same(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Our failure is not the user's.
    """
    spy = Spy(sdk)
    await ask(sdk, spy.client, "transcription", file=("a.wav", Broken(WAV)))

    assert [WAV] == [sent for _, sent in spy.files()]
    assert agrees(meter, server).estimated_seconds == 60
