"""
The collector: a registry asks it, and it asks the storage.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from groq_quota import QuotaMeter, StorageError, WrongTypeError, default_meter
from groq_quota.reports import whole

from .shares import COUNTED, shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from groq_quota import ModelUsage

    from .shares import Share

__all__ = ["QuotaCollector"]

logger = logging.getLogger("groq_quota")

_PAIR = ("scope", "model")
_TODAY = "today (UTC day)"
#: By name: what a metric says, and its labels. All are gauges: what is counted begins anew at
#: midnight UTC, with a reset, and where a scope moves to "other" or from there.
_METRICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "used": ("What is taken of a limit now, in its own unit", (*_PAIR, "kind")),
    "limit": ("The limit, in its own unit", (*_PAIR, "kind")),
    "remaining": ("What is left of a limit now, in its own unit", (*_PAIR, "kind")),
    "wait_seconds": ("Time until one more request fits; +Inf if it never will", _PAIR),
    "status": ("0 normal, 1 warning, 2 critical, 3 limit reached", _PAIR),
    "requests": (f"Requests that Groq answered {_TODAY}", _PAIR),
    "tokens": (f"Tokens of the answers {_TODAY}", _PAIR),
    "blocked": (f"Requests that were stopped before sending {_TODAY}", _PAIR),
    "fallbacks": (f"Requests that were sent to another model {_TODAY}", _PAIR),
    "refused": (f"Requests that Groq refused {_TODAY}", _PAIR),
    "failed": (f"Requests that failed {_TODAY}", _PAIR),
    "waited_seconds": (f"Time that requests waited for their window {_TODAY}", _PAIR),
    "scopes": ("Scopes that were read", ()),
    "storage_up": ("1 if the counts come from the storage, 0 if it is away", ()),
}

_Families = dict[str, GaugeMetricFamily]


class QuotaCollector(Collector):
    """
    The quotas of a meter's storage as Prometheus metrics, read anew for each scrape.

    It counts nothing itself, so any process that reaches the storage may expose it. The number of
    series is bounded: the scopes and models that were used most today have labels of their own,
    all others are added up under "other", which has no limits.

    Args:
        meter: None is the meter that is the default at each scrape.
        scopes: Read only these scopes, each under a label of its own; None for all there are.
        max_scopes: How many scopes have a label of their own, where `scopes` names none.
        max_models: How many models have one.
        known: Also report models that were never used, if a table of limits names them.

    Raises:
        WrongTypeError: For arguments of the wrong type.
        ConfigurationError: For a negative number.
    """

    def __init__(
        self,
        meter: QuotaMeter | None = None,
        *,
        scopes: Iterable[str] | None = None,
        max_scopes: int = 10,
        max_models: int = 30,
        known: bool = False,
    ) -> None:
        if meter is not None and not isinstance(meter, QuotaMeter):
            raise WrongTypeError(f"meter must be a QuotaMeter, not {type(meter).__name__}")
        if isinstance(scopes, str):
            raise WrongTypeError(f"scopes must be several names, as in [{scopes!r}]")
        self._meter = meter
        self._scopes = None if scopes is None else tuple(scopes)
        self._max_scopes = whole(max_scopes, "max_scopes")
        self._max_models = whole(max_models, "max_models")
        self._known = known

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """
        The metrics without values: a registry learns their names and reads no storage.
        """
        return _families().values()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """
        The metrics now. A storage that cannot be read is `groq_quota_storage_up` 0, no exception:
        the other metrics of the page do not suffer from it.
        """
        meter = default_meter() if self._meter is None else self._meter
        families = _families()
        try:
            self._fill(families, meter)
        except StorageError as error:
            logger.warning("Metrics could not be read: %s", error)
            families = _families()
            families["storage_up"].add_metric((), 0)
        return families.values()

    def _fill(self, families: _Families, meter: QuotaMeter) -> None:
        names = meter.storage.scopes() if self._scopes is None else self._scopes
        usages = {name: meter.scoped(name).usages(known=self._known) for name in names}
        most = self._max_scopes if self._scopes is None else None
        for share in shares(usages, max_scopes=most, max_models=self._max_models):
            _add_counts(families, share)
            if share.usage is not None:
                wait = _wait(meter.scoped(share.scope), share.usage)
                _add_limits(families, share.scope, share.usage, wait)
        families["scopes"].add_metric((), len(usages))
        families["storage_up"].add_metric((), not getattr(meter.storage, "away", False))


def _families() -> _Families:
    return {
        name: GaugeMetricFamily(f"groq_quota_{name}", said, labels=labels)
        for name, (said, labels) in _METRICS.items()
    }


def _add_counts(families: _Families, share: Share) -> None:
    labels = (share.scope, share.model)
    for name in COUNTED:
        family = families["waited_seconds" if name == "waited" else name]
        family.add_metric(labels, share.counts[name])
    families["status"].add_metric(labels, share.status.rank)


def _add_limits(families: _Families, scope: str, usage: ModelUsage, wait: float) -> None:
    families["wait_seconds"].add_metric((scope, usage.model), wait)
    for window in usage.windows:
        labels = (scope, usage.model, window.limit.kind)
        families["used"].add_metric(labels, window.used)
        # No limit has no number: there is nothing to compare with.
        if window.limit.amount is not None:
            families["limit"].add_metric(labels, window.limit.amount)
        if window.remaining is not None:
            families["remaining"].add_metric(labels, window.remaining)


def _wait(meter: QuotaMeter, usage: ModelUsage) -> float:
    # The storage is asked again only where a limit has no room for a request.
    if all(window.remaining is None or window.remaining >= 1 for window in usage.windows):
        return 0.0
    seconds = meter.check(usage.model).retry_after
    return math.inf if seconds is None else seconds
