"""
An answer on its way to the wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
WAV = "audio/wav"
EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Part:
    """
    A piece of a body: whether it carries text of the model, and whether it carries the usage.
    """

    data: bytes
    content: bool = False
    usage: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """
    A whole answer, in the pieces in which it is sent.
    """

    status: int
    headers: Mapping[str, str]
    parts: Sequence[Part]
    media_type: str = JSON

    def part_before_end(self, after: int) -> int:
        """
        Return the index of the part before which an answer ends that is cut after *after* chunks.

        The usage is never among what was sent: a plain answer ends halfway.
        """
        seen = 0
        for index, part in enumerate(self.parts):
            if part.usage or (part.content and seen == after):
                return index
            seen += part.content
        return len(self.parts) - 1


def json_parts(body: Any, *, usage: bool = False) -> tuple[Part, ...]:
    """
    Return a plain JSON body as two halves, of which the second completes the usage.
    """
    data = encode(body)
    half = len(data) // 2
    return Part(data[:half]), Part(data[half:], usage=usage)


def event(
    body: Any, *, name: str | None = None, content: bool = False, usage: bool = False
) -> Part:
    """
    Return one server-sent event, with its name where it has one.
    """
    head = b"" if name is None else f"event: {name}\n".encode()
    return Part(head + b"data: " + encode(body) + b"\n\n", content=content, usage=usage)


def error_event(body: Any) -> bytes:
    """
    Return the event by which a stream says that it failed.
    """
    return b"event: error\ndata: " + encode(body) + b"\n\n"


def encode(body: Any) -> bytes:
    """
    Return the body as compact JSON.
    """
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
