"""
What is admitted, what is refused and why.
"""

from __future__ import annotations

import pytest

from groq_quota.booking import Amount, Booking, Denial, Rules, admit, status_of, turn_away
from groq_quota.limits import Limit
from groq_quota.outcomes import Outcome
from groq_quota.reports import Status
from groq_quota.state import Cell, clone, new_cell

from .steps import DAY, NOON, booked, denied, end, level, rules, spent


def test_a_booking_takes_from_every_window() -> None:
    """
    One request and its tokens, of the day and of each bucket.
    """
    cell = new_cell()
    booked(cell, rules(rpm=5, rpd=5, tpm=100, tpd=100), 40)
    assert {"requests": 1, "tokens": 40, "audio_seconds": 0.0} == cell["held"]
    assert [1, 1, 40, 40] == [level(cell, kind) for kind in ("rpm", "rpd", "tpm", "tpd")]


@pytest.mark.parametrize("kind", ["rpm", "rpd", "tpm", "tpd"])
def test_where_one_window_is_full_nothing_is_taken_from_any(kind: str) -> None:
    """
    A refused request is counted as blocked and leaves no other trace.
    """
    amounts = {"rpm": 9, "rpd": 9, "tpm": 900, "tpd": 900}
    holds = rules(**{**amounts, kind: 1 if kind.startswith("r") else 60})
    cell = new_cell()
    booked(cell, holds, 50)
    before = clone(cell)
    denial = denied(cell, holds, 50)
    assert kind == denial.limit.kind
    assert 1 == cell["today"].pop("blocked") == cell["lifetime"].pop("blocked")  # type: ignore[misc]  # both are looked at without it
    before["today"].pop("blocked")  # type: ignore[misc]  # both are looked at without it
    before["lifetime"].pop("blocked")  # type: ignore[misc]  # both are looked at without it
    assert before == cell


def test_a_refusal_that_is_not_final_is_not_even_counted() -> None:
    """
    The caller asks again with a better estimate.
    """
    holds, cell = rules(tpm=10), new_cell()
    booked(cell, holds, 10)
    before = clone(cell)
    denial = admit(cell, NOON, rules_of=lambda _: holds, amount=Amount(1), final=False)
    assert isinstance(denial, Denial)
    assert before == cell


def test_the_longest_wait_binds() -> None:
    """
    Of two full buckets the one that is free last is named.
    """
    holds, cell = rules(rpm=1, tpm=10), new_cell()
    booked(cell, holds, 5)
    denial = denied(cell, holds, 10)
    assert ("rpm", 60.0) == (denial.limit.kind, denial.retry_after)
    holds, cell = rules(rpm=2, tpm=10), new_cell()
    booked(cell, holds, 10)
    booked(cell, holds, 0, now=NOON + 30)
    denial = denied(cell, holds, 10, now=NOON + 30)
    assert ("tpm", 30.0) == (denial.limit.kind, denial.retry_after)


def test_assumed_limits_are_counted_but_not_enforced() -> None:
    """
    What was taken before a limit is confirmed counts from then on.
    """
    assumed = Rules([Limit("rpm", 1, "table", confirmed=False)])
    cell = new_cell()
    booked(cell, assumed)
    booked(cell, assumed)
    denial = denied(cell, rules(rpm=1))
    assert 2 == denial.used


def test_an_assumed_daily_limit_is_not_enforced_and_has_no_status() -> None:
    """
    Only confirmed limits hold.
    """
    cell = new_cell()
    assumed = Rules([Limit("rpd", 1, "table", confirmed=False)])
    for _ in range(3):
        end(cell, assumed, booked(cell, assumed), spent(0))
    assert Status.NORMAL is status_of(cell, NOON, assumed)


def test_none_is_unlimited_and_zero_is_blocked() -> None:
    """
    Of None nothing is kept; 0 never fits, is not too large a request, and has no wait.
    """
    cell = new_cell()
    booked(cell, rules(rpm=None, rpd=None, tpm=None, tpd=None), 10**9)
    assert {} == cell["windows"]
    for kind in ("rpm", "rpd", "tpm", "tpd", "otpm"):
        for tokens in (0, 5):
            denial = denied(new_cell(), rules(**{kind: 0}), tokens, max_wait=1e9)
            assert (kind, None, False) == (
                denial.limit.kind,
                denial.retry_after,
                denial.too_large,
            )


def test_blocked_is_the_highest_status() -> None:
    """
    A daily limit of 0 is always reached.
    """
    assert Status.LIMIT_REACHED is status_of(new_cell(), NOON, rules(rpd=0))


@pytest.mark.parametrize("kind", ["tpm", "tpd"])
def test_larger_than_the_limit_never_fits(kind: str) -> None:
    """
    However empty the window is; a request that just fills it fits.
    """
    holds = rules(**{kind: 100})
    denial = denied(new_cell(), holds, 101, max_wait=1e9)
    assert (True, None, 101) == (denial.too_large, denial.retry_after, denial.requested)
    booked(new_cell(), holds, 100)


@pytest.mark.parametrize("kind", ["tpm", "tpd"])
def test_larger_than_what_is_left_fits_later(kind: str) -> None:
    """
    That is another refusal: with a wait, and with what was asked for.
    """
    holds, cell = rules(**{kind: 100}), new_cell()
    booked(cell, holds, 60)
    denial = denied(cell, holds, 41)
    assert (False, 60, 41) == (denial.too_large, denial.used, denial.requested)
    assert denial.retry_after is not None
    assert denial.retry_after > 0


@pytest.mark.parametrize("kind", ["tpm", "tpd"])
def test_in_doubt_groq_decides(kind: str) -> None:
    """
    Too large by the upper estimate alone: given the whole window, once it is free.
    """
    holds, doubtful = rules(**{kind: 100}), Amount(150, floor=80)

    def ask(cell: Cell, amount: Amount) -> Booking | Denial:
        return admit(cell, NOON, rules_of=lambda _: holds, amount=amount)

    assert isinstance(ask(new_cell(), doubtful), Booking)
    used = new_cell()
    booked(used, holds, 1)
    denial = ask(used, doubtful)
    assert isinstance(denial, Denial)
    assert (False, 100) == (denial.too_large, denial.requested)
    surely = ask(new_cell(), Amount(150, floor=101))
    assert isinstance(surely, Denial)
    assert surely.too_large


def test_the_wait_for_a_day_is_the_rest_of_it() -> None:
    """
    The calendar day ends at midnight UTC; a day that is ahead of the clock ends a day later.
    """
    holds, cell = rules(rpd=1), new_cell()
    booked(cell, holds)
    assert DAY / 2 == denied(cell, holds).retry_after
    assert DAY / 2 + 3600 == denied(cell, holds, now=NOON - 3600).retry_after
    assert DAY + 3600 == denied(cell, holds, now=NOON - DAY / 2 - 3600).retry_after


def test_the_wait_for_a_minute_is_groqs() -> None:
    """
    Excess by limit times period, as the bucket drains.
    """
    holds, cell = rules(tpm=6000), new_cell()
    booked(cell, holds, 5000)
    denial = denied(cell, holds, 2000, now=NOON + 6)
    assert (4400.0, 4.0) == (denial.used, denial.retry_after)
    booked(cell, holds, 2000, now=NOON + 10)


def test_a_day_is_never_waited_for() -> None:
    """
    However long the caller would wait.
    """
    holds, cell = rules(rpd=1), new_cell()
    booked(cell, holds)
    denied(cell, holds, max_wait=float("inf"))
    assert "requests" not in cell["hours"]
    assert 1 == cell["held"]["requests"]


def test_a_refusal_by_a_minute_tells_the_models_status() -> None:
    """
    A model near its daily limit is near it also when a bucket refuses.
    """
    holds, cell = rules(rpm=3, rpd=4), new_cell()
    for _ in range(3):
        end(cell, holds, booked(cell, holds), spent(0))
    assert Status.WARNING is denied(cell, holds).status


@pytest.mark.parametrize("amount", [3, 4, 7, 40, 1000, 14_400, 10**15 + 1])
def test_states_begin_at_whole_numbers(amount: int) -> None:
    """
    75, 90 and 100 % are reached by the first number that is not below, without rounding.
    """
    holds = rules(rpd=amount)
    cell = new_cell()
    for percent, status, below in (
        (75, Status.WARNING, Status.NORMAL),
        (90, Status.CRITICAL, Status.WARNING),
        (100, Status.LIMIT_REACHED, Status.CRITICAL),
    ):
        first = -(-percent * amount // 100)
        cell["today"]["requests"] = first
        assert status.rank <= status_of(cell, NOON, holds).rank
        cell["today"]["requests"] = first - 1
        assert below.rank >= status_of(cell, NOON, holds).rank


def test_the_status_is_that_of_the_fullest_daily_limit() -> None:
    """
    Tokens count as requests do; reservations and minutes do not.
    """
    holds, cell = rules(rpm=1, rpd=100, tpd=100), new_cell()
    cell["today"]["requests"], cell["today"]["tokens"] = 10, 91
    cell["held"]["tokens"] = 9
    assert Status.CRITICAL is status_of(cell, NOON, holds)


def test_audio_is_held_and_counted() -> None:
    """
    Seconds of audio have a daily limit of their own; what is asked for is taken whole.
    """
    holds, cell = rules(asd=30), new_cell()

    def ask(seconds: float) -> Booking | Denial:
        amount = Amount(audio_seconds=seconds)
        return admit(cell, NOON, rules_of=lambda _: holds, amount=amount)

    first, second = ask(12.5), ask(12.5)
    assert isinstance(first, Booking)
    assert isinstance(second, Booking)
    denial = ask(5.5)
    assert isinstance(denial, Denial)
    assert (25.0, 6) == (denial.used, denial.requested)
    end(cell, holds, first)
    end(cell, holds, second, Outcome())
    assert (0.0, 12.5) == (cell["held"]["audio_seconds"], cell["today"]["audio_seconds"])


# -- what bars any request ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "barred"),
    [({"rpd": 1}, "rpd"), ({"tpd": 10}, "tpd"), ({"rpm": 0}, "rpm"), ({"otpm": 0}, "otpm")],
)
def test_a_day_that_is_used_up_bars_and_so_does_zero(limits: dict[str, int], barred: str) -> None:
    """
    It is counted as blocked, and nothing is booked.
    """
    holds, cell = rules(**limits), new_cell()
    if barred.endswith("d"):
        end(cell, holds, booked(cell, holds, 10), spent(10))
    before = clone(cell)
    denial = turn_away(cell, NOON, rules_of=lambda _: holds)
    assert denial is not None
    assert barred == denial.limit.kind
    assert 1 == cell["today"]["blocked"] == cell["lifetime"]["blocked"]
    assert (before["held"], before["windows"]) == (cell["held"], cell["windows"])


@pytest.mark.parametrize("limits", [{"rpm": 1}, {"tpm": 10}, {"rpd": 2}, {}])
def test_what_can_be_waited_for_bars_nothing(limits: dict[str, int]) -> None:
    """
    Nor does a day with something left; then nothing is counted.
    """
    holds, cell = rules(**limits), new_cell()
    end(cell, holds, booked(cell, holds, 10), spent(10))
    assert turn_away(cell, NOON, rules_of=lambda _: holds) is None
    assert 0 == cell["today"]["blocked"]
