"""
Which limits hold for a model: the user's, learned ones, those of a plan or of a dated table.

What was learned of an account is passed in; nothing here remembers it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import count
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from .errors import ConfigurationError, WrongTypeError
from .kinds import KINDS, Kind, Learned, Limit
from .tables import Row, groq_tables

__all__ = [
    "KINDS",
    "PLANS",
    "UNSET",
    "Kind",
    "Learned",
    "Limit",
    "LimitTable",
    "ModelLimits",
    "Row",
    "checked_models",
    "checked_name",
    "normalize_model",
]

PLANS: Final = ("free", "developer")
_DAY: Final = 86_400
# What the headers of an answer name; all other limits appear in refusals only.
_HEADER_KINDS: Final = ("rpd", "tpm", "ash")


class Unset(Enum):
    """
    The type of `UNSET`: a limit that is not said here, as opposed to None, no limit.
    """

    UNSET = "unset"

    def __repr__(self) -> str:
        return self.name


UNSET: Final = Unset.UNSET
Amount: TypeAlias = int | Unset | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLimits:
    """
    The limits that a user gives a model; what is `UNSET` falls through to the next source.

    None is no limit, 0 blocks. With `pin` they hold even against smaller limits learned from Groq.
    """

    rpm: Amount = UNSET
    rpd: Amount = UNSET
    tpm: Amount = UNSET
    tpd: Amount = UNSET
    itpm: Amount = UNSET
    otpm: Amount = UNSET
    ash: Amount = UNSET
    asd: Amount = UNSET
    description: str | None = None
    pin: bool = False

    def __post_init__(self) -> None:
        for key in _KEYS:
            _check(key, getattr(self, key), "ModelLimits")

    def given(self) -> dict[str, int | None]:
        """
        The limits that are said here, in the order of `KINDS`.
        """
        return {kind: getattr(self, kind) for kind in KINDS if getattr(self, kind) is not UNSET}

    @classmethod
    def of(cls, value: object, where: str = "limits") -> ModelLimits:
        """
        A `ModelLimits` from one or from a mapping of its fields; errors name `where` and the key.

        In a mapping "unlimited" may stand for None, which TOML does not have.
        """
        if isinstance(value, ModelLimits):
            return value
        if not isinstance(value, Mapping):
            raise WrongTypeError(f"{where}: must be ModelLimits or a mapping, not {value!r}")
        values: dict[str, Any] = {}
        for key, item in value.items():
            values[key] = None if item == "unlimited" and key in KINDS else item
            _check(key, values[key], where)
        return cls(**values)


Overrides: TypeAlias = (
    Mapping[str, ModelLimits | Mapping[str, object]] | str | os.PathLike[str] | None
)
_KEYS: Final = (*KINDS, "description", "pin")


def _check(key: object, value: object, where: str) -> None:
    if key in KINDS:
        wanted = "a whole number or None (no limit)"
        good = isinstance(value, int | Unset | None) and not isinstance(value, bool)
    elif key == "description":
        wanted, good = "a string", isinstance(value, str | None)
    elif key == "pin":
        wanted, good = "true or false", isinstance(value, bool)
    else:
        hint = " (quote model names that contain dots)" if isinstance(value, Mapping) else ""
        known = ", ".join(_KEYS)
        raise ConfigurationError(f"{where}.{key}: unknown key{hint}; known are {known}")
    if not good:
        raise WrongTypeError(f"{where}.{key}: must be {wanted}, not {value!r}")
    if isinstance(value, int) and value < 0:
        raise ConfigurationError(f"{where}.{key}: must be 0 (blocked) or more, not {value}")


def checked_name(name: str, where: str) -> str:
    """
    A name that every storage can keep: without what is no text in UTF-8, and not endless.

    Raises:
        ConfigurationError: If it is none; nothing is kept of it.
    """
    if name.isascii() and len(name) <= _LONGEST_NAME and "\0" not in name:
        return name
    try:
        fits = len(name.encode()) <= _LONGEST_NAME and "\0" not in name
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise ConfigurationError(
            f"{where}: a name must be text of at most {_LONGEST_NAME} bytes in UTF-8, without NUL"
        )
    return name


# PostgreSQL's indexes take two such names and a day, and no more than 2,700 bytes.
_LONGEST_NAME = 1_024


def normalize_model(name: object, where: str = "model") -> str:
    """
    The model's name as it is matched everywhere: stripped and in lower case, never empty.

    Raises:
        WrongTypeError: If it is no string.
        ConfigurationError: If it is empty, or no `checked_name`.
    """
    if not isinstance(name, str):
        raise WrongTypeError(f"{where}: a model's name must be a string, not {name!r}")
    normal = name.strip().lower()
    if not normal:
        raise ConfigurationError(f"{where}: a model's name must not be empty")
    return checked_name(normal, where)


def checked_models(models: Mapping[Any, object], prefix: str) -> dict[str, ModelLimits]:
    """
    Limits by model from a mapping as users write it; errors begin with `prefix` and the model.
    """
    found: dict[str, ModelLimits] = {}
    for name, value in models.items():
        where = f'{prefix}"{name}"'
        model = normalize_model(name, where)
        if model in found:
            raise ConfigurationError(f"{where}: the model is there twice")
        found[model] = ModelLimits.of(value, where)
    return found


_Plans: TypeAlias = Mapping[str, Mapping[str, Row]]
_NOTHING: Final = ModelLimits()


class LimitTable:
    """
    The user's limits over the tables of Groq's plans; says which limits hold for a model.

    A malformed table of the user's raises `ConfigurationError` with the file and the key.

    Args:
        overrides: Limits by model (`ModelLimits` or mappings), or the path of a TOML file with
            sections like [models."my-model"]; it may name the plan too, and have plans of its own.
        plan: Groq's plan, "free" or "developer", or one of the file's; None for the one that the
            file names, else the default table.
    """

    def __init__(self, overrides: Overrides = None, plan: str | None = None) -> None:
        self._overrides: dict[str, ModelLimits] = {}
        self._plans: _Plans = {}
        named = None
        if isinstance(overrides, Mapping):
            self._overrides = checked_models(overrides, "limits.")
        elif overrides is not None:
            from .limits_file import read_limits  # read itself only where it is needed

            named, self._plans, self._overrides = read_limits(overrides)
        self.plan = _checked_plan(named if plan is None else plan, self._plans)
        # Rises with every `set`, so that whoever caches `effective` sees the change.
        self.version = 0
        self._versions = count(1)

    def same_as(self, other: LimitTable) -> bool:
        """
        Whether both say the same of every model.
        """
        mine, its = ((each.plan, each._overrides, each._plans) for each in (self, other))
        return mine == its

    @property
    def overrides(self) -> Mapping[str, ModelLimits]:
        """
        The user's limits by model, as they are now.
        """
        return MappingProxyType(dict(self._overrides))

    def override(self, model: object) -> ModelLimits:
        """
        The user's limits of a model; nothing is set where there are none.
        """
        return self._overrides.get(normalize_model(model), _NOTHING)

    def set(self, model: object, limits: object) -> None:
        """
        Replace the user's limits of a model (`ModelLimits` or a mapping); None takes them away.
        """
        name = normalize_model(model)
        if limits is None:
            self._overrides.pop(name, None)
        else:
            self._overrides[name] = ModelLimits.of(limits, f'limits."{name}"')
        self.version = next(self._versions)

    def known(self, model: object) -> bool:
        """
        True if a table lists the model or the user gave it limits.
        """
        name = normalize_model(model)
        return name in self._overrides or name in groq_tables().about

    def models(self) -> list[str]:
        """
        All known models: the user's, then Groq's, and last those that Groq has shut down.
        """
        about = groq_tables().about
        names = {**self._overrides, **about}
        return sorted(names, key=lambda name: "shutdown" in about.get(name, {}))

    def description(self, model: object) -> str | None:
        """
        The model's name for people, the user's first; None for unknown models.
        """
        about = groq_tables().about.get(normalize_model(model), {})
        return self.override(model).description or about.get("description")

    def shutdown(self, model: object) -> str | None:
        """
        The day (ISO) on which Groq shut the model down; None while it has not.
        """
        return groq_tables().about.get(normalize_model(model), {}).get("shutdown")

    def row(self, model: object) -> Row:
        """
        The row that holds for a model as long as nothing was learned.
        """
        name = normalize_model(model)
        return self._own(name) or groq_tables().expected(name, self.plan)

    def infer_plan(
        self, model: object, rpd: int | None, tpm: int | None, ash: int | None = None
    ) -> str | None:
        """
        The plan with a published row, of whatever date, that has these limits; None if none fits.

        A model without a limit on tokens (whisper) is recognised with `tpm` None.
        """
        said = {"rpd": rpd, "tpm": tpm, "ash": ash}
        heard = {kind: amount for kind, amount in said.items() if amount is not None}
        row = groq_tables().matching(normalize_model(model), heard)
        return None if row is None else row.plan

    def effective(
        self, model: object, learned: Mapping[str, Learned], inferred_plan: str | None
    ) -> tuple[Limit, ...]:
        """
        The limits of a model in the order of `KINDS`; None as amount only where the user said so.

        `learned` is by kind; `inferred_plan` is the account's, recognised by whatever model.
        """
        user = self.override(model)
        said = user.given()
        row, holds = self._in_use(model, learned, inferred_plan)
        found = (
            _stated(kind, said, learned, pin=user.pin)
            if kind in said or kind in learned
            else _tabled(kind, row if holds else None)
            for kind in KINDS
        )
        return tuple(limit for limit in found if limit is not None)

    def contradicted(
        self, model: object, learned: Mapping[str, Learned], inferred_plan: str | None
    ) -> tuple[str, ...]:
        """
        The kinds of the model's row that `effective` leaves out, because headers contradict it.
        """
        row, holds = self._in_use(model, learned, inferred_plan)
        stated = {*self.override(model).given(), *learned}
        return () if holds else tuple(kind for kind in row.amounts if kind not in stated)

    def _own(self, name: str) -> Row | None:
        """
        The model's row in a plan of the user's, if that is the chosen one.
        """
        return self._plans.get(self.plan or "", {}).get(name)

    def _in_use(
        self, model: object, learned: Mapping[str, Learned], inferred_plan: str | None
    ) -> tuple[Row, bool]:
        """
        The row for a model, and whether what was heard from Groq leaves it standing.
        """
        name, tables = normalize_model(model), groq_tables()
        heard = {kind: learned[kind].amount for kind in _HEADER_KINDS if kind in learned}
        if (mine := self._own(name)) is not None and mine.agrees(heard):
            return mine, True
        if (matching := tables.matching(name, heard)) is not None:
            return matching, True
        expected = tables.expected(name, inferred_plan, self.plan)
        if not heard:
            # A free table's numbers say nothing about an account that is known to pay.
            return expected, inferred_plan is None or expected.plan in {"any", inferred_plan}
        for row in (expected, *tables.published.get(name, ())):
            if row.agrees(heard):
                return row, True
        return expected, False


def _checked_plan(plan: object, plans: _Plans) -> str | None:
    known = " or ".join(dict.fromkeys((*PLANS, *plans)))
    if not isinstance(plan, str | None):
        raise WrongTypeError(f"plan: must be {known}, not {plan!r}")
    if plan not in (None, *PLANS, *plans):
        raise ConfigurationError(f"plan: must be {known}, not {plan!r}")
    return plan


def _stated(
    kind: str, said: Mapping[str, int | None], learned: Mapping[str, Learned], *, pin: bool
) -> Limit | None:
    """
    The limit that the user gave or Groq named; if both did, the smaller, or the pinned one.
    """
    theirs = learned.get(kind)
    if theirs is None or theirs.amount is None or (kind in said and pin):
        return Limit(kind, said[kind], "user") if kind in said else None
    mine = said.get(kind)
    if mine is not None and mine <= theirs.amount:
        return Limit(kind, mine, "user")
    return Limit(kind, theirs.amount, "learned", since=theirs.at)


def _tabled(kind: str, row: Row | None) -> Limit | None:
    """
    The limit of a row: daily ones are enforced, the others only if the account's plan is known.
    """
    if row is None or kind not in row.amounts:
        return None
    confirmed = row.origin == "plan" or KINDS[kind].period == _DAY
    return Limit(kind, row.amounts[kind], row.origin, confirmed, row.date)
