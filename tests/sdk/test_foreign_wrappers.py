from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
import wrapt

import groq_quota
from groq_quota import QuotaMeter

from .driver import MODEL, Driver
from .judge import agrees

if TYPE_CHECKING:
    from groq_quota.simulator import Simulator


class Foreign:
    """
    Somebody else's wrapper, which counts the calls that it sees.
    """

    def __init__(self, owner: type, name: str, style: str) -> None:
        self.owner, self.name, self.seen = owner, name, 0
        if style == "wrapt":
            wrapt.wrap_function_wrapper(owner, name, self._around)
        elif style == "entry":
            self._put(vars(owner).get(name) or getattr(owner, name), tell=True)
        else:
            self._put(getattr(owner, name), tell=style == "wraps")
        self.placed = vars(owner)[name]

    def _around(self, wrapped: Any, _: Any, args: Any, kwargs: Any) -> Any:
        self.seen += 1
        return wrapped(*args, **kwargs)

    def _put(self, below: Any, *, tell: bool) -> None:
        def around(client: Any, *args: Any, **kwargs: Any) -> Any:
            self.seen += 1
            return below.__get__(client)(*args, **kwargs)

        if tell:
            functools.update_wrapper(around, below)
        setattr(self.owner, self.name, around)

    @property
    def in_place(self) -> bool:
        """
        Whether it is what the class has.
        """
        return vars(self.owner)[self.name] is self.placed


@pytest.mark.parametrize("style", ["wrapt", "wraps", "entry", "bare"])
@pytest.mark.parametrize("what", ["create", "request", "_sleep_for_retry"])
@pytest.mark.parametrize("place", ["below", "above", "both"])
async def test_foreign_wrappers_stay_where_they_are(
    sdk: Driver, server: Simulator, style: str, what: str, place: str
) -> None:
    """
    Instrumentations on top or below see every call, we count each once, installed again too.
    """
    owner = sdk.completions if what == "create" else sdk.client_class
    foreign = [Foreign(owner, what, style)] if place != "above" else []
    groq_quota.install(QuotaMeter("memory://"))
    if place != "below":
        foreign.append(Foreign(owner, what, style))
    groq_quota.uninstall()
    client = sdk.client(max_retries=1)

    for turn in range(3):
        meter = groq_quota.install(QuotaMeter("memory://"))
        server.reset()
        server.fail_next(429, retry_after=0.01)
        await sdk.ask(client)
        usage = agrees(meter, server)
        assert (1, 1) == (usage.requests, usage.refused)
        groq_quota.uninstall()
        server.fail_next(429, retry_after=0.01)
        await sdk.ask(client)
        usage = meter.usage(MODEL)
        assert (1, 1) == (usage.requests, usage.refused)
        assert [2 * turn + 2] * len(foreign) == [wrapper.seen for wrapper in foreign]
        assert foreign[-1].in_place
