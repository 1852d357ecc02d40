"""
Seconds of audio that nobody measured are counted, and marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota import QuotaMeter, Usage
from groq_quota.demand import AudioDemand
from groq_quota.outcomes import Outcome
from groq_quota.policy import admit
from groq_quota.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from groq_quota.reservation import Reservation

MODEL = "whisper"


def reserve(meter: QuotaMeter, size: int = 80_000) -> Reservation:
    """
    A place for an upload of so many bytes, ten seconds by default.
    """
    demand = AudioDemand(MODEL, b"ID3".ljust(size))
    return admit(meter, MODEL, demand, max_wait=0)


@pytest.mark.parametrize(
    ("outcome", "seconds", "estimated"),
    [
        (Outcome(), 10, 10),
        (Outcome(usage=Usage(audio_seconds=7.5)), 7.5, 0),
        (Outcome(requests=2, lost=1, usage=Usage(audio_seconds=7.5)), 17.5, 10),
        (Outcome(requests=2, lost=1), 20, 20),
        (Outcome(requests=0, refused=1), 0, 0),
        (Outcome(requests=0), 0, 0),
    ],
    ids=["unsaid", "said", "said after a lost one", "unsaid after one", "refused", "released"],
)
def test_what_was_not_measured_is_marked(
    outcome: Outcome, seconds: float, estimated: float
) -> None:
    """
    What the answer said is not.
    """
    meter = QuotaMeter("memory://")
    meter.run(reserve(meter).ending(outcome))

    usage = meter.usage(MODEL)
    assert (seconds, estimated) == (usage.audio_seconds, usage.estimated_seconds)


@pytest.mark.parametrize("name", ["usage.json", "sqlite"])
def test_the_mark_is_kept_for_its_day(tmp_path: Path, name: str) -> None:
    """
    By every process that looks, until midnight; the seconds stay in the history.
    """
    clock = FakeClock()
    place = f"sqlite:///{tmp_path / 'usage.db'}" if name == "sqlite" else str(tmp_path / name)
    writer = QuotaMeter(place, clock=clock)
    writer.run(reserve(writer).ending(Outcome()))
    writer.close()

    reader = QuotaMeter(place, clock=clock)
    assert reader.usage(MODEL).estimated_seconds == 10
    clock.advance(86_400)
    assert reader.usage(MODEL).estimated_seconds == 0
    assert reader.history(2)[0].models[MODEL]["audio_seconds"] == 10
    reader.close()


def test_a_reset_clears_the_mark_with_its_count() -> None:
    """
    What was reserved before it leaves none behind.
    """
    meter = QuotaMeter("memory://")
    meter.run(reserve(meter).ending(Outcome()))
    meter.reset(MODEL)

    usage = meter.usage(MODEL)
    assert (usage.audio_seconds, usage.estimated_seconds) == (0, 0)


def test_whole_seconds_are_taken_from_a_limit() -> None:
    """
    As Groq prints them: three uploads of 2.5 seconds do not fit 8.
    """
    meter = QuotaMeter("memory://", limits={MODEL: {"ash": 8}}, clock=FakeClock())
    for _ in range(2):
        meter.run(reserve(meter, 20_000).ending(Outcome()))

    window = meter.usage(MODEL).window("ash")
    assert window is not None
    assert (6, 5.0) == (window.used, meter.usage(MODEL).audio_seconds)
