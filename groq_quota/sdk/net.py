"""
The net: wraps `Groq.request` and accounts for every metered call that passes it.

It admits by itself what did not come through the front door.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from ..hooks import logger
from .calls import CURRENT, Call, leave
from .endpoints import CHAT, endpoint_of, model_of, read_usage, with_model
from .installation import guard_of
from .streams import free_on_drop, watch, watch_async

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from ..reports import Usage
    from .endpoints import Endpoint
    from .streams import Watch

__all__ = ["arequest", "process_response", "request", "sleep_for_retry"]

# The wrappers take what wrapt gives: the wrapped callable, its object, and its arguments as they
# are, whatever version of the SDK calls them. So their types are open.


def request(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """
    Around `Groq.request`.
    """
    options, current = _options(args, kwargs), CURRENT.get()
    endpoint = _metered(client, options, current)
    if endpoint is None:
        within = current is not None and current.options is not options
        return _beside(wrapped, args, kwargs) if within else wrapped(*args, **kwargs)
    call = _claim(client, options, current) if endpoint is CHAT and current else None
    if call is None:
        guard = guard_of(client)
        if guard is not None:
            call = guard.admit(client, endpoint.demand(options), _timeout(options), endpoint.path)
        if call is None:
            return wrapped(*args, **kwargs)
        call.note.doorless = endpoint is CHAT
        if call.instead is not None:
            options, args, kwargs = _with_model(call.instead, options, args, kwargs)
    call.enter(options, endpoint)
    outer = None if call is current else CURRENT.set(call)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        call.ended_by(error)
        if isinstance(error, Exception):
            call.settle(_late_usage(call))
        else:
            call.settle_later(_late_usage(call))
        raise
    finally:
        if outer is not None:
            leave(outer)
    usage, over = _landed(call, result, watch)
    if over:
        call.settle(usage)
    return result


async def arequest(wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """
    Around `AsyncGroq.request`.
    """
    options, current = _options(args, kwargs), CURRENT.get()
    endpoint = _metered(client, options, current)
    if endpoint is None:
        within = current is not None and current.options is not options
        return await (_abeside(wrapped, args, kwargs) if within else wrapped(*args, **kwargs))
    call = _claim(client, options, current) if endpoint is CHAT and current else None
    if call is None:
        guard = guard_of(client)
        if guard is not None:
            call = await guard.aadmit(
                client, endpoint.demand(options), _timeout(options), endpoint.path
            )
        if call is None:
            return await wrapped(*args, **kwargs)
        call.note.doorless = endpoint is CHAT
        if call.instead is not None:
            options, args, kwargs = _with_model(call.instead, options, args, kwargs)
    call.enter(options, endpoint)
    outer = None if call is current else CURRENT.set(call)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        call.ended_by(error)
        if isinstance(error, Exception):
            await call.asettle(_late_usage(call))
        else:
            call.settle_later(_late_usage(call))
        raise
    finally:
        if outer is not None:
            leave(outer)
    usage, over = _landed(call, result, watch_async)
    if over:
        await call.asettle(usage)
    return result


def _beside(wrapped: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    # An unmetered request within a call, as from a hook: it is none of that call's attempts.
    before = CURRENT.set(None)
    try:
        return wrapped(*args, **kwargs)
    finally:
        leave(before)


async def _abeside(wrapped: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    before = CURRENT.set(None)
    try:
        return await wrapped(*args, **kwargs)
    finally:
        leave(before)


def _options(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return kwargs.get("options") or (args[1] if len(args) > 1 else None)


def _metered(client: Any, options: Any, current: Call | None) -> Endpoint | None:
    # The endpoint of a metered request of a real client (on a mock there is none), which is not in
    # the net already: a wrapper of ours may have been left below somebody else's.
    url = getattr(options, "url", None)
    if client is None or not isinstance(url, str):
        return None
    if current is not None and current.options is options:
        return None
    return endpoint_of(url, getattr(options, "method", None))


def _claim(client: Any, options: Any, call: Call) -> Call | None:
    # The front door's call, if this request is its own: not taken yet, and sent by the same client
    # or by another one of the same count (one that takes turns with several keys, say).
    if call.claimed:
        return None
    if call.client is not client:
        guard = guard_of(client)
        if guard is None or not guard.meter.same_count(call.meter):
            return None
        call.client = client
    if not call.is_for(model_of(options)):
        # Something between the door and here sends another model: that is the one that counts.
        call.claimed = True
        call.settle_later()
        return None
    return call


def _with_model(
    model: str, options: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    # The same request for another model, and the arguments with it in the request's place.
    other = with_model(options, model)
    if kwargs.get("options") is options:
        return other, args, {**kwargs, "options": other}
    return other, (args[0], other, *args[2:]), kwargs


def _timeout(options: Any) -> object:
    return getattr(options, "timeout", None)


def _late_usage(call: Call) -> Any:
    # An answer that the SDK could not make an object of was an answer all the same.
    response = call.out()
    return None if response is None else read_usage(call.endpoint, None, response)


def _landed(
    call: Call, result: Any, how: Callable[[Call, httpx.Response], Watch]
) -> tuple[Usage | None, bool]:
    """
    The usage of an answer, and whether it is over; else its body is being watched from now on.
    """
    try:
        response = call.out() if call.answered else _unseen(call, result)
        endpoint = call.endpoint
        if endpoint.silent:
            return None, True
        if response is None or response.is_closed or response.is_stream_consumed:
            call.took = getattr(getattr(result, "usage", None), "total_time", None)
            return read_usage(endpoint, result, response), True
        seen = how(call, response)
        if hasattr(result, "_iterator"):
            free_on_drop(result, seen)
    except Exception:  # whatever it is, it is ours and not the user's
        logger.exception("An answer could not be looked at; its estimate counts.")
        return None, True
    return None, False


def _unseen(call: Call, result: Any) -> httpx.Response | None:
    # The SDK has returned, so there was an answer, though its sign was not seen.
    call.answered = True
    found = getattr(result, "response", None) or getattr(result, "http_response", None)
    if isinstance(found, sys.modules["httpx"].Response):
        call.answered_by(found)
    return call.out()


def process_response(
    wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """
    Around `_process_response`, sync or async: the sign that there is an answer, and its headers.
    """
    call, response = _flying(client), kwargs.get("response")
    if call is not None and response is not None:
        call.answered_by(response)
    return wrapped(*args, **kwargs)


def sleep_for_retry(
    wrapped: Any, client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """
    Around `_sleep_for_retry`, sync or async: an attempt has failed, and nothing is in flight.
    """
    call = _flying(client)
    if call is None or call.asleep:
        return wrapped(*args, **kwargs)
    _note_attempt(call, kwargs.get("response"))
    call.asleep = True
    if inspect.iscoroutinefunction(wrapped):
        return _asleep(call, wrapped, args, kwargs)
    call.meter.run(call.hearing())
    result = wrapped(*args, **kwargs)
    call.asleep = False
    return result


async def _asleep(call: Call, wrapped: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    await call.meter.arun(call.hearing())
    result = await wrapped(*args, **kwargs)
    call.asleep = False
    return result


def _flying(client: Any) -> Call | None:
    call = CURRENT.get()
    return call if call is not None and call.claimed and call.client is client else None


def _note_attempt(call: Call, response: httpx.Response | None) -> None:
    if response is not None:
        call.attempt_ended(response.status_code, None)
        call.refused_by(response)
    else:
        call.attempt_ended(None, sys.exc_info()[1])
