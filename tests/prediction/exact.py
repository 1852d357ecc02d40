"""
Exact counts of whole prompts, as Groq's answers have them in their usage.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Models, their vocabularies, and what their templates add to a request and to each message.
MODELS = {
    "openai/gpt-oss-20b": ("o200k_harmony", 62, 4),
    "qwen/qwen3-32b": ("qwen3", 8, 5),
    "llama-3.3-70b-versatile": ("llama3", 30, 5),
}


def count_prompt(body: Mapping[str, Any]) -> int:
    """
    The tokens of a chat request's prompt. Needs quicktok-v1.
    """
    vocabulary, frame, each = MODELS[body["model"]]
    texts = [message["content"] for message in body["messages"]]
    return frame + sum(each + _counter(vocabulary)(text) for text in texts)


@cache
def _counter(vocabulary: str) -> Callable[[str], int]:
    counter: Callable[[str], int] = import_module("quicktok").get_encoding(vocabulary).count
    return counter
