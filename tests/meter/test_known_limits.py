"""
All models that are known, and what was learned of them forgotten again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groq_quota import QuotaMeter
from groq_quota.learning import learn
from groq_quota.testing import FakeClock

if TYPE_CHECKING:
    from groq_quota.state import Cell

MODEL = "openai/gpt-oss-120b"


def _taught(clock: FakeClock) -> QuotaMeter:
    meter = QuotaMeter("memory://", clock=clock)
    meter.storage.transact((meter.scope, ""), _on_the_developer_plan)
    for model in (MODEL, "openai/gpt-oss-20b"):
        meter.record(model, 100)
        meter.storage.transact(
            (meter.scope, model), lambda cell: learn(cell, clock(), {"rpd": 500_000, "tpm": 777})
        )
    return meter


def _on_the_developer_plan(cell: Cell) -> None:
    cell["plan"] = "developer"


def _amount(meter: QuotaMeter, model: str, kind: str) -> tuple[int | None, str] | None:
    window = meter.usage(model).window(kind)
    return None if window is None else (window.limit.amount, window.limit.origin)


class TestForgetting:
    def test_one_model(self) -> None:
        """
        Its limits come from the plan again; the other's, all counts and the plan stay.
        """
        meter = _taught(FakeClock())
        assert (777, "learned") == _amount(meter, MODEL, "tpm")

        meter.forget_limits(MODEL)

        assert (250_000, "plan") == _amount(meter, MODEL, "tpm")
        assert (777, "learned") == _amount(meter, "openai/gpt-oss-20b", "tpm")
        assert 1 == meter.usage(MODEL).requests

    async def test_all_models_and_the_plan(self) -> None:
        """
        Without a model all is as on the first day, also for who opens the storage later.
        """
        meter = _taught(FakeClock())

        await meter.aforget_limits()

        for seen in (meter, QuotaMeter(meter.storage, clock=meter.clock)):
            assert (8_000, "table") == _amount(seen, MODEL, "tpm")
            assert (8_000, "table") == _amount(seen, "openai/gpt-oss-20b", "tpm")

    def test_of_what_is_not_there(self) -> None:
        """
        Nothing to forget is no error, and stores nothing.
        """
        meter = QuotaMeter("memory://", clock=FakeClock())

        meter.forget_limits("my-model")
        meter.forget_limits()

        assert {} == meter.usages()


class TestKnownModels:
    async def test_are_reported_with_those_in_use(self) -> None:
        """
        Each report is the one of `usage`, whether anything was counted or not.
        """
        meter = QuotaMeter("memory://", limits={"mine": {"rpd": 3}}, clock=FakeClock())
        meter.record("unheard-of", 5)
        usages = meter.usages(known=True)

        assert {*meter.limits.models(), "unheard-of"} == usages.keys()
        assert {name: meter.usage(name) for name in usages} == usages
        assert await meter.ausages(known=True) == usages
        assert ["unheard-of"] == list(meter.usages())
