"""
A storage in Redis or Valkey, for many machines.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from ..effects import Operation, arun, run
from ..errors import ConfigurationError, StorageError
from .columns import Where, is_row
from .loops import NetworkStorage
from .places import Place
from .redis_clients import RedisClients
from .redis_commands import (
    PREFIX,
    Command,
    Keys,
    change_of,
    counts_from,
    in_full,
    pairs,
    record_from,
    text_of,
)
from .versions import Change, DisconnectedError, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis
    import redis.asyncio
    import redis.asyncio.cluster
    import redis.cluster

    from ..state import Rows
    from .base import Key

__all__ = ["RedisStorage"]

logger = logging.getLogger("groq_quota")

# Seconds that a replica has to acknowledge a change, with ?wait=1.
_WAIT = 1.0
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class RedisStorage(NetworkStorage["redis.asyncio.Redis | redis.asyncio.cluster.RedisCluster"]):
    """
    Keeps everything in Redis or Valkey, exact over all machines that share it.

    A change that nobody disturbs is one round trip. Needs the extra `redis`. Constructing opens no
    connection; each process, and each event loop in it, has its own.

    Args:
        url: As redis-py takes it, with its options: `redis://`, `rediss://` (TLS) or `unix://`;
            `valkey://` and `valkeys://` are the same. Options of ours: `wait=1` waits until a
            replica has a change; `prefix=` is what all keys begin with, `groq_quota:` by default;
            `cluster=1` says that the address is that of any node of a cluster.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        place = Place(url, own=("cluster", "decode_responses", "prefix", "wait"))
        self._place = place
        self._replicas = _checked_wait(place)
        self._keys = Keys(place.options.get("prefix", PREFIX))
        url = place.url.replace("valkey", "redis", 1)
        self._library = _library()
        self._wire: redis.connection.AbstractConnection | None = None
        self._uncopied = False
        try:
            pool = self._library.ConnectionPool.from_url(url)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(f"{place.shown}: {place.hide(error)}") from None
        self._cluster = _checked_cluster(place, pool.connection_kwargs)
        self._clients = RedisClients(self._library, url, cluster=self._cluster)
        kinds = self._library.exceptions
        self._errors = (kinds.RedisError, kinds.RedisClusterException)

    @property
    def uri(self) -> str:
        """
        Where it is, without the password.
        """
        return self._place.shown

    def after_fork(self) -> None:
        """
        In a forked child: connections of its own.
        """
        super().after_fork()
        self._clients.after_fork()
        self._wire = None

    def close(self) -> None:
        """
        Close the connections of this process's threads; the next use opens them again.

        Threads that are looking are let finish; the last of them closes what they use.
        """
        if self._entered():  # a signal handler: the call that it interrupted needs them
            return
        with self._busy:
            wire, self._wire = self._wire, None
        if wire is not None:
            wire.disconnect()  # type: ignore[no-untyped-call]  # redis-py
        self._clients.close()
        super().close()

    # -- connections --------------------------------------------------------------------------

    def _connect(self) -> redis.asyncio.Redis | redis.asyncio.cluster.RedisCluster:
        return self._clients.for_loop()

    async def _disconnect(
        self, client: redis.asyncio.Redis | redis.asyncio.cluster.RedisCluster
    ) -> None:
        close = getattr(client, "aclose", client.close)  # redis-py 5.0 has the old name only
        await close()

    def _perform(self, name: str, *args: Any) -> Any:  # what a trip brings
        try:
            lent = self._clients.borrow()
            try:
                if self._clock_due():
                    before = time.time()
                    self._read_clock(before, lent.client.time())
                return run(getattr(self, "_" + name)(*args), partial(self._send, lent.client))
            finally:
                self._clients.give_back(lent)
        except self._errors as error:
            raise self._failed(error) from error

    async def _aperform(
        self,
        client: redis.asyncio.Redis | redis.asyncio.cluster.RedisCluster,
        name: str,
        *args: Any,
    ) -> Any:  # what a trip brings
        async def send(*commands: Command) -> list[Any]:
            return await self._asend(client, commands)

        try:
            if self._clock_due():
                before = time.time()
                self._read_clock(before, await client.time())
            return await arun(getattr(self, "_" + name)(*args), send)
        except self._errors as error:
            raise self._failed(error) from error

    def _read_clock(self, before: float, theirs: tuple[int, int]) -> None:
        self._set_clock(before, theirs[0] + theirs[1] / 1e6, time.time())

    # -- sending ------------------------------------------------------------------------------

    def _send(
        self, client: redis.Redis | redis.cluster.RedisCluster, *commands: Command
    ) -> list[Any]:  # Redis' replies
        if len(commands) == 1:
            return [self._send_one(client, commands[0])]
        replies = _piped(client, commands).execute(raise_on_error=False)
        lost = self._without_script(replies)
        if lost:
            again = _piped(client, [in_full(commands[place]) for place in lost])
            for place, reply in zip(lost, again.execute(raise_on_error=False), strict=True):
                replies[place] = reply
        if self._refused(replies):
            self._leave(client)
        return list(replies)

    def _send_one(
        self, client: redis.Redis | redis.cluster.RedisCluster, command: Command
    ) -> Any:  # Redis' reply
        try:
            try:
                return client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py
            except self._library.exceptions.NoScriptError:
                return client.execute_command(*in_full(command))  # type: ignore[no-untyped-call]  # redis-py
        except self._library.exceptions.ResponseError:
            self._leave(client)
            raise

    async def _asend(
        self,
        client: redis.asyncio.Redis | redis.asyncio.cluster.RedisCluster,
        commands: Sequence[Command],
    ) -> list[Any]:  # Redis' replies
        replies = await _piped(client, commands).execute(raise_on_error=False)
        lost = self._without_script(replies)
        if lost:
            again = _piped(client, [in_full(commands[place]) for place in lost])
            for place, reply in zip(lost, await again.execute(raise_on_error=False), strict=True):
                replies[place] = reply
        if self._refused(replies) and not self._cluster:
            await client.connection_pool.disconnect(inuse_connections=False)  # type: ignore[union-attr]  # no cluster's
        if len(replies) == 1 and isinstance(replies[0], Exception):
            raise replies[0]
        return list(replies)

    def _without_script(self, replies: Sequence[object]) -> list[int]:
        # A flush or a restart makes the server forget scripts.
        no_script = self._library.exceptions.NoScriptError
        return [place for place, reply in enumerate(replies) if isinstance(reply, no_script)]

    def _refused(self, replies: Sequence[object]) -> bool:
        kind = self._library.exceptions.ResponseError
        return any(isinstance(reply, kind) for reply in replies)

    def _leave(self, client: redis.Redis | redis.cluster.RedisCluster | None) -> None:
        # A server that refuses may be a replica by now (READONLY, MASTERDOWN; older ones say it in
        # the text of a script's error), or cut off from its own (NOREPLICAS), and the address may
        # lead to the one that has taken over: the next command goes there anew. Of a cluster's
        # nodes its client takes care.
        wire = self._wire
        if wire is not None and self._owned():  # another thread's finds that out by itself
            wire.disconnect()  # type: ignore[no-untyped-call]  # redis-py
        if isinstance(client, self._library.Redis):
            client.connection_pool.disconnect(inuse_connections=False)

    def _failed(self, error: Exception) -> StorageError:
        kinds = self._library.exceptions
        said = f"{self._place.shown} does not do its part ({self._place.hide(error)})"
        other = "or choose another place (storage=, or GROQ_QUOTA_STORAGE)."
        if isinstance(error, kinds.AuthenticationError):
            return StorageError(f"{said}: check user and password in the URL, {other}")
        if isinstance(error, kinds.TimeoutError):
            return DisconnectedError(f"{said}: see whether it can be reached, {other}")
        if isinstance(error, kinds.ConnectionError):
            return DisconnectedError(f"{said}: see whether it runs, {other}", again=True)
        if isinstance(error, (kinds.RedisClusterException, kinds.ClusterError)) and (
            self._cluster or not isinstance(error, kinds.MasterDownError)  # any replica's error
        ):
            # It went from node to node, and what one of them did is not known.
            return DisconnectedError(f"{said}: see to the cluster, {other}")
        # redis-py before 6 has no name for it.
        if isinstance(error, kinds.MovedError) or str(error).startswith("MOVED "):
            return StorageError(f"{said}: it is one node of a cluster, add cluster=1 to the URL.")
        return StorageError(f"{said}: see to the server, {other}")

    # -- trips: commands are yielded, replies are sent ----------------------------------------

    def _fetch(self, key: Key) -> Operation[Record]:
        (blob,) = yield (("HGET", self._keys.cells(key[0]), key[1]),)
        return record_from(blob, self._where(key))

    def _where(self, key: Key, *day: str) -> Where:
        return (self._place.shown, *key, *day)

    def _days(self, key: Key, days: Sequence[str]) -> Operation[Rows]:
        (found,) = yield (("HMGET", self._keys.days(key), *days),)
        return {
            day: counts_from(text, self._where(key, day))
            for day, text in zip(days, found, strict=True)
            if text
        }

    def _swap_single(self, change: Change) -> Record | None:
        if self._replicas or self._cluster:
            return super()._swap_single(change)
        if self._clock_due():
            self._clock_at = 0.0  # the trip looks at it
            return super()._swap_single(change)
        command = change_of(change, self._keys)
        try:
            try:
                reply = self._send_quickly(command)
            except self._library.exceptions.NoScriptError:
                reply = self._send_quickly(in_full(command))
        except self._errors as error:
            raise self._failed(error) from error
        return None if reply is None else record_from(reply, self._where(change.key))

    def _send_quickly(self, command: Command) -> Any:  # Redis' reply
        # By a connection of its own, past the pool: that takes half as long.
        wire = self._wire
        if wire is None:
            lent = self._clients.borrow()
            pool = lent.client.connection_pool  # type: ignore[union-attr]  # no cluster's
            wire = self._wire = pool.connection_class(**pool.connection_kwargs)
            self._clients.give_back(lent)
        try:
            wire.send_command(*command)
            return wire.read_response()
        except self._library.exceptions.NoScriptError:
            raise
        except self._library.exceptions.ResponseError:
            self._leave(self._clients.known)
            raise
        except BaseException:
            wire.disconnect()  # the answer may come later, and is not that of the next command
            raise

    def _swap(self, changes: Sequence[Change]) -> Operation[list[Record | None]]:
        # The list of scopes may have one too many, but none too few.
        new = {change.key[0]: None for change in changes if not change.expected and change.record}
        commands: list[Command] = [("SADD", self._keys.scopes, scope) for scope in new]
        if self._cluster and commands:  # on another node, so nothing says which comes first
            _checked((yield tuple(commands)))
            new, commands = {}, []
        commands += [change_of(change, self._keys) for change in changes]
        if self._replicas:
            commands.append(("WAIT", self._replicas, int(_WAIT * 1e3)))
        replies = yield tuple(commands)
        errors = [reply for reply in replies if isinstance(reply, Exception)]
        if errors:
            # One has failed; what became of the others is looked up later.
            failed = self._failed(errors[0])
            raise failed if len(changes) == 1 else DisconnectedError(str(failed))
        if self._replicas:
            self._acknowledged(int(replies.pop()))
        return [
            None if reply is None else record_from(reply, self._where(change.key))
            for change, reply in zip(changes, replies[len(new) :], strict=True)
        ]

    def _acknowledged(self, replicas: int) -> None:
        if (replicas < self._replicas) != self._uncopied:
            self._uncopied = not self._uncopied
            logger.warning(
                "%s: %d of %d replicas have the latest count%s.",
                self._place.shown,
                replicas,
                self._replicas,
                "; a failover may lose it" if self._uncopied else " again",
            )

    def _load(self, scope: str) -> Operation[list[tuple[str, Record]]]:
        (found,) = yield (("HGETALL", self._keys.cells(scope)),)
        records = ((text_of(model), blob) for model, blob in pairs(found))
        return [(model, record_from(blob, self._where((scope, model)))) for model, blob in records]

    def _past(self, scope: str, since: str) -> Operation[dict[str, Rows]]:
        (found,) = yield (("SMEMBERS", self._keys.models(scope)),)
        models = [text_of(model) for model in found]
        if not models:
            return {}
        days = _checked(
            (yield tuple(("HGETALL", self._keys.days((scope, model))) for model in models))
        )
        rows: dict[str, Rows] = {}
        for model, reply in zip(models, days, strict=True):
            by_day = {text_of(day): text for day, text in pairs(reply)}
            rows[model] = {
                day: counts_from(by_day[day], self._where((scope, model), day))
                for day in sorted(by_day)
                if day >= since and is_row(day, self._where((scope, model)))
            }
        return rows

    def _scopes(self) -> Operation[list[str]]:
        (found,) = yield (("SMEMBERS", self._keys.scopes),)
        names = [text_of(name) for name in found]
        if not names:
            return []
        asked = [
            ("EXISTS", place)
            for name in names
            for place in (self._keys.cells(name), self._keys.models(name))
        ]
        there = _checked((yield tuple(asked)))
        return [
            name
            for name, cells, models in zip(names, there[::2], there[1::2], strict=True)
            if cells or models
        ]


def _checked(replies: list[Any]) -> list[Any]:  # Redis' replies
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def _piped(client: Any, commands: Sequence[Command]) -> Any:  # a client's pipeline, sync or async
    pipe = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return pipe


def _checked_wait(place: Place) -> int:
    value = place.options.get("wait", "0")
    if not value.isdecimal():
        raise ConfigurationError(f"{place.shown}: wait must be a number of replicas, not {value!r}")
    return int(value)


def _checked_cluster(place: Place, connection: Mapping[str, Any]) -> bool:
    value = place.options.get("cluster", "0")
    if value.lower() not in _FLAGS:
        raise ConfigurationError(f"{place.shown}: cluster must be 1 or 0, not {value!r}")
    if not _FLAGS[value.lower()]:
        return False
    if connection.get("db") or "path" in connection:
        raise ConfigurationError(
            f"{place.shown}: a cluster has database 0 only, and is reached by host and port"
        )
    if "wait" in place.options:
        raise ConfigurationError(
            f"{place.shown}: nothing waits for a cluster's replicas: wait= does not go with "
            "cluster="
        )
    return True


def _library() -> Any:  # the package redis, which need not be there
    try:
        import redis
    except ImportError:
        raise ConfigurationError(
            "redis:// needs the package redis: pip install 'groq-quota[redis]'"
        ) from None
    return redis
