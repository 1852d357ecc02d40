"""
What a meter says of its counts, as operations: shared by its sync and async methods.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from . import readings
from .errors import ConfigurationError
from .limits import normalize_model
from .operations import Operations
from .outcomes import Amount, Outcome
from .reports import Decision, Usage, whole
from .settings import language
from .state import new_cell

if TYPE_CHECKING:
    from .booking import Rules
    from .effects import Operation
    from .reports import DailySummary, ModelUsage
    from .state import Cell

__all__ = ["Reporting"]

# No storage keeps more days than these.
_MOST_DAYS = 3_660


class Reporting(Operations):
    """
    The operations of one scope of a meter, with those that report.
    """

    __slots__ = ()

    def _check(self, model: str, tokens: int) -> Operation[Decision]:
        name, amount = normalize_model(model), Amount(whole(tokens, "tokens"))
        cell, rules = yield from self._read(name)
        decision = readings.decision(cell, self.now(), rules, amount, language())
        if decision.allowed or self._core.enforce:
            return decision
        return Decision(allowed=True, status=decision.status, message=decision.message)

    def _record(self, model: str, usage: object) -> Operation[ModelUsage]:
        name, counted = normalize_model(model), Usage.of(usage)
        yield from self.settling(name, Outcome(usage=counted), lasting=False)
        return (yield from self._usage(name))

    def _usage(self, model: str) -> Operation[ModelUsage]:
        cell, rules = yield from self._read(model)
        return self._report(model, cell, rules)

    def _report(self, model: str, cell: Cell, rules: Rules) -> ModelUsage:
        described = self._core.table.description(model)
        return readings.model_usage(model, cell, self.now(), rules, described)

    def _usages(self, *, known: bool) -> Operation[dict[str, ModelUsage]]:
        if self._core.later or self._scope not in self._core.plans:
            yield from self._ready()
        cells: dict[str, Cell] = yield "load", self._scope
        core = self._core
        if known:
            cells = {**{name: new_cell() for name in core.table.models()}, **cells}
        return {
            model: self._report(model, cell, core.rules(model, self._scope, cell))
            for model, cell in sorted(cells.items())
            if model
        }

    def _summary(self) -> Operation[DailySummary]:
        if self._core.later or self._scope not in self._core.plans:
            yield from self._ready()
        cells: dict[str, Cell] = yield "load", self._scope
        return readings.daily_summary(cells, self.now())

    def _history(self, days: int) -> Operation[list[DailySummary]]:
        count = whole(days, "days")
        if count > _MOST_DAYS:
            raise ConfigurationError(f"days must be {_MOST_DAYS:,} or fewer, not {days:,}")
        if self._core.later or self._scope not in self._core.plans:
            yield from self._ready()
        cells: dict[str, Cell] = yield "load", self._scope
        end = date.fromisoformat(readings.last_day(cells, self.now()))
        wanted = [(end - timedelta(days=back)).isoformat() for back in range(count)][::-1]
        past = (yield "past", self._scope, wanted[0]) if wanted else {}
        return readings.history(past, cells, wanted)

    def _health(self, model: str) -> Operation[dict[str, Any]]:
        decision = yield from self._check(model, 0)
        usage = yield from self._usage(normalize_model(model))
        return {
            "status": usage.status.value,
            "can_make_request": decision.allowed,
            "message": decision.message,
            "storage_ok": not getattr(self._core.storage, "away", False),
            "usage": usage.to_dict(),
        }
