"""
The bodies of requests: JSON, and forms with files.

Forms are cut at their boundary, a dozen lines for the one form that clients send. The standard
library's mail parser would decode a file as text and cut it into lines, and the packages that read
forms well are one more thing to install.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Any

from .bodies import bad_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .answers import Body


@dataclass(frozen=True, slots=True)
class Upload:
    """
    A file of a form, with the name that the client gave it.
    """

    name: str
    content: bytes


def body_of(raw: bytes, content_type: str) -> Body:
    """
    Return a request's body; of a form the fields, lists where a name ends in ``[]``.

    Raises:
        RejectedError: It is neither a JSON object nor a form.
    """
    kind = Message()
    kind["content-type"] = content_type
    if kind.get_content_type() == "multipart/form-data":
        return _form(raw, kind.get_boundary())
    try:
        body = json.loads(raw)
    except ValueError:
        raise bad_request("failed to decode json") from None
    if not isinstance(body, dict):
        raise bad_request("value must be an object")
    return body


def _form(raw: bytes, boundary: str | None) -> Body:
    fields: dict[str, Any] = {}
    for head, content in _parts(raw, boundary or ""):
        about = head.get_param("name", header="content-disposition")
        name, file = str(about), head.get_filename()
        value = content.decode(errors="replace") if file is None else Upload(file, content)
        if name.endswith("[]"):
            fields.setdefault(name.removesuffix("[]"), []).append(value)
        else:
            fields[name] = value
    return fields


def _parts(raw: bytes, boundary: str) -> Iterator[tuple[Message, bytes]]:
    pieces = (b"\r\n" + raw).split(b"\r\n--" + boundary.encode())
    if not boundary or len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise bad_request("failed to parse multipart form")
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        part = Message()
        for line in head.decode(errors="replace").split("\r\n"):
            name, _, value = line.partition(":")
            part[name] = value.strip()
        yield part, content
