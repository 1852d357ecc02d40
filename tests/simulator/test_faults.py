from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

from groq_quota.simulator import Fault, Simulator

if TYPE_CHECKING:
    from groq.types.chat import ChatCompletionMessageParam

    from .conftest import Clock, Post

ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
LIMITS = {"m": {"rpm": 20, "rpd": 1_000, "tpm": 50_000}}


def ask(client: groq.Groq, **more: Any) -> Any:
    """
    Make one chat request.
    """
    return client.chat.completions.create(model="m", messages=ASK, **more)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, groq.BadRequestError),
        (429, groq.RateLimitError),
        (498, groq.APIStatusError),
        (500, groq.InternalServerError),
        (502, groq.InternalServerError),
        (503, groq.InternalServerError),
    ],
)
def test_an_error_on_demand_is_raised_by_the_sdk(
    client: groq.Groq, server: Simulator, status: int, error: type[groq.APIStatusError]
) -> None:
    """
    The next request fails with that status and bills nothing, the one after it is answered.
    """
    server.fail_next(status)
    with pytest.raises(error) as caught:
        ask(client)
    ask(client)

    assert status == caught.value.status_code
    assert [status, 200] == [row.status for row in server.ledger]
    assert (0, 0) == (server.ledger[0].total_tokens, server.ledger[0].charged)


async def test_an_error_on_demand_takes_nothing(post: Post, clock: Clock) -> None:
    """
    No bucket is charged, also where the limits would have refused the request anyway.
    """
    simulator = Simulator(LIMITS, clock=clock)
    simulator.spend("m", rpm=20)
    simulator.fail_next(503, retry_after=40)
    answer = await post(simulator)

    assert (503, "40") == (answer.status_code, answer.headers["retry-after"])
    assert "`m` is currently over capacity." in answer.json()["error"]["message"]
    assert {"rpm": 0, "rpd": 1_000, "tpm": 50_000} == simulator.remaining("m")


async def test_a_429_on_demand_looks_like_a_real_one(post: Post, clock: Clock) -> None:
    """
    It names the model's limit of requests per minute and the wait that was asked for.
    """
    simulator = Simulator(LIMITS, clock=clock)
    simulator.fail_next(429)
    simulator.fail_next(429, retry_after=0.01)
    simulator.fail_next(429, message="slow down")
    usual, quick, worded = [await post(simulator) for _ in range(3)]

    assert "(RPM): Limit 20, Used 20, Requested 1. Please try again in 3s." in usual.text
    assert "Please try again in 10ms." in quick.text
    assert ("3", "0.01") == (usual.headers["retry-after"], quick.headers["retry-after"])
    assert "slow down" == worded.json()["error"]["message"]
    assert "x-ratelimit-remaining-tokens" not in usual.headers


def test_the_sdks_retries_are_rows_of_their_own(server: Simulator) -> None:
    """
    Two refusals and the answer are three requests, numbered as the SDK numbers its retries.
    """
    server.fail_next(429, retry_after=0.01, times=2)
    with groq.Groq(base_url=server.base_url, api_key="any", max_retries=2) as client:
        ask(client)

    assert [(429, 0), (429, 1), (200, 2)] == [(row.status, row.retry) for row in server.ledger]


def test_a_dropped_request_is_billed_and_lost(client: groq.Groq, server: Simulator) -> None:
    """
    The connection ends without an answer; the request was processed all the same.
    """
    server.drop_next()
    with pytest.raises(groq.APIConnectionError) as caught:
        ask(client)
    ask(client)
    dropped, answered = server.ledger

    assert isinstance(caught.value.__cause__, httpx.RemoteProtocolError)
    assert (None, False) == (dropped.status, dropped.delivered)
    assert answered.total_tokens == dropped.total_tokens > 0
    assert (1, 1, 2) == (
        server.ledger.answered(),
        server.ledger.lost(),
        server.ledger.requests(),
    )


def test_a_plain_answer_can_be_cut_halfway(client: groq.Groq, server: Simulator) -> None:
    """
    The status arrives, the usage does not.
    """
    server.drop_next(after=1)
    with pytest.raises(groq.APIConnectionError):
        ask(client)

    assert [(200, False)] == [(row.status, row.delivered) for row in server.ledger]


@pytest.mark.parametrize("after", [0, 3, 16, 99])
def test_a_stream_can_be_cut_after_some_chunks(
    client: groq.Groq, server: Simulator, after: int
) -> None:
    """
    Exactly so many chunks of text arrive, never the usage, and the whole answer is billed.
    """
    server.drop_next(after=after)
    chunks: list[Any] = []
    with pytest.raises(httpx.RemoteProtocolError):
        chunks.extend(ask(client, stream=True))
    (row,) = server.ledger

    assert min(after, 16) == len([chunk for chunk in chunks if chunk.choices[0].delta.content])
    assert (200, False, 16) == (row.status, row.delivered, row.completion_tokens)


def test_a_cut_without_usage_comes_before_the_end(client: groq.Groq, server: Simulator) -> None:
    """
    Where the usage is hidden as well, all chunks arrive but the sign that there are no more.
    """
    server.faults.add(Fault(end="drop", after=99, usage=False))
    chunks: list[Any] = []
    with pytest.raises(httpx.RemoteProtocolError):
        chunks.extend(ask(client, stream=True))

    assert "stop" == chunks[-1].choices[0].finish_reason
    assert chunks[-1].x_groq.usage is None


def test_a_stream_can_fail_before_its_first_chunk(client: groq.Groq, server: Simulator) -> None:
    """
    An error event that comes first still has a 2xx status.
    """
    server.faults.add(Fault(end="error"))
    chunks: list[Any] = []
    with pytest.raises(groq.APIError, match="Internal Server Error"):
        chunks.extend(ask(client, stream=True))

    assert not [chunk for chunk in chunks if chunk.choices[0].delta.content]
    assert [(200, False)] == [(row.status, row.delivered) for row in server.ledger]


def test_a_stream_can_end_with_an_error_event(client: groq.Groq, server: Simulator) -> None:
    """
    The SDK raises its APIError after the chunks that came; a plain request leaves the fault be.
    """
    server.break_next_stream(after=2, message="out of steam")
    ask(client)
    chunks: list[Any] = []
    with pytest.raises(groq.APIError, match="out of steam"):
        chunks.extend(ask(client, stream=True))

    assert 2 == len([chunk for chunk in chunks if chunk.choices[0].delta.content])
    assert [(200, True), (200, False)] == [(row.status, row.delivered) for row in server.ledger]


def test_a_client_that_gives_up_is_billed_all_the_same(
    client: groq.Groq, server: Simulator
) -> None:
    """
    The answer that never came leaves a row without a status.
    """
    server.stall_next()
    with pytest.raises(groq.APITimeoutError):
        ask(client, timeout=0.5)

    assert server.wait_idle()
    (row,) = server.ledger
    assert (None, False, 21) == (row.status, row.delivered, row.total_tokens)


def test_a_client_that_hangs_up_halfway_is_billed_for_all(
    client: groq.Groq, server: Simulator
) -> None:
    """
    A stream that its reader leaves is a 2xx row with the whole completion, not delivered.
    """
    server.stall_next(after=3)
    with ask(client, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break

    assert server.wait_idle()
    (row,) = server.ledger
    assert (200, False, 16) == (row.status, row.delivered, row.completion_tokens)


@pytest.mark.parametrize("fault", [Fault(end="stall"), Fault(delay=60.0)], ids=["stall", "delay"])
def test_what_a_leaver_did_not_use_comes_back_with_refund(fault: Fault) -> None:
    """
    Who hangs up is charged the whole completion, and not what it left of its allowance.
    """
    with (
        Simulator(LIMITS, refund=True, clock=lambda: 0.0) as simulator,
        groq.Groq(base_url=simulator.base_url, api_key="any", max_retries=0) as client,
    ):
        simulator.faults.add(fault)
        with pytest.raises(groq.APITimeoutError):
            ask(client, timeout=0.5)
        assert simulator.wait_idle()

    assert (None, 21) == (simulator.ledger[0].status, simulator.ledger[0].charged)
    assert 50_000 - 21 == simulator.remaining("m")["tpm"]


def test_an_answer_without_usage_says_nothing_of_tokens(
    client: groq.Groq, server: Simulator
) -> None:
    """
    Plain and streaming; the tokens are billed, and not delivered.
    """
    server.hide_next_usage(times=2)
    plain = ask(client)
    chunks = list(ask(client, stream=True, extra_body={"stream_options": {"include_usage": True}}))

    assert plain.usage is None
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert chunks[-1].x_groq.usage is None
    assert [(200, False, 21)] * 2 == [
        (row.status, row.delivered, row.total_tokens) for row in server.ledger
    ]


def test_slow_answers_are_slow(client: groq.Groq, server: Simulator) -> None:
    """
    A delay comes before the answer, a gap between the chunks.
    """
    server.delay_next(0.1)
    server.slow_next_stream(0.05)
    begun = time.perf_counter()
    ask(client)
    delayed = time.perf_counter()
    list(ask(client, stream=True, max_tokens=2))
    slow = time.perf_counter()

    assert delayed - begun >= 0.1
    assert slow - delayed >= 0.05 * 4


async def test_a_fault_waits_for_its_model(post: Post) -> None:
    """
    Other models pass it by; it happens as often as was said, or until it is cleared.
    """
    simulator = Simulator({})
    simulator.fail_next(500, model="m", times=2)
    statuses = [(await post(simulator, model=model)).status_code for model in "amamm"]
    simulator.fail_next(503, times=None)
    always = [(await post(simulator)).status_code for _ in range(3)]
    simulator.reset()

    assert [200, 500, 200, 500, 200] == statuses
    assert [503] * 3 == always
    assert 200 == (await post(simulator)).status_code


async def test_in_process_a_dropped_connection_raises(post: Post) -> None:
    """
    Without a connection to cut, the call itself fails.
    """
    simulator = Simulator({})
    simulator.drop_next()
    with pytest.raises(ConnectionResetError):
        await post(simulator)

    assert (1, 0) == (simulator.ledger.lost(), simulator.ledger.answered())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"status": 200}, "error from 400 to 599, not 200"),
        ({"delay": -1.0}, "not below 0"),
        ({"after": -1}, "not below 0"),
        ({"end": "explode"}, "one of drop, error, stall, not 'explode'"),
        ({"times": 0}, "at least once, not 0 times"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    """
    The message says what is wrong with it.
    """
    with pytest.raises(ValueError, match=message):
        Fault(**options)


def test_faults_are_taken_once_by_many_clients(server: Simulator) -> None:
    """
    Sixteen threads share ten errors: ten fail, the rest are answered.
    """
    server.fail_next(500, times=10)
    with groq.Groq(base_url=server.base_url, api_key="any", max_retries=0) as client:

        def work() -> None:
            for _ in range(2):
                try:
                    ask(client)
                except groq.InternalServerError:
                    continue

        threads = [threading.Thread(target=work) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert (10, 22) == (server.ledger.failed(), server.ledger.answered())
