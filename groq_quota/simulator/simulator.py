"""
The simulator: a look-alike of Groq that can be pointed at, broken and questioned.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from . import extra
from .answers import Answer, Body, answerer, prompt_tokens
from .author import Author
from .bodies import Wording
from .chat import Chat
from .embeddings import Embeddings
from .exchange import Exchange, Terms
from .faults import Fault, Faults
from .ledger import Ledger
from .limiter import Limiter, Limits
from .published import FREE_PLAN
from .responses import Responses
from .speech import Speech
from .traffic import Traffic
from .transcripts import transcription, translation

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.applications import Starlette
    from typing_extensions import Self

    from .endpoints import Endpoint
    from .server import Background

Seconds = float | Callable[[], float]


class Simulator:
    """
    A server that takes, limits, answers and bills requests as Groq does, without a model.

    Use it as a context manager and give its `base_url` to a client::

        with Simulator({"my-model": {"rpm": 30, "tpm": 8_000}}) as simulator:
            client = groq.Groq(base_url=simulator.base_url, api_key="any")

    or take its `app` into an ASGI transport. In process, httpx collects a whole answer before it
    hands it on: a stream then arrives at once, and a dropped connection is a ConnectionResetError.

    Args:
        limits: For each model, amounts for any of rpm, rpd, tpm, tpd, itpm, otpm, ash and asd.
            None for Groq's free plan of 2026-10-01. All other models are unlimited.
        refund: Whether unused ``max_tokens`` are given back after the answer.
            Cached tokens are given back in any case.
        clock: The time in seconds, for limits and ledger; delays are in real seconds.
        latency: Seconds that each request is on its way to the limiter, or a callable that says.
        processing: Seconds between admission and answer, or a callable that says.
        strict_models: Whether models that are not in the limits are answered with 404.
        answer: What is answered: a text, an `Answer`, or a callable that makes one of the
            request's body. None for a short made-up text. It is cut at the output limit that the
            request sets, or at 1,024 tokens. Of audio, it is what was said.
        count_prompt: How many tokens the prompt of a chat request has, in limiter and usage; a
            request to ``/responses`` comes with its ``input`` as ``messages``.
        cached: How many of the prompt's tokens were cached, or a callable of the body.
        max_tokens_cap: The most output tokens that a request may ask for.
        organization: The organization that refusals name.
        paid: Whether refusals end as they do for paying organizations.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        refund: bool = False,
        clock: Callable[[], float] = time.time,
        latency: Seconds = 0.0,
        processing: Seconds = 0.0,
        strict_models: bool = False,
        answer: Answer | str | Callable[[Body], Answer | str] | None = None,
        count_prompt: Callable[[Body], int] = prompt_tokens,
        cached: int | Callable[[Body], int] = 0,
        max_tokens_cap: int = 65_536,
        organization: str = "org_simulator",
        paid: bool = False,
    ) -> None:
        self.ledger = Ledger()
        self.faults = Faults()
        self._clock = clock
        self._limiter = Limiter(FREE_PLAN if limits is None else limits)
        self._traffic = Traffic()
        wording = Wording(organization, paid)
        self._terms = Terms(wording, refund, strict_models, _caller(latency), _caller(processing))
        reply = None if answer is None else answerer(answer)
        reuse = cached if callable(cached) else lambda _: cached
        author = Author(reply, count_prompt, reuse, max_tokens_cap)
        self._endpoints: tuple[Endpoint, ...] = (
            Chat(author),
            Responses(author),
            Embeddings(),
            transcription(reply),
            translation(reply),
            Speech(),
        )
        self._server: Background | None = None

    @cached_property
    def app(self) -> Starlette:
        """
        The ASGI application.

        Raises:
            ModuleNotFoundError: The extra ``simulator`` is not installed.
        """
        with extra.needed():
            from .app import build
        desk = Exchange(self._clock, self._limiter, self.ledger, self.faults, self._terms)
        return build(desk, self._endpoints, self._traffic)

    @property
    def base_url(self) -> str:
        """
        The URL for a client's ``base_url``.

        Raises:
            RuntimeError: The server is not started.
        """
        if self._server is None:
            raise RuntimeError("the simulator is not started: call start() or use it in a with")
        return self._server.base_url

    def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """
        Serve in a thread, on a free port where *port* is 0, and return the base URL.

        Raises:
            ModuleNotFoundError: The extra ``simulator`` is not installed.
            OSError: The port is taken.
        """
        if self._server is None:
            with extra.needed():
                from .server import Background
            self._server = Background(self.app, host, port)
        return self._server.base_url

    def stop(self) -> None:
        """
        Cut all connections and stop serving; ledger and buckets stay.
        """
        if self._server is not None:
            self._server.stop()
            self._server = None

    def reset(self) -> None:
        """
        Clear the ledger, refill all buckets and drop the faults to come.
        """
        self.ledger.clear()
        self.faults.clear()
        self._limiter.reset()

    def spend(self, model: str, **amounts: int) -> None:
        """
        Take from the model's buckets as others of the organization would: ``tpd=97_050``.
        """
        self._limiter.spend(model, amounts, self._clock())

    def remaining(self, model: str) -> dict[str, int]:
        """
        Return what is left of each limit of the model.
        """
        standing = self._limiter.standing(model, self._clock())
        return {name: bucket.remaining for name, bucket in standing.items()}

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """
        Wait until every request that arrived is done with; tell whether it is so in time.

        Needed only to see what a client that hung up was charged in the end.
        """
        return self._traffic.wait_idle(timeout)

    def fail_next(
        self,
        status: int = 500,
        *,
        message: str | None = None,
        retry_after: float | None = None,
        model: str | None = None,
        times: int | None = 1,
    ) -> None:
        """
        Answer the next request with an error; a 429 names the limit of requests per minute.

        A 429 says to wait until the next request fits, unless *retry_after* says otherwise; the
        SDK waits that long.
        """
        fault = Fault(status, message, retry_after, model=model, times=times)
        self.faults.add(fault)

    def drop_next(
        self, *, after: int | None = None, model: str | None = None, times: int | None = 1
    ) -> None:
        """
        Cut the next request's connection, before the answer or after *after* chunks of text.

        The request is processed and billed all the same.
        """
        self.faults.add(Fault(end="drop", after=after, model=model, times=times))

    def stall_next(
        self, *, after: int | None = None, model: str | None = None, times: int | None = 1
    ) -> None:
        """
        Fall silent, before the answer or after *after* chunks of text, until the client hangs up.
        """
        self.faults.add(Fault(end="stall", after=after, model=model, times=times))

    def break_next_stream(
        self,
        *,
        after: int = 0,
        message: str | None = None,
        model: str | None = None,
        times: int | None = 1,
    ) -> None:
        """
        End the next stream with an error event after *after* chunks of text.
        """
        fault = Fault(end="error", after=after, message=message, model=model, times=times)
        self.faults.add(fault)

    def delay_next(
        self, seconds: float, *, model: str | None = None, times: int | None = 1
    ) -> None:
        """
        Begin the next answer so many seconds late.
        """
        self.faults.add(Fault(delay=seconds, model=model, times=times))

    def slow_next_stream(
        self, gap: float, *, model: str | None = None, times: int | None = 1
    ) -> None:
        """
        Wait *gap* seconds between the chunks of the next stream.
        """
        self.faults.add(Fault(gap=gap, model=model, times=times))

    def hide_next_usage(self, *, model: str | None = None, times: int | None = 1) -> None:
        """
        Leave the usage out of the next answer.
        """
        self.faults.add(Fault(usage=False, model=model, times=times))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def serve(
    simulator: Simulator,
    host: str = "127.0.0.1",
    port: int = 8_000,
    *,
    on_ready: Callable[[str], None] = lambda _: None,
) -> None:
    """
    Serve until Ctrl-C in the calling thread; *on_ready* gets the base URL once it answers.

    Raises:
        ModuleNotFoundError: The extra ``simulator`` is not installed.
        OSError: The port is taken.
    """
    with extra.needed():
        from .server import serve_until_interrupted
    serve_until_interrupted(simulator.app, host, port, on_ready)


def _caller(seconds: Seconds) -> Callable[[], float]:
    return seconds if callable(seconds) else lambda: seconds
