"""
Serving the look-alike with uvicorn, in a thread or in the foreground.
"""

from __future__ import annotations

import socket
import sys
import threading
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .delivery import TRANSPORT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.types import ASGIApp

# Longer than any pause of a test, so that no idle connection closes under a client's feet.
_KEEP_ALIVE = 120


class _Droppable(H11Protocol):
    """
    Hands the application its connection, so that it can be cut.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # As uvicorn has it.
        self.app_state = {**self.app_state, TRANSPORT: transport}
        super().connection_made(transport)


class _Server(uvicorn.Server):
    """
    Says when it is up, and hangs up on everybody when it goes down.
    """

    def __init__(self, app: ASGIApp, on_up: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            http=_Droppable,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._on_up = on_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in self.server_state.connections:
            connection.transport.close()
        await super().shutdown(sockets)


class Background:
    """
    A server in a thread of its own, up when this is made.
    """

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        listener = _listen(host, port)
        self.base_url = _url(listener)
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._server = _Server(app, self._up.set)
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="groq-simulator", daemon=True
        )
        self._thread.start()
        self._up.wait()
        if not self._server.started:
            raise RuntimeError("the simulator's server did not come up") from self._failure

    def stop(self) -> None:
        """
        Cut all connections and end the thread.
        """
        self._server.should_exit = True
        self._thread.join()

    def _run(self, listener: socket.socket) -> None:
        try:
            self._server.run([listener])
        except BaseException as failure:
            if self._up.is_set():
                raise
            self._failure = failure
        finally:
            listener.close()
            self._up.set()


def serve_until_interrupted(
    app: ASGIApp, host: str, port: int, on_ready: Callable[[str], None]
) -> None:
    """
    Serve in the calling thread until Ctrl-C; *on_ready* gets the base URL.
    """
    listener = _listen(host, port)
    url = _url(listener)
    _Server(app, lambda: on_ready(url)).run([listener])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where a socket says that it is TCP does asyncio switch Nagle's delays of 40 ms off.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
