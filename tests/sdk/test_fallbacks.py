"""
Models that take over when the day of another is used up.
"""

from __future__ import annotations

import copy
import inspect
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import groq
import pytest

import groq_quota
from groq_quota import (
    ConfigurationError,
    QuotaExceededError,
    QuotaMeter,
    RequestTooLargeError,
    UsageTracker,
    WrongTypeError,
    quota_guarded,
)
from groq_quota.demand import ChatDemand
from groq_quota.fallbacks import fell_back
from groq_quota.policy import admit
from groq_quota.storage.memory import MemoryStorage
from groq_quota.testing import FakeClock

from .asking import ENDPOINTS, ask
from .driver import ASK, CHAT, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from groq_quota import QuotaEvent
    from groq_quota.simulator import Simulator

ASKED = "asked-model"
OTHER = "other-model"
THIRD = "third-model"
USED_UP = {"rpd": 0}
FREE: dict[str, int | None] = {"rpd": None, "tpd": None}


@pytest.fixture
def clock() -> FakeClock:
    """
    The time of the meter.
    """
    return FakeClock()


@pytest.fixture
def events() -> list[QuotaEvent]:
    """
    What the meter tells.
    """
    return []


@pytest.fixture(name="install")
def _install(clock: FakeClock, events: list[QuotaEvent]) -> Callable[..., QuotaMeter]:
    """
    Install a meter with these limits of `ASKED`, and of others in `more`; by default it has none
    left today, and `OTHER` takes over.
    """

    def install(
        limits: Mapping[str, int | None] = USED_UP,
        *,
        more: Mapping[str, Mapping[str, int | None]] | None = None,
        to: Sequence[str] | None = (OTHER,),
        max_wait: float = 60.0,
        **options: Any,
    ) -> QuotaMeter:
        given: dict[str, Any] = {ASKED: {**FREE, **limits}, OTHER: FREE, THIRD: FREE}
        meter = QuotaMeter(
            "memory://",
            limits={**given, **(more or {})},
            clock=clock,
            hooks=[events.append],
            **options,
        )
        fallbacks = None if to is None else {ASKED: to}
        return groq_quota.install(meter, max_wait=max_wait, fallbacks=fallbacks)

    return install


def sent(server: Simulator) -> list[str]:
    """
    The models that the server was asked for, in order.
    """
    assert server.wait_idle()
    return [row.model for row in server.ledger]


def counts(meter: QuotaMeter, model: str = ASKED) -> tuple[int, int, int]:
    """
    Requests, blocked ones, and those that went to another model; nothing may be left reserved.
    """
    usage = meter.usage(model)
    assert (0, 0) == (usage.reserved, usage.reserved_tokens)
    return usage.requests, usage.blocked, usage.fallbacks


async def answering(sdk: Driver, client: Any, way: str, model: str = ASKED) -> str:
    """
    Send a chat request by a way of the SDK's, and read which model its answer says.
    """
    create, asked = client.chat.completions.create, {"model": model, "messages": ASK}
    answer: Any
    if way == "stream":
        answer, *_ = await sdk.each(await sdk.do(create, **asked, stream=True))
    elif way == "raw":
        raw = await sdk.do(client.chat.completions.with_raw_response.create, **asked)
        answer = await sdk.do(raw.parse)
    elif way == "streamed raw":
        streamed = client.chat.completions.with_streaming_response.create(**asked)
        async with sdk.using(streamed) as raw:
            answer = await sdk.do(raw.parse)
    elif way == "post":
        answer = await sdk.do(client.post, CHAT, body=asked, cast_to=object)
    elif way == "bytes":
        headers = {"headers": {"Content-Type": "application/json"}}
        content = json.dumps(asked).encode()
        answer = await sdk.do(client.post, CHAT, content=content, options=headers, cast_to=object)
    elif way == "extra body":
        extra = {"model": model}
        answer = await sdk.do(create, model="unheard", messages=ASK, extra_body=extra)
    elif way == "iterator":
        answer = await sdk.do(create, model=model, messages=iter(ASK))
    elif way == "with_options":
        answer = await sdk.do(client.with_options(timeout=30).chat.completions.create, **asked)
    else:
        answer = await sdk.do(create, **asked)
    return str(answer["model"] if isinstance(answer, dict) else answer.model)


_TAKES_BYTES = "content" in inspect.signature(groq.Groq.post).parameters
WAYS = [
    *("create", "stream", "raw", "streamed raw", "post", "extra body", "iterator", "with_options"),
    pytest.param(
        "bytes", marks=pytest.mark.skipif(not _TAKES_BYTES, reason="this SDK takes no bytes")
    ),
]

# -- it is sent with the other model ----------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
async def test_the_other_model_takes_over_by_every_way(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter], way: str
) -> None:
    """
    After the day's last request; the answer says which model it is from, and that one counts it.
    """
    meter, client = install({"rpd": 1}), sdk.client()
    answered = [await answering(sdk, client, way) for _ in range(3)]

    assert answered == sent(server) == [ASKED, OTHER, OTHER]
    assert (1, 0, 2) == counts(meter)
    assert (2, 0, 0) == counts(meter, OTHER)
    for model in (ASKED, OTHER):
        agrees(meter, server, model)


@pytest.mark.parametrize("way", ["create", "raw", "post"])
@pytest.mark.parametrize("kind", ENDPOINTS)
async def test_every_endpoint_falls_back(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter], kind: str, way: str
) -> None:
    """
    Bodies and forms carry the other model, and all else as it was.
    """
    meter = install()
    await ask(sdk, sdk.client(), kind, way, model=ASKED)

    assert [OTHER] == sent(server)
    usage = agrees(meter, server, OTHER)
    assert (1, server.ledger.audio_seconds()) == (usage.requests, usage.audio_seconds)
    assert (0, 0, 1) == counts(meter)


async def test_what_was_bound_before_falls_back(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    Methods and raw wrappers that were there before `install()` meet the guard in the net.
    """
    chat = sdk.client().chat.completions
    calls = [chat.create, chat.with_raw_response.create]
    meter = install()
    for call in calls:
        await sdk.do(call, model=ASKED, messages=ASK)

    assert [OTHER, OTHER] == sent(server)
    assert (0, 0, 2) == counts(meter)


async def test_what_the_user_gave_stays_as_it_was(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    Dictionaries of the user's are not written to, so that they serve again the next day.
    """
    install()
    client = sdk.client()
    given: dict[str, Any] = {
        "model": ASKED,
        "messages": [{"role": "user", "content": "hi"}],
        "extra_body": {"model": ASKED, "seed": 7},
    }
    body = {"model": ASKED, "messages": ASK}
    form = {"model": ASKED, "input": ["a", "b"]}
    before = copy.deepcopy((given, body, form))
    await sdk.do(client.chat.completions.create, **given)
    await sdk.do(client.post, CHAT, body=body, cast_to=object)
    await sdk.do(client.post, "/openai/v1/embeddings", body=form, cast_to=object)

    assert [OTHER] * 3 == sent(server)
    assert before == (given, body, form)


async def test_names_are_sent_as_they_were_written(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    And matched as everywhere: whatever the case, and what stands around them.
    """
    meter = install(to=None)
    groq_quota.install(meter, fallbacks={f" {ASKED.title()} ": [" Other-Model "]})
    answered = [
        await answering(sdk, sdk.client(), "create", ASKED.upper()),
        await answering(sdk, sdk.client(), "post"),
    ]

    assert ["Other-Model"] * 2 == answered
    assert (0, 0, 2) == counts(meter)
    assert (2, 0, 0) == counts(meter, OTHER)


async def test_retries_stay_with_the_other_model(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    The SDK repeats what it has sent.
    """
    meter = install()
    for status, way in ((500, "create"), (429, "post")):
        server.fail_next(status, retry_after=0.001)
        await answering(sdk, sdk.client(max_retries=1), way)

    assert [OTHER] * 4 == sent(server)
    usage = agrees(meter, server, OTHER)
    assert (2, 1, 1) == (usage.requests, usage.refused, usage.failed)
    assert (0, 0, 2) == counts(meter)


async def test_a_wrapped_client_has_its_own(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    Those of `wrap` go before the installed ones, also in clients made of it.
    """
    meter = install()
    client = groq_quota.wrap(sdk.client(), meter, fallbacks={ASKED: [THIRD]})
    bare = groq_quota.wrap(sdk.client(), meter)

    assert THIRD == await answering(sdk, client, "create")
    assert THIRD == await answering(sdk, client, "with_options")
    assert OTHER == await answering(sdk, sdk.client(), "create")
    with pytest.raises(QuotaExceededError):
        await answering(sdk, bare, "create")


# -- when, and to which -----------------------------------------------------------------------


@pytest.mark.parametrize("way", ["create", "post"])
async def test_the_first_with_room_takes_over(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter], way: str
) -> None:
    """
    In order; those that have none are not counted as blocked, as nobody asked for them.
    """
    meter = install(more={OTHER: {"rpd": 1}}, to=[OTHER, THIRD])
    answered = [await answering(sdk, sdk.client(), way) for _ in range(3)]

    assert [OTHER, THIRD, THIRD] == answered
    assert (0, 0, 3) == counts(meter)
    assert (1, 0, 0) == counts(meter, OTHER)


@pytest.mark.parametrize("way", ["create", "post"])
async def test_none_left_is_one_refusal(
    sdk: Driver,
    server: Simulator,
    install: Callable[..., QuotaMeter],
    events: list[QuotaEvent],
    way: str,
) -> None:
    """
    It is that of the model that was asked for, and is counted once, there.
    """
    meter = install({"rpd": 1}, more={OTHER: {"rpd": 0}, THIRD: {"rpm": 0}}, to=[OTHER, THIRD])
    await answering(sdk, sdk.client(), way)
    with pytest.raises(QuotaExceededError) as caught:
        await answering(sdk, sdk.client(), way)

    assert isinstance(caught.value, groq.RateLimitError)
    assert (ASKED, "rpd", 1) == (caught.value.model, caught.value.limit.kind, caught.value.used)
    assert [ASKED] == sent(server)
    assert (1, 1, 0) == counts(meter)
    assert [(0, 0, 0)] * 2 == [counts(meter, other) for other in (OTHER, THIRD)]
    assert [ASKED] == [event.model for event in events if event.kind == "blocked"]


async def test_there_are_no_fallbacks_of_fallbacks(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    Only the list of the model that was asked for counts.
    """
    meter = install(more={OTHER: {"rpd": 0}})
    groq_quota.install(meter, fallbacks={ASKED: [OTHER], OTHER: [THIRD]})
    with pytest.raises(QuotaExceededError) as caught:
        await answering(sdk, sdk.client(), "create")

    assert ASKED == caught.value.model
    assert THIRD == await answering(sdk, sdk.client(), "create", OTHER)
    assert (0, 1, 0) == counts(meter)
    assert (0, 0, 1) == counts(meter, OTHER)


async def test_minute_windows_are_waited_for(
    sdk: Driver, server: Simulator, clock: FakeClock, install: Callable[..., QuotaMeter]
) -> None:
    """
    They are no reason to fall back.
    """
    meter, start = install({"rpm": 1}), clock()
    answered = [await answering(sdk, sdk.client(), "create") for _ in range(2)]

    assert [ASKED, ASKED] == answered
    assert clock() - start >= 60
    assert (2, 0, 0) == counts(meter)


async def test_minute_windows_of_the_other_model_are_waited_for(
    sdk: Driver, server: Simulator, clock: FakeClock, install: Callable[..., QuotaMeter]
) -> None:
    """
    As long as `max_wait` says; what needs longer is left for the next model.
    """
    meter = install(more={OTHER: {"rpm": 1}}, to=[OTHER, THIRD], max_wait=70.0)
    start = clock()
    answered = [await answering(sdk, sdk.client(), "create") for _ in range(2)]
    assert [OTHER, OTHER] == answered
    assert clock() - start >= 60

    groq_quota.install(meter, max_wait=1.0, fallbacks={ASKED: [OTHER, THIRD]})
    assert THIRD == await answering(sdk, sdk.client(), "create")
    assert (0, 0, 3) == counts(meter)


async def test_a_minute_window_beyond_max_wait_is_refused(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    The day has room: soon the model itself can answer.
    """
    meter = install({"rpm": 1}, max_wait=5.0)
    await answering(sdk, sdk.client(), "create")
    with pytest.raises(QuotaExceededError) as caught:
        await answering(sdk, sdk.client(), "create")

    assert "rpm" == caught.value.limit.kind
    assert (1, 1, 0) == counts(meter)


async def test_a_days_bucket_that_refills_too_late_is_used_up(
    sdk: Driver, server: Simulator, clock: FakeClock, install: Callable[..., QuotaMeter]
) -> None:
    """
    Where days roll, the next request has room in half a day: longer than anybody waits.
    """
    clock.set("2026-11-22T01:00:00Z")
    meter = install({"rpd": 2}, day="rolling")
    answered = [await answering(sdk, sdk.client(), "create") for _ in range(3)]
    assert [ASKED, ASKED, OTHER] == answered

    clock.advance(43_200 - 30)  # what is left is waited for
    assert ASKED == await answering(sdk, sdk.client(), "create")
    assert (3, 0, 1) == counts(meter)


async def test_what_is_too_large_is_refused(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    A request that never fits its model is a mistake in the request.
    """
    meter = install({"tpd": 100})
    with pytest.raises(RequestTooLargeError):
        await sdk.ask(sdk.client(), model=ASKED, max_tokens=500)

    assert [] == sent(server)
    assert (0, 1, 0) == counts(meter)


@pytest.mark.parametrize("given", [None, {}, {ASKED: []}, {THIRD: [OTHER]}])
async def test_it_is_off_unless_asked_for(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter], given: Any
) -> None:
    """
    Without a list of its own, a model that is used up is refused.
    """
    meter = groq_quota.install(install(to=None), fallbacks=given)
    with pytest.raises(QuotaExceededError):
        await answering(sdk, sdk.client(), "create")

    assert [] == sent(server)
    assert (0, 1, 0) == counts(meter)


async def test_enforce_false_sends_what_was_asked_for(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    Nothing is refused, so nothing falls back.
    """
    meter = install(enforce=False)
    assert ASKED == await answering(sdk, sdk.client(), "create")
    assert (1, 0, 0) == counts(meter)


# -- it is seen -------------------------------------------------------------------------------


async def test_an_event_says_so(
    sdk: Driver,
    server: Simulator,
    install: Callable[..., QuotaMeter],
    events: list[QuotaEvent],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    And the log, as a warning: the model, the other one, and why.
    """
    install({"rpd": 1})
    await answering(sdk, sdk.client(), "create")
    events.clear()
    caplog.clear()
    await answering(sdk, sdk.client(), "create")

    (event,) = events
    assert ("fallback", ASKED, OTHER) == (event.kind, event.model, event.instead)
    assert event.limit is not None
    # FakeClock starts at noon.
    assert ("rpd", 43_200) == (event.limit.kind, event.seconds)
    said = f"{ASKED} falls back to {OTHER}: Daily limit reached: 1 of 1 requests used"
    assert said == event.message
    assert [(logging.WARNING, said)] == [
        (record.levelno, record.getMessage())
        for record in caplog.records
        if record.name == "groq_quota"
    ]


@pytest.mark.parametrize("place", ["usage.json", "sqlite:///usage.db"])
def test_the_count_is_kept_for_its_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FakeClock, place: str
) -> None:
    """
    Every process sees it, also of a model that was never sent to; midnight and a reset end it.
    """
    monkeypatch.chdir(tmp_path)
    limits: dict[str, Any] = {ASKED: USED_UP}
    demand = ChatDemand({"model": ASKED, "messages": ASK})

    def fall_back() -> None:
        meter = QuotaMeter(place, limits=limits, clock=clock)
        admit(meter, ASKED, demand, max_wait=0, fallbacks=[OTHER]).release()
        meter.close()

    def seen() -> int:
        meter = QuotaMeter(place, limits=limits, clock=clock)
        try:
            return meter.usage(ASKED).fallbacks
        finally:
            meter.close()

    fall_back()
    fall_back()
    assert 2 == seen()
    clock.advance(86_400)
    assert 0 == seen()
    fall_back()
    assert 1 == seen()
    QuotaMeter(place, limits=limits, clock=clock).reset(ASKED)
    assert 0 == seen()


def test_a_fallback_that_cannot_be_counted_holds_nothing() -> None:
    """
    Interrupted in between, the other model's place is given back.
    """

    class Interrupted(MemoryStorage):
        """
        A storage at which somebody presses Ctrl-C.
        """

        def transact(self, key: Any, step: Any) -> Any:
            if isinstance(step, partial) and step.func is fell_back:
                raise KeyboardInterrupt
            return super().transact(key, step)

    meter = QuotaMeter(Interrupted(), limits={ASKED: {"rpd": 0}}, clock=FakeClock())
    demand = ChatDemand({"model": ASKED, "messages": ASK})
    with pytest.raises(KeyboardInterrupt):
        admit(meter, ASKED, demand, max_wait=0, fallbacks=[OTHER])

    assert (0, 0, 0) == counts(meter, OTHER)


def test_who_waited_for_a_fallback_in_vain_is_not_blocked_there() -> None:
    """
    Where others take its room meanwhile: nobody asked for that model. The model that was asked for
    has refused.
    """

    class Crowded(FakeClock):
        """
        While somebody sleeps, others send.
        """

        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            meter.record(OTHER)

    limits: dict[str, Any] = {ASKED: {"rpd": 0}, OTHER: {"rpm": 1}}
    meter = QuotaMeter("memory://", limits=limits, clock=Crowded())
    meter.record(OTHER)
    demand = ChatDemand({"model": ASKED, "messages": ASK})
    with pytest.raises(QuotaExceededError, match=ASKED):
        admit(meter, ASKED, demand, max_wait=90, fallbacks=[OTHER])

    assert (1, 0) == (meter.usage(ASKED).blocked, meter.usage(OTHER).blocked)
    assert 0 == meter.usage(OTHER).reserved


# -- under other surfaces ---------------------------------------------------------------------


async def test_a_decorated_call_falls_back_within(
    sdk: Driver, server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    The decorator lets pass what the plugin sends elsewhere, and nothing is counted twice.
    """
    meter, client = install(to=[OTHER, THIRD], more={OTHER: {"rpd": 0}}), sdk.client()

    @quota_guarded(ASKED)
    def call() -> Any:
        return client.chat.completions.create(model=ASKED, messages=ASK)

    @quota_guarded(ASKED)
    async def acall() -> Any:
        return await client.chat.completions.create(model=ASKED, messages=ASK)

    answer = await acall() if sdk.asynchronous else call()
    assert THIRD == answer.model
    assert [THIRD] == sent(server)
    assert (0, 0, 1) == counts(meter)
    agrees(meter, server, THIRD)


def test_a_decorated_call_in_a_bare_thread_is_counted_once(
    server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    Threads that carry no context: the note of the call is for the model that was asked for, too.
    """
    meter = install()
    client = groq.Groq(base_url=server.base_url, api_key="any")

    @quota_guarded(ASKED)
    def call() -> Any:
        with ThreadPoolExecutor(1) as pool:
            asking = partial(client.chat.completions.create, model=ASKED, messages=ASK)
            return pool.submit(asking).result()

    assert OTHER == call().model
    assert (0, 0, 1) == counts(meter)
    assert (1, 0, 0) == counts(meter, OTHER)
    client.close()


@pytest.mark.parametrize("tracked", [ASKED, OTHER])
def test_a_tracked_call_is_counted_once(
    server: Simulator, install: Callable[..., QuotaMeter], tracked: str
) -> None:
    """
    Under the name that the program asked for, and under that of the answer.
    """
    meter = install()
    with groq.Groq(base_url=server.base_url, api_key="any") as client:
        client.chat.completions.create(model=ASKED, messages=ASK)
    UsageTracker(meter=meter).track_request(tracked, tokens_used=30)

    assert (0, 0, 1) == counts(meter)
    assert (1, 0, 0) == counts(meter, OTHER)


def test_a_decorated_call_with_none_left_is_refused_once(
    server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    Before its body runs, and blocked where it was asked for.
    """
    meter = install(more={OTHER: {"rpd": 0}})
    ran: list[bool] = []

    @quota_guarded(ASKED)
    def call() -> None:
        ran.append(True)

    with pytest.raises(groq.RateLimitError):
        call()
    assert [] == ran
    assert (0, 1, 0) == counts(meter)
    assert (0, 0, 0) == counts(meter, OTHER)


def test_without_the_plugin_there_are_none(
    clock: FakeClock, install: Callable[..., QuotaMeter]
) -> None:
    """
    Another meter than the installed one, or none: the decorator refuses.
    """
    install()
    mine = QuotaMeter("memory://", limits={ASKED: {"rpd": 0}}, clock=clock)

    @quota_guarded(ASKED, meter=mine)
    def call() -> None:
        pytest.fail("it was not to run")

    with pytest.raises(QuotaExceededError):
        call()
    groq_quota.uninstall()
    with pytest.raises(QuotaExceededError):
        call()
    assert (0, 2, 0) == counts(mine)


def test_langchains_handler_lets_it_pass(
    server: Simulator, install: Callable[..., QuotaMeter]
) -> None:
    """
    What the plugin sends elsewhere; with none left the handler refuses, once.
    """
    pytest.importorskip("langchain_core", reason="it is about LangChain")
    from langchain_core.language_models import SimpleChatModel

    from groq_quota_langchain import QuotaCallbackHandler

    class Model(SimpleChatModel):  # langchain-groq is not there for every version of the SDK
        @property
        def _llm_type(self) -> str:
            return "groq-chat"

        def _call(self, *_: Any, **__: Any) -> str:
            return str(client.chat.completions.create(model=ASKED, messages=ASK).model)

    meter = install({"rpd": 1}, more={OTHER: {"rpd": 1, "tpd": None}})
    config: Any = {
        "callbacks": [QuotaCallbackHandler()],
        "metadata": {"ls_model_name": ASKED, "ls_provider": "groq"},
    }
    with groq.Groq(base_url=server.base_url, api_key="any") as client:
        answers = [Model().invoke("hi", config).content for _ in range(2)]
        with pytest.raises(groq.RateLimitError):
            Model().invoke("hi", config)

    assert [ASKED, OTHER] == answers == sent(server)
    assert (1, 1, 1) == counts(meter)
    assert (1, 0, 0) == counts(meter, OTHER)


# -- setting them -----------------------------------------------------------------------------


def test_equal_ones_change_nothing(
    install: Callable[..., QuotaMeter], caplog: pytest.LogCaptureFixture
) -> None:
    """
    Neither does `install()` without arguments: the fallbacks stay.
    """
    meter = install()
    assert meter is groq_quota.install(fallbacks={f"{ASKED.upper()} ": (OTHER,), THIRD: []})
    assert meter is groq_quota.install()
    assert not caplog.records
    assert [OTHER] == list(groq_quota.sdk.takers_over(ASKED))


def test_other_ones_replace_with_a_warning(
    install: Callable[..., QuotaMeter], caplog: pytest.LogCaptureFixture
) -> None:
    """
    The last `install()` holds.
    """
    meter = install()
    assert meter is groq_quota.install(fallbacks={ASKED: [THIRD, OTHER]})
    assert [THIRD, OTHER] == list(groq_quota.sdk.takers_over(ASKED))
    assert meter is groq_quota.install(meter)
    assert [] == list(groq_quota.sdk.takers_over(ASKED))
    assert [logging.WARNING] * 2 == [record.levelno for record in caplog.records]


@pytest.mark.parametrize("by", ["install", "wrap"])
@pytest.mark.parametrize(
    ("fallbacks", "error", "said"),
    [
        ([OTHER], WrongTypeError, "mapping"),
        (OTHER, WrongTypeError, "mapping"),
        ({ASKED: OTHER}, WrongTypeError, r"fallbacks\['asked-model'\].*\['other-model'\]"),
        ({ASKED: None}, WrongTypeError, r"fallbacks\['asked-model'\].*None"),
        ({ASKED: {OTHER}}, WrongTypeError, r"fallbacks\['asked-model'\]"),
        ({ASKED: [OTHER, 3]}, WrongTypeError, r"fallbacks\['asked-model'\]\[1\].*3"),
        ({3: [OTHER]}, WrongTypeError, r"fallbacks\[3\]"),
        ({" ": [OTHER]}, ConfigurationError, r"fallbacks\[' '\].*empty"),
        ({ASKED: [""]}, ConfigurationError, r"fallbacks\['asked-model'\]\[0\].*empty"),
        ({ASKED: [OTHER, " Asked-Model"]}, ConfigurationError, r"\[1\].*itself"),
        ({ASKED: [OTHER, OTHER]}, ConfigurationError, r"\[1\].*twice"),
        ({ASKED: [OTHER], "Asked-Model": [THIRD]}, ConfigurationError, "'Asked-Model'.*twice"),
    ],
)
def test_bad_ones_change_nothing(
    meter: QuotaMeter, fallbacks: Any, error: type[Exception], said: str, by: str
) -> None:
    """
    What is wrong is said at once, with its place.
    """
    put = groq_quota.install if by == "install" else partial(groq_quota.wrap, groq.Groq(api_key=""))
    with pytest.raises(error, match=said):
        put(fallbacks=fallbacks)

    assert [] == list(groq_quota.sdk.takers_over(ASKED))
