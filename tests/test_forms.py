from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.forms import fields_of

LINES = b"\r\n--\r\n\r\n\n\r\0"


def form(fields: dict[str, str], file: bytes) -> httpx.Request:
    """
    A form as an HTTP client makes it.
    """
    return httpx.Request("POST", "http://a", data=fields, files={"file": ("a;\"b'.wav", file)})


@given(st.dictionaries(st.text("ab[]é ", min_size=1), st.text("x\ny--\r")), st.binary())
def test_a_form_is_read_as_it_was_made(fields: dict[str, str], file: bytes) -> None:
    """
    Whatever bytes its file has.
    """
    request = form(fields, file)
    found = fields_of(request.read(), request.headers["content-type"])

    assert {"file": file} | {name: value.encode() for name, value in fields.items()} == found


def test_a_file_may_look_like_a_form() -> None:
    """
    Only the boundary ends it.
    """
    inner = form({"model": "no"}, LINES).read()
    request = form({"model": "yes"}, inner)
    found = fields_of(request.read(), request.headers["content-type"])

    assert found == {"model": b"yes", "file": inner}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"--x--\r\n", "multipart/form-data; boundary=x"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nopen', "multipart/form-data"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n', "multipart/form-data; boundary=x"),
        (b"{}", "application/json"),
        (b"--x\r\n\r\n\r\n--x--", "text/plain; boundary=x"),
        (b"--x\r\nA: b\r\n\r\nnameless\r\n--x--", "multipart/form-data; boundary=x"),
    ],
)
def test_what_is_no_form_has_no_fields(content: bytes, kind: str) -> None:
    """
    Nothing is raised.
    """
    assert {} == fields_of(content, kind)


@given(st.binary(), st.binary())
def test_nothing_is_too_odd(head: bytes, rest: bytes) -> None:
    """
    Any bytes are read to an end.
    """
    fields_of(b"--x\r\n" + head + b"\r\n--x" + rest, "multipart/form-data; boundary=x")
