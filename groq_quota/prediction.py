"""
Estimates that learn: what prompts and answers of a model took before, and so what the next will.

Groq's tokens go nearly in proportion to what can be known of a prompt beforehand, the bytes that
it has or a careful count of it; the factor differs by model and by kind of text. For each such
feature a line is fitted to the latest answers, with a bound on how far they lay above it.

All is kept in a plain dict, `fits`, empty at first, which a cell can hold: lists of numbers by
name. Lists are replaced, never changed in place; what is not as it should be counts as unknown, and
nothing here raises.

- `quick`, `careful`, `exact`, the names of features, have 12 numbers: answers fitted; the sum of
  their weights; the weighted means of feature and tokens; the weighted sums of the feature's
  squares and of its products with tokens, about these means; how far answers lay above the line,
  in tokens, for short prompts, lately and in the present block of answers; the same as a share of
  the line, for all other prompts; the share that a sudden change adds, and for how many answers.
- `answer` has how many answers were of each class of length, up to the longest one seen; the
  classes are those of `_CLASSES`.
"""

from __future__ import annotations

from math import ceil, log2, sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

from .outcomes import Amount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .estimate import Estimate
    from .reports import Usage

__all__ = [
    "Fits",
    "Prediction",
    "features",
    "foretold",
    "learn_answer",
    "learn_prompt",
    "predict_prompt",
    "taught",
    "usual_answer",
]

Fits = dict[str, list[float]]

# Answers before a prediction is made, and before one that fits it well is passed over.
_ENOUGH = 8
_WELL_KNOWN = 32
# Of the weight of earlier answers, what is left after each: the memory is of some 100 answers.
_KEPT = 1 - 1 / 96
# How far answers lay above the line is kept for the latest so many, and the as many before them.
_BLOCK = 64
_FIRST_BLOCKS = (16, 32)
_COUNTED = 4 * _BLOCK
# A sudden change is one in so many answers; a second one within them is a change of the texts.
_ALERT = 16
# Answers that the earlier ones are worth after that.
_DOUBTED = 2.0
# How much prompts must differ in size for their own slope to count: the sum of squares.
_STIFF = 0.1
# The share that is added at first, then less and less.
_UNSURE = 0.5
# Steeper than any line: careful counts are not that far too low.
_STEEPEST = 4.0
# More than any prompt has.
_HUGE = 1e12
# What numbers of another kind, or too few of them, come to.
_BROKEN = (ArithmeticError, LookupError, TypeError, ValueError)


class Prediction(NamedTuple):
    """
    The tokens of a prompt: what it will probably be counted as, and what is safe to book.
    """

    likely: int
    most: int


def features(bound: Estimate, count: Estimate | None = None) -> dict[str, int]:
    """
    What is known of a prompt beforehand: its quick bound, and its careful count if there is one.

    Empty if it has images or audio: Groq's limiter charges them flat, its answers say otherwise.
    """
    if bound.flat or bound.prompt < 1:
        return {}
    if count is None:
        return {"quick": bound.prompt}
    if count.exact is None:
        return {"quick": bound.prompt, "careful": count.prompt}
    return {"quick": bound.prompt, "exact": count.exact}


def foretold(fits: Mapping[str, list[float]], amount: Amount) -> Amount:
    """
    The amount that is safe to book by what was learned; the same object where nothing was.

    Never below its floor, and never above an exact count. The length of an answer is foretold where
    the request does not limit it.
    """
    booked, features = amount.prompt, amount.features
    sharpest = _sharpest(fits, features)
    prompt = booked if sharpest is None else min(ceil(sharpest[0] + sharpest[1]), features["quick"])
    if "exact" in features:
        prompt = min(prompt, booked)
    output = amount.output if amount.capped else usual_answer(fits) * amount.answers
    if prompt == booked and output == amount.output:
        return amount
    tokens = max(prompt + output, amount.floor or 0)
    return Amount(tokens, tokens - output, output, *amount[3:])


def taught(fits: Fits, amount: Amount, usage: Usage) -> Fits:
    """
    The same with what an answer to a request of that amount teaches.
    """
    features, tokens = amount.features, usage.prompt_tokens
    new = bool(features and tokens) and not (
        len(features) == 1 and _as_foretold(fits, amount, tokens)
    )
    open_ended = not amount.capped and usage.completion_tokens > 0
    if new or open_ended:
        fits = fits.copy()
    if new:
        learn_prompt(fits, features, tokens)
    if open_ended:
        learn_answer(fits, usage.completion_tokens // amount.answers)
    return fits


def _as_foretold(fits: Fits, amount: Amount, tokens: int) -> bool:
    # Nearly all answers: of prompts that are known well, and that took what was booked for them. As
    # `_fitted` would find, without its arithmetic.
    ((name, feature),) = amount.features.items()
    if not (amount.prompt < feature and 0 <= amount.prompt - tokens <= 2.0 + 0.01 * tokens):
        return False
    state = fits.get(name, _NEW)
    return len(state) == len(_NEW) and state[0] >= _WELL_KNOWN and not state[11]


# --- prompts -----------------------------------------------------------------------------------


def learn_prompt(fits: Fits, features: Mapping[str, int], prompt_tokens: int) -> None:
    """
    Learn from an answer's `usage.prompt_tokens`, and from what `features` said of its prompt.

    Tokens that no prompt of that size can have are ignored, as are texts that were known well and
    came out as predicted.
    """
    quick = features.get("quick", 0)
    if type(prompt_tokens) is not int or not 0 < prompt_tokens <= quick < _HUGE:
        return
    for name, feature in features.items():
        if 0 < feature <= quick:
            old = fits.get(name, _NEW)
            try:
                new = _fitted(old, feature, prompt_tokens)
            except _BROKEN:
                new = _fitted(_NEW, feature, prompt_tokens)
            if new is not old:
                fits[name] = new


def predict_prompt(
    fits: Mapping[str, list[float]], features: Mapping[str, int]
) -> Prediction | None:
    """
    The tokens of a prompt of these `features`, between 1 and its quick bound; None if unknown.

    Of several features the one counts by which the prompts before were told most sharply.
    """
    sharpest = _sharpest(fits, features)
    if sharpest is None:
        return None
    line, margin = sharpest
    most = min(ceil(line + margin), features["quick"])
    return Prediction(min(round(line), most), most)


def _sharpest(
    fits: Mapping[str, list[float]], features: Mapping[str, int]
) -> tuple[float, float] | None:
    """
    The tokens on the line, and the margin above it, by the best known of the features; None if none
    is known.
    """
    best: tuple[float, float] | None = None
    for name, feature in features.items():
        state = fits.get(name)
        if state is None:
            continue
        try:
            if len(state) == len(_NEW) and state[0] >= _ENOUGH and feature > 0:
                found = _line(state, feature)
                if best is None or found[1] < best[1]:
                    best = found
        except _BROKEN:
            continue
    return best if features.get("quick", 0) >= 1 else None


_NEW: Final = [0.0] * 12


def _line(state: list[float], feature: float) -> tuple[float, float]:
    """
    The tokens on the line at a feature, at least 1, and the margin above it that is safe.

    Raises:
        ArithmeticError, LookupError, TypeError, ValueError: If the state is none.
    """
    count, _, mean_x, mean_y, sxx, sxy, near, _, far, _, shock, _ = state
    away = feature - mean_x
    line = max(1.0, mean_y + _slope(mean_x, mean_y, sxx, sxy) * away)
    # The fewer prompts there were of such a size, the less is known of them.
    lever = abs(away) / sqrt(mean_x * sxx + 1.0)
    margin = (
        1.0
        + 0.001 * line
        + (1.15 + 10.0 / count) * (near + far * line)
        + lever * (1.0 + near + far * mean_y)
        + shock * (line + mean_y)
    )
    if not (0.0 < margin < _HUGE and line < _HUGE):  # not a number is neither
        raise ValueError(margin)
    return line, margin


def _fitted(state: list[float], feature: int, tokens: int) -> list[float]:
    """
    The state with one more answer; the same object where it says nothing new.

    Raises:
        ArithmeticError, LookupError, TypeError, ValueError: If the state is none.
    """
    count, weight, mean_x, mean_y, sxx, sxy, near, near_now, far, far_now, shock, alert = state
    line = above = 0.0
    if count:
        line, margin = _line(state, feature)
        above = tokens - line
        if count >= _WELL_KNOWN and not alert and 0.0 <= margin - above <= 2.0 + 0.01 * tokens:
            return state
        margin -= shock * (line + mean_y)
        surprise = count >= _ENOUGH and abs(above) > 2.0 * margin + 0.05 * line + 4.0
        if surprise:
            shock = max(shock, above / (line + mean_y), 0.0)
            if not alert:
                return [*state[:10], shock, _ALERT]
            shock = max(shock, _UNSURE)
            doubt = _DOUBTED / min(count, 96.0)
            weight, sxx, sxy = weight * doubt, sxx * doubt, sxy * doubt
            count, alert = _ENOUGH - 1.0, _ALERT
            near = near_now = far = far_now = 0.0
        elif alert:
            shock -= shock / alert
            alert -= 1
    # In proportion to their size the tokens of long prompts are off by as much as those of short.
    share = 1.0 / feature
    weight = weight * _KEPT + share
    away = feature - mean_x
    mean_x += away * share / weight
    off = (tokens - mean_y) * share
    mean_y += off / weight
    sxx = sxx * _KEPT + share * away * (feature - mean_x)
    sxy = sxy * _KEPT + off * (feature - mean_x)
    count = count + 1.0 if count < _COUNTED else _COUNTED - _BLOCK + 1.0
    if not count % _BLOCK or count in _FIRST_BLOCKS:
        near, near_now, far, far_now = near_now, 0.0, far_now, 0.0
    if above > far_now * line:
        # By the line as it is now, which has come nearer.
        line = max(1.0, mean_y + _slope(mean_x, mean_y, sxx, sxy) * (feature - mean_x))
        above = tokens - line - 1.0
        if line < mean_y / 2:
            near_now = max(near_now, above - far * line)
            near = max(near, near_now)
        else:
            far_now = max(far_now, (above - near) / line)
            far = max(far, far_now)
    return [count, weight, mean_x, mean_y, sxx, sxy, near, near_now, far, far_now, shock, alert]


def _slope(mean_x: float, mean_y: float, sxx: float, sxy: float) -> float:
    # It tends to the mean ratio where all prompts were of a size.
    slope = (sxy + _STIFF * mean_y / mean_x) / (sxx + _STIFF)
    return slope if 0.0 <= slope <= _STEEPEST else min(max(0.0, slope), _STEEPEST)


# --- answers -----------------------------------------------------------------------------------

# As for answers that never were seen: Groq's documentation names it.
_FIRST_ANSWER = 1_024
# No answer is said to be shorter. Four classes of length to each doubling, up to 131,072.
_SHORTEST = 16
_PER_DOUBLING = 4
_CLASSES = tuple(_SHORTEST * 2 ** (at / _PER_DOUBLING) for at in range(13 * _PER_DOUBLING + 1))
# The share of longer answers; how many answers must have been seen, and how many count.
_LONGER = 0.05
_SEEN = 10
_REMEMBERED = 256


def learn_answer(fits: Fits, completion_tokens: int) -> None:
    """
    Learn from one answer's length in tokens, where the request did not limit it.
    """
    if type(completion_tokens) is not int or not 0 <= completion_tokens < _HUGE:
        return
    lengths = _lengths(fits)
    at = ceil(_PER_DOUBLING * log2(max(_SHORTEST, completion_tokens) / _SHORTEST))
    at = min(at, len(_CLASSES) - 1)
    lengths += [0] * (at + 1 - len(lengths))
    lengths[at] += 1
    if sum(lengths) >= _REMEMBERED:
        lengths = [round(count / 2, 3) for count in lengths]
    fits["answer"] = lengths


def usual_answer(fits: Mapping[str, list[float]]) -> int:
    """
    The length in tokens that 95 of 100 answers stay within, of few nearly all; 1,024 at first.
    """
    lengths = _lengths(fits)
    total = sum(lengths)
    if total < _SEEN:
        return _FIRST_ANSWER
    longer = _LONGER * total
    for at in range(len(lengths) - 1, 0, -1):
        if longer < lengths[at]:
            step = _CLASSES[at] - _CLASSES[at - 1]
            return ceil(_CLASSES[at] - step * longer / lengths[at])
        longer -= lengths[at]
    return _SHORTEST


def _lengths(fits: Mapping[str, list[float]]) -> list[float]:
    """
    A copy of the classes' counts; empty if they are none.
    """
    try:
        lengths = list(fits.get("answer", ()))
        counts = min(lengths, default=0) >= 0 and sum(lengths) < _HUGE
    except (ArithmeticError, TypeError):
        return []
    return lengths if counts and len(lengths) <= len(_CLASSES) else []
