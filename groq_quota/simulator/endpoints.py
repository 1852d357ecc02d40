"""
What an endpoint is: it reads a body into what is asked for, and makes the answer.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .answers import Body
    from .limiter import Charge
    from .replies import Part


@dataclass(frozen=True, slots=True)
class Asked:
    """
    A request as the limiter sees it: the charge is the most that it may use.
    """

    body: Body
    model: str
    charge: Charge
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """
    What an answer used: *cached* are among the prompt's, *reasoning* among the completion's.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """
    An answer and what it used; the length of audio is in seconds.
    """

    tokens: Tokens
    parts: Sequence[Part]
    media_type: str
    audio_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """
    The number and the second of a request, from which its ids are made.
    """

    number: int
    created: int = 0

    @property
    def request_id(self) -> str:
        """
        Groq's id of the request.
        """
        return f"req_01{self.number:024d}"

    @property
    def answer_id(self) -> str:
        """
        The id of the completion.
        """
        return f"chatcmpl-{self.unique}"

    @property
    def unique(self) -> uuid.UUID:
        """
        What every id that is made for the request has in it.
        """
        return uuid.UUID(int=self.number)


class Endpoint(Protocol):
    """
    A metered endpoint; adding one is writing this and naming it in the simulator.

    Its bodies are JSON objects, or the fields of forms, in which a file is an `Upload`.
    """

    @property
    def kind(self) -> str:
        """
        Its name in the ledger.
        """

    @property
    def path(self) -> str:
        """
        The path to which clients post.
        """

    def read(self, body: Body) -> Asked:
        """
        Return what the body asks for.

        Raises:
            RejectedError: It makes no sense.
        """

    def make(self, asked: Asked, stamp: Stamp, *, usage: bool) -> Made:
        """
        Return the answer; *usage* False leaves its usage out.
        """
