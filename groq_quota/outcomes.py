"""
What a request may take, what became of it, and what of that is counted and charged.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .reports import Usage
    from .standing import Heard

__all__ = [
    "NOTHING",
    "Amount",
    "Outcome",
    "admitted_of",
    "charged_of",
    "counted_of",
    "estimated_of",
    "unused_of",
]

_UNKNOWN: Mapping[str, int] = MappingProxyType({})

#: By metric, what is charged for a request that was not sent.
NOTHING: dict[str, float] = dict.fromkeys(
    ("requests", "tokens", "input_tokens", "output_tokens", "audio_seconds"), 0
)


class Amount(NamedTuple):
    """
    What a request may take.

    Attributes:
        tokens: Prompt and answer together, at most.
        prompt: Of them, the prompt; 0 where the parts are not known.
        output: Of them, the answer; 0 where the parts are not known.
        floor: What it surely takes; None if `tokens` is exact.
        capped: Whether the request itself limits its answer, so that it cannot take more.
        audio_seconds: Of audio.
        audio_floor: Of audio, what it surely takes; None if `audio_seconds` is no estimate.
        features: What is known of the prompt beforehand, for `prediction`; empty if nothing is.
        answers: How many answers are asked for.
    """

    tokens: int = 0
    prompt: int = 0
    output: int = 0
    floor: int | None = None
    capped: bool = True
    audio_seconds: float = 0.0
    audio_floor: float | None = None
    features: Mapping[str, int] = _UNKNOWN
    answers: int = 1

    def needs(self) -> dict[str, float]:
        """
        The same by metric; seconds of audio are taken whole, as Groq prints them.
        """
        return {
            "requests": 1,
            "tokens": self.tokens,
            "input_tokens": self.prompt,
            "output_tokens": self.output,
            "audio_seconds": ceil(self.audio_seconds),
        }


class Outcome(NamedTuple):
    """
    What became of a request and its attempts.

    Attributes:
        requests: Attempts that Groq answered with 2xx, or whose fate nobody knows.
        usage: What the answer used; None where it was not delivered: then the estimate stands.
        lost: Of `requests`, those of unknown fate besides the answered one: each at its estimate.
        refused: Attempts that Groq's limiter refused.
        failed: Attempts that failed otherwise.
        tokens: What to count where `usage` is None; None for the whole estimate.
        heard: What the answer said of limits.
    """

    requests: int = 1
    usage: Usage | None = None
    lost: int = 0
    refused: int = 0
    failed: int = 0
    tokens: int | None = None
    heard: Heard | None = None

    @property
    def at_once(self) -> bool:
        """
        Whether the answer is that to the first attempt, so that it tells when that was admitted.
        """
        return not (self.lost or self.refused or self.failed)


def counted_of(outcome: Outcome, amount: Amount) -> dict[str, float]:
    """
    What is counted of an outcome, for the day and the lifetime: names of `Counts`.
    """
    counted: dict[str, float] = {}
    if outcome.refused:
        counted["refused"] = outcome.refused
    if outcome.failed:
        counted["failed"] = outcome.failed
    if not outcome.requests:
        return counted
    counted["requests"] = outcome.requests
    usage, lost = outcome.usage, outcome.lost
    if usage is None:
        counted["tokens"] = amount.tokens if outcome.tokens is None else outcome.tokens
        counted["audio_seconds"] = amount.audio_seconds
    else:
        counted["tokens"] = usage.total_tokens
        counted["prompt_tokens"] = usage.prompt_tokens
        counted["completion_tokens"] = usage.completion_tokens
        counted["cached_tokens"] = usage.cached_tokens
        counted["audio_seconds"] = usage.audio_seconds
    if lost:
        counted["tokens"] += lost * amount.tokens
        counted["audio_seconds"] += lost * amount.audio_seconds
    return counted


def estimated_of(outcome: Outcome, amount: Amount) -> float:
    """
    Of the seconds of audio that are counted, those that nobody measured.
    """
    if amount.audio_floor is None:
        return 0.0
    return amount.audio_seconds * (outcome.lost + (outcome.usage is None and outcome.requests > 0))


def charged_of(
    outcome: Outcome, amount: Amount, counted: Mapping[str, float], *, refund: bool
) -> dict[str, float]:
    """
    What Groq's buckets took for an outcome, by metric; `refund`: whether it gives the rest back.
    """
    if outcome.requests == 0:
        return NOTHING
    tokens, prompt, output = _charged_tokens(outcome.usage, amount, refund=refund)
    lost = outcome.lost
    return {
        "requests": outcome.requests,
        "tokens": tokens + lost * amount.tokens,
        "input_tokens": prompt + lost * amount.prompt,
        "output_tokens": output + lost * amount.output,
        "audio_seconds": ceil(counted["audio_seconds"]),
    }


def admitted_of(outcome: Outcome, amount: Amount) -> dict[str, float]:
    """
    What Groq's buckets took for an answered request when it was admitted, by metric.
    """
    cached = outcome.usage.cached_tokens if outcome.usage else 0
    tokens, prompt, output = _charged_tokens(outcome.usage, amount, refund=False)
    seconds = amount.audio_seconds if outcome.usage is None else outcome.usage.audio_seconds
    return {
        "requests": 1,
        "tokens": tokens + cached,
        "input_tokens": prompt + cached,
        "output_tokens": output,
        "audio_seconds": ceil(seconds),
    }


def unused_of(outcome: Outcome, amount: Amount) -> int:
    """
    Tokens that were reserved for an answer and that it did not use.
    """
    usage = outcome.usage
    if usage is None or not amount.output:
        return 0
    return max(0, amount.output - usage.completion_tokens)


def _charged_tokens(usage: Usage | None, amount: Amount, *, refund: bool) -> tuple[int, int, int]:
    # Groq takes prompt + max_tokens at admission; cached tokens come back afterwards, the unused
    # rest of max_tokens only where that was seen (facts: "does not refund the unused remainder").
    if usage is None:
        return amount.tokens, amount.prompt, amount.output
    prompt, output, cached = usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens
    if not (prompt or output):
        whole = usage.total_tokens if refund else max(amount.tokens, usage.total_tokens)
        return whole, amount.prompt, amount.output
    if not refund:
        output = max(output, amount.output)
    whole = prompt + output
    if not refund and not (amount.prompt or amount.output):
        whole = max(whole, amount.tokens)  # an estimate whose parts are not known
    return max(0, whole - cached), max(0, prompt - cached), output
