"""
What a storage says to Redis: its keys, its script and its records.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from .columns import Where, cell_from, counts_of, decoded, encode, slim
from .versions import KEPT_DAYS, NOTHING, Change, Record

if TYPE_CHECKING:
    from ..state import Counts
    from .base import Key

__all__ = [
    "PREFIX",
    "Command",
    "Keys",
    "change_of",
    "counts_from",
    "in_full",
    "pairs",
    "record_from",
    "text_of",
]

#: The name of a command, and its arguments.
Command = tuple[Any, ...]

#: What every key begins with.
PREFIX = "groq_quota:"
# Keys that need not be put together again.
_REMEMBERED = 16_384
# Rows of days are gone when the model was not used for as long as they are kept.
_EXPIRY = (KEPT_DAYS + 1) * 86_400

# KEYS: the scope's cells, its models with rows of days, the rows of this model.
# ARGV: the model, the version expected, the new record ("" deletes, "=" keeps); then, with rows,
# "1" if they replace all others, how many are kept, how long, and each day with its counts.
# Nil if it was done, or the record that stands.
_SCRIPT = """
local found = redis.call('HGET', KEYS[1], ARGV[1])
if (found and string.match(found, '^[^ ]*') or '') ~= ARGV[2] then return found or '' end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif ARGV[3] ~= '=' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
if ARGV[4] == '1' then
  redis.call('DEL', KEYS[3])
  redis.call('SREM', KEYS[2], ARGV[1])
end
if #ARGV > 6 then
  for place = 7, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[place], ARGV[place + 1]) end
  local days = redis.call('HKEYS', KEYS[3])
  table.sort(days)
  for place = 1, #days - tonumber(ARGV[5]) do redis.call('HDEL', KEYS[3], days[place]) end
  redis.call('EXPIRE', KEYS[3], ARGV[6])
  redis.call('SADD', KEYS[2], ARGV[1])
end
return nil
"""
_SHA = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


class Keys:
    """
    Where things are kept. What is in braces says where in a cluster: a scope is kept together.

    Attributes:
        scopes: The set of all scopes: one too many, perhaps, but none too few.
    """

    __slots__ = ("_cells", "_prefix", "scopes")

    def __init__(self, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._cells: dict[str, str] = {}
        self.scopes = prefix + "scopes"

    def cells(self, scope: str) -> str:
        """
        The hash of a scope's cells.
        """
        key = self._cells.get(scope)
        if key is None:
            if len(self._cells) >= _REMEMBERED:
                self._cells.clear()
            key = self._cells[scope] = f"{self._prefix}{{{quote(scope, safe='')}}}:cells"
        return key

    def models(self, scope: str) -> str:
        """
        The set of a scope's models that have rows of past days.
        """
        return f"{self._prefix}{{{quote(scope, safe='')}}}:days"

    def days(self, key: Key) -> str:
        """
        The hash of a model's rows of past days.
        """
        return f"{self.models(key[0])}:{quote(key[1], safe='')}"


def pairs(reply: Any) -> list[tuple[bytes, bytes]]:
    """
    The names and values of a hash.
    """
    # A client parses it, a pipeline of raw commands may not.
    if isinstance(reply, dict):
        return list(reply.items())
    return list(zip(reply[::2], reply[1::2], strict=True))


def change_of(change: Change, keys: Keys) -> Command:
    """
    The command that makes a change, or says what stands against it.
    """
    scope, model = change.key
    record = change.record
    expected = change.expected.encode(errors="surrogateescape")
    if record is None:
        blob = "="
    elif not record.version:
        blob = ""
    else:
        cell = None if record.cell is None else slim(record.cell)
        blob = f"{record.version} {encode({'ids': record.ids, 'cell': cell})}"
    if not change.rows and not change.whole:
        return ("EVALSHA", _SHA, 1, keys.cells(scope), model, expected, blob)
    places = (keys.cells(scope), keys.models(scope), keys.days(change.key))
    rows = [
        text
        for day, counts in change.rows.items()
        for text in (day, encode({"counts": [*counts.values()]}))
    ]
    what = ("EVALSHA", _SHA, 3, *places, model, expected, blob)
    return (*what, "1" if change.whole else "0", KEPT_DAYS, _EXPIRY, *rows)


def in_full(command: Command) -> Command:
    """
    Such a command for a server that does not know the script.
    """
    return ("EVAL", _SCRIPT, *command[2:])


def record_from(blob: bytes | None, where: Where) -> Record:
    """
    The record that is stored as these bytes.
    """
    if not blob:
        return NOTHING
    version, _, text = blob.partition(b" ")
    found = decoded(text, where)
    ids, cell = found.get("ids"), found.get("cell")
    return Record(
        # Whatever it is, the change that overwrites it has to name it.
        version.decode(errors="surrogateescape"),
        ids if isinstance(ids, dict) else {},
        None if cell is None else cell_from(cell, where),
    )


def text_of(name: bytes) -> str:
    """
    A name that is stored as these bytes; one of ours, unless somebody else has written it.
    """
    return name.decode(errors="replace")


def counts_from(text: bytes, where: Where) -> Counts:
    """
    The counts of a past day that are stored as these bytes.
    """
    return counts_of(decoded(text, where).get("counts", ()), where)
