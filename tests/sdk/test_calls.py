from __future__ import annotations

import gc
import inspect
import json
from typing import TYPE_CHECKING, Any

import groq
import httpx
import pytest

import groq_quota
from groq_quota import QuotaMeter

from .driver import ASK, CHAT, MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota.simulator import Simulator

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"max_tokens": 5},
        {"max_completion_tokens": 5},
        {"n": 3, "max_tokens": 5},
        {"tools": TOOLS, "tool_choice": "auto"},
        {"messages": ({"role": "user", "content": "hi"},)},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {"messages": [{"role": "user", "content": "¿qué? 漢字 🙂" * 50}]},
        {"timeout": 20, "extra_headers": {"x-mine": "1"}},
        {"stream": False},
    ],
    ids=[
        "plain",
        "cap",
        "completion cap",
        "n",
        "tools",
        "tuple",
        "parts",
        "scripts",
        "options",
        "no stream",
    ],
)
async def test_a_call_is_counted_as_the_server_bills_it(
    sdk: Driver, meter: QuotaMeter, server: Simulator, body: dict[str, Any]
) -> None:
    """
    Whatever its arguments, a call is one request with the tokens of its usage.
    """
    answer = await sdk.ask(sdk.client(), **body)

    assert agrees(meter, server).requests == 1
    assert answer.usage.total_tokens == meter.usage(MODEL).tokens
    assert answer.usage.prompt_tokens == meter.usage(MODEL).prompt_tokens


@pytest.mark.parametrize("model", ["Test-Model", " test-model ", "TEST-MODEL"])
async def test_a_models_name_is_matched_in_any_case_and_sent_as_it_is(
    sdk: Driver, meter: QuotaMeter, server: Simulator, model: str
) -> None:
    """
    The server gets the name as the user wrote it; the count goes to the one model.
    """
    await sdk.ask(sdk.client(), model=model)

    assert [model] == [row.model for row in server.ledger]
    assert meter.usage(MODEL).tokens == server.ledger.tokens()
    assert list(meter.usages()) == [MODEL]


async def test_extra_body_decides_the_model(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    The count goes to the model that extra_body put in the request.
    """
    await sdk.ask(sdk.client(), model="other", extra_body={"model": MODEL, "max_tokens": 3})

    assert agrees(meter, server).requests == 1
    assert list(meter.usages()) == [MODEL]


async def test_the_estimate_sees_max_tokens_in_extra_body(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    What no usage was delivered for counts with the max_tokens of extra_body.
    """
    server.hide_next_usage()
    await sdk.ask(sdk.client(), extra_body={"max_tokens": 5_000})

    assert agrees(meter, server).tokens >= 5_000


async def test_messages_from_a_generator_reach_the_server_whole(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    What can be read only once is left to the SDK, and counted all the same.
    """

    def messages() -> Iterator[dict[str, str]]:
        yield {"role": "system", "content": "be brief"}
        yield {"role": "user", "content": "x" * 400}

    answer = await sdk.ask(sdk.client(), messages=messages())

    assert answer.usage.prompt_tokens == 2 + 100 + 8
    assert agrees(meter, server).requests == 1

    server.hide_next_usage()
    await sdk.ask(sdk.client(), messages=messages(), max_tokens=1)
    assert agrees(meter, server).requests == 2


async def test_a_request_by_post_is_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    A request that does not come through `create` is admitted and counted by the net.
    """
    client = sdk.client()
    body = {"model": MODEL, "messages": ASK, "max_tokens": 5}
    answer = await sdk.do(client.post, CHAT, body=body, cast_to=object)
    await sdk.do(client.post, sdk.base_url + CHAT + "?x=1", body=body, cast_to=object)

    assert answer["usage"]["total_tokens"] == 10
    assert agrees(meter, server).requests == 2


@pytest.mark.parametrize("kind", [object, str, httpx.Response])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_of_any_kind_is_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator, kind: type, *, stream: bool
) -> None:
    """
    Its usage is in its body, whatever is made of that; also where events are read as one text.
    """
    body = {"model": MODEL, "messages": ASK, "max_tokens": 50, "stream": stream}
    await sdk.do(sdk.client().post, CHAT, body=body, cast_to=kind)

    assert agrees(meter, server).requests == 1


async def test_a_body_of_bytes_is_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Newer SDKs take a body that is JSON already; its model is found all the same.
    """
    client = sdk.client()
    if "content" not in inspect.signature(client.post).parameters:
        pytest.skip("this SDK takes no bytes")
    content = json.dumps({"model": MODEL, "messages": ASK, "max_tokens": 5}).encode()
    await sdk.do(client.post, CHAT, content=content, cast_to=object)
    with pytest.raises(groq.BadRequestError):
        await sdk.do(client.post, CHAT, content=b"no JSON", cast_to=object)

    assert agrees(meter, server).requests == 1


async def test_what_is_no_chat_is_left_alone(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Listing the models books nothing.
    """
    await sdk.do(sdk.client().models.list)

    assert len(server.ledger) == 1
    assert meter.usages() == {}


async def test_clients_and_methods_from_before_install_are_counted(
    sdk: Driver, server: Simulator
) -> None:
    """
    Clients, bound methods and raw wrappers that were made before install() are guarded too.
    """
    client = sdk.client()
    bound = client.chat.completions.create
    raw = client.chat.completions.with_raw_response
    raw_bound = raw.create
    streaming = client.chat.completions.with_streaming_response
    raw_client = client.with_raw_response.chat.completions
    meter = groq_quota.install(QuotaMeter("memory://"))

    await sdk.ask(client)
    for call in (bound, raw.create, raw_bound, raw_client.create):
        await sdk.do(call, model=MODEL, messages=ASK)
    async with sdk.using(streaming.create(model=MODEL, messages=ASK)) as answer:
        await sdk.do(answer.read)

    assert agrees(meter, server).requests == 6


async def test_clients_made_of_clients_are_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    What `with_options` and `copy` make counts into the same meter, once.
    """
    client = sdk.client()
    await sdk.ask(client.with_options(timeout=9))
    await sdk.ask(client.copy(max_retries=1))
    await sdk.ask(client.with_options(timeout=9).with_options(max_retries=1))

    assert agrees(meter, server).requests == 3


async def test_subclasses_of_the_client_are_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    A client class of the user's is guarded, also one that overrides `request` by calling super().
    """
    client_class = sdk.client_class

    class Mine(client_class):  # type: ignore[misc,valid-type]  # it is one of two
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    await sdk.ask(sdk.client(Mine))

    assert agrees(meter, server).requests == 1


@pytest.mark.parametrize("parent", [True, False], ids=["super", "no super"])
async def test_subclasses_of_the_resource_are_counted(
    sdk: Driver, meter: QuotaMeter, server: Simulator, *, parent: bool
) -> None:
    """
    A `create` of the user's counts once, whether it calls its parent's or posts by itself.
    """
    completions = sdk.completions

    class Mine(completions):  # type: ignore[misc,valid-type]  # it is one of two
        def create(self, **body: Any) -> Any:
            if parent:
                return super().create(**body)
            return self._post(CHAT, body=body, cast_to=object)

    await sdk.do(Mine(sdk.client()).create, model=MODEL, messages=ASK)

    assert agrees(meter, server).requests == 1


async def test_a_resource_that_asks_twice_counts_twice(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    Each request that a subclass sends in one call is a request.
    """
    completions = sdk.completions

    class Twice(completions):  # type: ignore[misc,valid-type]  # it is one of two
        def create(self, **body: Any) -> Any:
            return [super(Twice, self).create(**body) for _ in range(2)]

    for answer in Twice(sdk.client()).create(model=MODEL, messages=ASK):
        if sdk.asynchronous:
            await answer

    assert agrees(meter, server).requests == 2


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_a_coroutine_never_awaited_counts_nothing(
    meter: QuotaMeter, server: Simulator
) -> None:
    """
    Nothing is reserved before a coroutine is awaited.
    """
    sdk = Driver("async", server.base_url)
    coroutine = sdk.client().chat.completions.create(model=MODEL, messages=ASK)
    del coroutine
    gc.collect()
    await sdk.stop()

    assert (0, {}) == (len(server.ledger), meter.usages())


async def test_two_clients_nested_count_each_their_own(
    sdk: Driver, meter: QuotaMeter, server: Simulator
) -> None:
    """
    A call that an HTTP hook makes while another is on its way does not take that one's place.
    """
    inner = sdk.client()

    async def ask_other(_: Any) -> None:
        await sdk.ask(inner, model="inner", max_tokens=2)

    def ask_other_at_once(_: Any) -> None:
        inner.chat.completions.create(model="inner", messages=ASK, max_tokens=2)

    hook = ask_other if sdk.asynchronous else ask_other_at_once
    outer = sdk.client(http_client=sdk.http(event_hooks={"request": [hook], "response": [hook]}))
    await sdk.ask(outer, max_tokens=4)

    assert agrees(meter, server).requests == 1
    assert agrees(meter, server, "inner").requests == 2


async def test_a_wrapper_below_us_that_changes_the_model_is_believed(
    sdk: Driver, server: Simulator
) -> None:
    """
    The count goes to the model that was sent, not to the one the front door saw.
    """
    original = sdk.completions.create

    def rerouted(self: Any, **body: Any) -> Any:
        return original(self, **{**body, "model": MODEL})

    sdk.completions.create = rerouted
    meter = groq_quota.install(QuotaMeter("memory://"))
    await sdk.ask(sdk.client(), model="elsewhere")
    groq_quota.uninstall()

    assert agrees(meter, server).requests == 1
    assert list(meter.usages()) == [MODEL]
