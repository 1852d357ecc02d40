"""
The dated tables of Groq's plans in limits.toml.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from .errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Origin", "Row", "Tables", "groq_tables", "parse_toml"]

Origin: TypeAlias = Literal["user", "learned", "plan", "table", "default"]


@dataclass(frozen=True, slots=True)
class Row:
    """
    One model's limits, by kind, in one dated table.

    Attributes:
        plan: The plan that the table is of, "any" for the row of unlisted models.
        date: The day on which the table was seen, ISO.
    """

    amounts: Mapping[str, int]
    plan: str
    date: str
    source: str
    origin: Origin = "table"

    def fits(self, heard: Mapping[str, int | None]) -> bool:
        """
        True if these limits from headers are this row's, and enough to name its plan.
        """
        same = all(heard.get(kind) == self.amounts.get(kind) for kind in ("rpd", "tpm"))
        return same and self.agrees(heard)

    def agrees(self, heard: Mapping[str, int | None]) -> bool:
        """
        True if none of these limits from headers differs from what the row says.
        """
        return all(self.amounts.get(kind, amount) == amount for kind, amount in heard.items())


class Tables(NamedTuple):
    """
    What limits.toml says: about the models (description, shutdown), and their rows.
    """

    about: Mapping[str, Mapping[str, str]]
    unknown: Row
    default: Mapping[str, Row]
    published: Mapping[str, tuple[Row, ...]]

    def matching(self, model: str, heard: Mapping[str, int | None]) -> Row | None:
        """
        The published row, of whatever plan and date, that limits from headers name.
        """
        rows = self.published.get(model, ())
        return next((_of_plan(row) for row in rows if row.fits(heard)), None)

    def expected(self, model: str, *plans: str | None) -> Row:
        """
        The newest row of the first of these plans that has one; otherwise the default row.
        """
        rows = self.published.get(model, ())
        for plan in plans:
            for row in rows:
                if row.plan == plan:
                    return _of_plan(row)
        free = (row for row in rows if row.plan == "free")
        return self.default.get(model) or next(free, self.unknown)


def _of_plan(row: Row) -> Row:
    """
    The row as that of the account's own plan, rather than of a table.
    """
    return replace(row, origin="plan")


@cache
def groq_tables() -> Tables:
    """
    The tables that come with the library; the file is read once, at the first call.
    """
    from importlib.resources import files

    data = parse_toml(files("groq_quota").joinpath("limits.toml").read_bytes(), "limits.toml")
    published: dict[str, tuple[Row, ...]] = {}
    for table in data["published"]:
        for model, row in _rows(table).items():
            published[model] = (*published.get(model, ()), row)
    unknown = replace(_row(data["unknown"]["row"], data["unknown"]), origin="default")
    return Tables(data["models"], unknown, _rows(data["default"]), published)


def _rows(table: Mapping[str, Any]) -> dict[str, Row]:
    return {model: _row(amounts, table) for model, amounts in table["rows"].items()}


def _row(amounts: Mapping[str, int], table: Mapping[str, Any]) -> Row:
    return Row(amounts, table["plan"], table["date"], table["source"])


def parse_toml(content: bytes, place: str) -> dict[str, Any]:
    """
    What a TOML file says.

    Raises:
        ConfigurationError: It is none; `place` is named.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        # Editors on Windows put a byte order mark first, which TOML does not allow.
        return tomllib.loads(content.decode("utf-8-sig"))
    except ValueError as error:
        raise ConfigurationError(f"{place}: is not valid TOML: {error}") from error
