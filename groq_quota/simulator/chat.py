"""
The endpoint of chat completions, plain and streaming.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .answers import pieces
from .bodies import bad_request
from .endpoints import Asked, Made, Stamp, Tokens
from .fields import model_of, natural
from .limiter import Charge
from .replies import EVENTS, JSON, Part, event, json_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .answers import Answer, Body
    from .author import Author

_MOST_ANSWERS = 128
_MAXIMA = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class Chat:
    """
    What chat completions take and give.
    """

    author: Author

    kind = "chat"
    path = "/openai/v1/chat/completions"

    def read(self, body: Body) -> Asked:
        """
        Return what the body asks for: the prompt and every output token that it allows.
        """
        model = model_of(body)
        messages = body.get("messages")
        if not isinstance(messages, list) or not all(isinstance(said, dict) for said in messages):
            raise bad_request("'messages' : value must be an array of objects", model)
        if not messages:
            raise bad_request("'messages' : minimum number of items is 1", model)
        output = self.author.budget(body, _MAXIMA, model) * _answers(body, model)
        charge = Charge(input_tokens=self.author.count_prompt(body), output_tokens=output)
        return Asked(body, model, charge, stream=bool(body.get("stream")))

    def make(self, asked: Asked, stamp: Stamp, *, usage: bool) -> Made:
        """
        Return the answer; *usage* False leaves its usage out.
        """
        body, prompt = asked.body, asked.charge.input_tokens
        count = body.get("n") or 1
        budget = asked.charge.output_tokens // count
        answers = [self.author.write(body, budget) for _ in range(count)]
        tokens = Tokens(
            prompt,
            sum(answer.tokens for answer in answers),
            self.author.reused(body, prompt),
            sum(answer.reasoning_tokens for answer in answers),
        )
        script = _Script(asked, stamp, answers, _usage(tokens) if usage else None)
        if asked.stream:
            return Made(tokens, tuple(script.chunks()), EVENTS)
        return Made(tokens, json_parts(script.whole(), usage=usage), JSON)


@dataclass(frozen=True, slots=True)
class _Script:
    """
    One answer, told as a whole or in chunks.
    """

    asked: Asked
    stamp: Stamp
    answers: list[Answer]
    usage: dict[str, Any] | None

    def whole(self) -> dict[str, Any]:
        """
        Return the body of a plain answer.
        """
        body = self._head("chat.completion")
        body["choices"] = [
            {
                "index": index,
                "message": _message(answer, self._call_ids(index)),
                "logprobs": None,
                "finish_reason": answer.ending,
            }
            for index, answer in enumerate(self.answers)
        ]
        if self.usage is not None:
            body |= {"usage": self.usage, "usage_breakdown": None}
        return body | {"x_groq": self._x_groq(), "service_tier": "on_demand"}

    def chunks(self) -> Iterator[Part]:
        """
        Yield the events of a stream.

        The usage is in `x_groq` of the last choice's last chunk, and where the request asks for it
        in a chunk of its own as well.
        """
        choices = range(len(self.answers))
        for index in choices:
            role = {"role": "assistant", "content": ""}
            yield self._chunk(index, role, x_groq={"id": self.stamp.request_id})
        for index in choices:
            for delta in _deltas(self.answers[index], self._call_ids(index)):
                yield self._chunk(index, delta, content=True)
        for index in choices:
            last = index == choices[-1]
            ending = self.answers[index].ending
            x_groq = self._x_groq() | ({"usage": self.usage} if self.usage else {})
            yield self._chunk(index, {}, ending, x_groq=x_groq if last else None)
        if self._wants_usage and self.usage is not None:
            body = self._head("chat.completion.chunk") | {"choices": [], "usage": self.usage}
            yield event(body, usage=True)
        yield Part(b"data: [DONE]\n\n")

    def _chunk(
        self,
        index: int,
        delta: dict[str, Any],
        ending: str | None = None,
        *,
        content: bool = False,
        x_groq: dict[str, Any] | None = None,
    ) -> Part:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": ending}
        body = self._head("chat.completion.chunk") | {"choices": [choice]}
        if self._wants_usage:
            body["usage"] = None
        if x_groq is not None:
            body["x_groq"] = x_groq
        return event(body, content=content, usage="usage" in (x_groq or {}))

    def _head(self, kind: str) -> dict[str, Any]:
        model = self.asked.model
        return {
            "id": self.stamp.answer_id,
            "object": kind,
            "created": self.stamp.created,
            "model": model,
            "system_fingerprint": "fp_" + hashlib.sha256(model.encode()).hexdigest()[:10],
        }

    def _x_groq(self) -> dict[str, Any]:
        return {"id": self.stamp.request_id, "seed": self.asked.body.get("seed") or 0}

    def _call_ids(self, choice: int) -> list[str]:
        calls = self.answers[choice].tool_calls
        return [f"call_{self.stamp.number}_{choice}_{call}" for call in range(len(calls))]

    @property
    def _wants_usage(self) -> bool:
        options = self.asked.body.get("stream_options")
        return isinstance(options, dict) and bool(options.get("include_usage"))


def _answers(body: Body, model: str) -> int:
    count = 1 if body.get("n") is None else natural(body, "n", model)
    if count > _MOST_ANSWERS:
        raise bad_request(f"'n' : number must be at most {_MOST_ANSWERS}", model)
    return count


def _message(answer: Answer, call_ids: list[str]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    if answer.text or not answer.tool_calls:
        message["content"] = answer.text
    if answer.reasoning:
        message["reasoning"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = _tool_calls(answer, call_ids)
    return message


def _deltas(answer: Answer, call_ids: list[str]) -> Iterator[dict[str, Any]]:
    for piece in pieces(answer.reasoning):
        yield {"reasoning": piece}
    for piece in pieces(answer.text):
        yield {"content": piece}
    for index, call in enumerate(_tool_calls(answer, call_ids)):
        yield {"tool_calls": [{"index": index, **call}]}


def _tool_calls(answer: Answer, call_ids: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": call_id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call_id, call in zip(call_ids, answer.tool_calls, strict=True)
    ]


def _usage(tokens: Tokens) -> dict[str, Any]:
    prompt_time = round(tokens.prompt * 1e-5, 6)
    completion_time = round(tokens.completion * 1e-3, 6)
    usage: dict[str, Any] = {
        "queue_time": 0.01,
        "prompt_tokens": tokens.prompt,
        "prompt_time": prompt_time,
        "completion_tokens": tokens.completion,
        "completion_time": completion_time,
        "total_tokens": tokens.prompt + tokens.completion,
        "total_time": round(prompt_time + completion_time, 6),
    }
    if tokens.cached:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cached}
    if tokens.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    return usage
