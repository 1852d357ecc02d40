"""
Ctrl-C at each place of a caller's way through a group, one after the other.
"""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota.storage import grouping
from groq_quota.storage.grouping import Group, Job
from tests.storage.people import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="the places are CPython's"
)

HERE = "here"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "_LOOK_UP", 0.005)


def commit(jobs: Sequence[Job[Any]]) -> None:
    """
    Do what is asked for.
    """
    for job in jobs:
        job.attempt()
        job.settled = True


def interrupted(place: int, call: Callable[[], object]) -> bool:
    """
    Make a call that Ctrl-C comes to at the so-manieth place in the module; False if the call has
    fewer of them. The places are those at which the interpreter looks for signals: where functions
    begin, and behind calls.
    """
    left = place

    def look(frame: FrameType, event: str, _: object) -> None:
        nonlocal left
        if frame.f_code.co_filename == grouping.__file__ and event != "c_call":
            left -= 1
            if left < 0:
                sys.setprofile(None)
                raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def test_alone() -> None:
    """
    The same thread and others are served at once afterwards.
    """
    with ThreadPoolExecutor(1) as pool:
        for place in count():
            group: Group[Callable[[], str]] = Group(commit)
            more = interrupted(place, lambda: group.run(lambda: HERE))  # noqa: B023  # called at once
            assert group.run(lambda: HERE) == HERE, place
            assert pool.submit(group.run, lambda: HERE).result(10) == HERE, place
            if not more:
                break
    assert place > 15


@pytest.mark.parametrize("leads", [True, False], ids=["who leads", "who waits"])
def test_with_others(*, leads: bool) -> None:
    """
    Whether the one who leads is interrupted or one who waits: all others are served.
    """
    with ThreadPoolExecutor(2) as pool:
        for place in count():
            group: Group[Callable[[], str]] = Group(commit)
            more = _in_company(group, place, pool, leads=leads)
            assert group.run(lambda: HERE) == HERE, place
            if not more:
                break
    assert place > 15


def _in_company(
    group: Group[Callable[[], str]], place: int, pool: ThreadPoolExecutor, *, leads: bool
) -> bool:
    begun, opened = threading.Event(), threading.Event()
    queued = group._queue

    def gate() -> str:
        begun.set()
        assert opened.wait(10)
        return HERE

    def led() -> str:
        # Somebody queues up while this one leads.
        others.append(pool.submit(group.run, lambda: HERE))
        until(lambda: len(queued) == 1)
        return HERE

    others = []
    if leads:
        more = interrupted(place, lambda: group.run(led))
    else:
        others.append(pool.submit(group.run, gate))
        assert begun.wait(10)
        others.append(pool.submit(group.run, lambda: HERE))
        until(lambda: len(queued) == 1)
        timer = threading.Timer(0.002, opened.set)
        timer.start()
        more = interrupted(place, lambda: group.run(lambda: HERE))
        opened.set()
        timer.join()
    assert [other.result(10) for other in others] == [HERE] * len(others), place
    return more
