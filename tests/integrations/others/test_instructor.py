from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import groq
import pytest

from groq_quota.simulator import Simulator
from tests.sdk.judge import agrees

if TYPE_CHECKING:
    from groq_quota import QuotaMeter

instructor: Any = pytest.importorskip("instructor", reason="instructor is not installed")
pydantic: Any = pytest.importorskip("pydantic", reason="pydantic is not installed")

Person: Any = pydantic.create_model("Person", name=(str, ...), age=(int, ...))
ASK: dict[str, Any] = {
    "model": "test-model",
    "messages": [{"role": "user", "content": "Who?"}],
    "response_model": Person,
}


async def test_answers_are_counted(meter: QuotaMeter, server: Simulator) -> None:
    """
    An answer made into an object counts as the server counts it, sync and async.
    """
    with groq.Groq(base_url=server.base_url, api_key="any") as client:
        person = instructor.from_groq(client, mode=instructor.Mode.JSON).create(**ASK)
    async with groq.AsyncGroq(base_url=server.base_url, api_key="any") as other:
        same = await instructor.from_groq(other, mode=instructor.Mode.JSON).create(**ASK)

    assert ("Ana", 30) == (person.name, person.age)
    assert ("Ana", 30) == (same.name, same.age)
    assert agrees(meter, server).requests == 2


def test_its_retries_are_requests(meter: QuotaMeter) -> None:
    """
    It asks again where an answer does not fit; each time is one request.
    """
    answers = itertools.chain(['{"name": "Ana"}'], itertools.repeat('{"name": "Ana", "age": 30}'))
    with (
        Simulator({}, answer=lambda _: next(answers)) as server,
        groq.Groq(base_url=server.base_url, api_key="any") as client,
    ):
        asking = instructor.from_groq(client, mode=instructor.Mode.JSON)
        assert 30 == asking.create(**ASK, max_retries=2).age

        assert agrees(meter, server).requests == 2
