from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.simulator.bodies import RejectedError
from groq_quota.simulator.forms import Upload, body_of


@given(st.binary(), st.text("ab \r\n-é"))
def test_a_form_is_read_as_it_was_made(content: bytes, text: str) -> None:
    """
    The file byte for byte, the fields as text, lists as lists.
    """
    fields = {"text": text, "list[]": ["a", "b"]}
    request = httpx.Request("POST", "http://a", data=fields, files={"file": ("ä.wav", content)})
    found = body_of(request.read(), request.headers["content-type"])

    upload = found.pop("file")  # type: ignore[attr-defined]  # a dict
    assert isinstance(upload, Upload)
    assert content == upload.content
    assert upload.name.endswith(".wav")
    assert {"text": text, "list": ["a", "b"]} == found


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "application/json"),
        (b"[]", "application/json"),
        (b"no", ""),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"--x--", "multipart/form-data"),
        (b"", "multipart/form-data; boundary=x"),
    ],
)
def test_what_makes_no_sense_is_refused(raw: bytes, kind: str) -> None:
    """
    With 400.
    """
    with pytest.raises(RejectedError) as caught:
        body_of(raw, kind)

    assert caught.value.status == 400
