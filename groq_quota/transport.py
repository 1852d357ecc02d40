"""
The guard for clients that do not use the Groq SDK: a transport for any client built on httpx.

Each request of the transport is one attempt, so a client's retries are admitted one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from .defaults import default_meter
from .forms import fields_of
from .hooks import logger
from .sdk import installed
from .sdk.calls import CURRENT, Call, leave
from .sdk.endpoints import Endpoint, endpoint_of, read_usage
from .sdk.errors import LocalRateLimitError, LocalRequestTooLargeError
from .sdk.installation import MAX_WAIT, Guard, _checked
from .sdk.streams import watch, watch_async
from .settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from types import TracebackType

    from typing_extensions import Self

    from .meter import QuotaMeter
    from .reports import Usage
    from .sdk.streams import Watch

__all__ = ["AsyncQuotaTransport", "QuotaTransport"]

# What the Groq SDK calls itself: Groq/Python 1.7.0, AsyncGroq/Python 1.7.0.
_SDK = ("Groq/", "AsyncGroq/")


class QuotaTransport(httpx.BaseTransport):
    """
    Checks each request to an endpoint that has limits before it is sent, and counts it afterwards.

    These are POST requests to paths that end in `/chat/completions`, `/responses`, `/embeddings`,
    `/audio/transcriptions`, `/audio/translations` and `/audio/speech`; all else passes through.

    A refused request is not sent: it is answered with a 429 (413 if it can never fit) that is made
    here, in Groq's body shape, with `retry-after`, `x-groq-quota: local` and
    `x-should-retry: false`. What the Groq SDK plugin accounts for in the same place passes through.

    Args:
        transport: What sends the requests; None for an `httpx.HTTPTransport()`.
        meter: The meter; None for the default meter at each request.
        max_wait: The longest wait for a minute or hour window in seconds; never longer than the
            request's read timeout. What needs longer is refused at once.

    Raises:
        ConfigurationError: For a `max_wait` below 0.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        *,
        meter: QuotaMeter | None = None,
        max_wait: float = MAX_WAIT,
    ) -> None:
        self._transport = httpx.HTTPTransport() if transport is None else transport
        self._desk = _Desk(meter, max_wait)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """
        Admit a request, send it, and count what became of it.
        """
        endpoint = _endpoint(request)
        guard = self._desk.guard(request) if endpoint else None
        if endpoint is None or guard is None:
            return self._transport.handle_request(request)
        try:
            demand = endpoint.demand(_Sent(request, request.read()))
            call = guard.admit(self, demand, _timeout(request))
        except (LocalRateLimitError, LocalRequestTooLargeError) as error:
            return _refusal(error)
        if call is None:
            return self._transport.handle_request(request)
        before = _enter(call, request, endpoint)
        try:
            response = self._transport.handle_request(request)
        except BaseException as error:
            call.attempt_ended(None, error)
            if isinstance(error, Exception):
                call.settle()
            else:
                call.settle_later()
            raise
        finally:
            _leave(call, before)
        usage, over = _landed(call, response, watch)
        if over:
            call.settle(usage)
        return response

    def close(self) -> None:
        """
        Close what sends the requests.
        """
        self._transport.close()

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._transport.__exit__(exc_type, exc_value, traceback)


class AsyncQuotaTransport(httpx.AsyncBaseTransport):
    """
    Same as `QuotaTransport`, for `httpx.AsyncClient`; it never blocks the event loop.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        meter: QuotaMeter | None = None,
        max_wait: float = MAX_WAIT,
    ) -> None:
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport
        self._desk = _Desk(meter, max_wait)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """
        Admit a request, send it, and count what became of it.
        """
        endpoint = _endpoint(request)
        guard = self._desk.guard(request) if endpoint else None
        if endpoint is None or guard is None:
            return await self._transport.handle_async_request(request)
        try:
            demand = endpoint.demand(_Sent(request, await request.aread()))
            call = await guard.aadmit(self, demand, _timeout(request))
        except (LocalRateLimitError, LocalRequestTooLargeError) as error:
            return _refusal(error)
        if call is None:
            return await self._transport.handle_async_request(request)
        before = _enter(call, request, endpoint)
        try:
            response = await self._transport.handle_async_request(request)
        except BaseException as error:
            call.attempt_ended(None, error)
            if isinstance(error, Exception):
                await call.asettle()
            else:
                call.settle_later()
            raise
        finally:
            _leave(call, before)
        usage, over = _landed(call, response, watch_async)
        if over:
            await call.asettle(usage)
        return response

    async def aclose(self) -> None:
        """
        Close what sends the requests.
        """
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._transport.__aexit__(exc_type, exc_value, traceback)


class _Desk:
    """
    Which requests are guarded, and by what meter.
    """

    __slots__ = ("_max_wait", "_meter")

    def __init__(self, meter: QuotaMeter | None, max_wait: float) -> None:
        self._max_wait = _checked(meter, max_wait).max_wait
        self._meter = meter

    def guard(self, request: httpx.Request) -> Guard | None:
        """
        The guard of a request; None if it is not ours to judge.
        """
        if Settings.from_environment().disabled:
            return None
        meter = self._meter or default_meter()
        return (
            None
            if _is_accounted_for(request, meter)
            else Guard(meter, self._max_wait, outside=True)
        )


def _is_accounted_for(request: httpx.Request, meter: QuotaMeter) -> bool:
    # By a call in flight: of the SDK's, or of a transport around this one.
    call = CURRENT.get()
    if call is not None and call.options is not None and call.meter.same_count(meter):
        return True
    # The SDK under the plugin, though its context was lost on the way, as in another thread.
    plugin = installed()
    by_sdk = request.headers.get("user-agent", "").startswith(_SDK)
    return by_sdk and plugin is not None and plugin.same_count(meter)


def _endpoint(request: httpx.Request) -> Endpoint | None:
    return endpoint_of(request.url.path) if request.method == "POST" else None


def _enter(call: Call, request: httpx.Request, endpoint: Endpoint) -> Token[Call | None]:
    call.enter(request, endpoint)
    return CURRENT.set(call)


def _leave(call: Call, before: Token[Call | None]) -> None:
    leave(before)
    call.out()


class _Sent:
    """
    A request, with the names by which the SDK describes one.
    """

    __slots__ = ("content", "files", "json_data")

    def __init__(self, request: httpx.Request, content: bytes) -> None:
        form = fields_of(content, request.headers.get("content-type", ""))
        file = form.pop("file", None)
        self.files = None if file is None else [("file", file)]
        self.json_data = {name: value.decode("utf-8", "replace") for name, value in form.items()}
        self.content = None if form or file is not None else content


def _timeout(request: httpx.Request) -> object:
    timeouts = request.extensions.get("timeout")
    return timeouts.get("read") if isinstance(timeouts, dict) else None


def _refusal(error: LocalRateLimitError | LocalRequestTooLargeError) -> httpx.Response:
    # Unread, as an answer from the wire: httpx takes the time until it is closed.
    made = error.response
    headers = {**made.headers, "x-should-retry": "false"}
    return httpx.Response(made.status_code, headers=headers, stream=httpx.ByteStream(made.content))


def _landed(
    call: Call, response: httpx.Response, how: Callable[[Call, httpx.Response], Watch]
) -> tuple[Usage | None, bool]:
    """
    The usage of an answer, and whether it is over; else its body is being watched from now on.
    """
    try:
        if not response.is_success:
            # A redirect is no answer: where it leads is asked next, by another request.
            if response.is_error:
                call.attempt_ended(response.status_code, None)
            return None, True
        call.answered_by(response)
        call.out()
        if response.is_closed:
            return read_usage(call.endpoint, None, response), True
        if call.endpoint.silent:
            return None, True
        how(call, response)
    except Exception:  # whatever it is, it is ours and not the user's
        logger.exception("An answer could not be looked at; its estimate counts.")
        call.answered = True
        return None, True
    return None, False
