"""
The document as JSON: the seed's structure as people and other programs know it, and one key,
`groq_quota`, for all else.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, unquote

from ..state import Cell, Counts, Rows, new_cell, new_counts
from .document import Document
from .fields import COUNTS, dict_of, is_day, read_cell, read_counts
from .seed_file import SCOPE, Foreign, adopt, read_seed, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .base import Key

__all__ = ["DamagedError", "Encoder", "NewerError", "decode"]

_OURS = "groq_quota"
_VERSION = 1


class DamagedError(ValueError):
    """
    A text that is no document.
    """


class NewerError(ValueError):
    """
    A document of a version that is not known yet.
    """


_NOTHING: Mapping[str, Cell] = {}


# -- writing ----------------------------------------------------------------------------------

_dumps = json.JSONEncoder(check_circular=False).encode
# Of the rest nothing is written that is zero, empty or None; these tell 0 from None.
_OPTIONAL = frozenset(name for name, value in new_cell().items() if value is None)


class Encoder:
    """
    Writes documents; keeps the lines of the last one, for all that did not change since.
    """

    def __init__(self) -> None:
        self._last: Document | None = None
        self._foreign = Foreign()
        self._top = self._ours = ""
        self._requests = self._tokens = 0
        self._daily: dict[str, str] = {}
        self._cells: dict[Key, str] = {}
        self._rows: dict[Key, str] = {}
        # Values with their lines: other processes change a few of them.
        self._cell_lines: dict[Key, tuple[Cell, str]] = {}
        self._row_lines: dict[Key, tuple[Rows, str]] = {}

    def encode(self, document: Document, *, since: Document, changed: Iterable[Key]) -> bytes:
        """
        The document as JSON: lines for people, one line for each cell.

        Args:
            since: The document that it was made from.
            changed: The keys of what differs between the two.
        """
        last, self._last = self._last, None
        if last is not since or since.day != document.day:
            since, changed = Document(), _keys(document)
            self._begin(document.foreign)
        for key in changed:
            self._line_up(key, since, document)
        self._last = document
        own = document.scopes.get(SCOPE, _NOTHING).get("")
        lifetime = (
            f'    "requests": {self._requests},\n    "tokens": {self._tokens},\n'
            f'    "days_active": {own["days_active"] if own else 0}'
            + _more(document.foreign.lifetime, 4)
        )
        return (
            f'{{\n  "last_reset_date": {_quoted(document.day)},\n'
            f'  "daily_usage": {_block(self._daily_entries(document), 2)},\n'
            f'  "total_lifetime": {{\n{lifetime}\n  }},\n{self._top}'
            f'  "{_OURS}": {{\n    "version": {_VERSION},\n{self._ours}'
            f'    "cells": {_block(self._cells.values(), 4)},\n'
            f'    "days": {_block(self._rows.values(), 4)}\n  }}\n}}\n'
        ).encode()

    def _begin(self, foreign: Foreign) -> None:
        self._foreign = foreign
        self._top = "".join(f"  {_pair(*each)},\n" for each in foreign.top.items())
        self._ours = "".join(f"    {_pair(*each)},\n" for each in foreign.ours.items())
        self._requests = self._tokens = 0
        self._daily.clear()
        self._rows.clear()
        self._cells = {
            _parted(text): f"      {_pair(text, raw)}" for text, raw in foreign.cells.items()
        }

    def _line_up(self, key: Key, since: Document, document: Document) -> None:
        scope, model = key
        cell = document.scopes.get(scope, _NOTHING).get(model)
        if cell is not None:
            found = self._cell_lines.get(key)
            if found is None or found[0] != cell:
                found = self._cell_lines[key] = (cell, _line(key, _slim(cell)))
            self._cells[key] = found[1]
        elif key in self._cells and key in self._cell_lines:
            del self._cells[key], self._cell_lines[key]
        if scope == SCOPE:
            self._show(model, since.scopes.get(scope, _NOTHING).get(model), cell, document.day)
        self._line_up_rows(key, document.rows.get(scope, {}).get(model))

    def _line_up_rows(self, key: Key, rows: Rows | None) -> None:
        if not rows:
            self._rows.pop(key, None)
            return
        found = self._row_lines.get(key)
        if found is None or (found[0] is not rows and found[0] != rows):
            slim = {day: _nonzero(counts) for day, counts in rows.items()}
            found = self._row_lines[key] = (rows, _line(key, slim))
        self._rows[key] = found[1]

    def _show(self, model: str, before: Cell | None, cell: Cell | None, day: str) -> None:
        # In the seed's keys.
        if before is not None:
            self._requests -= before["lifetime"]["requests"]
            self._tokens -= before["lifetime"]["tokens"]
        if cell is not None:
            self._requests += cell["lifetime"]["requests"]
            self._tokens += cell["lifetime"]["tokens"]
            today = cell["today"]
            if model and cell["day"] == day != "" and (today["requests"] or today["tokens"]):
                self._daily[model] = _daily_entry(model, cell, self._foreign.notes.get(model))
                return
        self._daily.pop(model, None)

    def _daily_entries(self, document: Document) -> Iterable[str]:
        foreign = document.foreign
        if not foreign.daily or foreign.day != document.day:
            return self._daily.values()
        odd = (model for model in foreign.daily if model not in self._daily)
        return [*self._daily.values(), *(f"    {_pair(name, foreign.daily[name])}" for name in odd)]


def _keys(document: Document) -> set[Key]:
    cells = {(scope, model) for scope, models in document.scopes.items() for model in models}
    return cells | {(scope, model) for scope, models in document.rows.items() for model in models}


def _daily_entry(model: str, cell: Cell, notes: Mapping[str, object] | None) -> str:
    today, last = cell["today"], shown(cell["last_request"])
    moment = "null" if last is None else f'"{last}"'
    return (
        f"    {_quoted(model)}: {{\n"
        f'      "requests": {today["requests"]},\n'
        f'      "tokens": {today["tokens"]},\n'
        f'      "last_request": {moment}{_more(notes or {}, 6)}\n'
        "    }"
    )


def _block(lines: Iterable[str], indent: int) -> str:
    text = ",\n".join(lines)
    return f"{{\n{text}\n{' ' * indent}}}" if text else "{}"


def _more(values: Mapping[str, object], indent: int) -> str:
    return "".join(f",\n{' ' * indent}{_pair(*each)}" for each in values.items())


def _pair(name: str, value: object) -> str:
    return f"{_dumps(name)}: {_dumps(value)}"


def _line(key: Key, value: object) -> str:
    return f"      {_name(key)}: {_dumps(value)}"


_quoted = lru_cache(maxsize=1_024)(_dumps)


@lru_cache(maxsize=1_024)
def _name(key: Key) -> str:
    return _dumps(_joined(key))


def _joined(key: Key) -> str:
    scope = quote(key[0], safe="", errors="surrogatepass")
    return scope + "/" + quote(key[1], safe="/:@+", errors="surrogatepass")


def _parted(text: str) -> Key:
    scope, _, model = text.partition("/")
    return _unquoted(scope), _unquoted(model)


def _unquoted(text: str) -> str:
    try:
        return unquote(text, errors="surrogatepass")
    except UnicodeDecodeError:  # somebody else's percent signs
        return unquote(text, errors="replace")


def _slim(cell: Cell) -> dict[str, Any]:
    slim: dict[str, Any] = {
        name: value
        for name, value in cell.items()
        if value or (name in _OPTIONAL and value is not None)
    }
    for name in COUNTS:
        slim[name] = _nonzero(slim[name])
        if not slim[name]:
            del slim[name]
    return slim


def _nonzero(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: number for name, number in counts.items() if number}


# -- reading ----------------------------------------------------------------------------------


def decode(data: bytes, *, day: str) -> tuple[Document, list[str]]:
    """
    Read a document; also the names of what in it cannot be read, and was passed over.

    Args:
        day: The ISO day of counts that do not say theirs: when it was written.

    Raises:
        DamagedError: For what is no JSON object.
        NewerError: For what a newer version wrote.
    """
    problems: list[str] = []
    top = _object(data)
    ours = dict_of(top.pop(_OURS, None), _OURS, problems)
    version = ours.pop("version", _VERSION)
    if isinstance(version, int) and version > _VERSION:
        raise NewerError(f"was written by a newer groq-quota (format {version}): update this one")
    scopes, odd = _read_cells(dict_of(ours.pop("cells", None), "cells", problems), problems)
    rows = _read_rows(dict_of(ours.pop("days", None), "days", problems), problems)
    seed, foreign = read_seed(top, problems)
    cells, days = scopes.setdefault(SCOPE, {}), rows.setdefault(SCOPE, {})
    newest = adopt(seed, foreign.daily, cells, days, day)
    rows[SCOPE] = {model: known for model, known in days.items() if known}
    return Document(scopes, rows, newest, replace(foreign, ours=ours, cells=odd)), problems


def _object(data: bytes) -> dict[str, Any]:
    if not data.strip():
        return {}
    try:
        top = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"it is no JSON: {error}") from error
    if not isinstance(top, dict):
        raise DamagedError(f"it is no JSON object, but a {type(top).__name__}")
    return top


def _read_cells(
    raw: Mapping[str, Any], problems: list[str]
) -> tuple[dict[str, dict[str, Cell]], dict[str, object]]:
    scopes: dict[str, dict[str, Cell]] = {}
    odd: dict[str, object] = {}
    for text, value in raw.items():
        scope, model = _parted(text)
        if isinstance(value, dict) and scope:
            scopes.setdefault(scope, {})[model] = read_cell(value, text, problems)
        else:
            odd[text] = value
            problems.append(text)
    return scopes, odd


def _read_rows(raw: Mapping[str, Any], problems: list[str]) -> dict[str, dict[str, Rows]]:
    scopes: dict[str, dict[str, Rows]] = {}
    for text, days in raw.items():
        scope, model = _parted(text)
        rows: Rows = {}
        for day, counts in dict_of(days, f"days of {text}", problems).items():
            where = f"day {day} of {text}"
            if day and is_day(day) and isinstance(counts, dict):
                blank = cast("dict[str, Any]", new_counts())
                rows[day] = cast("Counts", read_counts(counts, blank, where, problems))
            else:
                problems.append(where)
        if rows:
            scopes.setdefault(scope, {})[model] = rows
    return scopes
