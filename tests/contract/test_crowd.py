"""
Many processes on one storage: never over the limit, and never refused below it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.storage.servers import postgres_urls, redis_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")

_ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["json", "sqlite", "redis", "postgres"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """
    A place of each kind that processes can share.
    """
    if request.param in ("json", "sqlite"):
        yield f"{request.param}:///{tmp_path}/usage"
        return
    urls = {"redis": redis_urls, "postgres": postgres_urls}[request.param]()
    yield next(urls)
    urls.close()  # type: ignore[attr-defined]  # a generator


@pytest.mark.parametrize(("how", "processes", "each"), [("threads", 8, 8), ("tasks", 4, 100)])
def test_a_crowd_is_admitted_exactly(uri: str, how: str, processes: int, each: int) -> None:
    """
    Of 1,000 tries on a limit of 1,000 none is refused; of those that follow none is admitted.
    """
    command = [sys.executable, "-m", "tests.contract.crowd", uri, how, str(processes), str(each)]
    done = subprocess.run(
        command, cwd=_ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert "" == done.stderr
    assert ["1000", "0", "1000", str(processes)] == done.stdout.split()
