"""
The endpoint of `/responses`, plain and streaming.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .answers import pieces
from .bodies import bad_request
from .endpoints import Asked, Made, Stamp, Tokens
from .fields import model_of
from .limiter import Charge
from .replies import EVENTS, JSON, Part, event, json_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .answers import Answer, Body
    from .author import Author

_MAXIMUM = "max_output_tokens"


@dataclass(frozen=True, slots=True)
class Responses:
    """
    What `/responses` takes and gives; its prompts are counted as those of `Chat`.
    """

    author: Author

    kind = "responses"
    path = "/openai/v1/responses"

    def read(self, body: Body) -> Asked:
        """
        Return what the body asks for: the prompt and every output token that it allows.
        """
        model = model_of(body)
        messages = _messages(body, model)
        output = self.author.budget(body, (_MAXIMUM,), model)
        prompt = self.author.count_prompt({**body, "messages": messages})
        charge = Charge(input_tokens=prompt, output_tokens=output)
        return Asked(body, model, charge, stream=bool(body.get("stream")))

    def make(self, asked: Asked, stamp: Stamp, *, usage: bool) -> Made:
        """
        Return the answer; *usage* False leaves its usage out.
        """
        prompt, budget = asked.charge.input_tokens, asked.charge.output_tokens
        answer = self.author.write(asked.body, budget)
        cached = self.author.reused(asked.body, prompt)
        tokens = Tokens(prompt, answer.tokens, cached, answer.reasoning_tokens)
        script = _Script(asked, stamp, answer, _usage(tokens) if usage else None)
        if asked.stream:
            return Made(tokens, tuple(script.events()), EVENTS)
        return Made(tokens, json_parts(script.whole(), usage=usage), JSON)


@dataclass(frozen=True, slots=True)
class _Script:
    """
    One answer, told as a whole or in events.
    """

    asked: Asked
    stamp: Stamp
    answer: Answer
    usage: dict[str, Any] | None

    def whole(self) -> dict[str, Any]:
        """
        Return the body of a plain answer.
        """
        cut_short = self.answer.ending == "length"
        return self._response(
            status="incomplete" if cut_short else "completed",
            incomplete_details={"reason": _MAXIMUM} if cut_short else None,
            output=self._items(),
            usage=self.usage,
        )

    def events(self) -> Iterator[Part]:
        """
        Yield the events of a stream, numbered; the last one has the whole answer in it.
        """
        numbers = itertools.count()

        def tell(
            kind: str, fields: dict[str, Any], *, content: bool = False, usage: bool = False
        ) -> Part:
            body = {"type": kind, "sequence_number": next(numbers), **fields}
            return event(body, name=kind, content=content, usage=usage)

        begun = self._response(status="in_progress", incomplete_details=None, output=[], usage=None)
        yield tell("response.created", {"response": begun})
        yield tell("response.in_progress", {"response": begun})
        for index, item in enumerate(self._items()):
            place = {"output_index": index}
            empty = item | {"status": "in_progress"} | _emptied(item)
            yield tell("response.output_item.added", place | {"item": empty})
            at = place | {"item_id": item["id"]}
            for kind, text in _wholes(item):
                spoken = kind != _ARGUMENTS
                at |= {"content_index": 0} if spoken else {}
                if spoken:
                    part = {"type": kind, "text": "", "annotations": []}
                    yield tell("response.content_part.added", at | {"part": part})
                for piece in pieces(text) if spoken else [text]:
                    yield tell(f"response.{kind}.delta", at | {"delta": piece}, content=True)
                name = "text" if spoken else "arguments"
                yield tell(f"response.{kind}.done", at | {name: text})
                if spoken:
                    part = item["content"][0]
                    yield tell("response.content_part.done", at | {"part": part})
            yield tell("response.output_item.done", place | {"item": item})
        whole = self.whole()
        end = f"response.{whole['status']}"
        yield tell(end, {"response": whole}, usage=self.usage is not None)

    def _items(self) -> list[dict[str, Any]]:
        answer, number = self.answer, self.stamp.number
        items: list[dict[str, Any]] = []
        if answer.reasoning:
            thought = {"type": "reasoning_text", "text": answer.reasoning}
            items.append({"type": "reasoning", "id": f"rs_{number}", "content": [thought]})
        if answer.text or not answer.tool_calls:
            said = {"type": "output_text", "text": answer.text, "annotations": []}
            about = {"type": "message", "id": f"msg_{number}", "role": "assistant"}
            items.append({**about, "content": [said]})
        for index, call in enumerate(answer.tool_calls):
            called = {"name": call.name, "arguments": call.arguments}
            ids = {"id": f"fc_{number}_{index}", "call_id": f"call_{number}_{index}"}
            items.append({"type": "function_call", **ids, **called})
        return [{**item, "status": "completed"} for item in items]

    def _response(self, **fields: Any) -> dict[str, Any]:
        body = self.asked.body
        return {
            "id": f"resp_{self.stamp.unique}",
            "object": "response",
            "created_at": self.stamp.created,
            "error": None,
            "model": self.asked.model,
            "instructions": body.get("instructions"),
            _MAXIMUM: body.get(_MAXIMUM),
            "tools": body.get("tools") or [],
            "service_tier": "default",
            "store": False,
            **fields,
        }


_ARGUMENTS = "function_call_arguments"


def _wholes(item: dict[str, Any]) -> list[tuple[str, str]]:
    if item["type"] == "function_call":
        return [(_ARGUMENTS, item["arguments"])]
    return [(part["type"], part["text"]) for part in item["content"]]


def _emptied(item: dict[str, Any]) -> dict[str, Any]:
    return {"arguments": ""} if item["type"] == "function_call" else {"content": []}


def _messages(body: Body, model: str) -> list[dict[str, Any]]:
    # As the chat messages that they amount to, of which the prompt's tokens are counted.
    given = body.get("input")
    if given is None:
        raise bad_request("property 'input' is missing", model)
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise bad_request("'input' : value must be a string or an array of items", model)
    if not given:
        raise bad_request("'input' : minimum number of items is 1", model)
    told = body.get("instructions")
    head = [{"role": "system", "content": told}] if isinstance(told, str) and told else []
    return [*head, *map(_message, given)]


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    if item.get("type") == "function_call":
        return {"tool_calls": [{"name": item.get("name"), "arguments": item.get("arguments")}]}
    return {"content": item.get("content", item.get("output"))}


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + tokens.completion,
    }
