"""
What happens to a metered request from its arrival to its answer.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .bodies import (
    RejectedError,
    Wording,
    invalid_key,
    made_up_error,
    made_up_refusal,
    refusal_status,
    unknown_model,
    unknown_url,
)
from .delivery import Delivery
from .endpoints import Asked, Endpoint, Made, Stamp, Tokens
from .faults import NO_FAULT, Fault, Faults
from .forms import body_of
from .headers import common, rate_limits
from .ledger import Ledger, Row
from .limiter import Charge, Limiter, Refusal
from .replies import Reply, json_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Terms:
    """
    How the simulated organization is served.
    """

    wording: Wording
    refund: bool
    strict: bool
    latency: Callable[[], float]
    processing: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    The desk at which all requests arrive.

    A request is checked for its key, its body and its model, then meets its fault, then the
    limiter; what passes is billed and answered. A fault with a status comes before the limiter
    and charges nothing. Every request leaves a row in the ledger.
    """

    clock: Callable[[], float]
    limiter: Limiter
    ledger: Ledger
    faults: Faults
    terms: Terms
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def serve(self, endpoint: Endpoint, request: Request) -> Delivery:
        """
        Return the answer to a metered request.
        """
        body = await request.body()
        await _arrival(self.terms.latency())
        visit = self._visit(endpoint.kind, request)
        try:
            asked = self._read(endpoint, request, body)
        except RejectedError as rejected:
            return visit.reject(rejected)
        fault = self.faults.take(asked.model, stream=asked.stream)
        if fault.status is not None:
            return visit.fail(asked, fault, fault.status)
        if refusal := self.limiter.admit(asked.model, asked.charge, visit.now):
            return visit.refuse(asked, fault, refusal)
        return visit.answer(asked, fault, endpoint)

    def with_key(self, kind: str, request: Request, body: Callable[[], object]) -> Delivery:
        """
        Return the answer to a request that no limit counts.
        """
        visit = self._visit(kind, request)
        try:
            _check_key(request)
            return visit.give(body())
        except RejectedError as rejected:
            return visit.reject(rejected)

    def nothing_there(self, request: Request) -> Delivery:
        """
        Return the answer to a request for a path that there is not.
        """
        visit = self._visit("unknown", request)
        return visit.reject(unknown_url(request.method, request.url.path))

    def _visit(self, kind: str, request: Request) -> _Visit:
        now = self.clock()
        retry = request.headers.get("x-stainless-retry-count", "")
        stamp = Stamp(next(self.numbers), int(now))
        row = Row(stamp.request_id, now, kind, retry=int(retry) if retry.isdecimal() else 0)
        return _Visit(self, stamp, row)

    def _read(self, endpoint: Endpoint, request: Request, raw: bytes) -> Asked:
        _check_key(request)
        asked = endpoint.read(body_of(raw, request.headers.get("content-type", "")))
        if self.terms.strict and asked.model not in self.limiter.models:
            raise unknown_model(asked.model)
        return asked


@dataclass(frozen=True, slots=True)
class _Visit:
    """
    One request at the desk, with the row it leaves in the ledger.
    """

    desk: Exchange
    stamp: Stamp
    row: Row

    @property
    def now(self) -> float:
        """
        When the request reached the limiter.
        """
        return self.row.time

    def give(self, body: object) -> Delivery:
        """
        Answer what costs nothing.
        """
        self.desk.ledger.add(self.row)
        return self._deliver(self._reply(200, body))

    def reject(self, rejected: RejectedError) -> Delivery:
        """
        Answer what makes no sense.
        """
        self.desk.ledger.add(replace(self.row, model=rejected.model))
        return self._deliver(self._reply(rejected.status, rejected.body))

    def fail(self, asked: Asked, fault: Fault, status: int) -> Delivery:
        """
        Answer the error that was asked for.
        """
        standing = self.desk.limiter.standing(asked.model, self.now) if status == 429 else {}
        if status == 429 and fault.message is None:
            rpm = standing.get("rpm")
            refusal = made_up_refusal(rpm.limit if rpm else None, fault.retry_after)
            return self.refuse(asked, fault, refusal)
        body = made_up_error(status, fault.message, asked.model)
        headers = rate_limits(standing, retry_after=fault.retry_after)
        return self._turn_away(asked, fault, self._reply(status, body, headers))

    def refuse(self, asked: Asked, fault: Fault, refusal: Refusal) -> Delivery:
        """
        Answer what a limit does not admit.
        """
        standing = self.desk.limiter.standing(asked.model, self.now)
        headers = rate_limits(standing, refusal, fault.retry_after)
        body = self.desk.terms.wording.refusal(refusal, asked.model)
        return self._turn_away(asked, fault, self._reply(refusal_status(refusal), body, headers))

    def answer(self, asked: Asked, fault: Fault, endpoint: Endpoint) -> Delivery:
        """
        Answer what was admitted, and bill it whatever becomes of the answer.
        """
        headers = rate_limits(self.desk.limiter.standing(asked.model, self.now))
        made = endpoint.make(asked, self.stamp, usage=fault.usage)
        self.desk.ledger.add(self._billed(asked, made))
        reply = Reply(200, common(self.stamp.request_id) | headers, made.parts, made.media_type)
        return self._deliver(
            reply,
            fault,
            processing=self.desk.terms.processing(),
            on_end=lambda: self._give_back(asked, made.tokens),
        )

    def _turn_away(self, asked: Asked, fault: Fault, reply: Reply) -> Delivery:
        self.desk.ledger.add(replace(self.row, model=asked.model, stream=asked.stream))
        return self._deliver(reply, fault)

    def _billed(self, asked: Asked, made: Made) -> Row:
        tokens = made.tokens
        return replace(
            self.row,
            model=asked.model,
            prompt_tokens=tokens.prompt,
            completion_tokens=tokens.completion,
            cached_tokens=tokens.cached,
            charged=asked.charge.tokens,
            audio_seconds=made.audio_seconds,
            stream=asked.stream,
        )

    def _give_back(self, asked: Asked, tokens: Tokens) -> None:
        unused = asked.charge.output_tokens - tokens.completion if self.desk.terms.refund else 0
        back = Charge(0, input_tokens=tokens.cached, output_tokens=unused)
        self.desk.limiter.give_back(asked.model, back, self.desk.clock())
        self._note(charged=asked.charge.tokens - back.tokens)

    def _reply(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> Reply:
        head = common(self.stamp.request_id) | dict(headers or {})
        return Reply(status, head, json_parts(body))

    def _deliver(
        self,
        reply: Reply,
        fault: Fault = NO_FAULT,
        *,
        processing: float = 0.0,
        on_end: Callable[[], None] = lambda: None,
    ) -> Delivery:
        return Delivery(
            reply,
            fault,
            processing=processing,
            on_start=lambda: self._note(status=reply.status),
            on_usage=lambda: self._note(delivered=True),
            on_end=on_end,
        )

    def _note(self, **changes: Any) -> None:
        self.desk.ledger.update(self.stamp.request_id, **changes)


def _check_key(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise invalid_key()


async def _arrival(latency: float) -> None:
    if latency > 0:
        await asyncio.sleep(latency)
