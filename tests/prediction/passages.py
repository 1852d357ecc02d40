"""
Texts of 21 kinds, made by rule: passages to learn from, and a document of each kind to foretell.

Documents are several times longer than passages, and a third of their words is not in those.
"""

from __future__ import annotations

import base64
import json
import random
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PHRASES = Path(__file__).parents[1] / "data" / "phrases.json"
# Of each language three lists, which are joined to sentences: who, what, and where or when.
LANGUAGES: dict[str, list[list[str]]] = json.loads(PHRASES.read_text(encoding="utf-8"))
# Signs that end a sentence, and what stands between its parts.
STOPS = {"chinese": "。", "japanese": "。", "hindi": "।"}
NO_BLANKS = frozenset({"chinese", "japanese"})

NOUNS = [
    *("account", "ticket", "parcel", "sensor", "window", "batch", "reader", "folder", "order"),
    *("session", "invoice", "planet", "camera", "branch", "garden", "worker", "signal", "bucket"),
    *("letter", "driver", "header"),
]
VERBS = ["load", "merge", "count", "parse", "send", "close", "filter", "update", "check", "collect"]
ADJECTIVES = ["open", "stale", "local", "empty", "active", "hidden", "remote", "nested", "final"]

PYTHON = (
    '''
    def {verb}_{noun}s({noun}s, *, limit={number}):
        """{Verb} the {adjective} {noun}s, at most `limit` of them."""
        found = [{noun} for {noun} in {noun}s if {noun}.is_{adjective}]
        if len(found) > limit:
            raise ValueError(f"too many {noun}s: {{len(found)}}")
        return sorted(found, key=lambda {noun}: {noun}.{other}_id)
    ''',
    """
    class {Adjective}{Noun}:
        def __init__(self, name: str, {other}: int = {number}) -> None:
            self.name = name
            self._{other} = {other}

        def {verb}(self) -> dict[str, int]:
            return {{self.name: self._{other} * {number}}}
    """,
    """
    for index, {noun} in enumerate({verb}_all({other}s), start=1):
        try:
            result = await {noun}.{verb}(timeout={number})
        except TimeoutError as error:
            logger.warning("%s was not {adjective}: %s", {noun}, error)
            continue
        results[index] = result
    """,
)
TYPESCRIPT = (
    """
    export interface {Adjective}{Noun} {{
      id: string;
      {other}Count: number;
      {adjective}?: boolean;
    }}
    """,
    """
    export async function {verb}{Noun}({noun}: {Noun}, retries = {number}): Promise<{Noun}[]> {{
      const response = await fetch(`/api/{noun}s/${{{noun}.id}}`, {{ method: "POST" }});
      if (!response.ok) {{
        throw new Error(`Could not {verb} {noun}: ${{response.status}}`);
      }}
      return (await response.json()).filter((item: {Noun}) => item.{adjective} !== true);
    }}
    """,
    """
    const {adjective}{Noun}s = {noun}s.map(({{ id, {other}Count }}) => ({{
      id,
      total: {other}Count + {number},
    }}));
    """,
)
MARKDOWN = (
    """
    ## {Verb} the {noun}

    A **{adjective}** {noun} belongs to one {other}. See [the guide](docs/{noun}-{other}.md).
    """,
    """
    1. Open `{noun}.toml` and set `{adjective}_{other} = {number}`.
    2. Run `{verb} --{noun} {number}` until no {other} is {adjective}.
    """,
    """
    - [x] {verb} every {adjective} {noun}
    - [ ] *optional*: {verb} the {other} as well, it takes about {number} minutes

    > The {other} is never {adjective} twice.
    """,
)
EMOJI = list(
    "🚕🚲⚾😇😄😂🍊🐼🍟🏈🚁🚗🍋🐶😁🐱🚎👻🍏😷🎻🎲🦁🍕😴🏀🐭🎸⛵🤔"
    "🙈😜🐨⚽🐸🐰🍐🍿😀💩🚙🍔😃🚀🙂🐹🎾🐯😍🚌🛫😘😉🍎😅🌭🎺🎯🤖😊"
)


class Maker:
    """
    Makes texts of one kind.

    Args:
        words: 0 for the words of passages, 1 for those of documents.
    """

    def __init__(self, seed: str, words: int) -> None:
        self.random = random.Random(seed)
        self.words = words

    def pick(self, several: list[str]) -> str:
        """
        One of a list, but for the last or the first third of it.
        """
        third = len(several) // 3
        return self.random.choice(several[third:] if self.words else several[:-third])

    def names(self) -> dict[str, object]:
        """
        What the templates have gaps for.
        """
        words = {
            "noun": self.pick(NOUNS),
            "other": self.pick(NOUNS),
            "verb": self.pick(VERBS),
            "adjective": self.pick(ADJECTIVES),
        }
        titles = {word.title(): value.title() for word, value in words.items()}
        return {**words, **titles, "number": self.random.randint(2, 5000)}

    def sentence(self, language: str) -> str:
        """
        Such as a person might write.
        """
        between = "" if language in NO_BLANKS else " "
        who, what, where = map(self.pick, LANGUAGES[language])
        parts = [where, who, what] if language in {"japanese", "korean"} else [who, what, where]
        return between.join(parts) + STOPS.get(language, ".") + between

    def template(self, templates: tuple[str, ...]) -> str:
        """
        A piece of code or of a page.
        """
        return dedent(self.random.choice(templates)).format_map(self.names())

    def record(self) -> dict[str, object]:
        """
        As an interface would return it.
        """
        number, names = self.random.random, self.names()
        return {
            "id": self.random.randint(1000, 999_999),
            f"{names['noun']}_name": f"{names['adjective']} {names['other']}",
            "tags": [names["verb"], names["other"]],
            "position": {"lat": round(90 * number(), 4), "lon": round(180 * number(), 4)},
            "updated_at": f"2026-{self.random.randint(1, 12):02}-{self.random.randint(1, 28):02}",
            f"is_{names['adjective']}": number() < 0.5,
        }

    def log_line(self) -> str:
        """
        As a server writes it.
        """
        pick, names = self.random.randint, self.names()
        level = self.random.choice(["INFO", "DEBUG", "WARNING", "ERROR"])
        return (
            f"2026-{pick(1, 12):02}-{pick(1, 28):02}T{pick(0, 23):02}:{pick(0, 59):02}:"
            f"{pick(0, 59):02}.{pick(0, 999):03}Z {level:7} [{names['noun']}-{pick(1, 64)}] "
            f"{names['verb']} {names['other']} id={pick(0, 16**8):08x} took {pick(1, 9000)} ms "
            f"from 10.{pick(0, 255)}.{pick(0, 255)}.{pick(1, 254)}:{pick(1024, 65_535)}\n"
        )

    def table_row(self) -> str:
        """
        As a spreadsheet exports it.
        """
        pick, names = self.random.randint, self.names()
        return (
            f"{pick(1, 9999)};{names['noun']} {names['verb']};{pick(0, 99_999)},{pick(0, 99):02};"
            f"{pick(1, 28):02}.{pick(1, 12):02}.2026;{self.random.random():.3f};"
            f"{names['adjective']}\n"
        )

    def emoji(self) -> str:
        """
        A few, and some blanks.
        """
        return "".join(self.pick(EMOJI) for _ in range(self.random.randint(1, 6))) + " "

    def random_bytes(self) -> bytes:
        """
        As many as fill a line.
        """
        return self.random.randbytes(45)


PIECES: dict[str, Callable[[Maker], str]] = {
    **{language: partial(Maker.sentence, language=language) for language in LANGUAGES},
    "python": partial(Maker.template, templates=PYTHON),
    "typescript": partial(Maker.template, templates=TYPESCRIPT),
    "markdown": partial(Maker.template, templates=MARKDOWN),
    "json": lambda maker: json.dumps(maker.record()) + ",\n",
    "log": Maker.log_line,
    "table": Maker.table_row,
    "emoji": Maker.emoji,
    "base64": lambda maker: base64.b64encode(maker.random_bytes()).decode() + "\n",
    "hex": lambda maker: maker.random_bytes().hex() + "\n",
    "digits": lambda maker: f"{maker.random.randrange(10**40)} ",
}
KINDS = tuple(PIECES)


def passages(kind: str, count: int = 20) -> list[str]:
    """
    Texts of one kind of 100 to 2,000 characters, always the same.
    """
    return [_text(kind, f"passage {number}", 0, 100, 2_000) for number in range(count)]


def document(kind: str) -> str:
    """
    The document of a kind, of 3,000 to 6,000 characters, always the same.
    """
    return _text(kind, "document", 1, 3_000, 6_000)


def _text(kind: str, name: str, words: int, shortest: int, longest: int) -> str:
    maker = Maker(f"{kind} {name}", words)
    length = maker.random.randint(shortest, longest)
    text = ""
    while len(text) < length:
        text += PIECES[kind](maker)
    return text
