"""
Groq's limiter: all the buckets of all the models.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from .buckets import Bucket
from .durations import SECOND

Limits = Mapping[str, Mapping[str, int | None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of limit: its short name, Groq's words for it, its period in seconds and what it counts.
    """

    name: str
    words: str
    period: int
    counts: str
    type: str


_MINUTE, _HOUR, _DAY = 60, 3600, 86400

# In the order in which they are checked. Requests come first because a refusal on requests per
# minute was seen without any token header, as if the tokens had not been looked at yet.
KINDS = {
    kind.name: kind
    for kind in (
        Kind("rpm", "requests per minute (RPM)", _MINUTE, "requests", "requests"),
        Kind("rpd", "requests per day (RPD)", _DAY, "requests", "requests"),
        Kind("tpm", "tokens per minute (TPM)", _MINUTE, "tokens", "tokens"),
        Kind("tpd", "tokens per day (TPD)", _DAY, "tokens", "tokens"),
        Kind("itpm", "input tokens per minute (ITPM)", _MINUTE, "input_tokens", "tokens"),
        Kind("otpm", "output tokens per minute (OTPM)", _MINUTE, "output_tokens", "tokens"),
        Kind("ash", "seconds of audio per hour (ASPH)", _HOUR, "audio_seconds", "seconds"),
        Kind("asd", "seconds of audio per day (ASPD)", _DAY, "audio_seconds", "seconds"),
    )
}


@dataclass(frozen=True, slots=True)
class Charge:
    """
    What a request takes from the buckets of its model.
    """

    requests: int = 1
    input_tokens: int = 0
    output_tokens: int = 0
    audio_seconds: int = 0

    @property
    def tokens(self) -> int:
        """
        Input and output together.
        """
        return self.input_tokens + self.output_tokens

    def on(self, kind: Kind) -> int:
        """
        Return the part of the charge that *kind* counts.
        """
        amount: int = getattr(self, kind.counts)
        return amount


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Why a request was not admitted; *wait* is in nanoseconds, None where waiting cannot help.
    """

    kind: Kind
    limit: int
    requested: int
    used: int | None = None
    wait: int | None = None

    @property
    def too_large(self) -> bool:
        """
        Whether the request is larger than the whole limit.
        """
        return self.wait is None


class Limiter:
    """
    Admits or refuses requests; every call takes the time in seconds.

    A request is charged to all buckets of its model or to none. A request larger than one whole
    limit is refused first, whatever is in use; then the buckets are asked in the order of `KINDS`.
    Models without limits are never refused.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = {model: _checked(model, row) for model, row in limits.items()}
        self._lock = threading.Lock()
        self._buckets: defaultdict[str, dict[str, Bucket]] = defaultdict(dict)
        self.reset()

    @property
    def models(self) -> tuple[str, ...]:
        """
        The models that the limiter knows.
        """
        return tuple(self._limits)

    def reset(self) -> None:
        """
        Refill every bucket.
        """
        with self._lock:
            self._buckets.clear()
            self._buckets.update((model, _full(row)) for model, row in self._limits.items())

    def admit(self, model: str, charge: Charge, now: float) -> Refusal | None:
        """
        Charge the request to every bucket of *model*, or return why it is refused.
        """
        with self._lock:
            buckets = self._at(model, now)
            refusal = _too_large(buckets, charge) or _refused(buckets, charge)
            if refusal is None:
                self._buckets[model] = _taken(buckets, charge, 1)
            return refusal

    def give_back(self, model: str, charge: Charge, now: float) -> None:
        """
        Return what an admitted request was charged for and did not use.
        """
        with self._lock:
            self._buckets[model] = _taken(self._at(model, now), charge, -1)

    def spend(self, model: str, amounts: Mapping[str, int], now: float) -> None:
        """
        Take from single buckets, by the name of the limit, whatever is left in them.

        Raises:
            ValueError: *model* has no such limit.
        """
        with self._lock:
            buckets = self._at(model, now)
            if missing := sorted(set(amounts) - set(buckets)):
                msg = f"model {model!r} has no limit {', '.join(missing)} to spend from"
                raise ValueError(msg)
            spent = {name: buckets[name].take(amount) for name, amount in amounts.items()}
            self._buckets[model] = buckets | spent

    def standing(self, model: str, now: float) -> dict[str, Bucket]:
        """
        Return the buckets of *model* as they stand, by the name of the limit.
        """
        with self._lock:
            return self._at(model, now)

    def _at(self, model: str, now: float) -> dict[str, Bucket]:
        moment = round(now * SECOND)
        buckets = {name: bucket.at(moment) for name, bucket in self._buckets[model].items()}
        self._buckets[model] = buckets
        return buckets


def _full(row: Mapping[str, int]) -> dict[str, Bucket]:
    return {name: Bucket(row[name], kind.period) for name, kind in KINDS.items() if name in row}


def _checked(model: str, row: Mapping[str, int | None]) -> dict[str, int]:
    limits = {name: amount for name, amount in row.items() if amount is not None}
    for name, amount in limits.items():
        if name not in KINDS:
            msg = f"unknown limit {name!r} of model {model!r}: choose from {', '.join(KINDS)}"
            raise ValueError(msg)
        if type(amount) is not int or amount < 1:
            msg = f"limit {name} of model {model!r} must be a whole number above 0, not {amount!r}"
            raise ValueError(msg)
    return limits


def _too_large(buckets: Mapping[str, Bucket], charge: Charge) -> Refusal | None:
    for name, bucket in buckets.items():
        requested = charge.on(KINDS[name])
        if requested > bucket.limit:
            return Refusal(KINDS[name], bucket.limit, requested)
    return None


def _refused(buckets: Mapping[str, Bucket], charge: Charge) -> Refusal | None:
    for name, bucket in buckets.items():
        requested = charge.on(KINDS[name])
        if requested and not bucket.fits(requested):
            wait = bucket.wait(requested)
            return Refusal(KINDS[name], bucket.limit, requested, bucket.used, wait)
    return None


def _taken(buckets: Mapping[str, Bucket], charge: Charge, sign: int) -> dict[str, Bucket]:
    return {name: bucket.take(sign * charge.on(KINDS[name])) for name, bucket in buckets.items()}
