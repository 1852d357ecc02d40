from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota.simulator import Simulator
from groq_quota.simulator.buckets import Bucket
from groq_quota.simulator.headers import rate_limits

if TYPE_CHECKING:
    import httpx

    from .conftest import Clock, Post


def limit_headers(answer: httpx.Response) -> dict[str, str]:
    """
    Return what an answer says on limits.
    """
    prefix = "x-ratelimit-"
    return {
        name.removeprefix(prefix): value
        for name, value in answer.headers.items()
        if name.startswith(prefix)
    }


# Real headers of first answers: limits per day and minute, tokens taken, what is then said.
@pytest.mark.parametrize(
    ("rpd", "tpm", "taken", "reset_requests", "reset_tokens"),
    [
        pytest.param(1_000, 8_000, 78, "1m26.4s", "585ms", id="gpt-oss"),
        pytest.param(1_000, 8_000, 86, "1m26.4s", "644ms", id="cut-to-milliseconds"),
        pytest.param(1_000, 12_000, 37, "1m26.4s", "185ms", id="llama-3.3-70b"),
        pytest.param(14_400, 6_000, 37, "6s", "370ms", id="llama-3.1-8b"),
        pytest.param(14_400, 6_000, 1_175, "6s", "11.75s", id="seconds"),
    ],
)
async def test_an_answer_says_what_is_left_as_groq_does(
    post: Post,
    clock: Clock,
    *,
    rpd: int,
    tpm: int,
    taken: int,
    reset_requests: str,
    reset_tokens: str,
) -> None:
    """
    Requests are per day, tokens per minute, and reset is the time until the bucket is full.
    """
    limits = {"rpm": 30, "rpd": rpd, "tpm": tpm, "tpd": 200_000}
    simulator = Simulator({"m": limits}, clock=clock, count_prompt=lambda _: taken - 1)
    answer = await post(simulator, max_tokens=1)

    assert {
        "limit-requests": str(rpd),
        "remaining-requests": str(rpd - 1),
        "reset-requests": reset_requests,
        "limit-tokens": str(tpm),
        "remaining-tokens": str(tpm - taken),
        "reset-tokens": reset_tokens,
    } == limit_headers(answer)
    assert answer.headers["x-request-id"].startswith("req_01")
    assert "x-groq-region" in answer.headers
    assert "retry-after" not in answer.headers


async def test_a_refusal_on_the_day_shows_the_minute(post: Post, clock: Clock) -> None:
    """
    A real refusal: 32 requests and all of the day's tokens used, the minute's bucket nearly full.
    """
    limits = {"rpd": 1_000, "tpm": 8_000, "tpd": 200_000}
    simulator = Simulator({"m": limits}, clock=clock, count_prompt=lambda _: 72)
    simulator.spend("m", rpd=32, tpm=78, tpd=200_000)
    answer = await post(simulator, max_tokens=1)

    assert 429 == answer.status_code
    assert "Please try again in 31.535999999s." in answer.json()["error"]["message"]
    assert "32" == answer.headers["retry-after"]
    assert {
        "limit-requests": "1000",
        "remaining-requests": "968",
        "reset-requests": "46m4.8s",
        "limit-tokens": "8000",
        "remaining-tokens": "7922",
        "reset-tokens": "585ms",
    } == limit_headers(answer)


async def test_a_refusal_on_requests_has_no_token_headers(post: Post, clock: Clock) -> None:
    """
    A real refusal on requests per minute: retry-after 2, and not a word on tokens.
    """
    simulator = Simulator({"m": {"rpm": 30, "rpd": 14_400, "tpm": 6_000}}, clock=clock)
    simulator.spend("m", rpm=30, rpd=30)
    answer = await post(simulator, max_tokens=1)

    assert (429, "2") == (answer.status_code, answer.headers["retry-after"])
    assert {"limit-requests", "remaining-requests", "reset-requests"} == set(limit_headers(answer))
    assert "14370" == answer.headers["x-ratelimit-remaining-requests"]


async def test_other_limits_have_no_headers(post: Post) -> None:
    """
    Only the body of a refusal tells of requests per minute, tokens per day and the rest.
    """
    limits = {"rpm": 30, "tpd": 200_000, "itpm": 9_000, "otpm": 9_000, "asd": 9_000}

    assert {} == limit_headers(await post(Simulator({"m": limits})))
    assert {} == limit_headers(await post(Simulator({})))


def test_audio_has_headers_of_its_own() -> None:
    """
    A real answer about 2 s of sound: seconds per hour, back in one second.
    """
    assert {
        "x-ratelimit-limit-audio-seconds": "7200",
        "x-ratelimit-remaining-audio-seconds": "7198",
        "x-ratelimit-reset-audio-seconds": "1s",
    } == rate_limits({"ash": Bucket(7_200, 3_600).take(2)})
