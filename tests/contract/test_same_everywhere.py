"""
The same steps have the same outcomes, and leave the same state, on every storage.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from groq_quota import booking, outcomes, settling, state
from groq_quota.limits import Limit
from groq_quota.storage import storage_from_uri
from tests.contract.steps import DAY, NOON, everything
from tests.storage.servers import postgres_urls, redis_urls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from groq_quota.state import Cell
    from groq_quota.storage import Storage

# Of each place two storages: what one does, the other finds changed under its hands.
Pair = tuple["Storage", "Storage"]

MODELS = ("llama-3.1-8b-instant", "openai/gpt-oss-20b")
LIMITS = (("rpd", 6), ("tpd", 3_000), ("rpm", 4), ("tpm", 1_500))
RULES = booking.Rules([Limit(kind, amount, "user") for kind, amount in LIMITS])

ACTION = st.tuples(
    st.sampled_from(
        ["reserve", "reserve", "commit", "commit", "release", "record", "reset", "put"]
    ),
    st.sampled_from(MODELS),
    st.integers(0, 900),  # tokens
    st.sampled_from([0.0, 0.5, 13.0, 61.7, 3_601.1, DAY, -30.0, -5 * DAY]),  # seconds that pass
    st.integers(0, 1),  # which of the two
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Pair]]:
    """
    Memory, and whatever can be had here.
    """
    directory = tmp_path_factory.mktemp("places")
    uris = {name: f"{name}:///{directory}/usage.{name}" for name in ("json", "sqlite")}
    servers = []
    for name, urls in (("redis", redis_urls()), ("postgres", postgres_urls())):
        try:
            uris[name] = next(urls)
        except pytest.skip.Exception as skipped:
            print(f"without {name}: {skipped}")  # noqa: T201  # the reason is to be seen
        else:
            servers.append(urls)
    memory = storage_from_uri("memory://")
    pairs = {"memory": (memory, memory)}
    pairs |= {name: (storage_from_uri(uri), storage_from_uri(uri)) for name, uri in uris.items()}
    yield pairs
    for one, other in pairs.values():
        one.close()
        other.close()
    for urls in servers:
        urls.close()  # type: ignore[attr-defined]  # a generator


class Course:
    """
    A course of actions on one storage.
    """

    def __init__(self, pair: Pair, scope: str) -> None:
        self.pair = pair
        self.scope = scope
        self.now = NOON
        self.open: list[tuple[str, booking.Booking]] = []

    def do(self, action: str, model: str, tokens: int, passed: float, which: int) -> object:
        """
        One action, and what came of it.
        """
        self.now += passed
        storage, key = self.pair[which], (self.scope, model)
        if action == "reserve":
            amount = booking.Amount(tokens)
            step = partial(
                booking.admit, now=self.now, rules_of=_rules, amount=amount, max_wait=20.0
            )
            outcome = storage.transact(key, step)
            if isinstance(outcome, booking.Booking):
                self.open.append((model, outcome))
            return outcome
        if action == "reset":
            return storage.transact(key, partial(state.reset, now=self.now))
        if action == "put":
            cell = storage.read(key)
            if cell is not None:
                storage.put(key, cell, storage.past(self.scope, "").get(model, {}))
            return cell
        booked = None
        if action != "record" and self.open:
            model, booked = self.open.pop(0)
        done = outcomes.Outcome(requests=int(action != "release"), tokens=tokens, refused=which)
        settle = partial(settling.settle, now=self.now, rules_of=_rules, outcome=done)
        settled = storage.transact((self.scope, model), partial(settle, booking=booked))
        return settled._replace(cell=state.new_cell())

    def kept(self) -> dict[str, Any]:
        """
        All that is kept of it.
        """
        found = everything(self.pair[0])
        return {key[1]: value for key, value in found.items() if key[0] == self.scope}


def _rules(_: Cell) -> booking.Rules:
    return RULES


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example([("reserve", MODELS[0], 5, 0.0, 0), ("commit", MODELS[0], 5, DAY, 1)])
@given(actions=st.lists(ACTION, min_size=20, max_size=60))
def test_storages_differ_in_nothing(
    places: dict[str, Pair], actions: list[tuple[str, str, int, float, int]]
) -> None:
    """
    After thousands of steps, with days, refills, resets and conflicts.
    """
    scope = uuid.uuid4().hex
    courses = {name: Course(pair, scope) for name, pair in places.items()}
    for action in actions:
        outcomes = {name: course.do(*action) for name, course in courses.items()}
        for name, outcome in outcomes.items():
            assert outcomes["memory"] == outcome, name
    for name, course in courses.items():
        assert courses["memory"].kept() == course.kept(), name
