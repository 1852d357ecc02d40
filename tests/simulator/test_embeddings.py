from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Any

import groq
import pytest

if TYPE_CHECKING:
    from groq_quota.simulator import Simulator


def test_vectors_are_as_the_sdk_expects_them(client: groq.Groq, server: Simulator) -> None:
    """
    One for each input, of length 1, the same for the same text; billed by the text.
    """
    answer = client.embeddings.create(model="m", input=["one", "two and a half", "one"])
    first, second, third = (one.embedding for one in answer.data)

    assert isinstance(first, list)
    assert (768, first) == (len(first), third)
    assert first != second
    assert sum(number * number for number in first) == pytest.approx(1, abs=1e-5)
    (row,) = server.ledger
    assert ("embeddings", 6, 0) == (row.kind, row.prompt_tokens, row.completion_tokens)
    assert (6, 6) == (answer.usage.prompt_tokens, answer.usage.total_tokens)
    assert (row.delivered, row.charged) == (True, 6)


def test_vectors_come_packed_where_that_is_asked_for(client: groq.Groq) -> None:
    """
    As little-endian floats of 32 bits.
    """
    plain = client.embeddings.create(model="m", input="hi").data[0].embedding
    packed = client.embeddings.create(model="m", input="hi", encoding_format="base64")
    text = packed.data[0].embedding

    assert isinstance(text, str)
    assert struct.unpack("<768f", base64.b64decode(text)) == pytest.approx(plain)


@pytest.mark.parametrize("given", [[1, 2, 3], [[1, 2], [3]]])
def test_tokens_are_billed_as_they_are(
    client: groq.Groq, server: Simulator, given: list[Any]
) -> None:
    """
    One list of numbers is one input.
    """
    answer = client.embeddings.create(model="m", input=given)

    assert len(answer.data) == (1 if given == [1, 2, 3] else 2)
    assert server.ledger.tokens() == answer.usage.total_tokens == 3


@pytest.mark.parametrize("given", [None, "", [], [""], [1.5], [True], 7, ["a", []]])
def test_inputs_that_make_no_sense_are_refused(
    client: groq.Groq, server: Simulator, given: Any
) -> None:
    """
    With the message of a bad request, and no bill.
    """
    with pytest.raises(groq.BadRequestError, match="'input'"):
        client.embeddings.create(model="m", input=given)

    assert (server.ledger.failed(), server.ledger.tokens()) == (1, 0)


def test_the_usage_can_be_hidden(client: groq.Groq, server: Simulator) -> None:
    """
    As of chat.
    """
    server.hide_next_usage()
    answer = client.embeddings.with_raw_response.create(model="m", input="hi")

    assert b'"usage"' not in answer.http_response.content
    assert not server.ledger[0].delivered
