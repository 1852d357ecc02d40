from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groq_quota.simulator import Simulator

if TYPE_CHECKING:
    from .conftest import Clock, Post

# Refusals as Groq sent them (organizations made anonymous): the limit, what was in use, the
# prompt, max_tokens, and the text.
REACHED = [
    pytest.param(
        "llama-3.3-70b-versatile", {"tpd": 100_000}, 97_723, 852, 2_024,
        "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_example` "
        "service tier `on_demand` on tokens per day (TPD): Limit 100000, Used 97723, "
        "Requested 2876. Please try again in 8m37.535999999s. Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="tpd",
    ),
    pytest.param(
        "llama-3.1-8b-instant", {"tpd": 500_000}, 499_313, 545, 1_024,
        "Rate limit reached for model `llama-3.1-8b-instant` in organization `org_example` "
        "service tier `on_demand` on tokens per day (TPD): Limit 500000, Used 499313, "
        "Requested 1569. Please try again in 2m32.409599999s. Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="tpd-default-max-tokens",
    ),
    pytest.param(
        "qwen/qwen3-32b", {"tpm": 6_000}, 5_032, 95, 900,
        "Rate limit reached for model `qwen/qwen3-32b` in organization `org_example` "
        "service tier `on_demand` on tokens per minute (TPM): Limit 6000, Used 5032, "
        "Requested 995. Please try again in 269.999999ms. Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="tpm",
    ),
    pytest.param(
        "groq/compound", {"rpd": 250}, 250, 1, 1,
        "Rate limit reached for model `groq/compound` in organization `org_example` "
        "service tier `on_demand` on requests per day (RPD): Limit 250, Used 250, "
        "Requested 1. Please try again in 5m45.6s. Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="rpd",
    ),
    pytest.param(
        "qwen/qwen3.8-27b", {"otpm": 1_000}, 771, 40, 287,
        "Rate limit reached for model `qwen/qwen3.8-27b` in organization `org_example` "
        "service tier `on_demand` on output tokens per minute (OTPM): Limit 1000, Used 771, "
        "Requested 287. Please try again in 3.48s. Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="otpm",
    ),
]  # fmt: skip

TOO_LARGE = [
    pytest.param(
        "llama-3.1-8b-instant", {"tpm": 6_000}, 5_000, 8_192, 413,
        "Request too large for model `llama-3.1-8b-instant` in organization `org_example` "
        "service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 13192, "
        "please reduce your message size and try again. Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="tpm",
    ),
    pytest.param(
        "qwen/qwen3.8-27b", {"itpm": 7_000}, 13_657, 100, 413,
        "Request too large for model `qwen/qwen3.8-27b` in organization `org_example` "
        "service tier `on_demand` on input tokens per minute (ITPM): Limit 7000, "
        "Requested 13657, please reduce your message size and try again. Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="itpm",
    ),
    pytest.param(
        "qwen/qwen3.8-27b", {"otpm": 1_000}, 40, 1_080, 429,
        "Request too large for model `qwen/qwen3.8-27b` in organization `org_example` "
        "service tier `on_demand` on output tokens per minute (OTPM): Limit 1000, "
        "Requested 1080. The request's expected output tokens exceed the enforced limit; "
        "reduce max_tokens (or the request's expected output) and try again. "
        "Need more tokens? "
        "Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
        id="otpm",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("model", "limits", "used", "prompt", "max_tokens", "text"), REACHED)
async def test_a_limit_that_is_reached_is_worded_as_groq_words_it(
    post: Post,
    clock: Clock,
    *,
    model: str,
    limits: dict[str, int],
    used: int,
    prompt: int,
    max_tokens: int,
    text: str,
) -> None:
    """
    With Groq's numbers the body is Groq's body, letter by letter.
    """
    simulator = Simulator(
        {model: limits}, clock=clock, count_prompt=lambda _: prompt, organization="org_example"
    )
    simulator.spend(model, **dict.fromkeys(limits, used))
    answer = await post(simulator, model=model, max_tokens=max_tokens)
    kind = "requests" if "rpd" in limits else "tokens"

    assert 429 == answer.status_code
    assert {
        "error": {"message": text, "type": kind, "code": "rate_limit_exceeded"}
    } == answer.json()


@pytest.mark.parametrize(("model", "limits", "prompt", "max_tokens", "status", "text"), TOO_LARGE)
async def test_a_request_that_can_never_fit_is_worded_as_groq_words_it(
    post: Post,
    *,
    model: str,
    limits: dict[str, int],
    prompt: int,
    max_tokens: int,
    status: int,
    text: str,
) -> None:
    """
    It is a 413, for output tokens a 429, and never says when to try again.
    """
    simulator = Simulator(
        {model: limits}, count_prompt=lambda _: prompt, organization="org_example"
    )
    answer = await post(simulator, model=model, max_tokens=max_tokens)

    assert status == answer.status_code
    assert {
        "error": {"message": text, "type": "tokens", "code": "rate_limit_exceeded"}
    } == answer.json()
    assert "retry-after" not in answer.headers


async def test_paying_organizations_are_sent_elsewhere(post: Post, clock: Clock) -> None:
    """
    The refusal of a paying organization ends as a real one did.
    """
    text = (
        "Rate limit reached for model `openai/gpt-oss-120b` in organization `org_example` "
        "service tier `on_demand` on tokens per minute (TPM): Limit 250000, Used 244875, "
        "Requested 5287. Please try again in 38.88ms. Need more tokens? "
        "Visit https://groq.com/self-serve-support/ to request higher limits."
    )
    model = "openai/gpt-oss-120b"
    simulator = Simulator(
        {model: {"tpm": 250_000}},
        clock=clock,
        count_prompt=lambda _: 287,
        organization="org_example",
        paid=True,
    )
    simulator.spend(model, tpm=244_875)
    answer = await post(simulator, model=model, max_tokens=5_000)

    assert text == answer.json()["error"]["message"]


async def test_whoever_waits_as_told_is_admitted(post: Post, clock: Clock) -> None:
    """
    The printed wait is enough, a millisecond less is not.
    """
    simulator = Simulator({"m": {"tpm": 12_000}}, clock=clock, count_prompt=lambda _: 855)
    simulator.spend("m", tpm=2_542)
    refused = await post(simulator, max_tokens=9_000)
    clock.advance(1.984999999 - 0.001 - 60 / 12_000)
    still_refused = await post(simulator, max_tokens=9_000)
    clock.advance(0.001 + 60 / 12_000)
    admitted = await post(simulator, max_tokens=9_000)

    assert "Please try again in 1.984999999s." in refused.json()["error"]["message"]
    assert [429, 429, 200] == [each.status_code for each in (refused, still_refused, admitted)]
