"""
The endpoints that are metered: what a request to each demands, and what its answer says was used.

Models, files, batches and whatever else there is pass unmetered.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..demand import AudioDemand, ChatDemand, EmbeddingDemand, ResponseDemand, SpeechDemand
from ..errors import ConfigurationError
from ..reports import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from ..demand import Demand

__all__ = [
    "CHAT",
    "Endpoint",
    "body_of",
    "endpoint_of",
    "events_in",
    "model_of",
    "read_usage",
    "usage_in",
    "usage_in_body",
    "with_model",
]


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """
    A metered endpoint.

    Attributes:
        path: How its URL ends.
        demand: What a request demands, by the SDK's description of it (FinalRequestOptions).
        usage: What an answer says that was used, None if it does not: an object of the SDK's, the
            mapping in a body, or one event of a stream.
        silent: Whether no answer ever says it, so that there is nothing to look at.
    """

    path: str
    demand: Callable[[Any], Demand]
    usage: Callable[[object], Usage | None]
    silent: bool = False


def endpoint_of(url: str, method: object = "post") -> Endpoint | None:
    """
    The metered endpoint that a URL or its path leads to, if it is one.
    """
    path = url.partition("?")[0].rstrip("/")
    if path.endswith(CHAT.path):  # nearly every call
        return CHAT
    if not isinstance(method, str) or method.lower() != "post":
        return None
    return next((endpoint for endpoint in _OTHERS if path.endswith(endpoint.path)), None)


def read_usage(endpoint: Endpoint, result: object, response: httpx.Response | None) -> Usage | None:
    """
    The usage that an answer carries: in the parsed object, else in the body that was read.
    """
    found = None if result is None else endpoint.usage(result)
    if found is None and response is not None and response.is_closed and not endpoint.silent:
        try:
            return usage_in_body(endpoint, response.content)
        except Exception:  # whatever the body is, it carries no usage that can be read
            return None
    return found


def usage_in_body(endpoint: Endpoint, body: bytes) -> Usage | None:
    """
    The usage that a whole body carries: one object, or the events of a stream.
    """
    return endpoint.usage(_json(body)) or usage_in(endpoint, body)


def usage_in(endpoint: Endpoint, lines: bytes) -> Usage | None:
    """
    The usage that these lines of a stream carry.
    """
    found = map(endpoint.usage, events_in(lines))
    return next((usage for usage in found if usage is not None), None)


def events_in(lines: bytes) -> Iterator[dict[str, Any]]:
    """
    The events that these lines of a stream are.
    """
    for line in lines.splitlines():
        event = _json(line.removeprefix(_DATA))
        if isinstance(event, dict):
            yield event


_DATA = b"data:"


def _json(text: bytes) -> Any:  # whatever is in there; None if it is no JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# -- what is in a request ---------------------------------------------------------------------


def body_of(options: Any) -> Mapping[str, Any]:  # FinalRequestOptions, of any version
    """
    The body of a request as it will be sent, form fields too; empty if it cannot be read.
    """
    body = getattr(options, "json_data", None) or getattr(options, "content", None)
    if isinstance(body, (bytes, bytearray, str)):
        body = _parsed(body)
    extra = getattr(options, "extra_json", None)
    whole = body if isinstance(body, Mapping) else {}
    return {**whole, **extra} if isinstance(extra, Mapping) else whole


def _parsed(body: bytes | bytearray | str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def model_of(options: Any) -> object:  # as in `body_of`
    """
    The model that a request names, whatever it is.
    """
    body, extra = getattr(options, "json_data", None), getattr(options, "extra_json", None)
    if extra is not None and isinstance(extra, Mapping) and "model" in extra:
        return extra["model"]
    return body.get("model") if type(body) is dict or isinstance(body, Mapping) else None


def with_model(options: Any, model: str) -> Any:  # as in `body_of`
    """
    A copy of a request that names another model, where it named one; the request stays as it was.
    """
    twin = options.model_copy() if hasattr(options, "model_copy") else options.copy()
    extra = getattr(options, "extra_json", None)
    if isinstance(extra, Mapping) and "model" in extra:
        twin.extra_json = {**extra, "model": model}
        return twin
    name = "json_data" if getattr(options, "json_data", None) else "content"
    body = getattr(options, name)
    if isinstance(body, Mapping):
        setattr(twin, name, {**body, "model": model})
    else:
        setattr(twin, name, json.dumps({**json.loads(body), "model": model}).encode())
    return twin


def _upload(options: Any) -> object:
    """
    The content of the form's file; None if it has none.

    The SDK has read what was given as a path by then: bytes and file objects are left, alone or in
    a tuple of name, content and more, which is as httpx takes them.
    """
    files = getattr(options, "files", None)
    pairs = list(files.items()) if isinstance(files, Mapping) else files
    for pair in pairs if isinstance(pairs, Sequence) else ():
        if isinstance(pair, tuple) and len(pair) == 2 and pair[0] == "file":
            file = pair[1]
            return file[1] if isinstance(file, tuple) and len(file) > 1 else file
    return None


# -- what is in an answer ---------------------------------------------------------------------


def _tokens_used(answer: object) -> Usage | None:
    found = getattr(answer, "usage", None)
    if found is not None:
        return _usage(found)
    if not isinstance(answer, Mapping):
        return None
    # In a stream of chat it is Groq's own addition; in one of /responses it is of the whole.
    for name in ("x_groq", "response"):
        nested = answer.get(name)
        found = nested.get("usage") if isinstance(nested, Mapping) else None
        if found:
            return _usage(found)
    return _usage(answer.get("usage"))


def _usage(found: object) -> Usage | None:
    if found is None:
        return None
    try:
        return Usage.of(found)
    except ConfigurationError:
        return None


def _seconds_used(answer: object) -> Usage | None:
    # Only verbose_json has it; the SDK keeps it as a field that its class does not know.
    if isinstance(answer, Mapping):
        found: object = answer.get("duration")
    else:
        found = getattr(answer, "duration", None)
    if isinstance(found, bool) or not isinstance(found, (int, float, str)):
        return None
    try:
        seconds = float(found)
    except ValueError:
        return None
    return Usage(audio_seconds=seconds) if 0 <= seconds < math.inf else None


def _nothing_used(_: object) -> None:
    return None


# -- the endpoints ----------------------------------------------------------------------------


def _audio(options: Any) -> Demand:
    return AudioDemand(body_of(options).get("model"), _upload(options))


CHAT = Endpoint("/chat/completions", lambda options: ChatDemand(body_of(options)), _tokens_used)
_OTHERS = (
    Endpoint("/responses", lambda options: ResponseDemand(body_of(options)), _tokens_used),
    Endpoint("/embeddings", lambda options: EmbeddingDemand(body_of(options)), _tokens_used),
    Endpoint("/audio/transcriptions", _audio, _seconds_used),
    Endpoint("/audio/translations", _audio, _seconds_used),
    Endpoint(
        "/audio/speech",
        lambda options: SpeechDemand(body_of(options)),
        _nothing_used,
        silent=True,
    ),
)
