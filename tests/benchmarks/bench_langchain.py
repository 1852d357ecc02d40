"""
What the handler adds to an invoke, and how long it holds up an event loop.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.benchmarks.bench_sdk import MODEL, guarded, unlimited
from tests.benchmarks.timing import Row, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota import QuotaMeter
    from groq_quota_langchain import QuotaCallbackHandler

HERE = importlib.util.find_spec("langchain_core") is not None
PROMPT = "Tell me about the harbour. " * 50


def _invoke(meter: QuotaMeter | None) -> Callable[[], None]:
    # A model that answers at once, with a usage; with the handler if there is a meter.
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    from groq_quota_langchain import QuotaCallbackHandler

    usage = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}

    class Instant(BaseChatModel):
        model_name: str = MODEL
        max_tokens: int = 100

        @property
        def _llm_type(self) -> str:
            return "fake-instant"

        def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
            generation = ChatGeneration(message=AIMessage("Ships come and go."))
            return ChatResult(generations=[generation], llm_output={"token_usage": usage})

    llm = Instant()
    named = {"ls_provider": "groq", "ls_model_name": MODEL, "ls_max_tokens": 100}
    config: Any = {"metadata": named}
    if meter is not None:
        config["callbacks"] = [QuotaCallbackHandler(meter)]

    def call() -> None:
        llm.invoke(PROMPT, config)

    return call


def _start_and_end(handler: QuotaCallbackHandler) -> tuple[float, float]:
    from langchain_core.messages import AIMessage, HumanMessage
    from langchain_core.outputs import ChatGeneration, LLMResult

    generation = ChatGeneration(message=AIMessage("Ships come and go."))
    usage = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}
    result = LLMResult(generations=[[generation]], llm_output={"token_usage": usage})
    metadata, run_id = {"ls_provider": "groq", "ls_model_name": MODEL}, uuid4()
    begun = time.perf_counter()
    handler.on_chat_model_start({}, [[HumanMessage(PROMPT)]], run_id=run_id, metadata=metadata)
    between = time.perf_counter()
    handler.on_llm_end(result, run_id=run_id)
    return between - begun, time.perf_counter() - between


def _stalls() -> Row:
    # In an event loop the two callbacks are what holds it up: compared with one operation.
    from groq_quota_langchain import QuotaCallbackHandler

    with tempfile.TemporaryDirectory() as folder:
        meter = unlimited(str(Path(folder, "usage.json")))
        handler = QuotaCallbackHandler(meter)
        _start_and_end(handler)
        floor, starts, ends = [], [], []
        for _ in range(200):
            begun = time.perf_counter()
            reservation = meter.reserve(MODEL, 100)
            floor.append(time.perf_counter() - begun)
            reservation.commit(50)
            start, end = _start_and_end(handler)
            starts.append(start)
            ends.append(end)
        meter.close()
    one, start, end = (sorted(taken)[len(taken) // 2] * 1e6 for taken in (floor, starts, ends))
    return Row(
        "event loop held up, JSON file",
        f"{start:.0f} µs at the start, {end:.0f} µs at the end; one operation {one:.0f} µs",
        "one storage operation",
    )


def main() -> list[Row]:
    """
    An invoke without and with the handler, on memory storage; nothing without langchain-core.
    """
    if not HERE:
        return []
    meter = unlimited()
    alone = {"bare": _invoke(None), "handler": _invoke(meter)}
    first = interleaved(alone, calls=50)
    added = first["handler"] - first["bare"]
    rows = [
        Row(
            "handler, reserving itself, memory",
            f"+{added:.1f} µs on {first['bare']:.0f} µs",
            "+100 µs",
        )
    ]
    if importlib.util.find_spec("langchain_groq") is not None:
        rows.append(_under_the_plugin(meter))
    return [*rows, _stalls()]


def _under_the_plugin(meter: QuotaMeter) -> Row:
    from langchain_groq import ChatGroq
    from pydantic import SecretStr

    from groq_quota_langchain import QuotaCallbackHandler
    from tests.benchmarks.bench_sdk import client

    llm = ChatGroq(model=MODEL, api_key=SecretStr("none"), max_tokens=100)
    llm.client = client().chat.completions
    config: Any = {"callbacks": [QuotaCallbackHandler(meter)]}
    within = {name: lambda: guarded(meter) for name in ("plugin", "both")}
    ways = {
        "plugin": lambda: llm.invoke(PROMPT),
        "both": lambda: llm.invoke(PROMPT, config),
    }
    taken = interleaved(ways, rounds=40, within=within)
    return Row(
        "handler over the plugin, memory",
        f"+{taken['both'] - taken['plugin']:.1f} µs on {taken['plugin']:.0f} µs",
        "+100 µs",
    )
