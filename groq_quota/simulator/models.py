"""
The list of models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .bodies import unknown_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def listing(models: Iterable[str]) -> dict[str, Any]:
    """
    Return the body of ``GET /models``.
    """
    return {"object": "list", "data": [_card(model) for model in models]}


def one(models: Sequence[str], model: str) -> dict[str, Any]:
    """
    Return the body of ``GET /models/{model}``.

    Raises:
        RejectedError: There is no such model.
    """
    if model not in models:
        raise unknown_model(model)
    return _card(model)


def _card(model: str) -> dict[str, Any]:
    return {
        "id": model,
        "object": "model",
        "created": 1_700_000_000,
        "owned_by": model.partition("/")[0] if "/" in model else "Groq",
        "active": True,
        "context_window": 131_072,
        "max_completion_tokens": 65_536,
        "public_apps": None,
    }
