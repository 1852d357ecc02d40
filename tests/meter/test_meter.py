"""
The meter: exact counts and refusals; sync and async alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota.errors import QuotaExceededError, RequestTooLargeError
from groq_quota.reports import Status, Usage

from .driver import DAY, MODEL, Api, Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.testing import FakeClock


async def test_a_reservation_is_held_and_then_counted(build: Callable[..., Api]) -> None:
    """
    In flight it takes from what remains; committed, it is a request with its usage.
    """
    api = build(rpd=10, tpd=1000)
    reservation = await api.reserve(tokens=100)
    held = await api.usage()
    assert (0, 0, 1, 100) == (held.requests, held.tokens, held.reserved, held.reserved_tokens)
    assert [9, 900] == [window.remaining for window in held.windows]
    assert (100, True, 0.0) == (reservation.tokens, reservation.active, reservation.wait)
    await api.commit(reservation, Usage(30, 20, 10, 5))
    used = await api.usage()
    assert (1, 30, 20, 10, 5) == (
        used.requests,
        used.tokens,
        used.prompt_tokens,
        used.completion_tokens,
        used.cached_tokens,
    )
    assert (0, 0, 1, 30) == (
        used.reserved,
        used.reserved_tokens,
        used.lifetime_requests,
        used.lifetime_tokens,
    )
    assert [9, 970] == [window.remaining for window in used.windows]
    assert not reservation.active


async def test_a_released_reservation_never_was(build: Callable[..., Api]) -> None:
    """
    All is as before; a model that nothing else is known of is not even listed.
    """
    api = build(rpd=10, tpd=1000, rpm=5, tpm=500)
    before = await api.usage()
    await api.release(await api.reserve(tokens=100))
    assert before == await api.usage()
    assert {} == await api.usages()


async def test_recording_counts_one_request_and_never_refuses(build: Callable[..., Api]) -> None:
    """
    Also beyond the limit; the report is the one after it.
    """
    api = build(rpd=2)
    found = [(await api.record(usage=10)).requests for _ in range(4)]
    assert [1, 2, 3, 4] == found
    assert 40 == (await api.usage()).tokens
    window = (await api.usage()).window("rpd")
    assert window is not None
    assert 0 == window.remaining


async def test_the_limit_is_exact(build: Callable[..., Api], listener: Listener) -> None:
    """
    As many requests as the limit says are admitted; the next is refused with all its numbers.
    """
    api = build(rpd=3)
    for _ in range(3):
        await api.commit(await api.reserve(), 10)
    with pytest.raises(QuotaExceededError) as caught:
        await api.reserve(tokens=5)
    error = caught.value
    assert (MODEL, "rpd", 3, 1, 0, DAY / 2) == (
        error.model,
        error.limit.kind,
        error.used,
        error.requested,
        error.remaining,
        error.retry_after,
    )
    assert f"{MODEL}: Daily limit reached: 3 of 3 requests used (not sent)" == str(error)
    assert not isinstance(error, RequestTooLargeError)
    usage = await api.usage()
    assert (3, 30, 1, 0) == (usage.requests, usage.tokens, usage.blocked, usage.reserved)
    blocked = listener.of("blocked")
    assert [(MODEL, "rpd", DAY / 2)] == [
        (event.model, event.limit and event.limit.kind, event.seconds) for event in blocked
    ]


async def test_tokens_block_as_requests_do(build: Callable[..., Api]) -> None:
    """
    Used up, even a request of no tokens is refused.
    """
    api = build(rpd=100, tpd=50)
    await api.commit(await api.reserve(tokens=50))
    with pytest.raises(QuotaExceededError, match="50 of 50 tokens used"):
        await api.reserve(tokens=0)


async def test_what_does_not_fit_is_refused_below_the_limit(build: Callable[..., Api]) -> None:
    """
    The message says what was asked for; what fits is still admitted.
    """
    api = build(tpd=50)
    await api.record(usage=30)
    with pytest.raises(QuotaExceededError, match="30 of 50 used, 21 requested") as caught:
        await api.reserve(tokens=21)
    assert 20 == caught.value.remaining
    await api.reserve(tokens=20)


async def test_too_large_is_another_refusal(build: Callable[..., Api]) -> None:
    """
    It would never fit, so there is no wait.
    """
    api = build(tpm=50)
    with pytest.raises(RequestTooLargeError, match="51 requested, the whole limit is 50") as caught:
        await api.reserve(tokens=51)
    assert caught.value.retry_after is None
    assert 1 == (await api.usage()).blocked


async def test_minutes_refill(build: Callable[..., Api], clock: FakeClock) -> None:
    """
    The wait that a refusal names is enough, and no less is.
    """
    api = build(rpm=2)
    for _ in range(2):
        await api.commit(await api.reserve())
    with pytest.raises(QuotaExceededError) as caught:
        await api.reserve()
    assert 30.0 == caught.value.retry_after
    clock.advance(29.99)
    with pytest.raises(QuotaExceededError):
        await api.reserve()
    clock.advance(0.01)
    await api.reserve()


async def test_checking_says_what_reserving_would_and_writes_nothing(
    build: Callable[..., Api], listener: Listener
) -> None:
    """
    Allowed with how the model stands, or refused with limit and wait.
    """
    api = build(rpd=4)
    allowed = await api.check()
    assert (True, Status.NORMAL, None, 0.0) == (
        allowed.allowed,
        allowed.status,
        allowed.limit,
        allowed.retry_after,
    )
    assert "Normal use: 4 requests left" == allowed.message
    assert allowed
    assert {} == await api.usages()
    for _ in range(4):
        await api.record()
    refused = await api.check()
    assert (False, Status.LIMIT_REACHED, DAY / 2, 4, 1) == (
        refused.allowed,
        refused.status,
        refused.retry_after,
        refused.used,
        refused.requested,
    )
    assert not refused
    assert 0 == (await api.usage()).blocked
    assert [] == listener.of("blocked")


async def test_none_is_unlimited(build: Callable[..., Api]) -> None:
    """
    There is no remaining, and nothing is refused.
    """
    api = build(rpd=None, tpd=None)
    await api.commit(await api.reserve(tokens=10**12))
    assert [None, None] == [window.remaining for window in (await api.usage()).windows]
    assert "Normal use: no daily limit" == (await api.check()).message


async def test_zero_is_blocked(build: Callable[..., Api]) -> None:
    """
    Nothing is admitted, and no wait is promised.
    """
    api = build(tpd=0)
    for tokens in (0, 10):
        with pytest.raises(QuotaExceededError) as caught:
            await api.reserve(tokens=tokens)
        assert caught.value.retry_after is None
    assert Status.LIMIT_REACHED is (await api.usage()).status


async def test_without_enforcement_nothing_is_blocked(
    build: Callable[..., Api], listener: Listener
) -> None:
    """
    All is counted, and the states are announced.
    """
    api = build(rpd=2, enforce=False)
    for _ in range(4):
        assert (await api.check()).allowed
        await api.commit(await api.reserve())
    usage = await api.usage()
    assert (4, 0, Status.LIMIT_REACHED) == (usage.requests, usage.blocked, usage.status)
    assert [Status.LIMIT_REACHED] == [event.status for event in listener.of("status")]
    assert (True, Status.LIMIT_REACHED) == (
        (await api.check()).allowed,
        (await api.check()).status,
    )


async def test_unknown_models_have_the_default_row(build: Callable[..., Api]) -> None:
    """
    1,000 requests and 100,000 tokens a day.
    """
    api = build()
    usage = await api.usage("nobody/knows-it")
    assert [("rpd", 1000), ("tpd", 100_000)] == [
        (window.limit.kind, window.limit.amount) for window in usage.windows
    ]
    assert usage.description is None


async def test_names_are_matched_stripped_and_in_lower_case(build: Callable[..., Api]) -> None:
    """
    One model, however it is written.
    """
    api = build(rpd=10)
    for name in (MODEL, f" {MODEL}\n", MODEL.upper()):
        await api.record(name)
    assert {MODEL: 3} == {name: usage.requests for name, usage in (await api.usages()).items()}


async def test_changed_limits_hold_from_the_next_call(build: Callable[..., Api]) -> None:
    """
    What was used before counts against them.
    """
    api = build(rpd=1)
    await api.record()
    with pytest.raises(QuotaExceededError):
        await api.reserve()
    api.meter.limits.set(MODEL, {"rpd": 2})
    await api.reserve()
