"""
What holds for every test.
"""

from __future__ import annotations

import copy
import os
import signal
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from groq_quota.simulator import Simulator
from groq_quota.storage.memory import MemoryStorage
from tests.storage.servers import RedisCluster, RedisServer, postgres_urls, redis_urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from groq_quota.state import Cell
    from groq_quota.storage import Key

# Other folders judge by it, too, so it is imported before tests/sdk is reached.
pytest.register_assert_rewrite("tests.sdk.judge")

# What a shell starts in the background ignores Ctrl-C, and so do its children: not here.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure.
hypothesis.settings.register_profile("groq-quota", deadline=None)
hypothesis.settings.load_profile("groq-quota")


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    Each test starts in an empty directory, and nobody's settings or keys reach it.
    """
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("GROQ_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _nothing_changed_in_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    No step of any test changes a value of the cell it is given, as copies share them.
    """
    transact, changed = MemoryStorage.transact, []

    def watched(storage: MemoryStorage, key: Key, step: Callable[[Cell], Any]) -> Any:
        known = storage._cells.get(key)
        before = copy.deepcopy(known)
        try:
            return transact(storage, key, step)
        finally:
            if known != before:
                changed.append((key, step, before, known))

    monkeypatch.setattr(MemoryStorage, "transact", watched)
    yield
    assert [] == changed


@pytest.fixture(scope="session")
def _served() -> Iterator[Simulator]:
    with Simulator({}) as simulator:
        yield simulator


@pytest.fixture
def server(_served: Simulator) -> Simulator:
    """
    A look-alike of Groq without limits, as new; there is one for all tests.
    """
    assert _served.wait_idle()
    _served.reset()
    return _served


@pytest.fixture(params=["json", "sqlite", "redis", "postgres"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """
    A place of each kind that processes can share, for this test alone.
    """
    if request.param in ("json", "sqlite"):
        yield f"{request.param}:///{tmp_path}/usage"
        return
    urls = {"redis": redis_urls, "postgres": postgres_urls}[request.param]()
    yield next(urls)
    urls.close()  # type: ignore[attr-defined]  # a generator


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """
    A Redis of the test's own, which it may stop.
    """
    running = RedisServer(tmp_path)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """
    Three nodes.
    """
    running = RedisCluster(tmp_path_factory.mktemp("cluster"))
    yield running
    running.stop()
