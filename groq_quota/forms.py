"""
Forms with files, as they go over the wire (multipart/form-data, RFC 7578).

Found by their boundary, without the standard library's mail parser: that one decodes and cuts a
file of 25 MB into lines, which takes seconds.
"""

from __future__ import annotations

import re

__all__ = ["fields_of"]

_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_NAME = re.compile(rb'[;\s]name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


def fields_of(content: bytes, content_type: str) -> dict[str, bytes]:
    """
    The fields of a form by name, the last of each; empty for what is no form.
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or found is None:
        return {}
    fields: dict[str, bytes] = {}
    mark = b"--" + found[1].encode("latin-1", "replace")
    place = content.find(mark)
    while place >= 0:
        start = place + len(mark) + 2  # behind the line's end
        place = content.find(b"\r\n" + mark, start - 2)
        head = content.find(b"\r\n\r\n", start - 2, place if place >= 0 else None)
        if place < 0 or head < 0:
            break
        name = _NAME.search(content, start, head)
        if name is not None:
            fields[name[1].decode("utf-8", "replace")] = content[head + 4 : place]
        place += 2
    return fields
