"""
Bringing an answer to the client, or failing to on purpose.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .bodies import made_up_error
from .replies import EVENTS, error_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from .faults import Fault
    from .replies import Reply

TRANSPORT = "groq_quota.simulator.transport"


class _HungUpError(Exception):
    """
    The client has gone.
    """


class Delivery:
    """
    A response for Starlette that knows what its client got.

    It calls *on_start* before the status is sent, *on_usage* before the usage is, and *on_end*
    once: when the model is done, whether or not the client still listens.
    """

    def __init__(
        self,
        reply: Reply,
        fault: Fault,
        *,
        processing: float = 0.0,
        on_start: Callable[[], None],
        on_usage: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._reply = reply
        self._fault = fault
        self._delay = processing + fault.delay
        self._on_start = on_start
        self._on_usage = on_usage
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Send the answer over one connection.
        """
        line = _Line(scope, receive, send)
        try:
            await self._answer(line)
        except _HungUpError:
            pass
        finally:
            self._end()
            line.close()

    async def _answer(self, line: _Line) -> None:
        fault, stop = self._fault, None
        await line.pause(self._delay)
        if fault.end is not None:
            if fault.after is None and fault.end != "error":
                await self._break_off(line)
                return
            stop = self._reply.part_before_end(fault.after or 0)
        self._on_start()
        await line.begin(self._reply)
        for index, part in enumerate(self._reply.parts):
            if index == stop:
                await self._break_off(line)
                return
            if index:
                await line.pause(fault.gap)
            if part.usage:
                self._end()
                self._on_usage()
            await line.send(part.data)
        await line.finish()

    async def _break_off(self, line: _Line) -> None:
        self._end()
        if self._fault.end == "drop":
            await line.drop()
        elif self._fault.end == "stall":
            await line.pause(None)
        else:
            await line.send(error_event(made_up_error(500, self._fault.message, "")))
            await line.finish()

    def _end(self) -> None:
        end, self._on_end = self._on_end, lambda: None
        end()


class _Line:
    """
    The connection to one client.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._gone = asyncio.ensure_future(_hung_up(receive))

    async def pause(self, seconds: float | None) -> None:
        """
        Wait, for ever where None; a client that hangs up meanwhile ends it.
        """
        if seconds == 0:
            await asyncio.sleep(0)
        else:
            await asyncio.wait({self._gone}, timeout=seconds)
        if self._gone.done():
            raise _HungUpError

    async def begin(self, reply: Reply) -> None:
        headers = {"content-type": reply.media_type, **reply.headers}
        if reply.media_type != EVENTS:
            headers["content-length"] = str(sum(len(part.data) for part in reply.parts))
        await self._send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            }
        )

    async def send(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def drop(self) -> None:
        """
        Cut the connection; in process, where there is none, the client's call raises instead.
        """
        transport = self._scope.get("state", {}).get(TRANSPORT)
        if transport is None:
            raise ConnectionResetError("the simulator dropped the connection")
        transport.close()
        await self._gone

    def close(self) -> None:
        self._gone.cancel()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
