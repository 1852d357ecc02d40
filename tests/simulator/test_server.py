from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota.simulator import Simulator
from groq_quota.simulator import server as server_module

if TYPE_CHECKING:
    from collections.abc import MutableMapping

BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
HEADERS = {"authorization": "Bearer any"}
PATH = "/openai/v1/chat/completions"


def python(code: str) -> subprocess.CompletedProcess[str]:
    """
    Run code in a new interpreter that finds what this one finds.
    """
    here = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | here,
    )


def test_a_server_can_be_started_again() -> None:
    """
    Each start has a URL of its own that answers; ledger and buckets live on.
    """
    simulator = Simulator({"m": {"rpd": 10}}, clock=lambda: 0.0)
    for _ in range(2):
        url = simulator.start()
        assert url == simulator.start() == simulator.base_url
        assert 200 == httpx.post(url + PATH, json=BODY, headers=HEADERS).status_code
        simulator.stop()
        simulator.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.post(url + PATH, json=BODY, headers=HEADERS)

    assert 2 == simulator.ledger.answered()
    assert {"rpd": 8} == simulator.remaining("m")


def test_the_url_is_there_only_while_it_is_served() -> None:
    """
    Before the start there is none, and the message says what to do.
    """
    with pytest.raises(RuntimeError, match="call start"):
        _ = Simulator().base_url


def test_stopping_hangs_up_on_those_who_wait() -> None:
    """
    A client in the middle of a silent answer is not waited for.
    """
    with ThreadPoolExecutor() as pool:
        with Simulator({}) as simulator:
            simulator.stall_next(after=1)
            arrived = threading.Event()

            def read() -> None:
                with httpx.stream(
                    "POST",
                    simulator.base_url + PATH,
                    json=BODY | {"stream": True},
                    headers=HEADERS,
                    timeout=30,
                ) as answer:
                    for _ in answer.iter_lines():
                        arrived.set()

            reading = pool.submit(read)
            assert arrived.wait(10)

        with pytest.raises(httpx.RemoteProtocolError):
            reading.result(10)
    assert [(200, False)] == [(row.status, row.delivered) for row in simulator.ledger]


def test_a_taken_port_is_told_at_once() -> None:
    """
    Starting fails where it is called, not in a thread.
    """
    with Simulator() as first:
        port = int(first.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Simulator().start(port=port)


def test_small_packets_are_not_held_back() -> None:
    """
    A socket that says it is TCP is spared Nagle's delays of 40 ms by asyncio.
    """
    with server_module._listen("127.0.0.1", 0) as listener:
        assert socket.IPPROTO_TCP == listener.proto


async def test_another_server_may_run_the_application() -> None:
    """
    Its start and stop are answered, and count as no request.
    """
    simulator = Simulator({})
    events = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": next(events)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    await simulator.app({"type": "lifespan"}, receive, send)

    assert ["lifespan.startup.complete", "lifespan.shutdown.complete"] == sent
    assert (True, 0) == (simulator.wait_idle(0), len(simulator.ledger))


def test_threads_share_limits_exactly() -> None:
    """
    Under eight threads exactly the limit is admitted, and every row is accounted for.
    """
    with (
        Simulator({"m": {"rpm": 50}}, clock=lambda: 0.0) as simulator,
        groq.Groq(base_url=simulator.base_url, api_key="any", max_retries=0) as client,
        ThreadPoolExecutor(8) as pool,
    ):

        def ask(_: int) -> bool:
            try:
                client.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "hi"}]
                )
            except groq.RateLimitError:
                return False
            return True

        admitted = sum(pool.map(ask, range(80)))

    assert (50, 50, 30) == (admitted, simulator.ledger.answered(), simulator.ledger.refused())


def test_latency_is_spent_before_the_limiter() -> None:
    """
    A request counts from when it reaches the limiter, not from when it was sent.
    """
    travelled: list[float] = []

    def latency() -> float:
        travelled.append(0.02)
        return 0.02

    with Simulator({}, latency=latency, processing=0.01) as simulator:
        answer = httpx.post(simulator.base_url + PATH, json=BODY, headers=HEADERS)

    assert answer.elapsed.total_seconds() >= 0.03
    assert [0.02] == travelled


def test_it_serves_in_the_foreground_until_interrupted() -> None:
    """
    The command that runs it gets the URL, answers, and ends cleanly at Ctrl-C.
    """
    code = (
        "import _thread, threading, urllib.request\n"
        "from groq_quota.simulator import Simulator, serve\n"
        "def use(url):\n"
        "    request = urllib.request.Request(\n"
        "        url + '/openai/v1/models', headers={'authorization': 'Bearer any'})\n"
        "    print(urllib.request.urlopen(request).status, url.startswith('http://127.0.0.1:'))\n"
        "    _thread.interrupt_main()\n"
        "def on_ready(url):\n"
        "    threading.Thread(target=use, args=(url,)).start()\n"
        "try:\n"
        "    serve(Simulator({}), port=0, on_ready=on_ready)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    result = python(code)

    assert "200 True\ninterrupted\n" == result.stdout, result.stderr
    assert 0 == result.returncode


def test_it_is_imported_without_a_web_framework() -> None:
    """
    Only starting or asking for the application loads Starlette, uvicorn and what they need.
    """
    code = (
        "import sys\n"
        "from groq_quota.simulator import Simulator\n"
        "Simulator()\n"
        "print([name for name in ('starlette', 'uvicorn', 'anyio', 'httpx', 'groq')"
        " if name in sys.modules])"
    )

    assert "[]\n" == python(code).stdout


@pytest.mark.parametrize("use", ["app", "start()"])
@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_a_missing_extra_says_what_to_install(package: str, use: str) -> None:
    """
    The error names the package and the command; the application alone needs no uvicorn.
    """
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        f"from groq_quota.simulator import Simulator\nSimulator().{use}"
    )
    result = python(code)

    if (package, use) == ("uvicorn", "app"):
        assert 0 == result.returncode, result.stderr
    else:
        assert (
            f"ModuleNotFoundError: the simulator needs {package}: pip install "
            '"groq-quota[simulator]"'
        ) in result.stderr


def test_it_shares_no_code_with_the_rest() -> None:
    """
    Neither checks itself: the look-alike imports nothing of the library around it.
    """
    (package,) = groq_quota.__path__
    code = (
        "import sys, types\n"
        "bare = sys.modules['groq_quota'] = types.ModuleType('groq_quota')\n"
        f"bare.__path__ = [{package!r}]\n"
        "from groq_quota.simulator import Simulator\n"
        "with Simulator(): pass\n"
        "ours = {name for name in sys.modules if name.startswith('groq_quota.')}\n"
        "print({name.split('.')[1] for name in ours})"
    )

    assert "{'simulator'}\n" == python(code).stdout


def test_a_server_that_fails_to_come_up_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The caller is told instead of waiting for ever.
    """

    def broken(*_: object) -> None:
        raise OSError("no loop today")

    monkeypatch.setattr(server_module._Server, "run", broken)

    with pytest.raises(RuntimeError, match="did not come up") as caught:
        Simulator().start()
    assert "no loop today" == str(caught.value.__cause__)
