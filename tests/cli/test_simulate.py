from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import groq
import pytest

from groq_quota.cli import simulate
from groq_quota.cli.complaint import Complaint
from groq_quota.simulator import Fault

from .conftest import command, surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from groq.types.chat import ChatCompletionMessageParam

    from .conftest import Run

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is a quota?"}]


@contextmanager
def simulated(tmp_path: Path, *args: str) -> Iterator[tuple[groq.Groq, list[str]]]:
    """
    The command on a free port, and a client that is made by what it prints; what it says at its
    end is added to the list, with its exit code and errors.
    """
    said: list[str] = []
    with subprocess.Popen(
        command("simulate", "--port", "0", *args),
        cwd=tmp_path,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if "Ctrl-C" in line:
                    break
            lines = "".join(said)
            variables = dict(re.findall(r"^  (?:export|set) (\w+)=(.+)$", lines, re.MULTILINE))
            assert {"GROQ_BASE_URL", "GROQ_API_KEY"} == variables.keys()
            quiet = groq.DefaultHttpxClient(trust_env=False)
            with groq.Groq(
                base_url=variables["GROQ_BASE_URL"],
                api_key=variables["GROQ_API_KEY"],
                max_retries=0,
                http_client=quiet,
            ) as client:
                yield client, said
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=30)
            said += [out, errors, str(process.returncode)]
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send on Windows")
@pytest.mark.parametrize(
    ("lang", "up", "done"),
    [
        ("en", "A simulated Groq answers", "Answered 1, refused 1; "),
        ("es", "Un Groq simulado responde", "Respondidos 1, rechazados 1; "),
    ],
)
def test_limits_and_faults(tmp_path: Path, lang: str, up: str, done: str) -> None:
    """
    A client that is made by the two printed lines meets the limits and faults that were asked for.
    """
    options = ("--limit", "my/model:rpm=1,tpm=5000", "--fault", "503", "--answer", "Hello.")
    with simulated(tmp_path, *options, "--lang", lang) as (client, said):
        create = client.chat.completions.create
        with pytest.raises(groq.InternalServerError):
            create(model="my/model", messages=QUESTION)
        assert "Hello." == create(model="my/model", messages=QUESTION).choices[0].message.content
        with pytest.raises(groq.RateLimitError, match=r"requests per minute \(RPM\)"):
            create(model="my/model", messages=QUESTION)

    assert up in said[0]
    assert done in said[-3]
    assert ["", "0"] == said[-2:]


def test_taken_port(groq_quota_command: Run) -> None:
    """
    A port that is taken is told in one line.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = groq_quota_command("simulate", "--port", port)

    assert (2, "") == (done.returncode, done.stdout)
    assert f"groq-quota: nothing can listen on 127.0.0.1:{port}: " in done.stderr
    assert 1 == done.stderr.count("\n")


def test_no_port(groq_quota_command: Run) -> None:
    """
    Nor is a number that no port has a traceback.
    """
    done = groq_quota_command("simulate", "--port", "99999")

    assert (2, "") == (done.returncode, done.stdout)
    assert done.stderr.startswith("groq-quota: nothing can listen on 127.0.0.1:99999: ")


def test_without_the_extra(groq_quota_command: Run) -> None:
    """
    Where the simulator's packages are missing, a line names the extra.
    """
    done = groq_quota_command("simulate", missing=("uvicorn",))

    assert (2, "") == (done.returncode, done.stdout)
    assert 'pip install "groq-quota[simulator]"' in done.stderr


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429", Fault(status=429)),
        ("500x3", Fault(status=500, times=3)),
        ("drop", Fault(end="drop")),
        ("drop=2xall", Fault(end="drop", after=2, times=None)),
        ("stall", Fault(end="stall")),
        ("error=0", Fault(end="error", after=0)),
        ("delay=1.5x2", Fault(delay=1.5, times=2)),
        ("gap=0.1", Fault(gap=0.1)),
        ("no-usage", Fault(usage=False)),
    ],
)
def test_faults(text: str, fault: Fault) -> None:
    """
    Every fault of the simulator that needs no more than a number can be asked for.
    """
    assert fault == simulate.fault(text)


@pytest.mark.parametrize(
    "text",
    ["", "200", "600", "drop=1.5", "delay", "429=3", "no-usage=1", "500x0", "x3", "nonsense"],
)
def test_no_faults(text: str) -> None:
    """
    What is no fault is a complaint.
    """
    with pytest.raises(Complaint, match="bad_fault"):
        simulate.fault(text)


def test_limits() -> None:
    """
    By model; without any, those of Groq's free plan hold.
    """
    assert simulate.limits([]) is None
    assert {"a/b:c": {"rpm": 1, "tpm": 20}, "d": {"rpd": 3}} == simulate.limits(
        ["a/b:c:rpm=1", "d:rpd=3", "a/b:c:tpm=20"]
    )


@pytest.mark.parametrize(
    "text", ["", "m", "m:", ":rpm=1", "m:rpm", "m:rpm=0", "m:rpm=-1", "m:xyz=1"]
)
def test_no_limits(text: str) -> None:
    """
    What is no limit is a complaint that names the kinds there are.
    """
    with pytest.raises(Complaint) as told:
        simulate.limits([text])

    assert "rpm, rpd" in str(told.value.values["known"])
