"""
What a request demands of its limits before it is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeGuard

from . import audio, estimate, prediction
from .outcomes import Amount

__all__ = [
    "AudioDemand",
    "ChatDemand",
    "Demand",
    "EmbeddingDemand",
    "ResponseDemand",
    "SpeechDemand",
]

logger = logging.getLogger("groq_quota")

Body = Mapping[str, Any]


class Demand(Protocol):
    """
    A request as its limits see it. Asking never raises, and changes nothing of the request.
    """

    @property
    def model(self) -> object:
        """
        The model as the request names it, whatever it is.
        """

    def quick(self) -> Amount:
        """
        The most that it may take, as cheaply as can be said.
        """

    def careful(self) -> Amount:
        """
        What it will probably take, and surely takes: asked for where the most does not fit.
        """

    def for_model(self, model: str) -> Demand:
        """
        The same request, sent to another model.
        """


class _BodyDemand:
    """
    What every demand of a JSON body knows: the body, which names the model.
    """

    __slots__ = ("_body", "model")

    def __init__(self, body: Body) -> None:
        self._body = body
        self.model: object = body.get("model")


class ChatDemand(_BodyDemand):
    """
    What a chat completion demands: its prompt, and room for its answer.
    """

    __slots__ = ()

    def quick(self) -> Amount:
        """
        The most that it may take: no tokenizer makes more tokens than there are bytes.
        """
        bound = estimate.quick_bound(self._body)
        return Amount(
            bound.prompt + bound.output,
            bound.prompt,
            bound.output,
            capped=bound.capped,
            features=prediction.features(bound),
            answers=bound.answers,
        )

    def careful(self) -> Amount:
        """
        Its words counted, with a margin; at least its own max_tokens and a low count of them.
        """
        bound, likely = estimate.quick_bound(self._body), estimate.careful_count(self._body)
        return Amount(
            likely.prompt + likely.output,
            likely.prompt,
            likely.output,
            floor=estimate.lower_bound(self._body),
            capped=likely.capped,
            features=prediction.features(bound, likely),
            answers=likely.answers,
        )

    def for_model(self, model: str) -> ChatDemand:
        """
        The same request, sent to another model.
        """
        return ChatDemand({**self._body, "model": model})


class ResponseDemand(ChatDemand):
    """
    What a request to `/responses` demands: that of the chat completion which says the same.
    """

    __slots__ = ()

    def __init__(self, body: Body) -> None:
        super().__init__(_as_chat(body))


class EmbeddingDemand(_BodyDemand):
    """
    What embeddings demand: the tokens of their inputs, and nothing for an answer.
    """

    __slots__ = ()

    def quick(self) -> Amount:
        """
        The most that it may take, with what a template may add to each input.
        """
        texts, tokens = _inputs(self._body)
        most = tokens + sum(map(_bytes, texts)) + _FRAME * len(texts)
        return Amount(most, most)

    def careful(self) -> Amount:
        """
        Its words counted, with a margin; at least a low count of them.
        """
        texts, tokens = _inputs(self._body)
        model = str(self.model)
        words = sum(estimate.text_tokens(text, model=model) for text in texts)
        likely = min(self.quick().tokens, tokens + words + words // 5 + _FRAME * len(texts))
        least = tokens + sum(min(len(text.split()), len(text) // 4) for text in texts)
        return Amount(likely, likely, floor=min(likely, least))

    def for_model(self, model: str) -> EmbeddingDemand:
        """
        The same request, sent to another model.
        """
        return EmbeddingDemand({**self._body, "model": model})


class SpeechDemand(_BodyDemand):
    """
    What speech demands: a token for each character that is to be said.

    A refusal of Groq's was seen with "Requested 121" for a text of 121 characters.
    """

    __slots__ = ()

    def quick(self) -> Amount:
        """
        The length of the text.
        """
        said = self._body.get("input")
        tokens = len(said) if isinstance(said, str) else 0
        return Amount(tokens, tokens)

    def careful(self) -> Amount:
        """
        The same; as it was seen once only, no text is too long but one of twice a limit.
        """
        most = self.quick()
        return most._replace(floor=most.tokens // 2)

    def for_model(self, model: str) -> SpeechDemand:
        """
        The same request, sent to another model.
        """
        return SpeechDemand({**self._body, "model": model})


class AudioDemand:
    """
    What a transcription or translation demands: the seconds of its audio.

    Args:
        content: What is uploaded: bytes or a file object; None if it is not known, as of a URL.
    """

    __slots__ = ("_content", "_length", "model")

    def __init__(self, model: object, content: object) -> None:
        self.model = model
        self._content = content
        self._length: audio.Length | None = None

    def quick(self) -> Amount:
        """
        By a WAV header exactly, else by the size; the file's position stays as it is.
        """
        length = self._length
        if length is None:
            length = self._length = audio.length_of(self._content)
            self._content = None
        return Amount(audio_seconds=length.seconds, audio_floor=length.floor)

    def careful(self) -> Amount:
        """
        The same: there is nothing that more care would tell.
        """
        return self.quick()

    def for_model(self, model: str) -> AudioDemand:
        """
        The same request, sent to another model; its length is known already where it was asked.
        """
        other = AudioDemand(model, self._content)
        other._length = self._length
        return other


# What a template may add to each input of an embedding.
_FRAME = 4


def _inputs(body: Body) -> tuple[list[str], int]:
    """
    The texts of an embedding request, and the tokens that come as such: lists of numbers.
    """
    given = body.get("input")
    if isinstance(given, str):
        return [given], 0
    if not _is_sequence(given):
        return [], 0  # what can be read only once is left alone
    texts = [one for one in given if isinstance(one, str)]
    tokens = sum(len(one) if _is_sequence(one) else int(isinstance(one, int)) for one in given)
    return texts, tokens


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def _as_chat(body: Body) -> Body:
    """
    The body of the chat completion that a request to `/responses` amounts to.
    """
    chat = {"model": body.get("model"), "max_completion_tokens": body.get("max_output_tokens")}
    try:
        schemas = {"tools": body.get("tools"), "response_format": body.get("text")}
        chat.update((name, value) for name, value in schemas.items() if value)
        chat["messages"] = _messages(body)
    except Exception:  # a body may hold any object; estimating must not break the call
        logger.debug("A request's body has parts that cannot be estimated.")
    return chat


def _messages(body: Body) -> list[dict[str, Any]]:
    told = [{"role": "system", "content": body["instructions"]}] if body.get("instructions") else []
    given = body.get("input")
    if isinstance(given, str):
        return [*told, {"role": "user", "content": given}]
    return [*told, *map(_message, given if isinstance(given, (list, tuple)) else ())]


def _message(item: Any) -> dict[str, Any]:  # an input item of the user's, whatever it is
    if not isinstance(item, Mapping):
        return {"role": "user", "content": item}
    if "arguments" in item:
        call = {"name": item.get("name"), "arguments": item["arguments"]}
        return {"role": "assistant", "tool_calls": [{"function": call}]}
    content = item.get("content", item.get("output", item.get("summary")))
    if isinstance(content, (list, tuple)):
        content = [_part(part) for part in content]
    return {"role": item.get("role", "user"), "content": content}


def _part(part: Any) -> Any:  # as in `_message`
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    return part
