"""
The author of the look-alike's texts, in the place of a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .answers import Answer, cut, words
from .bodies import above_cap
from .fields import natural

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import Body

# What Groq's limiter reserves where a request names no maximum is not published; the docs speak
# of 1,024 as the default.
_DEFAULT_MAX_TOKENS = 1024
_DEFAULT_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Author:
    """
    Counts prompts and writes answers.

    *answer* makes the answer to a body, None for a made-up one; *count_prompt* says how many
    tokens the prompt has, *cached* how many of them were in Groq's cache.
    """

    answer: Callable[[Body], Answer] | None
    count_prompt: Callable[[Body], int]
    cached: Callable[[Body], int]
    max_tokens_cap: int

    def budget(self, body: Body, fields: tuple[str, ...], model: str) -> int:
        """
        Return the output tokens that the body allows, by the first of these fields that it has.

        Raises:
            RejectedError: It is no whole number above 0, or more than may be asked for.
        """
        for field in fields:
            if body.get(field) is not None:
                budget = natural(body, field, model)
                if budget > self.max_tokens_cap:
                    raise above_cap(field, self.max_tokens_cap, model)
                return budget
        return _DEFAULT_MAX_TOKENS

    def write(self, body: Body, budget: int) -> Answer:
        """
        Return an answer to the body, cut at so many tokens.
        """
        whole = Answer(words(_DEFAULT_LENGTH)) if self.answer is None else self.answer(body)
        return cut(whole, budget)

    def reused(self, body: Body, prompt: int) -> int:
        """
        Return how many of the prompt's tokens were in Groq's cache.
        """
        return max(0, min(prompt, self.cached(body)))
