"""
Who has counted a call already: records that surfaces open, and notes that the plugin leaves.

Whoever is closest to the wire accounts. A surface (a decorated function, a LangChain run) opens a
record for its extent; the plugin marks every open record of its meter in the context, whatever the
model, and the surface then counts nothing. Bare threads carry no context: for them the plugin also
leaves a note of each call, which a surface that ends unmarked may claim, once.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

from .outcomes import Outcome

if TYPE_CHECKING:
    from .operations import Operations
    from .reservation import Reservation

__all__ = [
    "Note",
    "Notes",
    "Record",
    "Steps",
    "close_record",
    "enclosing",
    "mark",
    "open_record",
    "take_over",
]

# Notes are kept for so many calls, and claimed by `track_request` for so many seconds.
_KEPT = 1_024
CLAIMABLE = 600.0

_order = itertools.count(1)


class Record:
    """
    A surface's call while it lasts.

    Attributes:
        kind: "call" of a decorated function, or "run" of LangChain.
        order: Its place among all records and notes of the process.
        marked: True once something closer to the wire answers for it.
        closed: True after its end: contexts may carry it longer.
        outside: True if nothing within can be a call of the Groq SDK: the plugin leaves it alone.
        held: The reservation that it made itself, where there is no plugin; empty as soon as it is
            ended, taken over, or given back. Popping it is atomic: of two that want it, one has it.
    """

    __slots__ = (
        "__weakref__",
        "closed",
        "held",
        "kind",
        "marked",
        "meter",
        "model",
        "order",
        "outside",
    )

    def __init__(
        self,
        meter: Operations,
        kind: Literal["call", "run"],
        model: str,
        *,
        outside: bool = False,
    ) -> None:
        self.meter = meter
        self.kind = kind
        self.model = model
        self.order = next(_order)
        self.outside = outside
        self.marked = False
        self.closed = False
        self.held: list[Reservation] = []


_open: ContextVar[tuple[Record, ...]] = ContextVar("groq_quota_records", default=())


def open_record(
    meter: Operations, kind: Literal["call", "run"], model: str, *, outside: bool = False
) -> Record:
    """
    Open a record in this context; closed ones that the context still carries are dropped.
    """
    record = Record(meter, kind, model, outside=outside)
    _open.set((*(known for known in _open.get() if not known.closed), record))
    return record


def close_record(record: Record) -> None:
    """
    End a record, in whatever context this is.
    """
    record.closed = True
    known = _open.get()
    if record in known:
        _open.set(tuple(other for other in known if not other.closed))


def enclosing(meter: Operations) -> list[Record]:
    """
    The open records of a meter in this context, outermost first.
    """
    return [
        record for record in _open.get() if not record.closed and record.meter.same_count(meter)
    ]


def mark(
    meter: Operations,
    *,
    besides: Record | None = None,
    only: str | None = None,
    model: str | None = None,
    outside: bool = False,
) -> bool:
    """
    Mark the open records of a meter in this context; True if a decorated call is among them.

    What a marked record holds is given back, at the meter's next call: whoever marks it books for
    himself.

    Args:
        besides: A record that is left as it is.
        only: The kind of records that are marked; None for all.
        model: The model whose records are marked; None for all.
        outside: Whether records of what never calls the Groq SDK are marked, too.
    """
    records = _open.get()
    if not records:
        return False
    decorated = False
    for record in records:
        if record.closed or record is besides or (record.outside and not outside):
            continue
        if not record.meter.same_count(meter):
            continue
        decorated = decorated or record.kind == "call"
        if (only is None or record.kind == only) and (model is None or record.model == model):
            record.marked = True
            if record.held:
                _give_back(record)
    return decorated


def _give_back(record: Record) -> None:
    try:
        reservation = record.held.pop()
    except IndexError:  # another thread was faster
        return
    record.meter.settle_later(reservation.ending(Outcome(requests=0)))


def take_over(meter: Operations, model: str, *, only: str | None = None) -> Reservation | None:
    """
    The reservation of the innermost open record of this model, which then holds it no longer.

    For a surface that reserves itself within another one; it marks that one, too.

    Args:
        only: The kind of records that are looked at; None for all.
    """
    for record in reversed(_open.get()):
        if not record.held or record.closed or record.outside or record.model != model:
            continue
        if (only is None or record.kind == only) and record.meter.same_count(meter):
            try:
                return record.held.pop()
            except IndexError:  # another thread was faster
                continue
    return None


class Steps:
    """
    Around each step of a generator: what the generator opened is open during its steps only.

    Records that are opened in a step stay open in the next one; whoever consumes the generator
    never sees them.
    """

    __slots__ = ("_before", "_carried")

    def __init__(self) -> None:
        self._before: tuple[Record, ...] = ()
        self._carried: tuple[Record, ...] = ()

    def __enter__(self) -> None:
        self._before = _open.get()
        if self._carried:
            _open.set((*self._before, *self._carried))

    def __exit__(self, *_: object) -> None:
        before, now = self._before, _open.get()
        if now is not before:
            self._carried = tuple(one for one in now if not (one.closed or one in before))
            _open.set(before)
        self._before = ()


class Note:
    """
    That the plugin accounted for a call: its scope and model, its thread, its order, and when.

    Attributes:
        asked: The model that was asked for, where another took over; else the same as `model`.
        doorless: True for a chat request that came through no front door which could count it.
    """

    __slots__ = (
        "asked",
        "at",
        "claimed",
        "decorated",
        "doorless",
        "model",
        "order",
        "scope",
        "thread",
    )

    def __init__(self, scope: str, model: str, at: float, *, decorated: bool) -> None:
        self.scope = scope
        self.model = self.asked = model
        self.at = at
        self.decorated = decorated
        self.thread = threading.get_ident()
        self.order = next(_order)
        self.claimed = False
        self.doorless = False


class Notes:
    """
    The notes of one meter, newest last, bounded.
    """

    def __init__(self) -> None:
        self._notes: deque[Note] = deque(maxlen=_KEPT)
        # Reentrant: a dropped generator settles wherever the garbage collector comes in.
        self._lock = threading.RLock()

    def leave(self, scope: str, model: str, at: float, *, decorated: bool) -> Note:
        """
        Leave a note of a call that the plugin accounts for.
        """
        with self._lock:
            note = Note(scope, model, at, decorated=decorated)
            self._notes.append(note)
        return note

    def claim_for_call(self, record: Record) -> bool:
        """
        Claim the earliest call of the record's model that another thread made since its start.

        Calls made within a decorated call are not claimed: they are answered for.
        """
        thread, scope = threading.get_ident(), record.meter.scope
        found = None
        with self._lock:
            for note in reversed(self._notes):
                if note.order < record.order:
                    break
                if (
                    record.model in (note.model, note.asked)
                    and note.scope == scope
                    and note.thread != thread
                    and not (note.decorated or note.claimed)
                ):
                    found = note
            if found is not None:
                found.claimed = True
        return found is not None

    def claim_for_door(self, door: Note) -> bool:
        """
        Claim the earliest request without a door, of the same model, that another thread has made
        since a door's call began.
        """
        found = None
        with self._lock:
            for note in reversed(self._notes):
                if note.order < door.order:
                    break
                if (
                    note.doorless
                    and door.model in (note.model, note.asked)
                    and note.scope == door.scope
                    and note.thread != door.thread
                ):
                    found = note
            if found is not None:
                found.doorless = False
        return found is not None

    def claim_for_tracking(self, scope: str, model: str, now: float) -> bool:
        """
        Claim the oldest call of a model within the last ten minutes.
        """
        with self._lock:
            found = next(
                (
                    note
                    for note in self._notes
                    if model in (note.model, note.asked)
                    and note.scope == scope
                    and not note.claimed
                    and now - note.at <= CLAIMABLE
                ),
                None,
            )
            if found is not None:
                found.claimed = True
            while self._notes and self._notes[0].claimed:
                self._notes.popleft()
        return found is not None
