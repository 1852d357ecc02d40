"""
A storage that goes away loses nothing: what was counted meanwhile is added exactly.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.errors import QuotaExceededError, StorageError
from groq_quota.meter import QuotaMeter
from groq_quota.state import new_cell
from groq_quota.storage.base import Doubt
from groq_quota.storage.memory import MemoryStorage
from groq_quota.storage.shelter import Shelter
from groq_quota.testing import FakeClock
from tests.contract.steps import count
from tests.meter.driver import DAY, MIDNIGHT, MODEL, NOON, Api, Listener

from .flaky import Flaky

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.reports import ModelUsage
    from groq_quota.reservation import Reservation
    from groq_quota.state import Cell
    from groq_quota.storage.base import Key

KEY = ("default", MODEL)

T = TypeVar("T")


class Outage:
    """
    A sheltered meter on a storage that can be made to fail, and a second process on the same.
    """

    def __init__(self, *, sync: bool = True, **limits: int | None) -> None:
        self.flaky = Flaky()
        self.ticks = FakeClock(0.0)
        self.shelter = Shelter(self.flaky, ticks=self.ticks)
        self.clock = FakeClock(NOON)
        self.listener = Listener()
        self.settings: dict[str, Any] = {"limits": {MODEL: limits}, "clock": self.clock}
        # The shelter is made here, with a clock of its own, so the meter need not make one.
        self.meter = QuotaMeter(
            self.shelter, on_storage_error="refuse", hooks=[self.listener], **self.settings
        )
        self.api = Api(self.meter, sync=sync)
        self.other = QuotaMeter(self.flaky.kept, **self.settings)

    def away(self) -> None:
        """
        The storage goes away.
        """
        self.flaky.up = False

    def back(self) -> None:
        """
        It can be reached again, and it is time to try.
        """
        self.flaky.up = self.flaky.writable = True
        self.ticks.advance(1.0)

    def sheltered(self) -> bool:
        """
        Whether it counts in memory now.
        """
        return self.shelter.away

    def kept(self, model: str = MODEL) -> ModelUsage:
        """
        What the storage has.
        """
        return self.other.usage(model)


@pytest.fixture(params=["sync", "async"])
def outage(request: pytest.FixtureRequest) -> Outage:
    """
    By the sync or the async methods; ten requests a day.
    """
    return Outage(sync=request.param == "sync", rpd=10)


# -- going away ---------------------------------------------------------------------------------


async def test_counting_goes_on_from_the_last_known_state(outage: Outage) -> None:
    """
    With its limits: as many more are admitted as were left.
    """
    api = outage.api
    for _ in range(7):
        await api.record(usage=10)
    outage.away()
    for _ in range(3):
        await api.commit(await api.reserve(), 10)
    with pytest.raises(QuotaExceededError):
        await api.reserve()
    usage = await api.usage()
    assert (10, 100, 1) == (usage.requests, usage.tokens, usage.blocked)
    assert 10 == (await api.summary()).requests


@pytest.mark.parametrize("failing", ["up", "writable"])
async def test_the_change_that_met_the_failure_is_made_once(outage: Outage, failing: str) -> None:
    """
    Also where the storage fails only in writing what the step has done already.
    """
    setattr(outage.flaky, failing, False)
    await outage.api.record(usage=10)
    assert (1, 1) == (
        (await outage.api.usage()).requests,
        (await outage.api.summary()).days_active,
    )
    outage.back()
    await outage.api.flush()
    assert (1, 10) == (outage.kept().requests, outage.kept().tokens)
    assert 1 == outage.other.summary().days_active


async def test_the_last_place_is_not_taken_by_the_failed_try(outage: Outage) -> None:
    """
    What fits is admitted, though the storage ran the step before it failed.
    """
    for _ in range(9):
        await outage.api.record()
    outage.flaky.writable = False
    await outage.api.commit(await outage.api.reserve())
    assert 10 == (await outage.api.usage()).requests
    states = [event.status.value for event in outage.listener.of("status")]
    assert ["warning", "critical", "limit_reached"] == states


async def test_one_warning_with_the_place_and_the_cause(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    """
    However many calls fail, and however often it is tried again; and one when it is back.
    """
    outage.away()
    for _ in range(5):
        await outage.api.record("other")
        outage.ticks.advance(1.0)
    warnings = [each.getMessage() for each in caplog.records if "flaky" in each.getMessage()]
    assert 1 == len(warnings)
    assert warnings[0].startswith("flaky://shelf: does not answer.")
    outage.back()
    await outage.api.usage("other")
    messages = [each.getMessage() for each in caplog.records if "flaky" in each.getMessage()]
    assert 2 == len(messages)
    assert "flaky://shelf answers again" in messages[1]


async def test_what_was_only_read_is_known_too(outage: Outage) -> None:
    """
    A process that has looked at a model goes on from what it saw.
    """
    for _ in range(10):
        outage.other.record(MODEL)
    await outage.api.usage()
    outage.away()
    with pytest.raises(QuotaExceededError):
        await outage.api.reserve()


async def test_nothing_is_listed_that_was_only_asked_for(outage: Outage) -> None:
    """
    A model that nothing was counted for has no entry, also while the storage is away.
    """
    outage.away()
    await outage.api.check()
    await outage.api.release(await outage.api.reserve())
    assert {} == await outage.api.usages()


async def test_health_tells_of_the_outage(outage: Outage) -> None:
    """
    From the first call that meets it until the storage is back.
    """
    assert (await outage.api.health())["storage_ok"]
    outage.away()
    health = await outage.api.health()
    assert (False, True) == (health["storage_ok"], health["can_make_request"])
    outage.back()
    await outage.api.usage()
    assert (await outage.api.health())["storage_ok"]


async def test_refusing_raises_and_loses_nothing() -> None:
    """
    With on_storage_error="refuse" every call says that the storage is away. What was reserved
    before is counted when it is back; what could not be recorded may be recorded again.
    """
    flaky = Flaky()
    meter = QuotaMeter(flaky, on_storage_error="refuse")
    meter.record(MODEL)
    reservation = meter.reserve(MODEL)
    flaky.up = False
    for attempt in (meter.check, meter.reserve, meter.record, meter.usage):
        with pytest.raises(StorageError, match="flaky://shelf: does not answer"):
            attempt(MODEL)
    for later in (meter.acheck, meter.areserve, meter.arecord, meter.ausage):
        with pytest.raises(StorageError, match="flaky://shelf: does not answer"):
            await later(MODEL)
    with pytest.raises(StorageError):
        reservation.commit()
    flaky.up = True
    assert 2 == meter.usage(MODEL).requests
    assert 0 == meter.usage(MODEL).reserved


async def test_refusing_loses_nothing_that_is_cancelled() -> None:
    """
    Nor if its task is cancelled before the storage has said that it is away.
    """
    flaky = Flaky()
    meter = QuotaMeter(flaky, on_storage_error="refuse")
    reservation = await meter.areserve(MODEL, 100)
    flaky.up = False
    task = asyncio.create_task(reservation.acommit(70))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(9):
        await asyncio.sleep(0)
    flaky.up = True
    usage = await meter.ausage(MODEL)
    assert (1, 70, 0) == (usage.requests, usage.tokens, usage.reserved)


def test_refusing_lets_go_of_the_storage_all_the_same() -> None:
    """
    Closing says that something is still due, and closes.
    """
    flaky, closed = Flaky(), []
    flaky.close = lambda: closed.append(True)  # type: ignore[method-assign]  # to be seen
    meter = QuotaMeter(flaky, on_storage_error="refuse")
    reservation = meter.reserve(MODEL)
    flaky.up = False
    with pytest.raises(StorageError):
        reservation.commit()
    with pytest.raises(StorageError):
        meter.close()
    assert [True] == closed
    flaky.up = True
    assert 1 == meter.usage(MODEL).requests


def test_memory_needs_no_shelter() -> None:
    """
    All others have one, unless they are to refuse.
    """
    assert isinstance(QuotaMeter("memory://").storage, MemoryStorage)
    assert isinstance(QuotaMeter(Flaky()).storage, Shelter)
    assert isinstance(QuotaMeter(Flaky(), on_storage_error="refuse").storage, Flaky)
    assert "flaky://shelf" == QuotaMeter(Flaky()).storage.uri


# -- coming back --------------------------------------------------------------------------------


async def test_what_was_counted_is_added_when_it_is_back(outage: Outage) -> None:
    """
    To what others counted meanwhile; afterwards the storage is used again.
    """
    await outage.api.record(usage=10)
    outage.away()
    for _ in range(3):
        await outage.api.record(usage=10)
    outage.other.record(MODEL, 5)
    outage.back()
    usage = await outage.api.record(usage=1)
    assert (6, 46) == (usage.requests, usage.tokens)
    assert (6, 46) == (outage.kept().requests, outage.kept().tokens)
    assert not outage.sheltered()
    assert {12: (6, 46)} == outage.kept().hours
    assert (6, 46, 1) == (
        outage.other.summary().lifetime_requests,
        outage.other.summary().lifetime_tokens,
        outage.other.summary().days_active,
    )


async def test_it_is_not_tried_at_every_call(outage: Outage) -> None:
    """
    Once in a second; `flush` tries at once.
    """
    outage.away()
    await outage.api.record()
    outage.flaky.up = True
    await outage.api.record()
    assert outage.sheltered()
    assert 0 == outage.kept().requests
    await outage.api.flush()
    assert not outage.sheltered()
    assert 2 == outage.kept().requests


@pytest.mark.parametrize("failing", ["up", "writable"])
async def test_a_return_that_fails_loses_nothing(outage: Outage, failing: str) -> None:
    """
    Neither what was handed over nor what was not; another try hands over the rest.
    """
    for model in (MODEL, "second", "third"):
        await outage.api.record(model, 1)
    outage.away()
    for model in (MODEL, "second", "third"):
        await outage.api.record(model, 10)

    def fail_at_the_second() -> None:
        if outage.flaky.writes == before + 1:
            setattr(outage.flaky, failing, False)
            outage.flaky.before_write = int
            outage.flaky._reached()

    outage.back()
    before = outage.flaky.writes
    outage.flaky.before_write = fail_at_the_second
    await outage.api.record("third", 100)
    assert outage.sheltered()
    outage.back()
    await outage.api.flush()
    assert not outage.sheltered()
    assert [(2, 11), (2, 11), (3, 111)] == [
        (outage.kept(model).requests, outage.kept(model).tokens)
        for model in (MODEL, "second", "third")
    ]


async def test_a_reservation_from_before_is_committed_meanwhile(outage: Outage) -> None:
    """
    Its hold is freed in the storage, and it is counted once.
    """
    committed, released = await outage.api.reserve(tokens=5), await outage.api.reserve(tokens=7)
    outage.away()
    await outage.api.commit(committed, 4)
    await outage.api.release(released)
    assert (1, 4, 0) == (
        (await outage.api.usage()).requests,
        (await outage.api.usage()).tokens,
        (await outage.api.usage()).reserved,
    )
    assert 2 == outage.kept().reserved
    outage.back()
    await outage.api.flush()
    kept = outage.kept()
    assert (1, 4, 0, 0) == (kept.requests, kept.tokens, kept.reserved, kept.reserved_tokens)


async def test_a_release_meanwhile_frees_the_only_hold(outage: Outage) -> None:
    """
    Though nothing else is known of the model, here or there.
    """
    reservation = await outage.api.reserve(tokens=5)
    outage.away()
    await outage.api.release(reservation)
    outage.back()
    await outage.api.flush()
    assert (0, 0) == (outage.kept().reserved, outage.kept().reserved_tokens)


async def test_a_reservation_from_before_is_committed_afterwards(outage: Outage) -> None:
    """
    And one from meanwhile.
    """
    before = await outage.api.reserve(tokens=5)
    outage.away()
    meanwhile = await outage.api.reserve(tokens=7)
    assert 2 == (await outage.api.usage()).reserved
    outage.back()
    await outage.api.flush()
    assert (2, 12) == (outage.kept().reserved, outage.kept().reserved_tokens)
    await outage.api.commit(before, 5)
    await outage.api.commit(meanwhile, 6)
    kept = outage.kept()
    assert (2, 11, 0, 0) == (kept.requests, kept.tokens, kept.reserved, kept.reserved_tokens)


async def test_midnight_meanwhile(outage: Outage) -> None:
    """
    Each day has its own requests, whichever side saw the midnight.
    """
    await outage.api.record(usage=1)
    late = await outage.api.reserve(tokens=2)
    outage.away()
    await outage.api.record(usage=10)
    outage.clock.set(MIDNIGHT)
    await outage.api.record(usage=100)
    await outage.api.commit(late, 1000)
    outage.back()
    await outage.api.flush()
    for meter in (outage.meter, outage.other):
        yesterday, today = meter.history(2)
        assert (3, 1011) == (yesterday.requests, yesterday.tokens)
        assert (1, 100) == (today.requests, today.tokens)
        assert (4, 1111, 2) == (
            meter.summary().lifetime_requests,
            meter.summary().lifetime_tokens,
            meter.summary().days_active,
        )


async def test_midnight_of_the_storage_only(outage: Outage) -> None:
    """
    What was counted here yesterday goes to yesterday's row.
    """
    await outage.api.record(usage=1)
    outage.away()
    await outage.api.record(usage=10)
    outage.clock.set(MIDNIGHT)
    outage.other.record(MODEL, 100)
    outage.back()
    await outage.api.flush()
    yesterday, today = outage.other.history(2)
    assert (2, 11, 1, 100) == (
        yesterday.requests,
        yesterday.tokens,
        today.requests,
        today.tokens,
    )


async def test_a_reset_meanwhile(outage: Outage) -> None:
    """
    The counts from before it go to the row, also those that the storage had; later ones stand.
    """
    for _ in range(4):
        await outage.api.record(usage=1)
    outage.away()
    await outage.api.record(usage=10)
    await outage.api.reset()
    reservation = await outage.api.reserve(tokens=3)
    await outage.api.record(usage=100)
    outage.back()
    await outage.api.flush()
    kept = outage.kept()
    assert (1, 100, 1, 6) == (kept.requests, kept.tokens, kept.reserved, kept.lifetime_requests)
    await outage.api.commit(reservation, 3)
    assert (2, 0) == (outage.kept().requests, outage.kept().reserved)
    assert (7, 117) == (outage.other.history(1)[0].requests, outage.other.history(1)[0].tokens)


async def test_a_reset_of_the_storage_meanwhile(outage: Outage) -> None:
    """
    What was counted here during the outage counts on the day as it is now; holds are not mixed up.
    """
    for _ in range(4):
        await outage.api.record(usage=1)
    before = await outage.api.reserve(tokens=3)
    outage.away()
    await outage.api.record(usage=10)
    await outage.api.release(before)
    outage.other.reset(MODEL)
    held = outage.other.reserve(MODEL, 7)
    outage.back()
    await outage.api.flush()
    kept = outage.kept()
    assert (1, 10, 1, 7, 5) == (
        kept.requests,
        kept.tokens,
        kept.reserved,
        kept.reserved_tokens,
        kept.lifetime_requests,
    )
    held.release()
    assert 0 == outage.kept().reserved


async def test_a_storage_that_comes_back_empty_gets_what_was_counted_since(
    outage: Outage,
) -> None:
    """
    It is a fresh start; nothing falls below 0.
    """
    await outage.api.record(usage=50)
    reservation = await outage.api.reserve(tokens=5)
    outage.away()
    await outage.api.record(usage=10)
    await outage.api.commit(reservation, 5)
    outage.flaky.kept = MemoryStorage()
    outage.back()
    await outage.api.flush()
    usage = await outage.api.usage()
    assert (2, 15, 0) == (usage.requests, usage.tokens, usage.reserved)


async def test_two_outages(outage: Outage) -> None:
    """
    The second goes on from what the first left.
    """
    for _ in range(2):
        outage.away()
        await outage.api.record(usage=1)
        outage.back()
        await outage.api.record(usage=10)
    assert (4, 22) == (outage.kept().requests, outage.kept().tokens)


async def test_a_second_outage_goes_on_from_what_was_handed_over(outage: Outage) -> None:
    """
    Also for a model that was not asked for in between: its limit still holds, and a hold is freed.
    """
    api = outage.api
    outage.away()
    for _ in range(9):
        await api.record(usage=1)
    reservation = await api.reserve()
    outage.back()
    await api.record("another")
    assert not outage.sheltered()
    outage.away()
    await api.record("another")
    with pytest.raises(QuotaExceededError):
        await api.reserve()
    await api.release(reservation)
    outage.back()
    await api.flush()
    assert (9, 0) == (outage.kept().requests, outage.kept().reserved)


async def test_what_cannot_be_kept_keeps_nothing_else_away(outage: Outage) -> None:
    """
    Cells that the storage does not take, though it answers, are tried again; others are kept.
    """
    refused = {("default", f"refused {number}") for number in range(20)}
    outage.flaky.refuses = {("default", "refused 0")}
    await outage.api.record("refused 0", 1)
    outage.flaky.refuses = refused
    for _, model in sorted(refused):
        await outage.api.record(model, 1)
    await outage.api.record(usage=7)
    for _ in range(4):
        outage.back()
        await outage.api.flush()
    assert outage.sheltered()
    assert 7 == outage.kept().tokens
    outage.flaky.refuses = set()
    for _ in range(4):
        outage.back()
        await outage.api.flush()
    assert not outage.sheltered()
    assert [1] * 19 + [2] == sorted(outage.kept(model).requests for _, model in refused)


async def test_states_are_announced_once_over_an_outage(outage: Outage) -> None:
    """
    What was announced meanwhile is not announced again afterwards.
    """
    outage.away()
    for _ in range(9):
        await outage.api.record()
    outage.back()
    await outage.api.record()
    states = [event.status.value for event in outage.listener.of("status")]
    assert ["warning", "critical", "limit_reached"] == states


async def test_minutes_go_on_over_an_outage() -> None:
    """
    What was taken meanwhile is still in the bucket when the storage is back.
    """
    outage = Outage(sync=False, tpm=60)
    await outage.api.record(usage=60)
    outage.clock.advance(60)
    outage.away()
    await outage.api.record(usage=40)
    outage.back()
    with pytest.raises(QuotaExceededError) as caught:
        await outage.api.reserve(tokens=30)
    assert (40.0, 10.0) == (caught.value.used, caught.value.retry_after)


async def test_scopes_and_models_are_all_handed_over(outage: Outage) -> None:
    """
    Each to its own cell.
    """
    alice = Api(outage.meter.scoped("alice"), sync=outage.api.sync)
    await alice.record(usage=1)
    outage.away()
    for number, api in enumerate((outage.api, alice)):
        for model in ("one", "two"):
            await api.record(model, 10 + number)
    assert ["alice", "default"] == outage.shelter.scopes() == await outage.shelter.ascopes()
    outage.back()
    await outage.api.flush()
    assert [10, 11] == [
        outage.other.usage("one").tokens,
        outage.other.scoped("alice").usage("two").tokens,
    ]


# -- threads, tasks, processes ------------------------------------------------------------------


def test_threads_count_on_during_the_return() -> None:
    """
    16 threads, an outage and a return in the middle of them: every request is counted once.
    """
    outage = Outage(rpd=None)
    gate = threading.Barrier(17)

    def work(number: int) -> None:
        gate.wait()
        for round_ in range(60):
            if round_ % 2:
                outage.meter.record(MODEL, 1)
            else:
                with outage.meter.reserve(f"model {number % 3}", 1):
                    pass

    with ThreadPoolExecutor(16) as pool:
        running = [pool.submit(work, number) for number in range(16)]
        gate.wait()
        for _ in range(10):
            outage.away()
            outage.meter.record(MODEL, 1)
            outage.back()
            outage.meter.record(MODEL, 1)
        for each in running:
            each.result(timeout=60)
    outage.back()
    outage.meter.flush()
    assert not outage.sheltered()
    summary = outage.other.summary()
    assert (16 * 60 + 20, 16 * 60 + 20) == (summary.requests, summary.tokens)
    assert summary.requests == summary.lifetime_requests
    assert 16 * 30 + 20 == outage.kept().requests


async def test_tasks_count_on_during_the_return() -> None:
    """
    The same with tasks that take turns within every operation.
    """
    outage = Outage(sync=False, rpd=None)

    async def work() -> None:
        for _ in range(10):
            await outage.meter.arecord(MODEL, 1)

    outage.away()
    await outage.meter.arecord(MODEL, 1)
    outage.back()
    await asyncio.gather(*(work() for _ in range(50)))
    outage.back()
    await outage.meter.aflush()
    assert not outage.sheltered()
    assert (501, 501) == (outage.kept().requests, outage.kept().tokens)


def test_a_return_does_not_go_on_for_ever() -> None:
    """
    Where others count faster than it hands over, it is put off, and the call goes on.
    """
    outage = Outage(rpd=None)
    outage.away()
    outage.meter.record(MODEL, 1)
    outage.back()
    more: list[int] = []

    def count_more() -> None:
        if len(more) < 1000:
            more.append(1)
            outage.meter.record(MODEL, 1)

    outage.flaky.before_write = count_more
    outage.meter.usage(MODEL)
    assert outage.sheltered()
    assert len(more) < 100
    outage.flaky.before_write = int
    outage.back()
    outage.meter.flush()
    assert 1 + len(more) == outage.kept().requests


async def test_a_cancelled_caller_hands_nothing_over_twice() -> None:
    """
    The storage had kept what was handed over when the caller was cancelled.
    """
    outage = Outage(sync=False, rpd=None)
    await outage.meter.arecord(MODEL, 1)
    outage.away()
    await outage.meter.arecord(MODEL, 10)
    outage.back()
    written, outage.flaky.pause = asyncio.Event(), asyncio.Event()
    outage.flaky.after_write = written.set
    caller = asyncio.create_task(outage.meter.ausage(MODEL))
    await written.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert caller.cancelled()
    outage.flaky.pause.set()
    await outage.meter.aflush()
    outage.back()
    await outage.meter.aflush()
    assert not outage.sheltered()
    assert (2, 11) == (outage.kept().requests, outage.kept().tokens)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
def test_a_forked_child_does_not_hand_over_what_its_parent_counted() -> None:
    """
    Each process hands over its own.
    """
    script = """
import os
from groq_quota.meter import QuotaMeter
from groq_quota.storage.shelter import Shelter
from tests.storage.flaky import Flaky

flaky = Flaky()
meter = QuotaMeter(Shelter(flaky, ticks=lambda: 0.0), on_storage_error="refuse")
flaky.up = False
meter.record("m", 1)
child = os.fork()
if child == 0:
    meter.record("m", 10)
    flaky.up = True
    meter.flush()
    print(QuotaMeter(flaky.kept).usage("m").tokens, flush=True)
    os._exit(0)
os.waitpid(child, 0)
flaky.up = True
meter.flush()
print(QuotaMeter(flaky.kept).usage("m").tokens, flush=True)
"""
    assert ["10", "1"] == printed(script)


def test_what_was_counted_is_handed_over_at_exit() -> None:
    """
    If the storage is back by then, without any further call.
    """
    script = """
import atexit

# What is registered first is called last.
atexit.register(lambda: print(flaky.kept.load("default")["m"]["today"]["tokens"], flush=True))

from groq_quota.meter import QuotaMeter
from tests.storage.flaky import Flaky

flaky = Flaky()
meter = QuotaMeter(flaky)
flaky.up = False
meter.record("m", 5)
flaky.up = True
"""
    assert ["5"] == printed(script)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("begun", ["Process(target=child)", "ProcessPoolExecutor"])
def test_a_child_that_was_forked_in_an_outage_hands_over_its_own_at_its_end(begun: str) -> None:
    """
    Once, and without that of its parent, whose outage goes on.
    """
    way = "multiprocessing.get_context('fork')"
    run = f"process = {way}.{begun}; process.start(); process.join()"
    if begun == "ProcessPoolExecutor":
        run = (
            f"with concurrent.futures.ProcessPoolExecutor(1, mp_context={way}) as pool: "
            "pool.submit(child).result()"
        )
    script = f"""
import concurrent.futures
import multiprocessing
import os

from groq_quota import QuotaMeter

os.mkdir("data")
meter = QuotaMeter("data/u.json")
meter.record("m", 1)
os.rename("data", "away")
meter.record("m", 10)

def child():
    meter.record("m", 100)
    os.rename("away", "data")

{run}
print(QuotaMeter("data/u.json").usage("m").tokens)
meter.flush()
print(QuotaMeter("data/u.json").usage("m").tokens)
"""
    assert ["101", "111"] == printed(script)


def printed(script: str) -> list[str]:
    """
    What a fresh process prints.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.split()


# -- changes of unknown fate ----------------------------------------------------------------------


class Doubtful(Flaky):
    """
    Makes changes whose answers are lost.

    Attributes:
        losing: How many more; those that are lost at the same time shared a trip.
        arrived: Set when the first of them is made; none fails before `ended`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.losing = 0
        self.before = new_cell()
        self.arrived, self.ended = threading.Semaphore(0), threading.Semaphore(0)

    def transact(self, key: Key, step: Callable[[Cell], T]) -> T:
        """
        See `Storage.transact`.
        """
        if not self.losing:
            return super().transact(key, step)
        self.losing -= 1
        self.kept.transact(key, step)
        self.arrived.release()
        assert self.ended.acquire(timeout=30)
        after = self.kept.read(key)
        assert after is not None
        error = StorageError("flaky://shelf: the answer is lost.")
        error.doubt = Doubt(key, "trip.1", self.before, after, {})  # type: ignore[attr-defined]  # as storages beyond a network do
        raise error

    def applied(self, key: Key, version: str) -> bool:
        """
        All of them were made.
        """
        del key, version
        return True

    def counted(self, key: Key = KEY) -> int:
        """
        The requests that it has.
        """
        cell = self.kept.read(key)
        return 0 if cell is None else cell["today"]["requests"]


def test_a_flush_waits_until_what_is_in_doubt_is_counted_here() -> None:
    """
    Before, nothing here would stand against what the storage has, and it would be made again.
    """
    storage = Doubtful()
    flushes: list[threading.Thread] = []

    def ticks() -> float:
        if shelter.away and not flushes:
            flushes.append(threading.Thread(target=shelter.flush))
            flushes[0].start()
            flushes[0].join(0.5)  # it has its chance between the failure and what comes of it
        return 0.0

    shelter = Shelter(storage, ticks=ticks)
    storage.losing = 1
    storage.ended.release()
    shelter.transact(KEY, count)
    for flush in flushes:
        flush.join()
    shelter.flush()
    assert not shelter.away
    assert 1 == storage.counted()


def test_a_doubt_is_settled_when_all_of_its_trip_are_counted_here() -> None:
    """
    A flush between two of them settles nothing, as the second would be made again.
    """
    storage = Doubtful()
    shelter = Shelter(storage, ticks=lambda: 0.0)
    storage.losing = 2
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(shelter.transact, KEY, count) for _ in range(2)]
        for _ in calls:
            assert storage.arrived.acquire(timeout=30)
        storage.ended.release()
        wait(calls, 30, FIRST_COMPLETED)
        shelter.flush()
        between = shelter.away
        storage.ended.release()
    shelter.flush()
    assert (True, False) == (between, shelter.away)
    assert 2 == storage.counted()


def test_what_is_in_doubt_is_not_handed_over() -> None:
    """
    Though the doubt comes up in the middle of a return, and what was in doubt is counted here.
    """
    storage, other = Doubtful(), ("default", "other")
    shelter = Shelter(storage, ticks=lambda: 0.0)
    for key in (other, KEY):
        shelter.transact(key, count)
    before = storage.kept.read(KEY)
    assert before is not None
    storage.before, storage.losing = before, 1
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(shelter.transact, KEY, count)
        assert storage.arrived.acquire(timeout=30)
        storage.up = False
        shelter.transact(other, count)
        storage.up = True

        def fail() -> None:
            storage.before_write = int
            storage.ended.release()
            late.result(30)

        storage.before_write = fail
        shelter.flush()
    shelter.flush()
    assert not shelter.away
    assert (2, 2) == (storage.counted(), storage.counted(other))


# -- any course of things -----------------------------------------------------------------------


class Course:
    """
    A course of things, and what must come of it.
    """

    def __init__(self) -> None:
        self.outage = Outage(rpd=None, tpm=None)
        self.open: list[Reservation] = []
        self.requests = self.tokens = 0

    def record(self) -> None:
        """
        One request here.
        """
        self.outage.meter.record(MODEL, 1)
        self._expect(1)

    def other(self) -> None:
        """
        One request of another process.
        """
        self.outage.other.record(MODEL, 1000)
        self._expect(1000)

    def _expect(self, tokens: int) -> None:
        self.requests, self.tokens = self.requests + 1, self.tokens + tokens

    def reserve(self) -> None:
        """
        One more in flight.
        """
        self.open.append(self.outage.meter.reserve(MODEL, 10))

    def commit(self) -> None:
        """
        The oldest in flight ends well.
        """
        if self.open:
            self.open.pop(0).commit(100)
            self._expect(100)

    def release(self) -> None:
        """
        The youngest in flight ends without a request.
        """
        if self.open:
            self.open.pop().release()

    def away(self) -> None:
        """
        The storage cannot be reached.
        """
        self.outage.away()

    def full(self) -> None:
        """
        The storage cannot be written.
        """
        self.outage.flaky.writable = False

    def back(self) -> None:
        """
        The storage is well.
        """
        self.outage.back()

    def midnight(self) -> None:
        """
        A day goes by.
        """
        self.outage.clock.advance(DAY)

    def reset(self) -> None:
        """
        A reset here.
        """
        self.outage.meter.reset(MODEL)

    def other_reset(self) -> None:
        """
        A reset by another process.
        """
        self.outage.other.reset(MODEL)


@given(st.lists(st.sampled_from([name for name in vars(Course) if name[0] != "_"]), max_size=40))
def test_no_course_of_outages_loses_or_doubles_anything(actions: list[str]) -> None:
    """
    However outages, days, resets and another process mix: history, lifetime and holds add up.
    """
    course = Course()
    for action in actions:
        getattr(course, action)()
    while course.open:
        course.release()
    course.back()
    course.outage.meter.flush()
    assert not course.outage.sheltered()
    expected = (course.requests, course.tokens)
    history = course.outage.other.history(len(actions) + 2)
    assert expected == tuple(
        sum(getattr(day, n) for day in history) for n in ("requests", "tokens")
    )
    usage = course.outage.kept()
    assert expected == (usage.lifetime_requests, usage.lifetime_tokens)
    assert (0, 0) == (usage.reserved, usage.reserved_tokens)
