"""
Models that take over when another's day is used up: which they are, and when they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from .errors import ConfigurationError, WrongTypeError
from .limits import normalize_model
from .state import roll

if TYPE_CHECKING:
    from .booking import Denial
    from .state import Cell

__all__ = ["Fallbacks", "checked_fallbacks", "fell_back", "is_taken_over"]

#: By model, as it is matched, the names of those that take over, as they are sent, in order.
Fallbacks = Mapping[str, tuple[str, ...]]


def checked_fallbacks(given: object) -> Fallbacks:
    """
    Fallbacks from what users write; None is none.

    Raises:
        ConfigurationError: For empty names, models that are there twice or fall back to themselves.
        WrongTypeError: For anything but a mapping of names to several names.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise WrongTypeError(
            f"fallbacks must be a mapping of models to lists of models, not {given!r}"
        )
    found: dict[str, tuple[str, ...]] = {}
    for name, others in given.items():
        where = f"fallbacks[{name!r}]"
        model = normalize_model(name, where)
        if model in found:
            raise ConfigurationError(f"{where}: the model is there twice")
        found[model] = _checked_names(others, model, where)
    return {model: names for model, names in found.items() if names}


def _checked_names(given: object, model: str, where: str) -> tuple[str, ...]:
    if isinstance(given, (str, bytes)):
        raise WrongTypeError(f"{where} must be a list of models, as in [{given!r}]")
    if not isinstance(given, Sequence):
        raise WrongTypeError(f"{where} must be a list of models, not {given!r}")
    names: dict[str, str] = {}
    for place, name in enumerate(given):
        other = normalize_model(name, f"{where}[{place}]")
        if other == model:
            raise ConfigurationError(f"{where}[{place}]: a model cannot fall back to itself")
        if other in names:
            raise ConfigurationError(f"{where}[{place}]: the model is there twice")
        names[other] = name.strip()
    return tuple(names.values())


def is_taken_over(denial: Denial) -> bool:
    """
    Whether another model takes over what was refused for this reason: a limit of the day.

    What is too large for a limit, and what waits too long for a minute window, is refused.
    """
    return denial.limit.daily and not denial.too_large


def fell_back(cell: Cell, now: float) -> None:
    """
    Count a request that was asked of this model and goes to another.
    """
    roll(cell, now)
    cell["fallbacks"] += 1
