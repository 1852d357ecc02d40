"""
Cells with versions, and the changes that lead from one to the next.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..state import Cell, Rows
    from .base import Key

__all__ = ["KEPT_DAYS", "NOTHING", "Change", "DisconnectedError", "Lane", "Record", "Work"]

#: Rows of past days that are kept of each model.
KEPT_DAYS = 400

# Clients whose last change a record names.
_NAMED = 32


class Record(NamedTuple):
    """
    A cell as it is stored.

    Attributes:
        version: Of this change and no other; "" if nothing is stored.
        ids: The number of the last change of each client that made one lately: who does not know
            whether a change of his arrived finds it there.
        cell: None if nothing is stored, or nothing but the version.
    """

    version: str
    ids: Mapping[str, int]
    cell: Cell | None

    def has(self, version: str) -> bool:
        """
        Whether a change was made, and is the last of its client.
        """
        client, _, number = version.partition(".")
        return bool(version) and self.ids.get(client) == int(number or 0)


NOTHING = Record("", {}, None)


class Change(NamedTuple):
    """
    What a record is to become, provided that it still has the expected version.

    Attributes:
        record: `NOTHING` deletes it; None leaves it, and only looks at the version.
        rows: Rows of past days to be set along with it.
        whole: True if all other rows go.
        before: The cell of the expected version, if it has one.
    """

    key: Key
    expected: str
    record: Record | None
    rows: Rows
    whole: bool = False
    before: Cell | None = None


class DisconnectedError(StorageError):
    """
    The connection broke, or the answer did not come in time: a change may have been made or not.

    `again` is True if it is worth another try at once.
    """

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class Work:
    """
    A step for a cell; with `rows`, the cell and all its rows are replaced.
    """

    __slots__ = ("key", "rows", "step")

    def __init__(self, key: Key, step: Callable[[Cell], Any], rows: Rows | None = None) -> None:
        self.key = key
        self.step = step
        self.rows = rows

    def __call__(self, cell: Cell) -> Any:  # whatever the step returns
        """
        Run the step.
        """
        return self.step(cell)


class Lane:
    """
    One who makes changes one after the other: the threads of a process, or an event loop's tasks.
    """

    __slots__ = ("client", "count")

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """
        Go on under another name, so that the last change under the old one can be looked up.
        """
        self.client = secrets.token_hex(4)
        self.count = 0

    def follow(self, known: Record, cell: Cell) -> Record:
        """
        The record that comes after a known one.
        """
        self.count = count = self.count + 1
        client = self.client
        ids = {**known.ids, client: count}
        if next(reversed(ids)) != client:
            del ids[client]
            ids[client] = count
        if len(ids) > _NAMED:
            del ids[next(iter(ids))]
        return Record(f"{client}.{count}", ids, cell)
