"""
The front door: wraps `Completions.create`, admits the call and reserves for it.

The net below accounts for it; the door itself only for what never reached the net.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..demand import ChatDemand
from .calls import CURRENT, Call, leave
from .endpoints import CHAT, read_usage
from .installation import Guard, guard_of

__all__ = ["acreate", "create"]


def create(wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """
    Around `Completions.create`.
    """
    guard, client = _guard(instance)
    body = None if guard is None else _body(kwargs)
    if guard is None or body is None:
        return wrapped(*args, **kwargs)
    call = guard.admit(client, ChatDemand(body), kwargs.get("timeout"))
    if call is None:
        return wrapped(*args, **kwargs)
    if call.instead is not None:
        kwargs = _with_model(kwargs, call.instead)
    before = CURRENT.set(call)
    try:
        result = wrapped(*args, **kwargs)
    except BaseException as error:
        if not call.claimed:
            _ended_outside(call, error)
            call.settle()
        raise
    finally:
        leave(before)
    if not call.claimed:
        _answered_outside(call)
        call.settle(read_usage(CHAT, result, None))
    return result


async def acreate(
    wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """
    Around `AsyncCompletions.create`: nothing happens before it is awaited.
    """
    guard, client = _guard(instance)
    body = None if guard is None else _body(kwargs)
    if guard is None or body is None:
        return await wrapped(*args, **kwargs)
    call = await guard.aadmit(client, ChatDemand(body), kwargs.get("timeout"))
    if call is None:
        return await wrapped(*args, **kwargs)
    if call.instead is not None:
        kwargs = _with_model(kwargs, call.instead)
    before = CURRENT.set(call)
    try:
        result = await wrapped(*args, **kwargs)
    except BaseException as error:
        if not call.claimed:
            _ended_outside(call, error)
            call.settle_later()
        raise
    finally:
        leave(before)
    if not call.claimed:
        _answered_outside(call)
        await call.asettle(read_usage(CHAT, result, None))
    return result


def _guard(instance: Any) -> tuple[Guard | None, Any]:
    client = getattr(instance, "_client", None)
    guard, call = guard_of(client), CURRENT.get()
    if call is None or call.claimed or guard is None or not guard.meter.same_count(call.meter):
        return guard, client
    # A door within the door: a subclass calls its parent, or has another client call.
    return None, client


def _body(kwargs: dict[str, Any]) -> Mapping[str, Any] | None:
    if not isinstance(kwargs.get("messages"), (list, tuple)):
        # What can be read only once is left to the SDK; the net sees what it made of it.
        return None
    extra = kwargs.get("extra_body")
    return {**kwargs, **extra} if extra is not None and isinstance(extra, Mapping) else kwargs


def _with_model(kwargs: dict[str, Any], model: str) -> dict[str, Any]:
    # The same arguments with another model, where that was named; what the user gave stays.
    extra = kwargs.get("extra_body")
    if isinstance(extra, Mapping) and "model" in extra:
        return {**kwargs, "extra_body": {**extra, "model": model}}
    return {**kwargs, "model": model}


def _answered_outside(call: Call) -> None:
    # A `create` that somebody replaced has answered, without any HTTP that we could see; unless a
    # bare thread, which carries no context, sent it.
    call.answered = not _sent_elsewhere(call)


def _ended_outside(call: Call, error: BaseException) -> None:
    # Of a replaced `create`, a status is all there is to go by; else nothing was sent.
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and not _sent_elsewhere(call):
        call.attempt_ended(status, None)


def _sent_elsewhere(call: Call) -> bool:
    return call.meter.notes.claim_for_door(call.note)
