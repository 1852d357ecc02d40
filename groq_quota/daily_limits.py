"""
The `daily_limits` of a tracker: dictionaries whose changes are the limits of its meter.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from . import messages
from .errors import ConfigurationError, WrongTypeError
from .limits import UNSET, LimitTable, ModelLimits, normalize_model
from .reports import whole
from .tables import groq_tables

__all__ = ["DailyLimits", "DailyRow"]

V = TypeVar("V")

_KEYS: Final = {"requests": "rpd", "tokens": "tpd", "description": "description"}
_BLANK: Final = {"requests": UNSET, "tokens": UNSET, "description": None}
_MISSING: Final = object()


class _Written(dict[str, V]):
    """
    A dictionary, every change of which goes through `_write` or `__delitem__`.

    A real one, so that it can be printed, compared, copied and written as JSON; copies are plain.
    """

    @abstractmethod
    def _write(self, changes: Mapping[str, object]) -> None:
        """
        Make all of these changes, or raise and make none.
        """

    def __setitem__(self, key: str, value: object) -> None:
        self._write({key: value})

    def update(self, *args: Any, **kwargs: Any) -> None:
        """
        Make all changes or none; the arguments are those of `dict.update`.
        """
        self._write(dict(*args, **kwargs))

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]  # takes what dict.update takes
        self.update(other)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:  # a plain row, or a number
        """
        The value of a key, which is first written if it is not there.
        """
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, default: Any = _MISSING) -> Any:  # the default may be anything
        """
        Take a key away and return its value, or the default if it is not there.
        """
        if key not in self and default is not _MISSING:
            return default
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, V]:
        """
        Take the last item away and return it.
        """
        if not self:
            raise KeyError("popitem: there is no item")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """
        Take all keys away.
        """
        for key in list(self):
            del self[key]


class DailyRow(_Written[Any]):  # numbers and a text
    """
    One model's `requests` and `tokens` a day (None: no limit) and `description`.
    """

    def __init__(self, limits: DailyLimits, model: str) -> None:
        super().__init__()
        self._limits = limits
        self._model = model

    def _write(self, changes: Mapping[str, object]) -> None:
        self._limits.change(self._model, changes)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        where = f'daily_limits["{self._model}"]["{key}"]'
        raise ConfigurationError(f"{where} cannot be taken away; None stands for no limit")

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def show(self, values: Mapping[str, object]) -> None:
        """
        Have these values, without writing them to the meter.
        """
        dict.update(self, values)


class DailyLimits(_Written[DailyRow]):
    """
    The daily limits of all known models, the first tracker's eleven first.

    It shows what the user set or what the tables say; what Groq's answers taught is in the reports.
    What is written here is the user's limit from the next call on. A model that is deleted is no
    longer listed, and has the limits of the tables or of unknown models.

    Args:
        table: Returns the meter's table, which may be another one each time.
        lang: Of the description of models that have none.
    """

    def __init__(self, table: Callable[[], LimitTable], lang: str) -> None:
        super().__init__()
        self._table = table
        self._unknown = messages.text(lang, "unknown_model")
        self._shown: tuple[LimitTable, int] | None = None
        self._hidden: set[str] = set()
        self._lock = threading.RLock()

    def __missing__(self, key: str) -> DailyRow:
        name = _spelled(key)
        if name == key:
            raise KeyError(key)
        return self[name]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(_spelled(key))

    def get(self, key: str, default: Any = None) -> Any:  # the default may be anything
        """
        The limits of a model, or the default if it is not listed.
        """
        return super().get(_spelled(key), default)

    def __delitem__(self, key: str) -> None:
        with self._lock:
            name = self.refreshed()[key]._model
            table = self._table()
            rest = replace(table.override(name), rpd=UNSET, tpd=UNSET, description=None)
            table.set(name, None if rest == ModelLimits() else rest)
            self._hidden.add(name)
            self.refreshed()

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, ({model: dict(row) for model, row in self.items()},)

    def _write(self, changes: Mapping[str, object]) -> None:
        with self._lock:
            table = self._table()
            checked = {
                name: _limits(table, name, value, _BLANK)
                for name, value in _by_name(changes).items()
            }
            for name, limits in checked.items():
                self._set(table, name, limits)
            self.refreshed()

    def change(self, model: str, changes: Mapping[str, object]) -> None:
        """
        Write some of the values of one model and keep the others.
        """
        with self._lock:
            table = self._table()
            self._set(table, model, _limits(table, model, changes, {}))
            self.refreshed()

    def _set(self, table: LimitTable, name: str, limits: ModelLimits) -> None:
        table.set(name, limits)
        self._hidden.discard(name)

    def replace(self, wanted: object) -> None:
        """
        List these models and no others, as if the tracker's attribute had been assigned.
        """
        if wanted is self:
            return
        if not isinstance(wanted, Mapping):
            raise WrongTypeError(f"daily_limits must be a mapping, not {wanted!r}")
        with self._lock:
            plain = {model: _plain(value) for model, value in wanted.items()}
            listed = _by_name(plain)
            self.update(plain)
            for name in [name for name in self if name not in listed]:
                del self[name]

    def refreshed(self) -> DailyLimits:
        """
        Itself, showing the limits as they are now.
        """
        table = self._table()
        with self._lock:
            if self._shown is None or self._shown != (table, table.version):
                version = table.version
                self._show(table)
                self._shown = (table, version)
        return self

    def _show(self, table: LimitTable) -> None:
        names = dict.fromkeys([*groq_tables().default, *table.models()])
        listed = [name for name in names if name not in self._hidden]
        for name in listed:
            row = super().get(name) or DailyRow(self, name)
            row.show(self._values(table, name))
            dict.__setitem__(self, name, row)
        for name in self.keys() - set(listed):
            super().__delitem__(name)

    def _values(self, table: LimitTable, name: str) -> dict[str, object]:
        amounts = {limit.kind: limit.amount for limit in table.effective(name, {}, None)}
        return {
            "requests": amounts.get("rpd"),
            "tokens": amounts.get("tpd"),
            "description": table.description(name) or self._unknown,
        }


def _spelled(key: Any) -> Any:  # any key may be asked for
    return key.strip().lower() if isinstance(key, str) else key


def _by_name(changes: Mapping[str, object]) -> dict[str, object]:
    return {normalize_model(key, "daily_limits"): value for key, value in changes.items()}


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value


def _limits(
    table: LimitTable, name: str, changes: object, blank: Mapping[str, object]
) -> ModelLimits:
    # The user's limits with these changes; minute limits and the pin stay as they are.
    where = f'daily_limits["{name}"]'
    if not isinstance(changes, Mapping):
        raise WrongTypeError(f"{where} must be a mapping of {', '.join(_KEYS)}, not {changes!r}")
    for key, value in changes.items():
        _check(f'{where}["{key}"]', key, value)
    values: dict[str, Any] = {_KEYS[key]: value for key, value in {**blank, **changes}.items()}
    return replace(table.override(name), **values)


def _check(where: str, key: object, value: object) -> None:
    if key not in _KEYS:
        raise ConfigurationError(f"{where}: unknown key; known are {', '.join(_KEYS)}")
    if value is None:
        return
    if key != "description":
        whole(value, where)
    elif not isinstance(value, str):
        raise WrongTypeError(f"{where} must be a string, not {value!r}")
