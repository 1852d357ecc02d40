"""
Requests to every metered endpoint but chat, by each way that the SDK has.
"""

from __future__ import annotations

import wave
from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import groq
from groq._response import AsyncBinaryAPIResponse, BinaryAPIResponse

from .driver import MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .driver import Driver

RESPONSES = "/openai/v1/responses"
FORM = {"headers": {"Content-Type": "multipart/form-data"}}
RAW = {"headers": {"X-Stainless-Raw-Response": "true"}}


def sound(seconds: float, rate: int = 8_000) -> bytes:
    """
    A WAV file of so many seconds: 16 bit, one channel.
    """
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(bytes(2 * round(seconds * rate)))
    return file.getvalue()


WAV = sound(2.5)

# By the name of an endpoint: where its `create` is, and what it is given beside a model.
CREATES: dict[str, tuple[str, dict[str, Any]]] = {
    "embeddings": ("embeddings", {"input": ["ten words for a vector", "and a few more"]}),
    "transcription": ("audio.transcriptions", {"file": ("a.wav", WAV)}),
    "translation": ("audio.translations", {"file": ("a.wav", WAV)}),
    "speech": ("audio.speech", {"input": "Say this, please. ¡Sí!", "voice": "any"}),
}
ENDPOINTS = [*CREATES, "responses"]
WAYS = ["create", "raw", "streamed", "post"]


async def ask(sdk: Driver, client: Any, kind: str, way: str = "create", **more: Any) -> Any:
    """
    One request to an endpoint, read to its end.
    """
    if kind == "responses":
        return await _ask_responses(sdk, client, way, more)
    place, fields = CREATES[kind]
    fields = {"model": MODEL, **fields, **more}
    if way == "post":
        return await _post(sdk, client, kind, fields)
    resource = _resource(client, place)
    if way == "raw":
        answer = await sdk.do(resource.with_raw_response.create, **fields)
        return await sdk.do(answer.parse)
    if way == "streamed":
        async with sdk.using(resource.with_streaming_response.create(**fields)) as answer:
            return b"".join(await sdk.each(answer.iter_bytes()))
    return await sdk.do(resource.create, **fields)


async def _post(sdk: Driver, client: Any, kind: str, fields: dict[str, Any]) -> Any:
    path = "/openai/v1/" + CREATES[kind][0].replace(".", "/")
    if kind == "speech":
        binary = AsyncBinaryAPIResponse if sdk.asynchronous else BinaryAPIResponse
        return await sdk.do(client.post, path, body=fields, cast_to=binary)
    if "file" not in fields:
        return await sdk.do(client.post, path, body=fields, cast_to=object)
    files = [("file", fields.pop("file"))]
    return await sdk.do(client.post, path, body=fields, files=files, options=FORM, cast_to=object)


async def _ask_responses(sdk: Driver, client: Any, way: str, more: dict[str, Any]) -> Any:
    body = {"model": MODEL, "instructions": "be brief", "input": "hi", **more}
    if way == "streamed":
        async with stream(sdk, client, **body) as events:
            return await sdk.each(events)
    options = RAW if way == "raw" else {}
    answer = await sdk.do(client.post, RESPONSES, body=body, options=options, cast_to=object)
    return await sdk.do(answer.parse) if way == "raw" else answer


@asynccontextmanager
async def stream(sdk: Driver, client: Any, **body: Any) -> AsyncIterator[Any]:
    """
    The events of a streamed request to `/responses`.
    """
    kind: Any = groq.AsyncStream if sdk.asynchronous else groq.Stream
    events = await sdk.do(
        client.post,
        RESPONSES,
        body={"model": MODEL, "input": "hi", **body, "stream": True},
        stream=True,
        stream_cls=kind[object],
        cast_to=object,
    )
    async with sdk.using(events):
        yield events


def _resource(client: Any, place: str) -> Any:
    for name in place.split("."):
        client = getattr(client, name)
    return client
