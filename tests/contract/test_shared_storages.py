"""
The contract, over SQLite and over the storages that have a server.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from groq_quota.storage import storage_from_uri
from groq_quota.storage.sqlite import SqliteStorage
from tests.contract.contract import StorageContract
from tests.storage.servers import RedisCluster, postgres_urls, redis_urls, with_option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from groq_quota.storage import Storage


class TestSqlite(StorageContract):
    def make(self, place: Path) -> Storage:
        """
        As it is by default.
        """
        return SqliteStorage(place / "usage.db")


class TestSqliteFull(StorageContract):
    def make(self, place: Path) -> Storage:
        """
        Waiting for the disk.
        """
        return SqliteStorage(place / "usage.db", synchronous="full")


class OnServer(StorageContract):
    """
    Each directory stands for a place of its own on the server.
    """

    _urls: Iterator[str]
    _places: dict[Path, str]

    def make(self, place: Path) -> Storage:
        """
        The same for the same directory.
        """
        url = self._places.get(place)
        if url is None:
            url = self._places[place] = next(self._urls)
        return storage_from_uri(url)


class TestRedis(OnServer):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        self._urls, self._places = redis_urls(), {}
        yield
        self._urls.close()  # type: ignore[attr-defined]  # a generator


class TestRedisCluster(OnServer):
    @pytest.fixture(autouse=True)
    def _server(self, cluster: RedisCluster) -> None:
        self._urls = (with_option(cluster.url, f"prefix={uuid4().hex}:") for _ in count())
        self._places = {}


class TestPostgres(OnServer):
    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        self._urls, self._places = postgres_urls(), {}
        yield
        self._urls.close()  # type: ignore[attr-defined]  # a generator
