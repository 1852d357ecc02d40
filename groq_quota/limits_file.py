"""
The TOML file in which users set limits, plans and the plan that is theirs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from .errors import ConfigurationError, WrongTypeError
from .limits import KINDS, ModelLimits, checked_models, normalize_model
from .tables import Row, parse_toml

__all__ = ["LimitsFile", "read_limits"]

_SECTIONS = ("plan", "plans", "models")
_ABOUT = ("date", "source", "models")


class LimitsFile(NamedTuple):
    """
    What such a file says.
    """

    plan: str | None
    plans: Mapping[str, Mapping[str, Row]]
    models: dict[str, ModelLimits]


def read_limits(source: object) -> LimitsFile:
    """
    What the file at a path says.

    Raises:
        ConfigurationError: For what does not belong there; the place and the key are named.
    """
    if not isinstance(source, str | os.PathLike):
        raise WrongTypeError(f"limits: must be a mapping or a TOML file's path, not {source!r}")
    return _file(os.fsdecode(source))


def _file(place: str) -> LimitsFile:
    from pathlib import Path

    try:
        content = Path(place).read_bytes()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{place}: cannot be read: {error}") from error
    data = parse_toml(content, place)
    for key in data.keys() - set(_SECTIONS):
        msg = f'{place}: {key}: unknown; limits go to [models."name"], plans to [plans.name]'
        raise ConfigurationError(msg)
    plans = {
        name: _plan(name, value, place)
        for name, value in _table(data.get("plans", {}), f"{place}: plans").items()
    }
    models = _table(data.get("models", {}), f"{place}: models")
    named = _text(data, "plan", f"{place}: ")
    return LimitsFile(named, plans, checked_models(models, f"{place}: models."))


def _plan(name: str, value: object, place: str) -> dict[str, Row]:
    where = f"{place}: plans.{name}"
    table = _table(value, where)
    for key in table.keys() - set(_ABOUT):
        raise ConfigurationError(f"{where}.{key}: unknown key; known are {', '.join(_ABOUT)}")
    date, source = _text(table, "date", f"{where}."), _text(table, "source", f"{where}.")
    rows: dict[str, Row] = {}
    for model, row in _table(table.get("models", {}), f"{where}.models").items():
        at = f'{where}.models."{model}"'
        amounts = {kind: _amount(kind, amount, at) for kind, amount in _table(row, at).items()}
        rows[normalize_model(model, at)] = Row(amounts, name, date or "", source or place, "plan")
    return rows


def _amount(kind: str, value: object, where: str) -> int:
    if kind not in KINDS:
        raise ConfigurationError(f"{where}.{kind}: unknown key; known are {', '.join(KINDS)}")
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"{where}.{kind}: must be a whole number (leave out what has no limit), not {value!r}"
        raise WrongTypeError(msg)
    if value < 0:
        raise ConfigurationError(f"{where}.{kind}: must be 0 (blocked) or more, not {value}")
    return value


def _text(table: Mapping[str, object], key: str, where: str) -> str | None:
    value = table.get(key)
    if isinstance(value, str | None):
        return value
    raise WrongTypeError(f"{where}{key}: must be a text in quotes, not {value!r}")


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise WrongTypeError(f"{where}: must be a table in brackets, not {value!r}")
    return value
