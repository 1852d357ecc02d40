"""
Reading the fields of a request, with Groq's complaints about them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bodies import bad_request

if TYPE_CHECKING:
    from .answers import Body


def model_of(body: Body) -> str:
    """
    Return the model that the body names.

    Raises:
        RejectedError: It names none.
    """
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise bad_request("property 'model' is missing" if model is None else "'model' : invalid")
    return model


def natural(body: Body, field: str, model: str) -> int:
    """
    Return a field that is a whole number above 0.

    Raises:
        RejectedError: It is none.
    """
    value = body[field]
    if type(value) is not int or value < 1:
        raise bad_request(f"'{field}' : number must be at least 1", model)
    return value


def text(body: Body, field: str, model: str) -> str:
    """
    Return a field that is a text.

    Raises:
        RejectedError: It is none, or empty.
    """
    value = body.get(field)
    if value is None:
        raise bad_request(f"property '{field}' is missing", model)
    if not isinstance(value, str) or not value:
        raise bad_request(f"'{field}' : value must be a string that is not empty", model)
    return value


def choice(body: Body, field: str, choices: tuple[str, ...], model: str) -> str:
    """
    Return a field that is one of some words; the first where it is missing.

    Raises:
        RejectedError: It is another.
    """
    value = body.get(field)
    if value is None:
        return choices[0]
    if not isinstance(value, str) or value not in choices:
        allowed = ", ".join(choices)
        raise bad_request(f"'{field}' : value must be one of the allowed values: {allowed}", model)
    return value
