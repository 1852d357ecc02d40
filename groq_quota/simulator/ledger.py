"""
The ledger: every request that the look-alike got, and what it billed for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

# Requests that take nothing from any limit; the counts of a ledger leave them out.
_FREE = frozenset({"models", "unknown"})
_REFUSED = frozenset({413, 429})


@dataclass(frozen=True, slots=True)
class Row:
    """
    One HTTP request as the server saw it.

    *status* is None as long as no answer was begun, and for ever where the connection was lost
    before; such a request was processed and billed all the same. *charged* is what its token
    buckets took, less what was given back. *audio_seconds* is how long the audio lasts that was
    uploaded; its buckets take whole seconds, rounded up. *delivered* says that the usage was handed
    to the connection; whether a client that hung up has read it, no server can know.
    """

    request_id: str
    time: float
    kind: str
    model: str = ""
    status: int | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    charged: int = 0
    audio_seconds: float = 0.0
    delivered: bool = False
    stream: bool = False
    retry: int = 0

    @property
    def total_tokens(self) -> int:
        """
        Prompt and completion together, as in Groq's usage.
        """
        return self.prompt_tokens + self.completion_tokens

    @property
    def answered(self) -> bool:
        """
        Whether the answer had a 2xx status.
        """
        return self.status is not None and 200 <= self.status < 300

    @property
    def lost(self) -> bool:
        """
        Whether no answer was begun.
        """
        return self.status is None

    @property
    def refused(self) -> bool:
        """
        Whether a limit refused the request (429 or 413).
        """
        return self.status in _REFUSED

    @property
    def failed(self) -> bool:
        """
        Whether the answer was an error other than a refusal.
        """
        return self.status is not None and self.status >= 400 and not self.refused


class Ledger(Sequence[Row]):
    """
    The rows in order of arrival, readable from any thread while the server writes.

    A row is there before its answer is begun, and says that usage was delivered before the usage
    is sent: whoever has an answer in hand finds it in the ledger. All counts take a model, or
    None for all models, and leave out requests that no limit counts (``GET /models``).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}

    @property
    def rows(self) -> tuple[Row, ...]:
        """
        All rows so far.
        """
        with self._lock:
            return tuple(self._rows.values())

    def answered(self, model: str | None = None) -> int:
        """
        Count the requests that were answered with 2xx.
        """
        return self._count(model, lambda row: row.answered)

    def lost(self, model: str | None = None) -> int:
        """
        Count the requests that were processed and whose answer was never begun.
        """
        return self._count(model, lambda row: row.lost)

    def requests(self, model: str | None = None) -> int:
        """
        Count the requests that were processed: answered or lost.
        """
        return self._count(model, lambda row: row.answered or row.lost)

    def refused(self, model: str | None = None) -> int:
        """
        Count the requests that were refused with 429 or 413.
        """
        return self._count(model, lambda row: row.refused)

    def failed(self, model: str | None = None) -> int:
        """
        Count the requests that were answered with any other error.
        """
        return self._count(model, lambda row: row.failed)

    def tokens(self, model: str | None = None, *, delivered: bool | None = None) -> int:
        """
        Add up the billed tokens; *delivered* picks the rows whose usage did or did not arrive.
        """
        rows = self._metered(model)
        return sum(row.total_tokens for row in rows if delivered in (None, row.delivered))

    def audio_seconds(self, model: str | None = None) -> float:
        """
        Add up the seconds of audio that were billed.
        """
        return sum(row.audio_seconds for row in self._metered(model))

    def charged(self, model: str | None = None) -> int:
        """
        Add up what the token buckets took.
        """
        return sum(row.charged for row in self._metered(model))

    def add(self, row: Row) -> None:
        """
        Book a new request.
        """
        with self._lock:
            self._rows[row.request_id] = row

    def update(self, request_id: str, **changes: Any) -> None:
        """
        Change a row; one that was cleared meanwhile stays away.
        """
        with self._lock:
            if row := self._rows.get(request_id):
                self._rows[request_id] = replace(row, **changes)

    def clear(self) -> None:
        """
        Forget all rows.
        """
        with self._lock:
            self._rows.clear()

    def __len__(self) -> int:
        with self._lock:
            return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...

    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        return self.rows[index]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __repr__(self) -> str:
        return (
            f"Ledger(answered={self.answered()}, lost={self.lost()}, refused={self.refused()}, "
            f"failed={self.failed()}, tokens={self.tokens()})"
        )

    def _metered(self, model: str | None) -> list[Row]:
        return [
            row
            for row in self.rows
            if row.kind not in _FREE and (model is None or row.model == model)
        ]

    def _count(self, model: str | None, wanted: Callable[[Row], bool]) -> int:
        return sum(map(wanted, self._metered(model)))
