"""
What a chat request will take, in tokens, before it is sent.

Groq books a request by its prompt and its max_tokens (reported: "Requested 4042" for a prompt of 40
tokens and max_tokens 4000). An image is charged flat, whatever its size: see `IMAGE_TOKENS`.
Nothing here raises. Iterators are left alone: they can be read only once, and that is for the SDK
to do.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from math import ceil
from typing import NamedTuple, TypeGuard, TypeVar

from .tokenizers import exact_tokens

__all__ = ["Estimate", "careful_count", "lower_bound", "quick_bound", "text_tokens"]

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Groq's documentation names it for answers without max_tokens.
DEFAULT_OUTPUT = 1_024
# A flat charge: the minute's bucket was seen to fall by 1,912 to 1,968 per image of any size.
IMAGE_TOKENS = 2_000
# Not seen: Groq's chat took no audio so far.
AUDIO_TOKENS = 2_000

# More than the chat templates of GPT-OSS, Llama and Qwen add to a request, to a message or a call,
# and to all tools and schemas together.
_REQUEST_MOST = 96
_PIECE_MOST = 16
_SCHEMAS_MOST = 192
# What they add on average; to a request, see _FRAMES.
_PIECE = 5
_SCHEMAS = 96
_SCHEMA_KEYS = frozenset({"tools", "functions", "response_format", "documents"})
_EXTRA_KEYS = ("name", "reasoning", "tool_call_id")


class Estimate(NamedTuple):
    """
    Tokens of a request: its prompt, and room for its answer.

    Attributes:
        prompt: Tokens of the prompt.
        output: Tokens that the answer has room for.
        capped: Whether the request itself limits the answer; otherwise `output` is assumed.
        flat: Of the prompt, the charge for images and audio, which answers do not count like that.
        exact: The prompt by the model's own tokenizer, where it was asked; `prompt` may be higher.
        answers: How many answers are asked for.
    """

    prompt: int
    output: int
    capped: bool
    flat: int = 0
    exact: int | None = None
    answers: int = 1

    @property
    def total(self) -> int:
        """
        Prompt and answer together, as Groq books them.
        """
        return self.prompt + self.output


def quick_bound(body: Mapping[str, object]) -> Estimate:
    """
    The prompt at most, in microseconds: no tokenizer makes more tokens than there are bytes.

    Messages that cannot be looked at count as 0: there are none, or they come from an iterator.
    Images and audio count as their flat charge.
    """
    cap, answers, prompt, flat = 0, 1, 0, 0
    try:
        cap, choices = _cap(body), body.get("n")
        if type(choices) is int and choices > 1:
            answers = choices
        prompt, flat = _most(body)
    except Exception:  # as in `_safely`; what is known by then counts
        logger.debug(_UNREADABLE)
    return Estimate(prompt, (cap or DEFAULT_OUTPUT) * answers, cap > 0, flat, None, answers)


def careful_count(body: Mapping[str, object]) -> Estimate:
    """
    The prompt as it will probably be counted, with a margin, at about 0.1 µs per character.

    With the extra `tokens` the model's own tokenizer counts, if it is one of those: without a
    margin, and faster. Never above `quick_bound`, and never below a quarter of the prompt's
    characters. Of more than 100,000 characters a sample is weighed, so that an event loop is not
    held up.
    """
    bound = quick_bound(body)
    unknown: tuple[int, int | None] = bound.prompt, None
    likely, exact = _safely(_likely, body, unknown)
    if exact is not None:
        exact = min(bound.prompt, exact)
    return bound._replace(prompt=min(bound.prompt, likely), exact=exact)


def lower_bound(body: Mapping[str, object]) -> int:
    """
    What the request takes at least: its own max_tokens, and a low count of its words.
    """
    return _safely(_least, body, 0) + _safely(_cap, body, 0)


def text_tokens(text: str, *, model: str = "") -> int:
    """
    The likely tokens of a text, at least 1 unless it is empty; no margin, no chat template.

    `model` names the tokenizer: they differ in digits and in scripts other than Latin.
    """
    return max(1, ceil(_weight(text, _family(model)))) if text else 0


def _safely(
    rule: Callable[[Mapping[str, object]], T], body: Mapping[str, object], otherwise: T
) -> T:
    try:
        return rule(body)
    except Exception:  # a body may hold any object; estimating must not break the call
        logger.debug(_UNREADABLE)
        return otherwise


_UNREADABLE = "A request's body has parts that cannot be estimated."


def _cap(body: Mapping[str, object]) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if type(value) is int and value > 0:
            return value
    return 0


def _most(body: Mapping[str, object]) -> tuple[int, int]:
    # And what of it is charged flat.
    plain = _plain_most(body)
    if plain is not None:
        return plain, 0
    prompt = _read(body)
    if prompt is None:
        return 0, 0
    schemas = _SCHEMAS_MOST + _bytes(prompt.schemas) if prompt.schemas else 0
    pieces = _REQUEST_MOST + _PIECE_MOST * prompt.pieces
    texts = sum(map(_bytes, prompt.contents + prompt.extras))
    return pieces + texts + prompt.flat + schemas, prompt.flat


def _plain_most(body: Mapping[str, object]) -> int | None:
    # Nearly all calls: dicts of a role and a text. Runs before each of them, so in haste.
    messages = body.get("messages")
    if type(messages) is not list or not _SCHEMA_KEYS.isdisjoint(body):
        return None
    most = _REQUEST_MOST + _PIECE_MOST * len(messages)
    for message in messages:
        if type(message) is not dict or len(message) != 2 or "role" not in message:
            return None
        content = message.get("content")
        if type(content) is not str:
            return None
        most += len(content) if content.isascii() else _bytes(content)
    return most


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _likely(body: Mapping[str, object]) -> tuple[int, int | None]:
    # And the exact count, if there is one.
    prompt = _read(body)
    if prompt is None:
        return 0, None
    family = _family(body.get("model"))
    texts = [*prompt.contents, *prompt.extras, prompt.schemas]
    size = sum(map(len, texts))
    frame = _FRAMES[family] + _PIECE * prompt.pieces + min(_SCHEMAS, len(prompt.schemas))
    frame += prompt.flat
    exact = exact_tokens(texts, body.get("model")) if size <= _SAMPLED_FROM else None
    tokens = _MARGIN * _weight("\n".join(texts), family) if exact is None else exact
    likely = frame + ceil(max(tokens, size / 4))
    return likely, None if exact is None else frame + exact


def _least(body: Mapping[str, object]) -> int:
    # No token spans two words. Where words are short, a limiter that goes by a quarter of the
    # characters takes less. Names and earlier reasoning may be left out by a template.
    prompt = _read(body)
    contents = prompt.contents if prompt else []
    return sum(min(len(text.split()), len(text) // 4) for text in contents)


class _Prompt(NamedTuple):
    """
    What of a body goes into the prompt.

    `pieces` counts messages and tool calls, `flat` is the charge for what is no text, `schemas` are
    tools and response formats as JSON.
    """

    pieces: int
    contents: list[str]
    extras: list[str]
    flat: int
    schemas: str


def _read(body: Mapping[str, object]) -> _Prompt | None:
    messages = body.get("messages")
    if not _is_sequence(messages):
        return None
    parts = [part for message in messages for part in _parts(message)]
    calls = [call for message in messages for call in _calls(message)]
    extras = [_field(message, name) for message in messages for name in _EXTRA_KEYS]
    extras += [_field(call, name) for call in calls for name in ("name", "arguments")]
    return _Prompt(
        pieces=len(messages) + len(calls),
        contents=[part for part in parts if isinstance(part, str)],
        extras=list(filter(None, map(_text, extras))),
        flat=sum(part for part in parts if isinstance(part, int)),
        schemas="".join(_text(body.get(key)) for key in _SCHEMA_KEYS),
    )


def _parts(message: object) -> Iterable[str | int]:
    # Texts, and the flat charges of what is none.
    content = message if isinstance(message, str) else _field(message, "content")
    return map(_part, content) if _is_sequence(content) else [_text(content)]


def _calls(message: object) -> Iterator[object]:
    calls = _field(message, "tool_calls")
    if _is_sequence(calls):
        yield from (_field(call, "function") for call in calls)
    if (call := _field(message, "function_call")) is not None:
        yield call


def _part(part: object) -> str | int:
    kind = _field(part, "type")
    if isinstance(kind, str):
        if "image" in kind:
            return IMAGE_TOKENS
        if "audio" in kind:
            return AUDIO_TOKENS
        if kind == "text":
            return _text(_field(part, "text"))
    return _text(part)


def _field(thing: object, name: str) -> object:
    # The SDK takes messages as dicts, and its own answers' message objects as well.
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, range))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, (Mapping, list, tuple)) and not hasattr(value, "model_dump"):
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, skipkeys=True, default=_dumped)
    except (TypeError, ValueError, RecursionError):
        return ""


def _dumped(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    fields = dump() if callable(dump) else None
    return fields if isinstance(fields, Mapping) else None


# --- the weights of a text ---------------------------------------------------------------------
# Fitted to the counts of the tokenizers of GPT-OSS, Qwen 3 and Llama 3 on 646 passages: tutorials
# and interface texts in 30 languages, programs, JSON, tables, logs, digits, random bytes. On other
# texts they were off by a tenth on average, and a quarter too low at worst; hence the margin.
_MARGIN = 1.2

# Columns of all tables: GPT-OSS, Qwen, Llama and whatever else.
_COLUMNS = {"gpt-oss": 0, "qwen": 1}
_OTHERS = 2
# What the template adds to a request ("hi" was counted as 36 on Llama: this, 5 and 1).
_FRAMES = (62, 8, 30)
# What letters beyond the fourth of a word cost more where every fiftieth character has an accent.
_FOREIGN = (0.21, 0.39, 0.41)

_LONG = r"(?<=[A-Za-z][a-z]{3})[a-z]"
_LATIN = r"[\u00a1-\u00ff\u0180-\u024f\u1e00-\u1eff]"
_LATIN_A = r"[\u0100-\u017f]"
_SIGN = r"!-/:-@\[-`{-~\x00-\x08\x0b\x0c\x0e-\x1f\x7f"

# Tokens for each match.
_ASCII = {
    r"[A-Z]?[a-z]+": (0.80, 0.85, 0.80),
    _LONG: (0.17, 0.15, 0.18),
    r"[A-Z]+(?![a-z])": (1.70, 1.75, 1.70),
    r"[0-9]{1,3}": (1.18, 0.0, 1.18),
    r"[0-9]": (0.0, 1.09, 0.0),
    r"[ \t][0-9]": (0.90, 1.20, 0.90),
    rf"[{_SIGN}]+": (0.70, 0.60, 0.70),
    rf"[{_SIGN}]": (0.10, 0.10, 0.10),
    rf"(?<![{_SIGN}\n\r])[\n\r]": (0.70, 0.65, 0.70),
    r"[ \t]{2,}": (1.45, 1.45, 1.45),
}
_SCRIPTS = {
    _LATIN: (0.15, 0.15, 0.10),
    _LATIN_A: (1.00, 1.30, 0.90),
    r"[\u0370-\u03ff]": (0.46, 1.06, 0.47),  # Greek
    r"[\u0400-\u052f]": (0.33, 0.43, 0.37),  # Cyrillic
    r"[\u0590-\u05ff]": (0.45, 0.46, 1.19),  # Hebrew
    r"[\u0600-\u077f]": (0.36, 0.55, 0.42),  # Arabic
    r"[\u0900-\u097f]": (0.36, 1.13, 0.62),  # Devanagari
    r"[\u0e00-\u0e7f]": (0.37, 0.59, 0.50),  # Thai
    r"[\u0530-\u058f\u0980-\u0dff\u0e80-\u10ff\u1200-\u17ff]": (0.42, 1.26, 1.80),
    r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]": (0.72, 0.86, 0.76),  # Hangul
    r"[\u3040-\u30ff]": (0.64, 0.61, 0.59),  # Kana
    r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]": (0.79, 0.72, 0.81),  # Han
    r"[\U00010000-\U0010ffff]": (1.60, 0.95, 2.80),  # mostly emoji
}
_OTHER_SIGNS = (1.40, 1.50, 1.60)

# Of a very long text, some slices stand for the whole: its weight must not hold up an event loop.
_SAMPLED_FROM = 100_000
_SLICES = 40
_SLICE = 1_000


def _family(model: object) -> int:
    name = model.lower() if isinstance(model, str) else ""
    return next((column for part, column in _COLUMNS.items() if part in name), _OTHERS)


def _weight(text: str, family: int) -> float:
    """
    The tokens of a text by what it is made of: words, digits, signs, blanks and scripts.
    """
    if len(text) > _SAMPLED_FROM:
        sample = "".join(text[at : at + _SLICE] for at in range(0, len(text), len(text) // _SLICES))
        return _weight(sample, family) * len(text) / len(sample)
    weight = sum(by[family] * _matches(rule, text) for rule, by in _ASCII.items() if by[family])
    if text.isascii():
        return weight
    beyond = "".join(_compiled(r"[^\x00-\x7f]+").findall(text))
    counts = {rule: _matches(rule, beyond) for rule in _SCRIPTS}
    weight += sum(by[family] * counts[rule] for rule, by in _SCRIPTS.items())
    weight += _OTHER_SIGNS[family] * (len(beyond) - sum(counts.values()))
    foreign = min(1.0, 50 * (counts[_LATIN] + counts[_LATIN_A]) / len(text))
    return weight + foreign * _FOREIGN[family] * _matches(_LONG, text)


def _matches(rule: str, text: str) -> int:
    return len(_compiled(rule).findall(text))


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    # At first use: importing stays light.
    return re.compile(rule)
