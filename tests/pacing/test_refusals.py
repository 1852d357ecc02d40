"""
What Groq's refusals teach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import groq
import pytest

import groq_quota
from groq_quota import QuotaExceededError, QuotaMeter
from groq_quota.simulator import Simulator
from groq_quota.testing import FakeClock
from groq_quota.windows import go_duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = "openai/gpt-oss-20b"
ASK: Any = [{"role": "user", "content": "Tell me something about buckets that refill, please."}]
# What the table says of it: 30 requests a minute, 1,000 a day, 8,000 and 200,000 tokens.
TABLE = {"rpm": 30, "rpd": 1_000, "tpm": 8_000, "tpd": 200_000}


@pytest.fixture(autouse=True)
def _uninstalled() -> Iterator[None]:
    yield
    groq_quota.uninstall()


def client_of(simulator: Simulator, **options: Any) -> groq.Groq:
    """
    A client that leaves retries to us.
    """
    return groq.Groq(api_key="any", base_url=simulator.base_url, max_retries=0, **options)


@pytest.mark.parametrize("factor", [0.5, 2])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("rpm", {"max_tokens": 5}),
        ("rpd", {"max_tokens": 5}),
        ("tpm", {"max_tokens": 900}),
        ("tpd", {"max_tokens": 900}),
    ],
)
def test_a_wrong_table_is_put_right(
    tmp_path: Path, kind: str, body: dict[str, Any], factor: float
) -> None:
    """
    Every number of the row is half or twice the truth: after the first answer, or the first refusal
    of the limit, the guard is right, and stays so in a new meter.
    """
    clock = FakeClock()
    truth = {name: int(amount * factor) for name, amount in TABLE.items()}
    roomy = {name: truth[name] if name == kind else 50 * truth[name] for name in truth}
    roomy["rpd"], roomy["tpm"] = (
        roomy[name] if kind == name else truth[name] * 20 for name in ("rpd", "tpm")
    )
    place = f"sqlite:///{tmp_path}/u.db"
    with Simulator({MODEL: roomy}, clock=clock) as simulator:
        groq_quota.install(QuotaMeter(place, day="rolling", clock=clock), max_wait=1e6)
        client, refused = client_of(simulator), 0
        for number in range(int(roomy["rpd"] + 20 if kind == "rpd" else 320 * factor)):
            if number == 100 * factor:
                groq_quota.uninstall()
                groq_quota.install(QuotaMeter(place, day="rolling", clock=clock), max_wait=1e6)
            try:
                client.chat.completions.create(model=MODEL, messages=ASK, **body)
            except groq.RateLimitError:
                refused += 1
        told = [row.status for row in simulator.ledger]
        found = groq_quota.default_meter().usage(MODEL)
    assert refused <= (0 if kind in {"rpd", "tpm"} else 1)
    assert refused == told.count(429)
    limits = {each.limit.kind: each.limit for each in found.windows}
    if kind in {"rpd", "tpm"} or refused:
        assert (roomy[kind], "learned") == (limits[kind].amount, limits[kind].origin)


def test_the_wait_is_the_one_that_groq_prints() -> None:
    """
    After a refusal our own says the same, digit for digit.
    """
    clock = FakeClock()
    with Simulator({MODEL: {"tpd": 200_000, "tpm": 10**6, "rpd": 10**6}}, clock=clock) as simulator:
        simulator.spend(MODEL, tpd=199_990)
        meter = groq_quota.install(QuotaMeter("memory://", clock=clock), max_wait=0)
        client = client_of(simulator)
        with pytest.raises(groq.RateLimitError) as theirs:
            client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=61)
        assert not isinstance(theirs.value, QuotaExceededError)
        with pytest.raises(QuotaExceededError) as ours:
            client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=61)

    assert ("tpd", 199_990) == (ours.value.limit.kind, ours.value.used)
    assert ours.value.retry_after == pytest.approx(
        (ours.value.used + ours.value.requested - 200_000) * 86_400 / 200_000
    )
    decision = meter.check(MODEL, 100)
    assert not decision.allowed
    assert go_duration(decision.retry_after or 0) == go_duration(90 / 200_000 * 86_400)


def test_what_was_refused_behind_a_model_holds_that_model_too() -> None:
    """
    Compound's refusals name the model that it called: neither is asked again before its time.
    """
    clock = FakeClock()
    text = (
        "Rate limit reached for model `openai/gpt-oss-120b` in organization `org_x` service tier "
        "`on_demand` on tokens per minute (TPM): Limit 8000, Used 7900, Requested 500. Please try "
        "again in 3s. Need more tokens?"
    )
    limits = {"groq/compound": {"rpd": 250}, "openai/gpt-oss-120b": {"tpm": 8_000}}
    with Simulator(limits, clock=clock) as simulator:
        groq_quota.install(QuotaMeter("memory://", clock=clock), max_wait=0)
        client = client_of(simulator)
        simulator.fail_next(429, message=text)
        with pytest.raises(groq.RateLimitError):
            client.chat.completions.create(model="groq/compound", messages=ASK)
        for model, wait in (("groq/compound", 3.0), ("openai/gpt-oss-120b", 3.0)):
            with pytest.raises(QuotaExceededError) as caught:
                client.chat.completions.create(model=model, messages=ASK, max_tokens=450)
            assert caught.value.retry_after == pytest.approx(wait, abs=1.0)
        clock.advance(4)
        client.chat.completions.create(model="groq/compound", messages=ASK)
        assert [429, 200] == [row.status for row in simulator.ledger]


def test_the_sdks_retry_comes_when_there_is_room() -> None:
    """
    While it waits to send again, others are held off; what it takes then is counted once.
    """
    with Simulator({MODEL: {"rpm": 60}}) as simulator:
        simulator.spend(MODEL, rpm=60)
        meter = groq_quota.install(QuotaMeter("memory://"), max_wait=0)
        client = client_of(simulator).with_options(max_retries=2)
        client.chat.completions.create(model=MODEL, messages=ASK)
        statuses = [row.status for row in simulator.ledger]
        assert 200 == statuses[-1]
        usage = meter.usage(MODEL)
        assert (1, len(statuses) - 1) == (usage.requests, usage.refused)
        rpm = next(each for each in usage.windows if each.limit.kind == "rpm")
        assert (60, "learned") == (rpm.limit.amount, rpm.limit.origin)
        assert rpm.used > 55


def test_the_developer_plan_frees_at_once() -> None:
    """
    Headers of the paid plan: no limit of the free one holds any more.
    """
    clock = FakeClock()
    paid = {"rpm": 1_000, "rpd": 500_000, "tpm": 250_000}
    with Simulator({MODEL: paid}, clock=clock) as simulator:
        meter = groq_quota.install(QuotaMeter("memory://", clock=clock), max_wait=0)
        client = client_of(simulator)
        for _ in range(200):
            client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=900)
        assert {200} == {row.status for row in simulator.ledger}
        kinds = {each.limit.kind for each in meter.usage(MODEL).windows}
    assert "tpd" not in kinds


def test_groqs_day_is_kept_beside_the_calendars() -> None:
    """
    After midnight the calendar is empty, Groq's bucket is not: it refuses, and says until when.
    """
    clock = FakeClock("2026-11-22T23:00:00Z")
    with Simulator({MODEL: {"rpd": 100}}, clock=clock) as simulator:
        groq_quota.install(QuotaMeter("memory://", clock=clock), max_wait=0)
        client = client_of(simulator)
        for _ in range(100):
            client.chat.completions.create(model=MODEL, messages=ASK)
        clock.advance(3_600)
        for _ in range(4):
            client.chat.completions.create(model=MODEL, messages=ASK)
        with pytest.raises(QuotaExceededError) as caught:
            client.chat.completions.create(model=MODEL, messages=ASK)
        assert {200} == {row.status for row in simulator.ledger}
    assert caught.value.retry_after is not None
    assert caught.value.retry_after <= 864


@pytest.mark.parametrize("jump", [86_400, -86_400])
def test_a_clock_that_jumps_loses_nothing_and_blocks_nobody_for_long(jump: float) -> None:
    """
    By a day forward and back again, or back and forward.
    """
    clock = FakeClock()
    meter = QuotaMeter("memory://", limits={MODEL: {"rpm": 10, "rpd": 1_000}}, clock=clock)
    waits: list[float | None] = [0.0]
    for step in (0.0, jump, -jump):
        clock.set(clock() + step)
        for _ in range(10):
            try:
                meter.reserve(MODEL).commit(5)
            except QuotaExceededError as refused:
                waits.append(refused.retry_after)
    assert all(wait is not None and wait <= 60 for wait in waits)
    counted = meter.usage(MODEL).lifetime_requests
    assert 10 <= counted <= 30
    assert counted == sum(day.requests for day in meter.history(4)) or jump > 0


def test_what_is_forgotten_in_flight_is_counted_all_the_same() -> None:
    """
    An answer whose limits were forgotten while it was on its way teaches them anew.
    """
    clock = FakeClock()
    with Simulator({MODEL: TABLE}, clock=clock) as simulator:
        meter = groq_quota.install(QuotaMeter("memory://", clock=clock))
        client = client_of(simulator)
        client.chat.completions.create(model=MODEL, messages=ASK)
        stream = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
        next(stream)
        meter.forget_limits()
        assert list(stream)
        usage = meter.usage(MODEL)
    assert (2, 0) == (usage.requests, usage.reserved)
    assert usage.tokens == simulator.ledger.tokens(MODEL)
