"""
The clients of one Redis, or one cluster: that of this process's threads, and those of event loops.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .loops import Lent

if TYPE_CHECKING:
    import redis
    import redis.asyncio
    import redis.asyncio.cluster
    import redis.cluster

__all__ = ["RedisClients"]

_DEFAULTS: dict[str, Any] = {
    "socket_timeout": 5.0,
    "socket_connect_timeout": 3.0,
    "health_check_interval": 30,
}


class RedisClients:
    """
    Makes clients, and lends out that of the threads: whoever uses it is not to lose its connection.

    Args:
        library: The package redis.
        url: Where the server is, or a node of the cluster.
    """

    def __init__(self, library: Any, url: str, *, cluster: bool) -> None:
        self._library = library
        self._url = url
        self._cluster = cluster
        self.after_fork()

    def after_fork(self) -> None:
        """
        In a forked child: connections of its own.
        """
        self._lent: Lent[redis.Redis | redis.cluster.RedisCluster] | None = None
        self._lending = threading.RLock()

    @property
    def known(self) -> redis.Redis | redis.cluster.RedisCluster | None:
        """
        The threads' client, if there is one.
        """
        lent = self._lent
        return None if lent is None else lent.client

    def borrow(self) -> Lent[redis.Redis | redis.cluster.RedisCluster]:
        """
        The threads' client, which stays open until it is given back.
        """
        made = None if self._lent is not None else self._made()
        while True:
            with self._lending:
                if self._lent is None and made is not None:
                    self._lent = Lent(made)
                lent = self._lent
                if lent is not None:
                    lent.trips += 1
                    return lent
            made = self._made()  # it was closed just now

    def give_back(self, lent: Lent[redis.Redis | redis.cluster.RedisCluster]) -> None:
        """
        Be done with it; the last one closes what was given up.
        """
        with self._lending:
            last = lent.end()
        if last:
            self._shut(lent.client)

    def close(self) -> None:
        """
        Give up the threads' client; the next one who borrows has another.
        """
        with self._lending:
            lent, self._lent = self._lent, None
            idle = lent is not None and lent.give_up()
        if lent is not None and idle:
            self._shut(lent.client)

    def _shut(self, client: redis.Redis | redis.cluster.RedisCluster) -> None:
        if isinstance(client, self._library.Redis):
            client.connection_pool.disconnect()  # redis-py 5.0 leaves that to the garbage collector
        client.close()

    def _made(self) -> redis.Redis | redis.cluster.RedisCluster:
        from redis.backoff import NoBackoff
        from redis.cluster import RedisCluster
        from redis.retry import Retry

        kind = RedisCluster if self._cluster else self._library.Redis
        made: redis.Redis | redis.cluster.RedisCluster = kind.from_url(
            self._url, retry=Retry(NoBackoff(), 0), **_DEFAULTS
        )
        return made

    def for_loop(self) -> redis.asyncio.Redis | redis.asyncio.cluster.RedisCluster:
        """
        A new client for an event loop.
        """
        from redis.asyncio import Redis
        from redis.asyncio.cluster import RedisCluster
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        kind = RedisCluster if self._cluster else Redis
        return kind.from_url(self._url, retry=Retry(NoBackoff(), 0), **_DEFAULTS)
