"""
The endpoint of embeddings.
"""

from __future__ import annotations

import base64
import hashlib
from math import sqrt
from struct import pack, unpack
from typing import TYPE_CHECKING, Any

from .bodies import bad_request
from .endpoints import Asked, Made, Stamp, Tokens
from .fields import choice, model_of
from .limiter import Charge
from .replies import JSON, json_parts

if TYPE_CHECKING:
    from .answers import Body

_SIZE = 768
_FORMATS = ("float", "base64")


class Embeddings:
    """
    What embeddings take and give: for each input a vector that means nothing, always the same.
    """

    kind = "embeddings"
    path = "/openai/v1/embeddings"

    def read(self, body: Body) -> Asked:
        """
        Return what the body asks for: a quarter of its characters, or its tokens as they are.
        """
        model = model_of(body)
        choice(body, "encoding_format", _FORMATS, model)
        tokens = sum(map(_tokens, _inputs(body, model)))
        return Asked(body, model, Charge(input_tokens=tokens))

    def make(self, asked: Asked, stamp: Stamp, *, usage: bool) -> Made:
        """
        Return the answer; *usage* False leaves its usage out.
        """
        tokens = asked.charge.input_tokens
        form = choice(asked.body, "encoding_format", _FORMATS, asked.model)
        vectors = [_vector(one) for one in _inputs(asked.body, asked.model)]
        body: dict[str, Any] = {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": vector if form == "float" else _packed(vector),
                }
                for index, vector in enumerate(vectors)
            ],
            "model": asked.model,
        }
        if usage:
            body["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        return Made(Tokens(prompt=tokens), json_parts(body, usage=usage), JSON)


def _inputs(body: Body, model: str) -> list[str | list[int]]:
    given = body.get("input")
    if isinstance(given, str) or _is_tokens(given):
        given = [given]
    if not isinstance(given, list) or not given or not all(map(_is_input, given)):
        message = "'input' : value must be a string, an array of tokens, or an array of these"
        raise bad_request(message, model)
    return given


def _is_input(one: object) -> bool:
    return (isinstance(one, str) and one != "") or _is_tokens(one)


def _is_tokens(given: object) -> bool:
    return isinstance(given, list) and given != [] and all(type(one) is int for one in given)


def _tokens(one: str | list[int]) -> int:
    return -(-len(one) // 4) if isinstance(one, str) else len(one)


def _vector(one: str | list[int]) -> list[float]:
    noise = hashlib.shake_256(repr(one).encode()).digest(2 * _SIZE)
    numbers = unpack(f"<{_SIZE}h", noise)
    length = sqrt(sum(number * number for number in numbers))
    return [round(number / length, 8) for number in numbers]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(pack(f"<{_SIZE}f", *vector)).decode()
