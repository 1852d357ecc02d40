"""
What the guard adds to a call of the SDK, over a transport in this process.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import groq
import httpx

import groq_quota
from tests.benchmarks.timing import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "llama-3.1-8b-instant"
CHUNKS = 500
HEADERS = {
    "x-ratelimit-limit-requests": "1000000000",
    "x-ratelimit-limit-tokens": "1000000000000",
    "x-ratelimit-remaining-requests": "999999999",
    "x-ratelimit-remaining-tokens": "999999999963",
    "x-ratelimit-reset-requests": "6s",
    "x-ratelimit-reset-tokens": "370ms",
    "x-request-id": "req_01",
    "x-groq-region": "fra",
    "server": "cloudflare",
    "vary": "Origin",
}
USAGE = {
    "queue_time": 0.01,
    "prompt_tokens": 40,
    "prompt_time": 0.01,
    "completion_tokens": 10,
    "completion_time": 0.01,
    "total_tokens": 50,
    "total_time": 0.02,
}
HEAD = {"id": "chatcmpl-1", "created": 1, "model": MODEL, "system_fingerprint": "fp_1"}
MESSAGES: Any = [
    {"role": "system", "content": "You are a kind assistant. " * 10},
    {"role": "user", "content": "Tell me about the harbour. " * 50},
]


def _plain() -> bytes:
    message = {"role": "assistant", "content": "Ships come and go."}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    body = {**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE}
    return json.dumps({**body, "x_groq": {"id": "req_01"}}).encode()


class _Events(httpx.SyncByteStream):
    def __init__(self) -> None:
        self._events = [self._event(f"word{number} ") for number in range(CHUNKS)]
        self._events.append(self._event(None))
        self._events.append(b"data: [DONE]\n\n")

    @staticmethod
    def _event(text: str | None) -> bytes:
        delta = {} if text is None else {"content": text}
        choice = {"index": 0, "delta": delta, "finish_reason": None if text else "stop"}
        body = {**HEAD, "object": "chat.completion.chunk", "choices": [choice]}
        if text is None:
            body["x_groq"] = {"id": "req_01", "usage": USAGE}
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._events)


def client() -> groq.Groq:
    """
    A real client over a transport that answers at once.
    """
    plain, events = _plain(), _Events()

    def answer(request: httpx.Request) -> httpx.Response:
        if b'"stream":true' in request.content:
            kind = {"content-type": "text/event-stream"}
            return httpx.Response(200, headers={**HEADERS, **kind}, stream=events)
        kind = {"content-type": "application/json"}
        return httpx.Response(200, headers={**HEADERS, **kind}, content=plain)

    transport = httpx.MockTransport(answer)
    return groq.Groq(api_key="none", http_client=httpx.Client(transport=transport))


def unlimited(storage: str = "memory://") -> groq_quota.QuotaMeter:
    """
    A meter whose limits are never reached.
    """
    limits = {"rpm": 10**9, "rpd": 10**9, "tpm": 10**12, "tpd": 10**12}
    return groq_quota.QuotaMeter(storage, limits={MODEL: limits})


@contextmanager
def guarded(meter: groq_quota.QuotaMeter) -> Iterator[None]:
    """
    Everything within is under the guard.
    """
    groq_quota.install(meter)
    try:
        yield
    finally:
        groq_quota.uninstall()


def main() -> list[Row]:
    """
    A plain call and a streamed chunk, bare and guarded, on memory storage.
    """
    chat, meter = client().chat.completions, unlimited()
    within = {"guarded": lambda: guarded(meter)}

    def call() -> None:
        chat.create(model=MODEL, messages=MESSAGES, max_tokens=100)

    def stream() -> None:
        for _ in chat.create(model=MODEL, messages=MESSAGES, max_tokens=600, stream=True):
            pass

    # Each installation makes the interpreter adapt the SDK's code anew, which takes some calls.
    plain = interleaved({"bare": call, "guarded": call}, rounds=30, calls=200, within=within)
    bare, added = plain["bare"], plain["guarded"] - plain["bare"]
    streams = interleaved({"bare": stream, "guarded": stream}, rounds=30, calls=2, within=within)
    ratio = streams["guarded"] / streams["bare"]
    return [
        Row(
            "plain call, memory",
            f"+{added:.1f} µs on {bare:.0f} µs (x {1 + added / bare:.3f})",
            "+60 µs, or 5.5 % where a bare call takes longer than 1.1 ms",
        ),
        Row(
            f"streamed chunk ({CHUNKS})",
            f"{streams['bare'] / CHUNKS:.1f} µs bare, x {ratio:.4f} guarded",
            "x 1.02",
        ),
    ]
