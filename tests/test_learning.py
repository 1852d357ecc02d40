"""
What answers teach about an account's limits.
"""

from __future__ import annotations

from groq_quota.learning import forget, learn, learned_limits
from groq_quota.limits import Learned
from groq_quota.state import new_cell

NOON = 1_795_348_800.0


def test_what_was_named_is_kept_with_its_date() -> None:
    """
    The first time it is new, the second time it is not.
    """
    cell = new_cell()
    assert learn(cell, NOON, {"rpd": 1000, "tpm": 8000})
    assert not learn(cell, NOON + 1, {"rpd": 1000, "tpm": 8000})
    assert {
        "rpd": Learned(1000, NOON, "headers"),
        "tpm": Learned(8000, NOON, "headers"),
    } == learned_limits(cell)


def test_a_change_is_news() -> None:
    """
    The account was upgraded.
    """
    cell = new_cell()
    learn(cell, NOON, {"tpm": 8000})
    assert learn(cell, NOON + 1, {"tpm": 250_000})
    assert Learned(250_000, NOON + 1, "headers") == learned_limits(cell)["tpm"]


def test_the_date_is_renewed_now_and_then() -> None:
    """
    Not with every answer, and it is no news.
    """
    cell = new_cell()
    learn(cell, NOON, {"tpm": 8000})
    assert not learn(cell, NOON + 3599, {"tpm": 8000})
    assert NOON == learned_limits(cell)["tpm"].at
    assert not learn(cell, NOON + 3600, {"tpm": 8000})
    assert NOON + 3600 == learned_limits(cell)["tpm"].at


def test_a_late_answer_overwrites_nothing_newer() -> None:
    """
    Answers of streams end in any order.
    """
    cell = new_cell()
    learn(cell, NOON, {"tpm": 8000})
    assert not learn(cell, NOON - 1, {"tpm": 6000})
    assert 8000 == learned_limits(cell)["tpm"].amount


def test_what_a_clock_far_ahead_has_seen_can_be_overwritten() -> None:
    """
    A clock that was set wrong by years does not keep a limit for years.
    """
    cell = new_cell()
    learn(cell, NOON + 400 * 86_400, {"tpm": 8000})
    assert learn(cell, NOON, {"tpm": 6000})
    assert Learned(6000, NOON, "headers") == learned_limits(cell)["tpm"]
    learn(cell, NOON + 400 * 86_400, {"rpd": 1000})
    assert not learn(cell, NOON, {"rpd": 1000})
    assert NOON == learned_limits(cell)["rpd"].at


def test_headers_of_another_plan_outdate_what_refusals_told() -> None:
    """
    What refusals name stands beside the headers, as long as those do not change.
    """
    cell = new_cell()
    learn(cell, NOON, {"tpm": 8000})
    learn(cell, NOON, {"otpm": 1000}, "refusal")
    learn(cell, NOON + 1, {"tpm": 8000})
    assert {"tpm", "otpm"} == set(learned_limits(cell))
    learn(cell, NOON + 2, {"tpm": 250_000})
    assert {"tpm"} == set(learned_limits(cell))


def test_what_was_learned_can_be_forgotten() -> None:
    """
    All limits at once, with the buckets that only they had; what was counted stays.
    """
    cell = new_cell()
    cell["lifetime"]["requests"] = 3
    learn(cell, NOON, {"tpm": 8000})
    cell["windows"] = {"tpm": [78.0, NOON], "rpm": [1.0, NOON]}
    assert forget(cell)
    assert {} == learned_limits(cell)
    assert {"rpm": [1.0, NOON]} == cell["windows"]
    assert not forget(cell)
    assert 3 == cell["lifetime"]["requests"]
