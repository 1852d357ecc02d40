"""
Steps to run on storages, and ways to look at what they keep.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from .. import booking, outcomes, settling, state
from ..limits import Limit

if TYPE_CHECKING:
    from ..state import Cell, Rows
    from ..storage import Key, Storage

NOON = 1_795_348_800.0  # 2026-11-22T12:00:00Z
DAY = 86_400.0
KEY = ("default", "llama-3.1-8b-instant")


def count(cell: Cell, more: int = 1) -> int:
    """
    Count requests, without any rule.
    """
    requests = cell["today"]["requests"] + more
    cell["today"] = {**cell["today"], "requests": requests}
    cell["lifetime"] = {**cell["lifetime"], "requests": cell["lifetime"]["requests"] + more}
    return requests


def fail(cell: Cell) -> int:
    """
    Change all there is, then raise.
    """
    count(cell)
    cell["past"] = {iso(-9): state.new_counts()}
    cell["learned"] = {"rpd": [1, 1.0, "headers"]}
    raise ZeroDivisionError("a step")


def correct(cell: Cell, day: str, requests: int) -> None:
    """
    Correct the row of a day that is over.
    """
    cell["past"] = {**cell["past"], day: {**state.new_counts(), "requests": requests}}
    cell["lifetime"] = {**cell["lifetime"], "requests": cell["lifetime"]["requests"] + requests}


def admit_of(limit: int) -> partial[booking.Booking | booking.Denial]:
    """
    The step that books a request under a daily limit.
    """
    rules = booking.Rules([Limit("rpd", limit, "user")])
    return partial(booking.admit, now=NOON, rules_of=lambda _: rules, amount=booking.Amount(1))


def admitted(outcome: booking.Booking | booking.Denial) -> bool:
    """
    Whether a request was booked.
    """
    return isinstance(outcome, booking.Booking)


def book(storage: Storage, key: Key, now: float, *, tokens: int) -> None:
    """
    Reserve and commit a request.
    """
    rules = booking.Rules([Limit("rpd", 1_000, "user"), Limit("tpm", 6_000, "user")])
    amount = booking.Amount(tokens)
    admit = partial(booking.admit, now=now, rules_of=lambda _: rules, amount=amount)
    booked = storage.transact(key, admit)
    assert isinstance(booked, booking.Booking)
    outcome = outcomes.Outcome(tokens=tokens)
    settle = partial(settling.settle, now=now, rules_of=lambda _: rules, outcome=outcome)
    storage.transact(key, partial(settle, booking=booked))


def full_cell() -> Cell:
    """
    A cell in which no field is as in a new one.
    """
    cell = state.new_cell()
    for number, name in enumerate(cell["today"], 1):
        value = number + 0.1 if isinstance(cell["today"][name], float) else number  # type: ignore[literal-required]  # its own names
        cell["today"][name] = value  # type: ignore[literal-required]  # its own names
        cell["lifetime"][name] = 10 * value  # type: ignore[literal-required]  # its own names
    cell["day"], cell["epoch"], cell["told"] = iso(0), 3, 2
    cell["held"] = {"requests": 1, "tokens": 2, "audio_seconds": 0.3}
    cell["hours"] = {"0": [1, 2], "23": [3, 4]}
    cell["last_request"] = NOON + 0.123456
    cell["lows"] = {"rpm": [NOON, 0.5, NOON + 1, 0.25]}
    cell["windows"] = {"rpm": [0.1 + 0.2, NOON + 1e-6, 0.5], "tpm": [0.0, NOON, -7.0]}
    cell["learned"] = {"rpd": [1_000, NOON, "headers"], "tpm": [None, NOON, "refusal"]}
    cell["line"] = {"tokens": [1_200, 800.5, NOON + 9]}
    cell["heard"] = {"tpm": [NOON, 1.5, 20.0, 30.0, 20.0, 40.0, 20_779.0, 0.0, -1.0]}
    cell["lag"] = 0.25
    cell["hold"] = {"tpd": [NOON + 60, 200_000, 199_990, 50]}
    cell["fits"] = {"answer": [1.0, 0.5]}
    cell["refund"] = False
    cell["days_active"], cell["active_day"], cell["plan"] = 7, iso(-1), "free"
    return cell


def iso(days: int) -> str:
    """
    The day so many days after the tests' own.
    """
    cell = state.new_cell()
    state.roll(cell, NOON + days * DAY)
    return cell["day"]


def requests(past: dict[str, Rows]) -> dict[str, dict[str, int]]:
    """
    Of rows, the requests alone.
    """
    return {
        model: {day: counts["requests"] for day, counts in rows.items()}
        for model, rows in past.items()
        if rows
    }


def everything(storage: Storage) -> dict[Key, tuple[Cell, Rows]]:
    """
    All that a storage keeps.
    """
    kept: dict[Key, tuple[Cell, Rows]] = {}
    for scope in storage.scopes():
        rows = storage.past(scope, "")
        for model, cell in storage.load(scope).items():
            kept[scope, model] = (cell, rows.get(model, {}))
    return kept


def move(source: Storage, target: Storage) -> None:
    """
    Put all that one storage keeps into another.
    """
    for key, (cell, rows) in everything(source).items():
        target.put(key, cell, rows)
