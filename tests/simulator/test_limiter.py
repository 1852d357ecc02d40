from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.simulator.limiter import KINDS, Charge, Limiter

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_795_000_000.0


def left(limiter: Limiter, now: float = NOW) -> dict[str, int]:
    """
    Return what is left in the buckets of the model m.
    """
    return {name: bucket.remaining for name, bucket in limiter.standing("m", now).items()}


@pytest.mark.parametrize(
    ("limit", "taken"),
    [
        ("rpm", 1),
        ("rpd", 1),
        ("tpm", 30),
        ("tpd", 30),
        ("itpm", 10),
        ("otpm", 20),
        ("ash", 7),
        ("asd", 7),
    ],
)
def test_each_limit_counts_its_own(limit: str, taken: int) -> None:
    """
    Requests, all tokens, input tokens, output tokens and audio seconds go to the right buckets.
    """
    limiter = Limiter({"m": {limit: 100}})

    assert limiter.admit("m", Charge(1, 10, 20, 7), NOW) is None
    assert {limit: 100 - taken} == left(limiter)


@given(
    st.dictionaries(st.sampled_from(sorted(KINDS)), st.integers(1, 60), min_size=1),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.floats(0, 30)), max_size=20),
)
def test_a_request_is_charged_to_all_buckets_or_to_none(
    limits: dict[str, int], requests: list[tuple[int, int, float]]
) -> None:
    """
    A refusal leaves every bucket as it was, and names a limit that really does not admit it.
    """
    limiter, now = Limiter({"m": limits}), NOW
    for tokens_in, tokens_out, passed in requests:
        now += passed
        charge = Charge(1, tokens_in, tokens_out)
        before = left(limiter, now)
        refusal = limiter.admit("m", charge, now)
        asked = {name: charge.on(KINDS[name]) for name in limits}
        if refusal is None:
            assert {name: before[name] - asked[name] for name in before} == left(limiter, now)
        else:
            assert before == left(limiter, now)
            assert asked[refusal.kind.name] == refusal.requested > before[refusal.kind.name]


def test_a_request_larger_than_a_limit_is_too_large_whatever_is_used() -> None:
    """
    It is refused without a wait, even where a requests limit is used up.
    """
    limiter = Limiter({"m": {"rpm": 1, "tpm": 100}})
    limiter.admit("m", Charge(1, 10), NOW)
    refusal = limiter.admit("m", Charge(1, 101), NOW)

    assert refusal is not None
    assert ("tpm", None, True) == (refusal.kind.name, refusal.wait, refusal.too_large)


def test_requests_are_looked_at_before_tokens_and_minutes_before_days() -> None:
    """
    Where several limits refuse, the first in Groq's order is named.
    """
    full = dict.fromkeys(KINDS, 10)
    limiter = Limiter({"m": full})
    limiter.spend("m", full, NOW)
    named = []
    for name in KINDS:
        refusal = limiter.admit("m", Charge(1, 1, 1, 1), NOW)
        assert refusal is not None
        named.append(refusal.kind.name)
        limiter.spend("m", {name: -10}, NOW)

    assert ["rpm", "rpd", "tpm", "tpd", "itpm", "otpm", "ash", "asd"] == named


def test_a_limit_that_a_request_does_not_count_for_does_not_refuse_it() -> None:
    """
    Others have overdrawn the audio seconds; a request without any passes.
    """
    limiter = Limiter({"m": {"tpm": 100, "ash": 10}})
    limiter.spend("m", {"ash": 15}, NOW)

    assert limiter.admit("m", Charge(1, 10), NOW) is None
    assert {"tpm": 90, "ash": 0} == left(limiter)


def test_what_is_given_back_can_be_taken_again() -> None:
    """
    Cached prompt tokens come back to the buckets of all tokens and of input tokens.
    """
    limiter = Limiter({"m": {"rpm": 10, "tpm": 100, "itpm": 100, "otpm": 100}})
    limiter.admit("m", Charge(1, 50, 50), NOW)
    limiter.give_back("m", Charge(0, input_tokens=30), NOW)

    assert {"rpm": 9, "tpm": 30, "itpm": 80, "otpm": 50} == left(limiter)


def test_models_have_buckets_of_their_own_and_unknown_ones_none() -> None:
    """
    Using one model leaves the others free; a model without limits is never refused.
    """
    limiter = Limiter({"m": {"rpm": 1}, "other": {"rpm": 1}})

    assert limiter.admit("m", Charge(), NOW) is None
    assert limiter.admit("m", Charge(), NOW) is not None
    assert limiter.admit("other", Charge(), NOW) is None
    assert all(limiter.admit("unlimited", Charge(1, 10**9), NOW) is None for _ in range(100))


def test_reset_refills_all() -> None:
    """
    After a reset nothing is in use.
    """
    limiter = Limiter({"m": {"rpd": 5}})
    limiter.spend("m", {"rpd": 5}, NOW)
    limiter.reset()

    assert {"rpd": 5} == left(limiter)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"rpx": 1}, "unknown limit 'rpx' of model 'm': choose from rpm, rpd"),
        ({"rpm": 0}, "limit rpm of model 'm' must be a whole number above 0, not 0"),
        ({"rpm": 1.5}, "limit rpm of model 'm' must be a whole number above 0, not 1.5"),
        ({"rpm": True}, "limit rpm of model 'm' must be a whole number above 0, not True"),
    ],
)
def test_a_table_that_cannot_be_is_refused(row: Mapping[str, int], message: str) -> None:
    """
    The message names the model, the limit and what is wrong.
    """
    with pytest.raises(ValueError, match=message):
        Limiter({"m": row})


def test_none_is_no_limit() -> None:
    """
    A limit of None is as good as none.
    """
    assert {"rpm": 1} == left(Limiter({"m": {"rpm": 1, "tpm": None}}))


def test_spending_from_a_limit_that_is_not_there_is_refused() -> None:
    """
    The message names the limit, and nothing is spent.
    """
    limiter = Limiter({"m": {"rpm": 9}})

    with pytest.raises(ValueError, match="model 'm' has no limit tpd to spend from"):
        limiter.spend("m", {"rpm": 1, "tpd": 1}, NOW)
    assert {"rpm": 9} == left(limiter)
