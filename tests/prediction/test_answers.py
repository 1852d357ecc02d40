"""
The usual length of answers, where requests do not limit it.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groq_quota.prediction import Fits, learn_answer, usual_answer


def taught(lengths: list[int]) -> Fits:
    """
    What was learned from answers.
    """
    fits: Fits = {}
    for length in lengths:
        learn_answer(fits, length)
    return fits


class TestUsual:
    def test_at_first(self) -> None:
        """
        As Groq's documentation has it, until ten answers were seen; then nearly the longest.
        """
        lengths = [300, 20, 410, 500, 90, 80, 700, 310, 120, 60]

        for seen in range(10):
            assert 1_024 == usual_answer(taught(lengths[:seen]))
        assert 640 <= usual_answer(taught(lengths)) <= 760

    @pytest.mark.parametrize("length", [17, 300, 4_000, 131_072])
    def test_always_the_same(self, length: int) -> None:
        """
        Of answers of one length, at most a fifth more.
        """
        assert length <= 1.01 * usual_answer(taught([length] * 100)) <= 1.2 * length

    def test_never_below_16(self) -> None:
        """
        However short they are.
        """
        assert 16 == usual_answer(taught([0] * 100))

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("shape", ["even", "long tail"])
    def test_19_of_20(self, seed: int, shape: str) -> None:
        """
        About 95 of 100 answers stay within it.
        """
        rng = random.Random(seed)
        lengths = [
            rng.randint(1, 2_000) if shape == "even" else int(rng.lognormvariate(5.5, 1))
            for _ in range(2_000)
        ]
        usual = usual_answer(taught(lengths))

        assert 0.92 <= sum(length <= usual for length in lengths) / len(lengths) <= 0.98

    def test_longer_answers(self) -> None:
        """
        Longer ones are noticed within twenty, shorter ones within some hundreds.
        """
        rng = random.Random(1)
        fits = taught([rng.randint(100, 200) for _ in range(2_000)])
        assert usual_answer(fits) <= 210

        for _ in range(20):
            learn_answer(fits, rng.randint(1_000, 2_000))
        assert usual_answer(fits) >= 1_000

        for _ in range(500):
            learn_answer(fits, rng.randint(100, 200))
        assert usual_answer(fits) <= 210


numbers = st.floats() | st.integers() | st.none() | st.text() | st.booleans()
states = st.lists(st.floats() | st.integers(), max_size=60) | st.lists(numbers) | numbers


class TestStored:
    def test_as_json(self) -> None:
        """
        What was learned can be stored as JSON, before and after markers are there.
        """
        for count in (0, 1, 4, 5, 6, 10, 100, 600):
            fits = taught([number * 7 % 900 for number in range(count)])
            stored = json.loads(json.dumps(fits))

            assert stored == fits
            assert usual_answer(stored) == usual_answer(fits)
            learn_answer(fits, 50)
            learn_answer(stored, 50)
            assert stored == fits

    def test_lists_are_replaced(self) -> None:
        """
        A copy of the dict keeps what it had, as cells are copied.
        """
        fits = taught([100] * 20)
        copy, before = fits.copy(), json.dumps(fits)
        learn_answer(fits, 900)

        assert before == json.dumps(copy) != json.dumps(fits)

    def test_what_cannot_be(self) -> None:
        """
        Lengths that are none teach nothing.
        """
        fits = taught([100] * 20)
        before = json.dumps(fits)
        absurd: list[Any] = [-1, 10**12, 10**400, 1.5, float("nan"), None, "12", True]
        for length in absurd:
            learn_answer(fits, length)

        assert before == json.dumps(fits)

    @given(states)
    @example([float("nan")] * 11)
    @example([10**400] * 11)
    @example([1e11] * 53)
    @example({})
    def test_rubbish_is_unknown(self, state: Any) -> None:
        """
        Whatever stands there, nothing raises, and it is learned anew.
        """
        fits: Fits = {"answer": state}

        assert 16 <= usual_answer(fits) <= 131_072
        for _ in range(20):
            learn_answer(fits, 300)
        assert 16 <= usual_answer(fits) <= 131_072

    @given(st.lists(st.integers(0, 100_000), min_size=10, max_size=700))
    def test_within_what_was_seen(self, lengths: list[int]) -> None:
        """
        Never shorter than the shortest, nor longer than the longest, but for a class's width.
        """
        usual = usual_answer(taught(lengths))

        assert max(16, 0.84 * min(lengths)) <= usual <= max(16, 1.2 * max(lengths))
