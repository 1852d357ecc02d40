"""
Faults on demand: what is to go wrong with the next requests.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

End = Literal["drop", "error", "stall"]
_ENDS = ("drop", "error", "stall")


@dataclass(frozen=True, slots=True)
class Fault:
    """
    What is to go wrong with a request.

    Attributes:
        status: The error that is answered instead, from 400 to 599; nothing is charged for it.
        message: The error's message; None for what Groq says.
        retry_after: Seconds for the ``retry-after`` header.
        delay: Seconds until the answer is begun.
        gap: Seconds between the chunks of a stream.
        end: How the answer ends: the connection is dropped, the stream ends with an error event,
            or nothing more comes until the client hangs up.
        after: The text chunks of a stream that come before that end; a plain answer then ends
            halfway. None ends it before it is begun (an error event comes first in its stream).
        usage: False leaves the usage out of the answer.
        model: Only requests for this model.
        times: How many requests; None for all until `Faults.clear`.
    """

    status: int | None = None
    message: str | None = None
    retry_after: float | None = None
    delay: float = 0.0
    gap: float = 0.0
    end: End | None = None
    after: int | None = None
    usage: bool = True
    model: str | None = None
    times: int | None = 1

    def __post_init__(self) -> None:
        if self.status is not None and not 400 <= self.status <= 599:
            msg = f"a fault's status is an error from 400 to 599, not {self.status!r}"
            raise ValueError(msg)
        if self.end is not None and self.end not in _ENDS:
            msg = f"a fault's end is one of {', '.join(_ENDS)}, not {self.end!r}"
            raise ValueError(msg)
        if min(self.delay, self.gap, self.after or 0, self.retry_after or 0) < 0:
            msg = "a fault's delay, gap, after and retry_after are not below 0"
            raise ValueError(msg)
        if self.times is not None and self.times < 1:
            msg = f"a fault happens at least once, not {self.times!r} times"
            raise ValueError(msg)

    def meets(self, model: str, *, stream: bool) -> bool:
        """
        Tell whether the fault is meant for such a request; an error event needs a stream.
        """
        return self.model in (None, model) and (stream or self.end != "error")


NO_FAULT = Fault()


class Faults:
    """
    The faults to come: a request meets the first that is meant for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: deque[Fault] = deque()

    def add(self, fault: Fault) -> None:
        """
        Queue a fault.
        """
        with self._lock:
            self._faults.append(fault)

    def take(self, model: str, *, stream: bool) -> Fault:
        """
        Return what is to go wrong with a request, and count it off.
        """
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.meets(model, stream=stream):
                    self._count_off(index, fault)
                    return fault
        return NO_FAULT

    def clear(self) -> None:
        """
        Drop all faults that have not happened.
        """
        with self._lock:
            self._faults.clear()

    def _count_off(self, index: int, fault: Fault) -> None:
        if fault.times == 1:
            del self._faults[index]
        elif fault.times is not None:
            self._faults[index] = replace(fault, times=fault.times - 1)
