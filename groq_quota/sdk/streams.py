"""
Watching a streamed answer go by: its usage, and what was seen if it breaks off.

The response object itself is watched, at `iter_bytes` and `close`, which everything reads through:
the SDK's streams, raw responses and `.response`. So every object the user gets is the SDK's own.
"""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import estimate
from ..exits import at_exit
from ..hooks import logger
from .endpoints import events_in, usage_in, usage_in_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

    import httpx

    from ..reports import Usage
    from .calls import Call

__all__ = ["free_on_drop", "watch", "watch_async"]

_USAGE = b'"usage"'
_ERROR = b'"error"'
# More of a body without line ends is not kept: its usage is then not seen, the estimate stands.
_LONGEST = 8 * 1024 * 1024


class Watch:
    """
    What has been seen of one streamed body.
    """

    __slots__ = ("__weakref__", "_call", "_kept", "_process", "_tail", "pulling", "usage")

    def __init__(self, call: Call) -> None:
        self._call = call
        # A forked child has a copy, and its finalizers too; the call stays the parent's.
        self._process = os.getpid()
        self._tail = b""
        # Events are kept only where the answer's length is not known beforehand, and no more of
        # them than the reservation has tokens.
        self._kept: list[bytes] | None = None if call.capped else []
        self.pulling = False
        self.usage: Usage | None = None

    def feed(self, chunk: bytes) -> bool:
        """
        Look at the next bytes of the body; True when they bring the usage, or an error instead.
        """
        if not self._tail and chunk.endswith(b"\n"):  # whole events, as nearly always
            lines = chunk
        else:
            data = self._tail + chunk
            end = data.rfind(b"\n") + 1
            self._tail = data[end:] if len(data) - end < _LONGEST else b""
            lines = data[:end]
        if self.usage is not None:
            return False
        # `in` first tries what it looks for as a number, which takes longer than the search.
        if lines.find(_USAGE) >= 0:
            self.usage = usage_in(self._call.endpoint, lines)
            if self.usage is not None:
                return True
        kept = self._kept
        if kept is not None and lines and len(kept) < self._call.reservation.tokens:
            kept.append(lines)
        return lines.find(_ERROR) >= 0 and any(event.get("error") for event in events_in(lines))

    def close(self) -> tuple[Usage | None, int | None]:
        """
        What to count: the usage, or the tokens that stand for it (None for the whole estimate).
        """
        if self.usage is None and _USAGE in self._tail:
            self.usage = usage_in(self._call.endpoint, self._tail)
        if self.usage is not None or self._kept is None:
            return self.usage, None
        booked = self._call.reservation
        seen = sum(_tokens_in(lines) for lines in self._kept)
        return None, min(booked.tokens, booked.prompt_tokens + seen)

    @property
    def _due(self) -> bool:
        return self._call.reservation.active and self._process == os.getpid()

    def finish(self) -> None:
        """
        Settle the call by what was seen; nothing the second time.
        """
        if self._due:
            self._call.settle(*self.close())

    async def afinish(self) -> None:
        """
        Same as `finish`, without blocking the event loop.
        """
        if self._due:
            await self._call.asettle(*self.close())

    def finish_later(self) -> None:
        """
        Settle the call at the meter's next call.
        """
        if self._due:
            self._call.settle_later(*self.close())


class _WholeWatch(Watch):
    """
    What has been seen of a plain answer whose body is read by and by.
    """

    __slots__ = ("_body", "_length")

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._body: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> bool:
        """
        Keep the next bytes of the body; what they say is known only at its end.
        """
        self._length += len(chunk)
        if self._length <= _LONGEST:
            self._body.append(chunk)
        return False

    def close(self) -> tuple[Usage | None, int | None]:
        """
        What to count: the usage, or None for the whole estimate.
        """
        body, self._body = b"".join(self._body), []
        if self.usage is None and self._length <= _LONGEST:
            endpoint = self._call.endpoint
            self.usage = usage_in_body(endpoint, body)
        return self.usage, None


def _tokens_in(lines: bytes) -> int:
    # Each event carries at least one token; long pieces are counted by their text.
    total = 0
    for event in events_in(lines):
        # In chat each choice has a delta; in /responses the event itself is one, of text.
        delta = event.get("delta")
        if isinstance(delta, str) and delta:
            total += max(1, estimate.text_tokens(delta))
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if isinstance(delta, dict):
                total += sum(max(1, estimate.text_tokens(text)) for text in _texts(delta))
    return total


def _texts(delta: dict[str, Any]) -> Iterator[str]:
    for name in ("content", "reasoning"):
        if isinstance(delta.get(name), str) and delta[name]:
            yield delta[name]
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            yield from (text for text in function.values() if isinstance(text, str) and text)


def watch(call: Call, response: httpx.Response) -> Watch:
    """
    Watch a response whose body is not read yet.
    """
    kind = type(response)
    return _watched(call, response, iter_bytes=(_read, kind.iter_bytes), close=(_end, kind.close))


def watch_async(call: Call, response: httpx.Response) -> Watch:
    """
    Same as `watch`, for a response that is read asynchronously.
    """
    kind = type(response)
    return _watched(
        call, response, aiter_bytes=(_aread, kind.aiter_bytes), aclose=(_aend, kind.aclose)
    )


def _watched(call: Call, response: httpx.Response, **ways: tuple[Any, Any]) -> Watch:
    plain_answer = "application/json" in response.headers.get("content-type", "")
    seen = _WholeWatch(call) if plain_answer else Watch(call)
    # Weakly, so that the response is freed as early as an unwatched one.
    body = weakref.ref(response)
    for name, (ours, plain) in ways.items():
        # On the instance: this one response is watched, the class is left alone. Somebody else may
        # watch it already, such as a hook of the user's.
        other = response.__dict__.get(name)
        below = plain if other is None else _as_method(other)
        response.__dict__[name] = partial(ours, seen, body, below)
    weakref.finalize(response, seen.finish_later)
    _open.add(seen)
    return seen


def _as_method(other: Callable[..., Any]) -> Callable[..., Any]:
    return lambda _, *args: other(*args)


_open: weakref.WeakSet[Watch] = weakref.WeakSet()


@at_exit
def _finish() -> None:
    # Before meters write what is due; the finalizers above may be run too late for that.
    for seen in list(_open):
        seen.finish_later()


Body = Callable[[], "httpx.Response | None"]


def _read(
    seen: Watch, body: Body, plain: Callable[..., Iterator[bytes]], chunk_size: int | None = None
) -> Iterator[bytes]:
    # From now on, not from its first step, the generator holds the response, as httpx's own does.
    owner = body()
    return iter(()) if owner is None else _reading(seen, plain(owner, chunk_size))


def _reading(seen: Watch, chunks: Iterator[bytes]) -> Iterator[bytes]:
    feed = seen.feed
    seen.pulling = True
    try:
        for chunk in chunks:
            seen.pulling = False
            if feed(chunk):
                seen.finish()
            yield chunk
            seen.pulling = True
    except BaseException:
        # What the body raised ends it; what comes from the reader, such as a break, does not.
        if seen.pulling:
            seen.pulling = False
            seen.finish()
        raise
    seen.pulling = False
    seen.finish()


def _end(seen: Watch, body: Body, plain: Callable[..., None]) -> None:
    owner = body()
    try:
        if owner is not None:
            _let_go(owner)
            plain(owner)
    finally:
        # The last bytes may still be on their way when the body's end closes the response.
        if not seen.pulling:
            seen.finish()


def _aread(
    seen: Watch,
    body: Body,
    plain: Callable[..., AsyncIterator[bytes]],
    chunk_size: int | None = None,
) -> AsyncIterator[bytes]:
    owner = body()
    return _areading(seen, None if owner is None else plain(owner, chunk_size))


async def _areading(seen: Watch, chunks: AsyncIterator[bytes] | None) -> AsyncIterator[bytes]:
    while chunks is not None:
        seen.pulling = True
        try:
            chunk = await anext(chunks, None)
        except BaseException:
            # Perhaps a cancellation: nothing more is awaited here.
            seen.finish_later()
            raise
        finally:
            seen.pulling = False
        if chunk is None:
            await seen.afinish()
            return
        if seen.feed(chunk):
            await seen.afinish()
        yield chunk


async def _aend(seen: Watch, body: Body, plain: Callable[..., Awaitable[None]]) -> None:
    owner = body()
    try:
        if owner is not None:
            _let_go(owner)
            await plain(owner)
    except BaseException:
        seen.finish_later()
        raise
    if not seen.pulling:
        await seen.afinish()


def _let_go(response: httpx.Response) -> None:
    # What is closed is as httpx made it: it can be pickled, for one thing.
    for name in ("iter_bytes", "close", "aiter_bytes", "aclose"):
        response.__dict__.pop(name, None)


def free_on_drop(stream: Any, seen: Watch) -> None:  # a stream of the SDK, sync or async
    """
    Settle a stream that is dropped unread or half read.

    The SDK's stream is part of a cycle (its iterator holds it), so that a dropped one would stay
    reserved until the garbage collector runs. Its iterator is made anew on a twin, which leaves
    the stream itself free.
    """
    if type(stream).__module__.partition(".")[0] != "groq":
        return  # a class of the user's, with a state of its own
    try:
        twin = copy.copy(stream)
        iterator = twin.__stream__()
        twin._iterator = None  # see above; nothing public frees it
        stream._iterator = iterator  # the same
        weakref.finalize(stream, seen.finish_later)
    except Exception:  # another SDK than we know: the collector will do it later
        logger.debug("Streams of this SDK are only freed by the garbage collector.", exc_info=True)
