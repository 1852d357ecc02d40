"""
Records and notes by themselves; with the surfaces they are tested in tests/decorator.
"""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from groq_quota.meter import QuotaMeter
from groq_quota.records import (
    Note,
    Notes,
    Record,
    Steps,
    close_record,
    enclosing,
    mark,
    open_record,
    take_over,
)

MODEL = "test-model"


@pytest.fixture(name="meter")
def _meter() -> QuotaMeter:
    return QuotaMeter("memory://", limits={MODEL: {"rpd": 10}})


def elsewhere(notes: Notes, *, model: str = MODEL, decorated: bool = False) -> Note:
    """
    A note that another thread leaves.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(notes.leave, "default", model, 0.0, decorated=decorated).result()


class TestRecords:
    def test_marks_stay_with_their_meter(self, meter: QuotaMeter) -> None:
        """
        Marks reach views of the same meter and scope, and no other.
        """
        other = QuotaMeter("memory://")
        records = [
            open_record(each, "call", MODEL)
            for each in (meter, meter.scoped("default"), meter.scoped("team"), other)
        ]

        assert mark(meter)
        assert [True, True, False, False] == [record.marked for record in records]
        assert records[:2] == enclosing(meter)

    def test_marks_of_a_kind(self, meter: QuotaMeter) -> None:
        """
        A run marks decorated calls only, and nobody marks himself.
        """
        call, run, mine = (open_record(meter, kind, MODEL) for kind in ("call", "run", "call"))

        assert mark(meter, besides=mine, only="call")
        assert [True, False, False] == [record.marked for record in (call, run, mine)]

    def test_no_call_around(self, meter: QuotaMeter) -> None:
        """
        Marking tells whether a decorated call is around.
        """
        assert not mark(meter)
        open_record(meter, "run", MODEL)
        assert not mark(meter)

    def test_closed(self, meter: QuotaMeter) -> None:
        """
        What is closed is marked no more, also where another context still carries it.
        """
        record = open_record(meter, "call", MODEL)
        carried = contextvars.copy_context()
        close_record(record)

        assert not carried.run(mark, meter)
        assert [] == carried.run(enclosing, meter) == enclosing(meter)
        assert not record.marked

    def test_gives_back(self, meter: QuotaMeter) -> None:
        """
        What a marked record holds is free for the next call.
        """
        record = open_record(meter, "call", MODEL)
        record.held.append(meter.reserve(MODEL, 5))

        mark(meter)

        assert [] == record.held
        assert (0, 0) == (meter.usage(MODEL).reserved, meter.usage(MODEL).requests)

    def test_take_over(self, meter: QuotaMeter) -> None:
        """
        The innermost reservation of the model is taken over, once.
        """
        outer, inner = (open_record(meter, "call", MODEL) for _ in range(2))
        run = open_record(meter, "run", MODEL)
        first, second, third = (meter.reserve(MODEL) for _ in range(3))
        for record, reservation in ((outer, first), (inner, second), (run, third)):
            record.held.append(reservation)

        assert take_over(meter, "other-model") is None
        assert take_over(meter.scoped("team"), MODEL) is None
        assert second is take_over(meter, MODEL, only="call")
        assert third is take_over(meter, MODEL)
        assert first is take_over(meter, MODEL)
        assert take_over(meter, MODEL) is None

    def test_take_over_in_threads(self, meter: QuotaMeter) -> None:
        """
        Of many threads that want it, one has it.
        """
        record = open_record(meter, "call", MODEL)
        record.held.append(meter.reserve(MODEL))
        barrier = threading.Barrier(8)

        def take(context: contextvars.Context) -> bool:
            barrier.wait()
            return context.run(take_over, meter, MODEL) is not None

        contexts = [contextvars.copy_context() for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            assert 1 == sum(pool.map(take, contexts))


class TestSteps:
    def test_apart(self, meter: QuotaMeter) -> None:
        """
        What is opened in a step is open in the next one, and not in between.
        """
        around, steps = open_record(meter, "call", MODEL), Steps()
        with steps:
            own = open_record(meter, "call", MODEL)
        assert [around] == enclosing(meter)
        with steps:
            assert [around, own] == enclosing(meter)
            close_record(own)
        with steps:
            assert [around] == enclosing(meter)

    def test_in_each_context(self, meter: QuotaMeter) -> None:
        """
        Each step sees what is open around it just then.
        """
        steps, empty = Steps(), contextvars.copy_context()
        with steps:
            own = open_record(meter, "call", MODEL)

        def step() -> list[Record]:
            with steps:
                return enclosing(meter)

        assert [own] == empty.run(step)
        around = open_record(meter, "call", MODEL)
        assert [around, own] == step()


class TestNotes:
    def test_claimed_once(self, meter: QuotaMeter) -> None:
        """
        A call of another thread is claimed by one record, the earliest first.
        """
        notes, record = Notes(), open_record(meter, "call", MODEL)
        first, second = elsewhere(notes), elsewhere(notes)

        assert notes.claim_for_call(record)
        assert [True, False] == [first.claimed, second.claimed]
        assert [True, False] == [notes.claim_for_call(record) for _ in range(2)]

    def test_not_claimed(self, meter: QuotaMeter) -> None:
        """
        Calls from before, of other models or scopes, of one's own thread, or answered for.
        """
        notes = Notes()
        elsewhere(notes)
        record = open_record(meter, "call", MODEL)
        elsewhere(notes, model="other-model")
        elsewhere(notes, decorated=True)
        elsewhere(notes).claimed = True
        notes.leave("default", MODEL, 0.0, decorated=False)
        team = open_record(meter.scoped("team"), "call", MODEL)
        elsewhere(notes)

        assert not notes.claim_for_call(team)
        assert notes.claim_for_call(record)
        assert not notes.claim_for_call(record)

    def test_for_tracking(self) -> None:
        """
        The oldest call of the last ten minutes, whatever its thread.
        """
        notes = Notes()
        old, new, newest = (
            notes.leave("default", MODEL, at, decorated=False) for at in (0.0, 300.0, 301.0)
        )

        assert notes.claim_for_tracking("default", MODEL, 601.0)
        assert not notes.claim_for_tracking("team", MODEL, 601.0)
        assert [False, True, False] == [note.claimed for note in (old, new, newest)]

    def test_bounded(self) -> None:
        """
        Old notes are forgotten.
        """
        notes = Notes()
        for _ in range(5_000):
            notes.leave("default", MODEL, 0.0, decorated=False)

        claimed = 0
        while notes.claim_for_tracking("default", MODEL, 0.0):
            claimed += 1
        assert 1_024 == claimed
