"""
Predictions of prompts: near and safe where texts stay alike, and soon again where they do not.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from groq_quota.estimate import careful_count, quick_bound
from groq_quota.prediction import Fits, Prediction, features, learn_prompt, predict_prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    Size = Callable[[random.Random], int]
    Bill = Callable[[random.Random, int], int]

# What the quick bound adds to a prompt's bytes.
CONSTANTS = 112
SIZES: dict[str, Size] = {
    "even": lambda rng: rng.randint(20, 20_000),
    "mostly short": lambda rng: int(20 * 1000 ** rng.random()),
    "few": lambda rng: rng.choice([20, 60, 200, 3_000, 19_000]),
}
BILLS: dict[str, Bill] = {
    "a quarter": lambda _, size: size // 4,
    "with a template": lambda _, size: -(-size // 4) + 8,
    "with a long template": lambda _, size: -(-size // 4) + 30,
    "a third": lambda _, size: size // 3 + 4,
    "a byte each": lambda _, size: size,
}
seeds = st.integers(0, 2**32)


class Program:
    """
    A program that asks prompts of random sizes, and what is known of them.
    """

    def __init__(self, size: Size, seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.size = size
        self.fits: Fits = {}

    def ask(self, bill: Bill) -> tuple[Prediction | None, int]:
        """
        What was predicted of a prompt, and what it was billed with.
        """
        size = self.size(self.random)
        known = {"quick": size + CONSTANTS}
        prediction = predict_prompt(self.fits, known)
        tokens = max(1, bill(self.random, size))
        learn_prompt(self.fits, known, tokens)
        return prediction, tokens

    def predictions(self, bill: Bill, count: int) -> list[tuple[Prediction, int]]:
        """
        The same for several prompts, once enough is known.
        """
        asked = [self.ask(bill) for _ in range(count)]
        return [(prediction, tokens) for prediction, tokens in asked if prediction is not None]


def under(asked: list[tuple[Prediction, int]]) -> int:
    """
    How many were billed with more than was safe to book.
    """
    return sum(prediction.most < tokens for prediction, tokens in asked)


def quarter(rng: random.Random, size: int) -> int:
    """
    As the simulator bills.
    """
    return size // 4


def digits(rng: random.Random, size: int) -> int:
    """
    As digits are billed on Qwen.
    """
    return size


class TestLines:
    @given(seeds, st.sampled_from([*SIZES]), st.sampled_from([*BILLS]))
    def test_sharp_and_never_under(self, seed: int, size: str, bill: str) -> None:
        """
        After 20 prompts, no more than 1 % and 3 tokens too much, and never too little.
        """
        program = Program(SIZES[size], seed)
        program.predictions(BILLS[bill], 20)
        asked = program.predictions(BILLS[bill], 500)

        assert 500 == len(asked)
        for prediction, tokens in asked:
            assert tokens <= prediction.most <= 1.01 * tokens + 3
            assert prediction.likely <= prediction.most
            assert abs(prediction.likely - tokens) <= 0.005 * tokens + 2

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("seed", range(20))
    def test_a_tenth_up_or_down(self, seed: int, size: str) -> None:
        """
        Texts that differ by 10 % are booked at some 12 % more, and one in 200 with too little.
        """

        def noisy(rng: random.Random, size: int) -> int:
            return round(size / 4 * rng.uniform(0.9, 1.1)) + 5

        program = Program(SIZES[size], seed)
        program.predictions(noisy, 20)
        asked = program.predictions(noisy, 2_000)
        booked = sum(prediction.most for prediction, _ in asked)
        billed = sum(tokens for _, tokens in asked)

        assert under(asked) <= 10
        assert booked <= 1.135 * billed

    def test_messages_add_their_marks(self) -> None:
        """
        Conversations of any length, whose templates add less than the bound has room for.
        """
        rng, fits, asked = random.Random(1), Fits(), []
        for _ in range(400):
            turns, size = rng.randint(1, 40), rng.randint(20, 20_000)
            known = {"quick": 96 + 16 * turns + size}
            tokens = 30 + 5 * turns + int(size / 4.2)
            prediction = predict_prompt(fits, known)
            learn_prompt(fits, known, tokens)
            if prediction is not None:
                asked.append((prediction, tokens))

        assert 392 == len(asked)
        assert under(asked) <= 8
        assert all(tokens <= most + 20 for (_, most), tokens in asked)
        assert all(most <= 1.05 * tokens + 40 for (_, most), tokens in asked[32:])


class TestFew:
    def test_unknown_until_eight(self) -> None:
        """
        Seven answers are too few.
        """
        program = Program(SIZES["even"])

        assert [] == program.predictions(quarter, 8)
        assert 1 == len(program.predictions(quarter, 1))

    def test_fewer_widen_the_bound(self) -> None:
        """
        With the same differences between texts, less is booked the longer they are known.
        """
        margins = []
        for count in (8, 30, 200):
            fits: Fits = {}
            for number in range(count):
                tokens = 1_000 + (50 if number % 2 else -50)
                learn_prompt(fits, {"quick": 4_000 + 20 * (number % 7)}, tokens)
            prediction = predict_prompt(fits, {"quick": 4_060})
            assert prediction is not None
            margins.append(prediction.most - prediction.likely)

        assert margins[0] > margins[1] > margins[2] > 50

    def test_sizes_that_were_never_seen(self) -> None:
        """
        From one size nothing follows for others, from a range of short prompts a little.
        """
        one, short = Fits(), Fits()
        rng = random.Random(2)
        for _ in range(40):
            learn_prompt(one, {"quick": 152}, 10)
            size = rng.randint(20, 60)
            learn_prompt(short, {"quick": size + CONSTANTS}, size // 4)

        assert Prediction(10, 12) == predict_prompt(one, {"quick": 152})
        for size in (1_000, 5_000, 20_000):
            known = {"quick": size + CONSTANTS}
            far, near = predict_prompt(one, known), predict_prompt(short, known)
            assert far is not None
            assert near is not None
            assert size // 4 <= far.most
            assert size // 4 <= near.most <= size // 2


class TestChange:
    def test_denser_texts(self) -> None:
        """
        From prose to digits: of the first it cannot be known, then at most one more is too many.
        """
        for seed in range(20):
            program = Program(SIZES["mostly short"], seed)
            program.predictions(quarter, 100)
            asked = program.predictions(digits, 200)

            assert under(asked[2:]) <= 1
            assert all(
                abs(prediction.likely - tokens) <= 0.05 * tokens + 20
                for prediction, tokens in asked[-50:]
            )

    def test_lighter_texts(self) -> None:
        """
        From digits to prose nothing is too little, and soon no more is booked than needed.
        """
        for seed in range(20):
            program = Program(SIZES["mostly short"], seed)
            program.predictions(digits, 100)
            asked = program.predictions(quarter, 100)

            assert under(asked) <= 1
            assert all(most <= 1.05 * tokens + 12 for (_, most), tokens in asked[-20:])

    def test_a_mixture(self) -> None:
        """
        Prose and digits by turns: the bound is that of digits.
        """

        def mixed(rng: random.Random, size: int) -> int:
            return rng.choice([size // 4, size])

        program = Program(SIZES["mostly short"])
        program.predictions(mixed, 100)

        assert under(program.predictions(mixed, 400)) <= 4

    @pytest.mark.parametrize("strange", [lambda *_: 1, digits])
    def test_one_outlier(self, strange: Bill) -> None:
        """
        One prompt that is billed otherwise is soon forgotten.
        """
        program = Program(SIZES["mostly short"])
        program.predictions(quarter, 60)
        program.ask(strange)
        asked = program.predictions(quarter, 60)

        assert 0 == under(asked)
        assert all(most <= 1.01 * tokens + 3 for (_, most), tokens in asked[20:])

    def test_what_cannot_be(self) -> None:
        """
        No usage, or more tokens than the prompt has bytes, teaches nothing.
        """
        program = Program(SIZES["even"])
        program.predictions(quarter, 60)
        before = json.dumps(program.fits)
        absurd: list[Any] = [0, -1, 10**9, 10**400, 1.5, float("nan"), None, "12", True]
        for tokens in absurd:
            learn_prompt(program.fits, {"quick": 1_000}, tokens)
        learn_prompt(program.fits, {}, 12)
        learn_prompt(program.fits, {"quick": 10**400}, 12)

        assert before == json.dumps(program.fits)


class TestFeatures:
    def test_the_sharper_one(self) -> None:
        """
        Where the careful count was made, it tells digits from prose; else the bound has to do.
        """
        rng, fits = random.Random(3), Fits()
        for number in range(200):
            size = rng.randint(200, 4_000)
            tokens = size if number % 2 else size // 4
            known = {"quick": size + CONSTANTS, "careful": tokens + 40}
            learn_prompt(fits, known if number % 3 else {"quick": known["quick"]}, tokens)

        both = predict_prompt(fits, {"quick": 1_112, "careful": 290})
        assert both is not None
        assert 250 <= both.most <= 256
        alone = predict_prompt(fits, {"quick": 1_112})
        assert alone is not None
        assert alone.most >= 1_000
        assert both == predict_prompt(fits, {"careful": 290, "quick": 1_112, "other": 7})

    def test_of_estimates(self) -> None:
        """
        The bound alone is always known; of images Groq's two counts differ, so nothing is.
        """
        body = {"model": "groq/compound", "messages": [{"role": "user", "content": "How far?"}]}
        part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        image = {"messages": [{"role": "user", "content": [part]}]}
        bound, careful = quick_bound(body), careful_count(body)

        assert {"quick": bound.prompt} == features(bound)
        assert {"quick": bound.prompt, "careful": careful.prompt} == features(bound, careful)
        exact = careful._replace(exact=9)
        assert {"quick": bound.prompt, "exact": 9} == features(bound, exact)
        assert {} == features(quick_bound(image), careful_count(image))
        assert {} == features(quick_bound({}))
        assert predict_prompt({}, {}) is None

    def test_within_its_bounds(self) -> None:
        """
        Whatever was learned, a prompt has at least one token, and no more than its bytes.
        """
        program = Program(SIZES["even"])
        program.predictions(digits, 50)

        for size in range(1, 200):
            prediction = predict_prompt(program.fits, {"quick": size})
            assert prediction is not None
            assert 1 <= prediction.likely <= prediction.most <= size


numbers = st.floats() | st.integers() | st.none() | st.text() | st.booleans()
states = st.lists(numbers, min_size=11, max_size=13) | st.lists(numbers) | numbers


class TestStored:
    def test_as_json(self) -> None:
        """
        What was learned can be stored as JSON, and then predicts the same.
        """
        program = Program(SIZES["mostly short"])
        for bill in (*BILLS.values(), lambda rng, size: size // rng.randint(2, 5)):
            program.predictions(bill, 30)
            stored = json.loads(json.dumps(program.fits))

            assert stored == program.fits
            for size in (20, 500, 20_000):
                known = {"quick": size + CONSTANTS}
                assert predict_prompt(program.fits, known) == predict_prompt(stored, known)

    def test_lists_are_replaced(self) -> None:
        """
        A copy of the dict keeps what it had, as cells are copied.
        """
        program = Program(SIZES["even"])
        copies = []
        for _ in range(60):
            program.ask(quarter)
            copies.append((program.fits.copy(), json.dumps(program.fits)))

        assert all(json.dumps(copy) == before for copy, before in copies)
        # What was predicted well is not written again.
        assert copies[-1][0]["quick"] is copies[-2][0]["quick"]

    @given(states)
    @example([float("nan")] * 12)
    @example([1e308] * 12)
    @example([100, 1, 1e300, 1e300, 1, 1, 0, 0, 0, 0, 0, 0])
    @example([10**400] * 12)
    @example({})
    def test_rubbish_is_unknown(self, state: Any) -> None:
        """
        Whatever stands there, nothing raises, and predictions keep their bounds.
        """
        fits: Fits = {"quick": state, "careful": state}
        known = {"quick": 500, "careful": 200}

        for _ in range(3):
            prediction = predict_prompt(fits, known)
            assert prediction is None or 1 <= prediction.likely <= prediction.most <= 500
            learn_prompt(fits, known, 120)

    def test_after_rubbish(self) -> None:
        """
        It is learned anew.
        """
        fits: Fits = {"quick": [float("nan")] * 12}
        for size in range(100, 2_000, 100):
            assert predict_prompt(fits, {"quick": size}) is None or size > 800
            learn_prompt(fits, {"quick": size}, size // 4)

        assert Prediction(250, 252) == predict_prompt(fits, {"quick": 1_000})
