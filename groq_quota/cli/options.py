"""
The options and arguments that commands share; what they say of themselves is in the catalogue.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from .complaint import Complaint

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Json", "Lang", "Model", "OptionalModel", "Scope", "Storage", "number", "whole"]

N = TypeVar("N", int, float)


def number(option: str, least: float = 0.0) -> Callable[[object], float]:
    """
    A parser of numbers, for an option that takes none below `least`.
    """
    return _parser(float, "bad_number", option, least)


def whole(option: str, least: int = 0) -> Callable[[object], int]:
    """
    A parser of whole numbers, for an option that takes none below `least`.
    """
    return _parser(int, "bad_whole", option, least)


def _parser(kind: Callable[[str], N], name: str, option: str, least: N) -> Callable[[object], N]:
    def parse(given: object) -> N:
        complaint = Complaint(name, option=option, least=least, given=str(given))
        try:
            value = kind(str(given))
        except ValueError:
            raise complaint from None
        if not least <= value < math.inf:
            raise complaint
        return value

    return parse


def _models(incomplete: str) -> list[str]:
    # For completion by the shell.
    from ..limits import LimitTable

    return [name for name in LimitTable().models() if name.startswith(incomplete)]


def _languages() -> list[str]:
    from .texts import TEXTS

    return list(TEXTS)


Json = Annotated[bool, typer.Option("--json", help="help_json")]
Lang = Annotated[
    str | None,
    typer.Option("--lang", metavar="meta_lang", help="help_lang", autocompletion=_languages),
]
Model = Annotated[
    str, typer.Argument(metavar="meta_model", help="help_model", autocompletion=_models)
]
OptionalModel = Annotated[
    str | None,
    typer.Argument(metavar="meta_model", help="help_model_optional", autocompletion=_models),
]
Scope = Annotated[str, typer.Option("--scope", metavar="meta_name", help="help_scope")]
Storage = Annotated[str | None, typer.Option("--storage", metavar="meta_uri", help="help_storage")]
