"""
What the look-alike answers, and how many tokens that is.

A token of an answer is up to eight letters or digits, or one other character, together with the
white space before it. The count is nobody's real tokenizer, but it is the same on every machine,
and a stream sends exactly one chunk for each token of text and reasoning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

Body = Mapping[str, Any]

_WORDS = ("no", "model", "has", "seen", "your", "words", "and", "all", "this", "is", "made", "up")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """
    A call of a function that the answer asks for; *arguments* is JSON text.
    """

    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What the model says; *finish_reason* None stands for ``tool_calls`` or ``stop``.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None

    @property
    def tokens(self) -> int:
        """
        All tokens of the answer; reasoning and tool calls count as output, as with Groq.
        """
        return self.reasoning_tokens + len(pieces(self.text)) + sum(map(_tokens, self.tool_calls))

    @property
    def reasoning_tokens(self) -> int:
        """
        The tokens of the reasoning alone.
        """
        return len(pieces(self.reasoning))

    @property
    def ending(self) -> str:
        """
        The reason why the answer ends.
        """
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")


def pieces(text: str) -> list[str]:
    """
    Cut *text* into its tokens; joined, they are the text again.
    """
    found = re.findall(r"\s*(?:\w{1,8}|[^\w\s])", text)
    rest = text[sum(map(len, found)) :]
    if rest and found:
        found[-1] += rest
    return found or ([text] if text else [])


def words(count: int) -> str:
    """
    Return a text of *count* tokens.
    """
    return " ".join(islice(cycle(_WORDS), count))


def cut(answer: Answer, budget: int) -> Answer:
    """
    Return what *budget* tokens allow of the answer: reasoning, then text, then whole tool calls.
    """
    if answer.tokens <= budget:
        return answer
    reasoning = pieces(answer.reasoning)[:budget]
    text = pieces(answer.text)[: budget - len(reasoning)]
    left = budget - len(reasoning) - len(text)
    calls = []
    for call in answer.tool_calls:
        left -= _tokens(call)
        if left < 0:
            break
        calls.append(call)
    return Answer("".join(text), "".join(reasoning), tuple(calls), "length")


def answerer(answer: Answer | str | Callable[[Body], Answer | str]) -> Callable[[Body], Answer]:
    """
    Return the callable that makes the answer to a request's body.
    """

    def reply(body: Body) -> Answer:
        made = answer(body) if callable(answer) else answer
        return Answer(made) if isinstance(made, str) else made

    return reply


def prompt_tokens(body: Body) -> int:
    """
    Count a chat request's prompt: a quarter of its characters, and four for each message.

    Characters of message texts, names, tool calls and tool definitions count; images do not.
    """
    tokens = sum(4 + -(-len(_said(message)) // 4) for message in body["messages"])
    tools = body.get("tools")
    return tokens + (-(-len(json.dumps(tools)) // 4) if tools else 0)


def _said(message: Body) -> str:
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    texts += [message.get("name"), message.get("reasoning")]
    texts += [json.dumps(call) for call in message.get("tool_calls") or ()]
    return "".join(text for text in texts if isinstance(text, str))


def _tokens(call: ToolCall) -> int:
    return len(pieces(call.name)) + len(pieces(call.arguments))
