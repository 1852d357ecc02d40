"""
The ends of processes that multiprocessing began.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import groq_quota
from groq_quota import QuotaMeter

if TYPE_CHECKING:
    from groq_quota.simulator import Simulator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="nothing forks here")

WAYS = ["fork", "forkserver", "spawn"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("known", [True, False], ids=["inherited", "its own"])
def test_what_a_child_counted_in_an_outage(tmp_path: Path, way: str, *, known: bool) -> None:
    """
    A child whose storage is back when it ends normally hands over what it has counted, and so does
    a child of that child; once.
    """
    (tmp_path / "data").mkdir()
    _python(
        tmp_path / "program.py",
        f"""
        import multiprocessing, os
        {"from groq_quota import QuotaMeter" if known else ""}
        {"meter = QuotaMeter('data/u.json')" if known else ""}

        def count(generations):
            from groq_quota import QuotaMeter
            mine = {"meter" if known else "QuotaMeter('data/u.json')"}
            os.rename("data", "away")
            mine.record("m", 5)
            os.rename("away", "data")
            if generations > 1:
                begin(generations - 1)

        def begin(generations):
            child = multiprocessing.get_context({way!r}).Process(target=count, args=[generations])
            child.start()
            child.join()
            assert child.exitcode == 0

        if __name__ == "__main__":
            {"meter.record('m', 5)" if known else ""}
            begin(2)
        """,
    )

    usage = QuotaMeter(tmp_path / "data" / "u.json").usage("m")
    assert (2 + known, 10 + 5 * known) == (usage.requests, usage.tokens)


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_a_child_left_open(tmp_path: Path, server: Simulator, way: str) -> None:
    """
    It is counted when the child ends; one that its parent has open, is not.
    """
    _python(
        tmp_path / "program.py",
        f"""
        import multiprocessing
        import groq_quota, groq

        meter = groq_quota.install(groq_quota.QuotaMeter("u.json"))
        opened = []

        def stream():
            client = groq.Groq(base_url={server.base_url!r}, api_key="any")
            opened.append(client.chat.completions.create(
                model="m", messages=[{{"role": "user", "content": "x"}}], stream=True,
                max_tokens=30))

        if __name__ == "__main__":
            stream()
            child = multiprocessing.get_context({way!r}).Process(target=stream)
            child.start()
            child.join()
            counted = meter.usage("m")
            print(counted.requests, counted.reserved)
        """,
        said="1 1",
    )

    usage = QuotaMeter(tmp_path / "u.json").usage("m")
    assert server.wait_idle()
    assert (2, 0) == (usage.requests, usage.reserved)
    assert usage.requests == server.ledger.answered()


def _python(file: Path, program: str, said: str = "") -> None:
    file.write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, file.name],
        check=False,
        cwd=file.parent,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(groq_quota.__file__).parent.parent), "PATH": ""},
        timeout=60,
    )
    assert (0, said) == (done.returncode, done.stdout.strip()), done.stderr
