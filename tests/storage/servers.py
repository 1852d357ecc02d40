"""
Servers for tests: those that run on this machine, and a Redis of the test's own.

`GROQ_QUOTA_TEST_REDIS` and `GROQ_QUOTA_TEST_POSTGRES` are URLs of others to be used instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Read before the tests take all settings of ours away.
_REDIS = os.environ.get("GROQ_QUOTA_TEST_REDIS", "redis://127.0.0.1:6379/0")
_POSTGRES = os.environ.get("GROQ_QUOTA_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")


@cache
def _redis_trouble() -> str:
    try:
        import redis

        with redis.Redis.from_url(_REDIS, socket_connect_timeout=2) as client:
            client.ping()
    except Exception as error:
        return f"no Redis at {_REDIS}: {error}"
    return ""


def redis_urls() -> Iterator[str]:
    """
    URLs of places of their own on the Redis server, emptied at the end; skips without a server.
    """
    trouble = _redis_trouble()
    if trouble:
        pytest.skip(trouble)
    import redis

    prefix = f"test-{uuid.uuid4().hex[:12]}"
    number = 0
    try:
        while True:
            number += 1
            yield with_option(_REDIS, f"prefix={prefix}-{number}:")
    finally:
        with redis.Redis.from_url(_REDIS) as client:
            keys = list(client.scan_iter(f"{prefix}-*", count=10_000))
            for start in range(0, len(keys), 1_000):
                client.delete(*keys[start : start + 1_000])


@cache
def _postgres_trouble() -> str:
    try:
        import psycopg
        import sqlalchemy  # noqa: F401  # needed as well

        psycopg.connect(_POSTGRES, connect_timeout=2).close()
    except Exception as error:
        return f"no PostgreSQL at {_POSTGRES}: {error}"
    return ""


def postgres_urls() -> Iterator[str]:
    """
    URLs of schemas of their own on the PostgreSQL server; skips without a server.
    """
    trouble = _postgres_trouble()
    if trouble:
        pytest.skip(trouble)
    import psycopg

    made: list[str] = []
    try:
        while True:
            name = f"test_{uuid.uuid4().hex[:12]}"
            with psycopg.connect(_POSTGRES, autocommit=True) as connection:
                connection.execute(f"CREATE SCHEMA {name}".encode())
            made.append(name)
            yield with_option(_POSTGRES, f"options=-csearch_path%3D{name}")
    finally:
        with psycopg.connect(_POSTGRES, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            for name in made:
                connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


def with_option(url: str, option: str) -> str:
    """
    The URL with one more option.
    """
    return f"{url}{'&' if '?' in url else '?'}{option}"


def free_port() -> int:
    """
    A port that nobody listens at.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class RedisServer:
    """
    A Redis of the test's own, which it may stop, freeze and start again.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        # What it had is there again after a stop.
        self._command = [
            *(program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory)),
            *(
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--repl-diskless-sync-delay",
                "0",
                *options,
            ),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """
        Start it, and wait until it answers.
        """
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                probe.sendall(b"PING\r\n")
                if probe.recv(16)[:1] in (b"+", b"-") and not self._loading(probe):
                    return
            time.sleep(0.01)
        self.stop()
        raise TimeoutError("redis-server does not start")

    @staticmethod
    def _loading(probe: socket.socket) -> bool:
        probe.sendall(b"EXISTS x\r\n")
        return b"LOADING" in probe.recv(64)

    def stop(self) -> None:
        """
        Kill it at once.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """
        It accepts what is sent, and does nothing.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """
        It goes on, with all that was sent meanwhile.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


class RedisCluster:
    """
    Three nodes of a cluster, without replicas.
    """

    def __init__(self, directory: Path) -> None:
        self.nodes: list[RedisServer] = []
        buses: list[str] = []
        for number in range(3):
            folder = directory / f"node {number}"
            folder.mkdir()
            bus = str(free_port())
            options = ("yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
            self.nodes.append(RedisServer(folder, "--cluster-enabled", *options))
            buses.append(bus)
        self.url = f"{self.nodes[0].url}?cluster=1"
        import redis

        third = 16_384 // 3 + 1
        for number, node in enumerate(self.nodes):
            client = redis.Redis.from_url(node.url)
            slots = number * third, min((number + 1) * third, 16_384) - 1
            client.cluster("ADDSLOTSRANGE", *slots)
            client.cluster("MEET", "127.0.0.1", self.nodes[0].port, buses[0])
            client.close()
        self.wait()

    def wait(self) -> None:
        """
        Until all nodes know that all is well.
        """
        until = time.monotonic() + 30
        while not all(_is_well(node) for node in self.nodes):
            if time.monotonic() > until:
                raise TimeoutError("the cluster does not come together")
            time.sleep(0.01)

    def stop(self) -> None:
        """
        Kill all nodes.
        """
        for node in self.nodes:
            node.stop()


def _is_well(node: RedisServer) -> bool:
    import redis

    with redis.Redis.from_url(node.url) as client:
        about = client.cluster("info")
    return ("ok", "16384", "3") == tuple(
        about[name] for name in ("cluster_state", "cluster_slots_ok", "cluster_known_nodes")
    )


class Proxy:
    """
    Stands before a server, and may keep its answers to itself.

    Attributes:
        port: Where it listens.
        swallows: Whether what the server says is taken and lost.
        asked: Set whenever a client has said something.
        answers: While it is clear, what the server says is held back.
    """

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.swallows = False
        self.asked = threading.Event()
        self.answers = threading.Event()
        self.answers.set()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # stopped
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._carry, args=(source, target, client), daemon=True
                    ).start()

    def _carry(self, source: socket.socket, target: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):  # stopped
            while data := source.recv(65_536):
                if source is client:
                    self.asked.set()
                else:
                    self.answers.wait()
                if source is client or not self.swallows:
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def stop(self) -> None:
        """
        Cut all connections.
        """
        self.answers.set()
        for each in (self._listener, *self._open):
            with suppress(OSError):  # it is not connected
                each.shutdown(socket.SHUT_RDWR)
            each.close()
