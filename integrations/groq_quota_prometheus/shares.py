"""
Which scopes and models have labels of their own, and what the others come to together.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from groq_quota import ModelUsage, Status

__all__ = ["OTHER", "Share", "shares"]

#: The label of all that have none of their own.
OTHER = "other"

#: What is counted in a day, and can be added up over scopes and models.
COUNTED = ("requests", "tokens", "blocked", "fallbacks", "refused", "failed", "waited")


@dataclass(frozen=True, slots=True)
class Share:
    """
    What one pair of labels stands for.

    Attributes:
        counts: Sums over `usages`, by the names in `COUNTED`.
        status: The worst.
        usage: The report, if the labels are those of one scope and model.
    """

    scope: str
    model: str
    counts: Mapping[str, float]
    status: Status
    usage: ModelUsage | None


def shares(
    usages: Mapping[str, Mapping[str, ModelUsage]], *, max_scopes: int | None, max_models: int
) -> list[Share]:
    """
    All usages, by scope and model, under at most so many labels and `OTHER`.

    Those with the most requests today, sent or stopped, have labels of their own. A scope or a
    model that is itself called "other" has none: its label would be taken for that of the rest.

    Args:
        max_scopes: None for as many as there are.
    """
    found = [
        (scope, model, usage) for scope, models in usages.items() for model, usage in models.items()
    ]
    scopes = _foremost(((scope, usage) for scope, _, usage in found), max_scopes)
    models = _foremost(((model, usage) for _, model, usage in found), max_models)
    groups: defaultdict[tuple[str, str], list[ModelUsage]] = defaultdict(list)
    for scope, model, usage in found:
        labels = (scope if scope in scopes else OTHER, model if model in models else OTHER)
        groups[labels].append(usage)
    return [_share(scope, model, group) for (scope, model), group in sorted(groups.items())]


def _foremost(used: Iterable[tuple[str, ModelUsage]], most: int | None) -> set[str]:
    # Of equals, those with more tokens, then by the alphabet.
    weights: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, usage in used:
        requests, tokens = weights[name]
        weights[name] = (requests + usage.requests + usage.blocked, tokens + usage.tokens)
    weights.pop(OTHER, None)
    ranked = sorted(weights, key=lambda name: (*(-weight for weight in weights[name]), name))
    return set(ranked[:most])


def _share(scope: str, model: str, group: list[ModelUsage]) -> Share:
    return Share(
        scope=scope,
        model=model,
        counts={name: sum(getattr(usage, name) for usage in group) for name in COUNTED},
        status=max((usage.status for usage in group), key=lambda status: status.rank),
        usage=None if OTHER in {scope, model} else group[0],
    )
