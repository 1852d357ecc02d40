"""
Commit and release: what is counted, charged and given back; days, resets, clocks.
"""

from __future__ import annotations

import pytest

from groq_quota.booking import Amount, Booking, admit, probe
from groq_quota.outcomes import Outcome
from groq_quota.reports import Status, Usage
from groq_quota.state import clone, is_blank, new_cell, reset

from .steps import DAY, MIDNIGHT, NOON, NOTHING, book, booked, denied, end, level, rules, spent


def test_a_release_leaves_nothing() -> None:
    """
    A model of which nothing else is known is not stored.
    """
    holds, cell = rules(rpm=5, rpd=5, tpm=100, tpd=100), new_cell()
    end(cell, holds, booked(cell, holds, 40))
    assert is_blank(cell)


def test_a_commit_counts_what_was_used() -> None:
    """
    The day and the lifetime have the usage, the hold is gone.
    """
    holds, cell = rules(rpd=5, tpd=100), new_cell()
    usage = Usage(30, 20, 10, 5, 1.5)
    end(cell, holds, booked(cell, holds, 40), Outcome(usage=usage))
    for counts in (cell["today"], cell["lifetime"]):
        assert (1, 30, 20, 10, 5, 1.5) == (
            counts["requests"],
            counts["tokens"],
            counts["prompt_tokens"],
            counts["completion_tokens"],
            counts["cached_tokens"],
            counts["audio_seconds"],
        )
    assert {"requests": 0, "tokens": 0, "audio_seconds": 0.0} == cell["held"]


def test_a_commit_may_pass_the_limit() -> None:
    """
    It never refuses: what was used was used.
    """
    holds, cell = rules(rpd=5, tpd=100), new_cell()
    end(cell, holds, booked(cell, holds, 40), spent(500))
    assert 500 == cell["today"]["tokens"]
    assert 0 < (denied(cell, holds).retry_after or 0)


def test_without_usage_the_estimate_stands() -> None:
    """
    Or what was seen of the answer.
    """
    holds, cell = rules(tpd=1000), new_cell()
    end(cell, holds, booked(cell, holds, 40), Outcome())
    assert 40 == cell["today"]["tokens"]
    end(cell, holds, booked(cell, holds, 40), Outcome(tokens=7))
    assert 47 == cell["today"]["tokens"]


def test_attempts_of_unknown_fate_are_requests_at_their_estimate() -> None:
    """
    Refused and failed attempts are counted apart.
    """
    holds, cell = rules(rpm=50, tpm=1000), new_cell()
    outcome = Outcome(requests=3, usage=Usage(30), lost=2, refused=4, failed=5)
    end(cell, holds, booked(cell, holds, 40), outcome)
    today = cell["today"]
    assert (3, 110, 4, 5) == (
        today["requests"],
        today["tokens"],
        today["refused"],
        today["failed"],
    )
    assert (3, 120) == (level(cell, "rpm"), level(cell, "tpm"))


def test_refusals_take_nothing_from_the_buckets() -> None:
    """
    What Groq refused it did not charge.
    """
    holds, cell = rules(rpm=50, tpm=1000), new_cell()
    end(cell, holds, booked(cell, holds, 40), Outcome(requests=0, refused=2))
    assert (0, 0) == (level(cell, "rpm"), level(cell, "tpm"))
    assert 2 == cell["today"]["refused"]


@pytest.mark.parametrize(
    ("amount", "usage", "rest", "charged"),
    [
        (Amount(100, 40, 60), Usage(50, 30, 20), "lost", 90),  # the answer's room is not given back
        (Amount(100, 40, 60), Usage(50, 30, 20), "back", 50),
        (Amount(100, 40, 60), Usage(50, 30, 20, 10), "lost", 80),  # cached tokens are
        (Amount(100, 40, 60), Usage(150, 30, 120), "lost", 150),
        (Amount(100), Usage(50), "lost", 100),
        (Amount(100), Usage(50), "back", 50),
        (Amount(100), Usage(50, 30, 20), "lost", 100),  # parts not known: one sum
        (Amount(100), Usage(50, 30, 20, 10), "lost", 90),
        (Amount(100), Usage(150, 100, 50), "lost", 150),
        (Amount(100, 40, 60), None, "lost", 100),
    ],
)
def test_buckets_take_what_groq_charges(
    amount: Amount, usage: Usage | None, rest: str, charged: int
) -> None:
    """
    Prompt and the answer's room at admission; cached tokens come back, the rest where it is known.
    """
    holds, cell = rules(tpm=1000), new_cell()
    cell["refund"] = True if rest == "back" else None
    booking = admit(cell, NOON, rules_of=lambda _: holds, amount=amount)
    assert isinstance(booking, Booking)
    end(cell, holds, booking, Outcome(usage=usage))
    assert charged == level(cell, "tpm")
    assert (amount.tokens if usage is None else usage.total_tokens) == cell["today"]["tokens"]


def test_input_output_and_audio_have_buckets_of_their_own() -> None:
    """
    Each takes its own part; seconds are taken whole.
    """
    holds, cell = rules(itpm=100, otpm=100, ash=100), new_cell()
    amount = Amount(70, 30, 40, audio_seconds=12.5)
    assert isinstance(admit(cell, NOON, rules_of=lambda _: holds, amount=amount), Booking)
    assert [30, 40, 13] == [level(cell, kind) for kind in ("itpm", "otpm", "ash")]


def test_lost_attempts_take_their_whole_estimate_in_every_part() -> None:
    """
    And more cached tokens than there were in the prompt take nothing below 0.
    """
    holds, cell = rules(tpm=1000, itpm=1000, otpm=1000), new_cell()
    booking = admit(cell, NOON, rules_of=lambda _: holds, amount=Amount(70, 30, 40))
    assert isinstance(booking, Booking)
    outcome = Outcome(requests=3, usage=Usage(30, 20, 10, 50), lost=2)
    end(cell, holds, booking, outcome)
    assert [150, 60, 120] == [level(cell, kind) for kind in ("tpm", "itpm", "otpm")]


def test_a_request_without_a_reservation_is_charged_in_full() -> None:
    """
    What was recorded counts in the buckets too.
    """
    holds, cell = rules(rpm=5, tpm=100), new_cell()
    end(cell, holds, None, Outcome(usage=Usage(30, 20, 10)))
    assert (1, 30) == (level(cell, "rpm"), level(cell, "tpm"))


def test_a_limit_that_appears_with_the_answer_has_its_request() -> None:
    """
    The bucket of a limit that was not known at the reservation starts with what was charged.
    """
    cell = new_cell()
    booking = booked(cell, rules(rpd=5), 40)
    end(cell, rules(rpd=5, tpm=100), booking, spent(40))
    assert 40 == level(cell, "tpm")
    other = new_cell()
    end(other, rules(rpd=5, tpm=100), booked(other, rules(rpd=5), 40))
    assert "tpm" not in other["windows"]


def test_a_commit_after_midnight_corrects_its_day() -> None:
    """
    Yesterday's row has it, today has nothing, the lifetime has it once.
    """
    holds, cell = rules(rpd=5, tpd=100), new_cell()
    booking = booked(cell, holds, 40, now=MIDNIGHT - 1)
    settled = end(cell, holds, booking, spent(30), now=MIDNIGHT + 1)
    assert ("2026-11-22", True) == (settled.day, settled.first_of_day)
    assert (0, 0) == (cell["today"]["requests"], cell["today"]["tokens"])
    assert 30 == cell["past"]["2026-11-22"]["tokens"] == cell["lifetime"]["tokens"]


def test_a_hold_of_yesterday_frees_nothing_of_today() -> None:
    """
    Today's reservation is still held after yesterday's was committed.
    """
    holds, cell = rules(rpd=1), new_cell()
    old = booked(cell, holds, now=MIDNIGHT - 1)
    booked(cell, holds, now=MIDNIGHT + 1)
    end(cell, holds, old, spent(0), now=MIDNIGHT + 2)
    assert 1 == cell["held"]["requests"]
    denied(cell, holds, now=MIDNIGHT + 3)


def test_a_release_after_midnight_leaves_no_row() -> None:
    """
    Nothing was sent, so nothing is said of yesterday.
    """
    holds, cell = rules(rpd=5), new_cell()
    booking = booked(cell, holds, now=MIDNIGHT - 1)
    end(cell, holds, booking, now=MIDNIGHT + 1)
    assert {} == cell["past"]


def test_a_reservation_from_before_a_reset_frees_nothing_after_it() -> None:
    """
    Neither of the day nor of the cleared buckets; a commit is charged in full.
    """
    holds = rules(rpd=1, tpm=100)
    for outcome, tokens in ((NOTHING, 60), (spent(60), 120)):
        cell = new_cell()
        old = booked(cell, holds, 60)
        reset(cell, NOON)
        booked(cell, holds, 60)
        end(cell, holds, old, outcome)
        assert (1, 60) == (cell["held"]["requests"], cell["held"]["tokens"])
        assert tokens == level(cell, "tpm")


def test_a_reset_keeps_what_was_taken_of_a_learned_limit() -> None:
    """
    Groq's own bucket knows of no reset: a commit after it is not charged again.
    """
    holds, cell = rules(tpm=100), new_cell()
    cell["learned"] = {"tpm": [100, NOON, "headers"]}
    old = booked(cell, holds, 60)
    reset(cell, NOON)
    assert 60 == level(cell, "tpm")
    end(cell, holds, old, spent(60))
    assert 60 == level(cell, "tpm")


def test_counters_never_fall_below_zero() -> None:
    """
    A hold that is freed twice by strange ways frees nothing of nobody.
    """
    holds, cell = rules(rpd=5, tpm=100), new_cell()
    booking = booked(cell, holds, 40)
    end(cell, holds, booking)
    end(cell, holds, booking)
    assert {"requests": 0, "tokens": 0, "audio_seconds": 0.0} == cell["held"]
    assert 0 == level(cell, "tpm")


def test_a_clock_that_goes_back_refills_nothing() -> None:
    """
    A full bucket stays full, and drains from the earlier time on.
    """
    holds, cell = rules(rpm=1), new_cell()
    booked(cell, holds)
    denied(cell, holds, now=NOON - 600)
    booking = book(cell, holds, now=NOON - 600, max_wait=60)
    assert isinstance(booking, Booking)
    assert 60.0 == booking.wait


def test_announced_once_per_day_and_state() -> None:
    """
    Each state when it is first reached, again on the next day and after a reset.
    """
    holds, cell = rules(rpd=4), new_cell()

    def said(count: int, now: float) -> list[Status | None]:
        return [end(cell, holds, None, spent(0), now=now).announce for _ in range(count)]

    day = [None, None, Status.WARNING, Status.LIMIT_REACHED, None]
    assert day == said(5, NOON)
    assert day == said(5, NOON + DAY)
    reset(cell, NOON + DAY)
    assert day == said(5, NOON + DAY)
    assert [None] == said(1, NOON + DAY - 3600)


def test_a_late_commit_of_yesterday_announces_nothing() -> None:
    """
    Yesterday's state is no news.
    """
    holds, cell = rules(rpd=1), new_cell()
    booking = booked(cell, holds, now=MIDNIGHT - 1)
    assert end(cell, holds, booking, spent(0), now=MIDNIGHT + 1).announce is None


def test_probing_books_nothing() -> None:
    """
    It says what `admit` would, and changes nothing but the day.
    """
    holds, cell = rules(rpm=2, tpm=100), new_cell()
    booked(cell, holds, 60)
    before = clone(cell)
    wait, denial = probe(cell, NOON, holds, Amount(60))
    assert before == cell
    assert denial is not None
    assert wait == denied(cell, holds, 60).retry_after


def test_without_enforcement_all_is_counted_and_nothing_blocked() -> None:
    """
    Also what is too large and what is blocked by 0.
    """
    holds, cell = rules(rpm=1, rpd=0, tpm=10), new_cell()
    for _ in range(3):
        booking = admit(cell, NOON, rules_of=lambda _: holds, amount=Amount(50), enforce=False)
        assert isinstance(booking, Booking)
        assert 0.0 == booking.wait
        end(cell, holds, booking, spent(50))
    assert (3, 150, 0) == tuple(cell["today"][name] for name in ("requests", "tokens", "blocked"))
    assert 150 == level(cell, "tpm")
