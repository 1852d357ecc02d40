"""
One call of the SDK on its way: what it reserved, and what became of its attempts.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from ..hooks import logger
from ..outcomes import Outcome
from ..replies import Refusal, read_refusal
from ..standing import Heard
from .endpoints import CHAT, Endpoint

if TYPE_CHECKING:
    import httpx

    from ..effects import Operation
    from ..meter import QuotaMeter
    from ..reports import Usage
    from ..reservation import Reservation

__all__ = ["CURRENT", "Call", "leave"]

REFUSED = frozenset({413, 429})
# A model that Groq does not know is not stored, so nothing is counted for it.
UNKNOWN_MODEL = 404


class Call:
    """
    A call between its admission and its settlement.

    The front door or the net makes it; the net claims it, once, for the same client object.

    Attributes:
        claimed: True once the net has it: then the net accounts for it.
        asleep: True while the SDK waits before a retry: nothing is in flight.
        endpoint: Where it goes.
        instead: The model that it is to be sent to in place of the one that was asked, as the user
            wrote it; None if that one is sent.
        options: The SDK's own description of the request, while it is in the net.
        answered: True once there was a 2xx response.
        headers: Of the answer.
        heard_at: When they were there, in epoch seconds.
        took: Seconds that Groq itself needed for the answer, as the SDK has them; None if it did
            not say.
        refusal: What Groq's limiter said last, if it has not been taken in yet.
        response: That response, while the request is in the net: held longer, it would never be
            freed, as finalizers hold this call.
    """

    claimed = asleep = answered = False
    endpoint = CHAT
    instead: str | None = None
    options: object = None
    headers: object = None
    heard_at = 0.0
    took: object = None
    refusal: Refusal | None = None
    response: httpx.Response | None = None
    refused = failed = lost = 0

    def __init__(
        self, meter: QuotaMeter, client: object, reservation: Reservation, *, decorated: bool
    ) -> None:
        self.meter = meter
        self.note = meter.note(reservation.model, reservation.booking.at, decorated=decorated)
        self.client = client
        self.reservation = reservation

    def enter(self, options: object, endpoint: Endpoint) -> None:
        """
        Take note that the net has it, by the SDK's description of the request.
        """
        self.claimed = True
        self.endpoint = endpoint
        self.options = options

    def out(self) -> httpx.Response | None:
        """
        The answered response; the net is done with it.
        """
        response = self.response
        self.response = self.options = None
        return response

    def is_for(self, model: object) -> bool:
        """
        Whether its reservation is for that model.
        """
        booked = self.reservation.model
        return model == booked or (isinstance(model, str) and model.strip().lower() == booked)

    @property
    def capped(self) -> bool:
        """
        Whether the request itself limits its answer, so that the estimate is an upper bound.
        """
        return self.reservation.capped

    def answered_by(self, response: httpx.Response) -> None:
        """
        Take note of a 2xx response.
        """
        self.answered = True
        self.response = response
        self.heard_at = self.meter.now()
        self.headers = getattr(response, "headers", None)

    def refused_by(self, response: object) -> None:
        """
        Take note of what a refusal says; a body that the SDK has not read stays unread.
        """
        try:
            if getattr(response, "status_code", None) in REFUSED:
                self.refusal = read_refusal(response.text)  # type: ignore[attr-defined]  # an httpx.Response
        except Exception:  # not read, or a response like no other: it was refused all the same
            logger.debug("The body of a refusal could not be read.", exc_info=True)

    def hearing(self) -> Operation[None]:
        """
        The operation that takes in the last refusal, so that others are held off meanwhile. A
        failure of ours is logged: the call goes on, and is settled all the same.
        """
        refusal, self.refusal = self.refusal, None
        if refusal is None:
            return
        try:
            yield from self.meter.hearing(self.reservation, refusal)
        except Exception:  # whatever it is, it is ours and not the user's
            logger.exception("A refusal of %s could not be taken in.", self.reservation.model)

    def attempt_ended(self, status: int | None, error: BaseException | None) -> None:
        """
        Take note of an attempt without an answer, by its status or by what was raised.
        """
        if status is None:
            status = _status_within(error)
        if status is not None:
            if status in REFUSED:
                self.refused += 1
            elif status != UNKNOWN_MODEL:
                self.failed += 1
        elif _never_sent(error):
            self.failed += 1
        else:
            self.lost += 1

    def ended_by(self, error: BaseException) -> None:
        """
        Take note of what the whole call ended with; what came before an answer counts.
        """
        if self.answered or self.asleep:
            return
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            self.attempt_ended(status, None)
            self.refused_by(getattr(error, "response", None))
        elif _is_connection_error(error):
            self.attempt_ended(None, error.__cause__)
        elif not isinstance(error, Exception):
            # Cancelled or interrupted with a request in flight: nobody knows its fate.
            self.lost += 1

    def outcome(self, usage: Usage | None, tokens: int | None = None) -> Outcome:
        """
        All of it, for the meter; `tokens` stand where no usage was delivered.
        """
        lost, headers = self.lost, self.headers
        requests = self.answered + lost
        if not requests:
            self.note.claimed = True  # nothing was counted that a surface could claim
        heard = None if headers is None else Heard(self.heard_at, headers, self.took)
        if lost and not self.answered:
            lost -= 1
        return Outcome(requests, usage, lost, self.refused, self.failed, tokens, heard)

    def settling(self, usage: Usage | None = None, tokens: int | None = None) -> Operation[Any]:
        """
        The operation that settles the call; only the first one does anything.
        """
        outcome = self.outcome(usage, tokens)
        if self.refusal is None:
            return self.reservation.ending(outcome)
        return self._refused(outcome)

    def _refused(self, outcome: Outcome) -> Operation[Any]:
        yield from self.hearing()
        return (yield from self.reservation.ending(outcome))

    def settle(self, usage: Usage | None = None, tokens: int | None = None) -> None:
        """
        Settle now. A failure of ours is logged: the user has an answer already.
        """
        try:
            if self.refusal is not None:
                self.meter.run(self.hearing())
            self.reservation.end(self.outcome(usage, tokens))
        except Exception:  # whatever it is, it is ours and not the user's
            logger.exception("A call of %s could not be counted.", self.reservation.model)

    async def asettle(self, usage: Usage | None = None, tokens: int | None = None) -> None:
        """
        Same as `settle`, without blocking the event loop.
        """
        try:
            if self.refusal is not None:
                await self.meter.arun(self.hearing())
            await self.reservation.aend(self.outcome(usage, tokens))
        except Exception:  # whatever it is, it is ours and not the user's
            logger.exception("A call of %s could not be counted.", self.reservation.model)

    def settle_later(self, usage: Usage | None = None, tokens: int | None = None) -> None:
        """
        Settle at the meter's next call: for finalizers and cancelled tasks, which must not wait.
        """
        if self.reservation.active:
            self.meter.settle_later(self.settling(usage, tokens))


CURRENT: ContextVar[Call | None] = ContextVar("groq_quota_call", default=None)


def leave(before: Token[Call | None]) -> None:
    """
    Set back `CURRENT` when a call ends.

    A coroutine that was given up may be closed in another context, which never had the call.
    """
    try:
        CURRENT.reset(before)
    except ValueError:
        logger.debug("A call ended in another context than it began in.")


def _never_sent(error: BaseException | None) -> bool:
    if error is None:
        return False
    httpx = sys.modules.get("httpx")
    if httpx is None:
        return False
    if isinstance(error, RuntimeError) and "client has been closed" in str(error):
        return True  # httpx has no name for it
    return isinstance(
        error,
        (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.LocalProtocolError,
            httpx.PoolTimeout,
            httpx.ProxyError,
            httpx.UnsupportedProtocol,
        ),
    )


def _status_within(error: BaseException | None) -> int | None:
    # A hook of the user's HTTP client that raises for a status makes a connection error of it.
    httpx = sys.modules.get("httpx")
    if httpx is None or not isinstance(error, httpx.HTTPStatusError):
        return None
    status: int = error.response.status_code
    return status


def _is_connection_error(error: BaseException) -> bool:
    groq = sys.modules.get("groq")
    return groq is not None and isinstance(error, groq.APIConnectionError)
