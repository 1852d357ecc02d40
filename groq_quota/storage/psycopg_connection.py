"""
Connections of psycopg that do not wait for ever.

psycopg limits connecting, the server its statements, and TCP what is not acknowledged: none of them
sees a server, or a proxy before it, that takes everything and says nothing. Cancelling asks that
same server, and takes ten seconds more.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["AsyncConnection", "Connection", "NoAnswerError"]

T = TypeVar("T")


class NoAnswerError(psycopg.OperationalError):
    """
    The server said nothing for too long; what it did is not known.
    """


class Connection(psycopg.Connection[Any]):
    """
    One that is closed when the server does not answer.

    Attributes:
        patience: Seconds for the server to answer.
    """

    patience = 8.0

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        """
        Same as psycopg's, which goes on for ever.

        Raises:
            NoAnswerError: If the answer does not come.
        """
        return super().wait(_limited(self, gen), *args, **options)


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """
    Same as `Connection`, for an event loop.
    """

    patience = 8.0

    async def wait(self, gen: Generator[Any, Any, T], *args: Any, **options: Any) -> T:
        """
        Same as psycopg's, which goes on for ever.

        Raises:
            NoAnswerError: If the answer does not come.
        """
        return await super().wait(_limited(self, gen), *args, **options)


def _limited(
    connection: Connection | AsyncConnection, waiting: Generator[Any, Any, T]
) -> Generator[Any, Any, T]:
    # psycopg resumes it ten times a second, also with nothing.
    until = time.monotonic() + connection.patience
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= until:
                connection.pgconn.finish()
                msg = f"the server has not answered for {connection.patience:g} s"
                raise NoAnswerError(msg)
            wanted = waiting.send(ready)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]  # a generator's value is untyped
