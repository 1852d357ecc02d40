"""
What a run's callbacks say: its model, its request, its usage.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from groq_quota import ConfigurationError, Usage
from groq_quota.estimate import text_tokens

if TYPE_CHECKING:
    from langchain_core.outputs import LLMResult

__all__ = ["Asked", "is_cached", "seen_tokens", "usage_of"]

Known = Mapping[str, Any]  # what LangChain passes along, of mixed values

_URLS = ("base_url", "openai_api_base", "groq_api_base", "api_base", "openai_base_url")
_URLS_OF_OPENAI = ("OPENAI_API_BASE", "OPENAI_BASE_URL")
# LangChain's names for models that never call the Groq SDK begin with these.
_OUTSIDE_SDK = ("openai", "azure-openai", "litellm", "fake", "generic-fake")
# Whoever else serves models: how LangChain's name of the provider begins, or part of the URL.
_VENDORS = (
    *("amazon", "anthropic", "azure", "bedrock", "cerebras", "cohere", "deepinfra", "deepseek"),
    *("fireworks", "google", "huggingface", "mistral", "moonshot", "nvidia", "ollama"),
    *("openrouter", "perplexity", "sambanova", "together", "vertex", "watsonx", "xai"),
)
_HOSTS = (*_VENDORS, "api.openai.com", "api.x.ai")


class Asked(NamedTuple):
    """
    What LangChain says of a run at its start.
    """

    prompts: Sequence[object]
    serialized: Known
    metadata: Known
    params: Known

    def _named(self, *names: str) -> list[Any]:
        sources = (self.params, self.serialized.get("kwargs") or {})
        return [source[name] for source in sources for name in names if name in source]

    @property
    def model(self) -> str | None:
        """
        The name of the model that is asked for; None if nothing names it.
        """
        first = self.metadata.get("ls_model_name")
        if isinstance(first, str) and first.strip():
            return first
        named = self._named("model", "model_name")
        return next((name for name in named if isinstance(name, str) and name.strip()), None)

    @property
    def through_sdk(self) -> bool | None:
        """
        Whether the run calls the Groq SDK, as langchain-groq does; None if nothing tells.
        """
        kind = self.params.get("_type")
        if kind == "groq-chat":
            return True
        return False if isinstance(kind, str) and kind.startswith(_OUTSIDE_SDK) else None

    @property
    def to_groq(self) -> bool | None:
        """
        Whether its request goes to Groq, by provider, URL and model; None if nothing tells.
        """
        provider = str(self.metadata.get("ls_provider") or "").lower()
        if "groq" in provider:
            return True
        urls = [str(url).lower() for url in self._named(*_URLS) if url]
        if self._prefixed or any("groq" in url for url in urls):
            return True
        if provider.startswith(_VENDORS) or any(host in url for url in urls for host in _HOSTS):
            return False
        somewhere = urls or any(os.environ.get(name) for name in _URLS_OF_OPENAI)
        return None if provider != "openai" or somewhere else False

    @property
    def _prefixed(self) -> bool:
        # As LiteLLM names models.
        return (self.model or "").startswith("groq/")

    def body(self, model: str) -> dict[str, Any]:
        """
        The request in the shape of the SDK's, for its estimate.
        """
        caps = self._named("max_tokens", "max_completion_tokens")
        known = (self.metadata.get("ls_max_tokens"), *caps)
        return {
            "model": model,
            "messages": [_message(prompt) for prompt in self.prompts],
            "max_tokens": next((cap for cap in known if type(cap) is int and cap > 0), None),
            "n": next((many for many in self._named("n") if type(many) is int), None),
            **{name: self.params[name] for name in _SCHEMAS if self.params.get(name)},
        }


_SCHEMAS = ("tools", "functions", "response_format")


def _message(prompt: object) -> dict[str, Any]:
    # A text, or one of LangChain's messages.
    if isinstance(prompt, str):
        return {"role": "user", "content": prompt}
    content = getattr(prompt, "content", None)
    message = {"role": "user", "content": content}  # whichever role: it takes one token
    calls = getattr(prompt, "tool_calls", None)
    if calls:
        message["tool_calls"] = [
            {"function": {"name": call["name"], "arguments": json.dumps(call["args"], default=str)}}
            for call in calls
        ]
    return message


def usage_of(response: LLMResult) -> Usage | None:
    """
    The usage that a finished run carries: in `llm_output`, else in the message; None if none.
    """
    for found in _usages(response):
        try:
            if found:
                return Usage.of(found)
        except ConfigurationError:
            continue
    return None


def _usages(response: LLMResult) -> Iterator[Any]:
    output = response.llm_output or {}
    yield output.get("token_usage") or output.get("usage")
    for message in _messages(response):
        yield getattr(message, "usage_metadata", None)
        metadata = getattr(message, "response_metadata", None)
        if isinstance(metadata, Mapping):
            yield metadata.get("token_usage") or metadata.get("usage")


def _messages(response: LLMResult) -> Iterator[Any]:
    for generations in response.generations:
        for generation in generations:
            yield getattr(generation, "message", None)


def is_cached(response: LLMResult) -> bool:
    """
    Whether the answer came from LangChain's cache: it marks what it takes from there.
    """
    usages = (getattr(message, "usage_metadata", None) for message in _messages(response))
    return any(isinstance(usage, Mapping) and usage.get("total_cost") == 0 for usage in usages)


def seen_tokens(response: LLMResult) -> int:
    """
    The estimated tokens of what was answered: texts, reasoning and tool calls.
    """
    texts = (generation.text for generations in response.generations for generation in generations)
    hidden = (text for message in _messages(response) for text in _hidden(message))
    return sum(text_tokens(text) for text in (*texts, *hidden))


def _hidden(message: Any) -> Iterator[str]:  # of any of LangChain's, or None
    further = getattr(message, "additional_kwargs", None)
    reasoning = further.get("reasoning_content") if isinstance(further, Mapping) else None
    if isinstance(reasoning, str):
        yield reasoning
    for call in getattr(message, "tool_calls", None) or ():
        yield from (call["name"], json.dumps(call["args"], default=str))
