"""
The meter: limits, a storage and a clock, brought together.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from .core import Core, flushed
from .errors import ConfigurationError, WrongTypeError
from .limits import LimitTable, ModelLimits, checked_name, normalize_model
from .reporting import Reporting
from .storage import Storage, storage_from_uri
from .storage.memory import MemoryStorage
from .storage.shelter import Shelter

if TYPE_CHECKING:
    from .hooks import QuotaHook
    from .reports import DailySummary, Decision, ModelUsage
    from .reservation import Reservation

__all__ = ["QuotaMeter"]

#: What `day` may be.
DAYS = ("calendar", "rolling")
LimitsSource = Mapping[str, "ModelLimits | Mapping[str, object]"] | str | os.PathLike[str]


class QuotaMeter(Reporting):
    """
    Checks requests against limits before they are sent, and counts them afterwards.

    Safe to use from threads, tasks and, over a shared storage, from processes. Async methods have
    an `a` before their name. Constructing touches no disk.

    Args:
        storage: A path of a JSON file, a URI, or a `Storage`.
        limits: Limits by model, or the path of a TOML file of them.
        plan: Groq's plan, "free" or "developer"; None for the default table, until the headers of
            an answer tell.
        day: "calendar" counts a day until midnight UTC, when counting starts anew, and keeps
            Groq's own day beside it once an answer has told of it. "rolling" holds to Groq's day
            alone, which refills all the time: the most that Groq allows.
        scope: Whose quota it is; scopes are counted apart. As a model's name, at most 1,024 bytes.
        enforce: False counts and warns, and never blocks.
        on_storage_error: "allow" goes on counting in memory while the storage is away; "refuse"
            raises `StorageError`, and counts what was reserved before once the storage is back.
        hooks: Called with every `QuotaEvent`, after the log.
        clock: Epoch seconds.

    Raises:
        ConfigurationError: For a setting that cannot be.
    """

    __slots__ = ()

    def __init__(
        self,
        storage: str | os.PathLike[str] | Storage = "usage_data.json",
        *,
        limits: LimitsSource | None = None,
        plan: str | None = None,
        day: str = "calendar",
        scope: str = "default",
        enforce: bool = True,
        on_storage_error: Literal["allow", "refuse"] = "allow",
        hooks: Iterable[QuotaHook] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._scope = _checked_scope(scope)
        if on_storage_error not in ("allow", "refuse"):
            msg = f"on_storage_error must be 'allow' or 'refuse', not {on_storage_error!r}"
            raise ConfigurationError(msg)
        if day not in DAYS:
            msg = f"day must be 'calendar' or 'rolling', not {day!r}"
            raise ConfigurationError(msg)
        table = LimitTable(limits, plan)
        place = storage_from_uri(storage) if isinstance(storage, (str, os.PathLike)) else storage
        if not hasattr(place, "transact"):
            msg = f"storage must be a URI, a path or a Storage, not {type(place).__name__}"
            raise WrongTypeError(msg)
        if on_storage_error == "allow" and not isinstance(place, MemoryStorage):
            place = Shelter(place)
        rolling = day == "rolling"
        self._core = Core(place, table, enforce=enforce, rolling=rolling, hooks=hooks, clock=clock)

    def __repr__(self) -> str:
        return f"QuotaMeter({self._core.storage.uri!r}, scope={self._scope!r})"

    @property
    def storage(self) -> Storage:
        """
        Where it is kept.
        """
        return self._core.storage

    @property
    def limits(self) -> LimitTable:
        """
        The user's limits over the tables; changes hold from the next call on.
        """
        return self._core.table

    @property
    def clock(self) -> Callable[[], float]:
        """
        Where this meter's epoch seconds come from.
        """
        return self._core.clock

    def same_as(self, other: QuotaMeter) -> bool:
        """
        Whether both count in the same place with equal settings.
        """
        mine, its = self._core, other._core
        return self.same_count(other) and (
            mine is its
            or (
                mine.enforce == its.enforce
                and mine.rolling == its.rolling
                and mine.table.same_as(its.table)
            )
        )

    def scoped(self, name: str) -> QuotaMeter:
        """
        The same meter for another scope: a view that costs next to nothing.
        """
        view = QuotaMeter.__new__(QuotaMeter)
        view._core = self._core
        view._scope = _checked_scope(name)
        return view

    def check(self, model: str, tokens: int = 0) -> Decision:
        """
        Whether a request of `tokens` would be admitted now; writes nothing.
        """
        return self.run(self._check(model, tokens))

    async def acheck(self, model: str, tokens: int = 0) -> Decision:
        """
        Same as `check`, without blocking the event loop.
        """
        return await self.arun(self._check(model, tokens))

    def reserve(self, model: str, tokens: int = 0) -> Reservation:
        """
        Book one request of at most `tokens` over all windows of the model, or nothing.

        Never waits. Also a context manager: leaving it commits the estimate, leaving it by an
        exception releases it.

        Raises:
            QuotaExceededError: If it does not fit now.
            RequestTooLargeError: If it is larger than a whole limit.
        """
        return self.run(self._reserve(model, tokens))

    async def areserve(self, model: str, tokens: int = 0) -> Reservation:
        """
        Same as `reserve`, without blocking the event loop.
        """
        return await self.arun(self._reserve(model, tokens))

    def record(self, model: str, usage: object = 0) -> ModelUsage:
        """
        Count one request that was sent without a reservation; never refuses.

        Args:
            usage: A `Usage`, a number of tokens, or the SDK's usage object.
        """
        return self.run(self._record(model, usage))

    async def arecord(self, model: str, usage: object = 0) -> ModelUsage:
        """
        Same as `record`, without blocking the event loop.
        """
        return await self.arun(self._record(model, usage))

    def usage(self, model: str) -> ModelUsage:
        """
        A model's counts of the day, its limits and what is left.
        """
        return self.run(self._usage(normalize_model(model)))

    async def ausage(self, model: str) -> ModelUsage:
        """
        Same as `usage`, without blocking the event loop.
        """
        return await self.arun(self._usage(normalize_model(model)))

    def usages(self, *, known: bool = False) -> dict[str, ModelUsage]:
        """
        The reports of all models that anything is kept for, by name; with `known`, of all others
        that a table or the user names too.
        """
        return self.run(self._usages(known=known))

    async def ausages(self, *, known: bool = False) -> dict[str, ModelUsage]:
        """
        Same as `usages`, without blocking the event loop.
        """
        return await self.arun(self._usages(known=known))

    def summary(self) -> DailySummary:
        """
        Today over all models, with the lifetime.
        """
        return self.run(self._summary())

    async def asummary(self) -> DailySummary:
        """
        Same as `summary`, without blocking the event loop.
        """
        return await self.arun(self._summary())

    def history(self, days: int = 30) -> list[DailySummary]:
        """
        The last `days` UTC days, oldest first, today last; days without requests are there too.
        """
        return self.run(self._history(days))

    async def ahistory(self, days: int = 30) -> list[DailySummary]:
        """
        Same as `history`, without blocking the event loop.
        """
        return await self.arun(self._history(days))

    def health(self, model: str) -> dict[str, Any]:
        """
        For a health endpoint, JSON-ready: status, can_make_request, storage_ok, usage.
        """
        return self.run(self._health(model))

    async def ahealth(self, model: str) -> dict[str, Any]:
        """
        Same as `health`, without blocking the event loop.
        """
        return await self.arun(self._health(model))

    def reset(self, model: str | None = None) -> None:
        """
        Start the day's counting anew, of one model or of all; the lifetime is kept.

        The counts move to the history; limits and buckets learned from Groq stay.
        """
        self.run(self._reset(model))

    async def areset(self, model: str | None = None) -> None:
        """
        Same as `reset`, without blocking the event loop.
        """
        await self.arun(self._reset(model))

    def forget_limits(self, model: str | None = None) -> None:
        """
        Forget what Groq's answers taught, about one model or all; for all, the plan as well.

        For an account that changed its plan. The next answers teach anew; counts stay.
        """
        self.run(self._forget_limits(model))

    async def aforget_limits(self, model: str | None = None) -> None:
        """
        Same as `forget_limits`, without blocking the event loop.
        """
        await self.arun(self._forget_limits(model))

    def flush(self) -> None:
        """
        Write what is still due: of dropped streams, cancelled tasks and a storage that was away.
        """
        self.run(flushed(self._core))

    async def aflush(self) -> None:
        """
        Same as `flush`, without blocking the event loop.
        """
        await self.arun(flushed(self._core))

    def close(self) -> None:
        """
        Flush, and let go of files and connections; the next use opens them again.
        """
        try:
            self.flush()
        finally:
            self._core.storage.close()

    async def aclose(self) -> None:
        """
        Same as `close`, without blocking the event loop.
        """
        try:
            await self.aflush()
        finally:
            await self._core.aperform("close")


def _checked_scope(name: object) -> str:
    if not isinstance(name, str):
        msg = f"scope must be a string, not {name!r}"
        raise WrongTypeError(msg)
    if not name:
        msg = "scope must not be empty"
        raise ConfigurationError(msg)
    return checked_name(name, "scope")
