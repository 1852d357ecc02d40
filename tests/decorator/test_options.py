"""
Which model, which meter, and `count=`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota import ConfigurationError, QuotaExceededError, QuotaMeter, WrongTypeError
from groq_quota.decorator import quota_guarded

from .calls import MODEL, OTHER, Doubler, Guard, ask, counts, double, ledger, plain

if TYPE_CHECKING:
    import groq

    from groq_quota.simulator import Simulator


class TestModel:
    def test_of_attribute(self, alone: Guard) -> None:
        """
        The attribute is looked up at each call; subclasses and objects may have their own.
        """
        meter = alone()

        class Agent:
            settings = SimpleNamespace(model=MODEL)

            @quota_guarded(attr="settings.model")
            def run(self) -> str:
                return "done"

        agent = Agent()
        agent.run()
        agent.settings = SimpleNamespace(model=f" {OTHER.upper()} ")
        agent.run()

        assert (1, 1) == (meter.usage(MODEL).requests, meter.usage(OTHER).requests)

    def test_of_callable(self, alone: Guard) -> None:
        """
        A callable gets all arguments, `self` first.
        """
        meter = alone()
        seen: list[object] = []

        def choose(*args: object, **kwargs: object) -> str:
            seen.append((args, kwargs))
            return OTHER

        class Agent:
            @quota_guarded(model=choose)
            def run(self, question: str, *, times: int) -> str:
                return question * times

            @classmethod
            @quota_guarded(model=choose)
            def make(cls, question: str) -> str:
                return question

        agent = Agent()
        agent.run("a", times=2)
        Agent.make("b")
        quota_guarded(model=choose)(plain)(3)

        assert [((agent, "a"), {"times": 2}), ((Agent, "b"), {}), ((3,), {})] == seen
        assert 3 == meter.usage(OTHER).requests

    def test_missing(self, alone: Guard) -> None:
        """
        Without the attribute, or without a name in it, the call fails and says so.
        """
        meter = alone()

        class Agent:
            model: str | None = None

            @quota_guarded(attr="model")
            def run(self) -> str:
                return "done"

        with pytest.raises(ConfigurationError, match="model"):
            Agent().run()
        with pytest.raises(ConfigurationError, match=r"attr='nowhere'.*no attribute 'nowhere'"):
            quota_guarded(attr="nowhere")(plain)(1)
        with pytest.raises(ConfigurationError, match="attr= is for methods"):
            quota_guarded(attr="nowhere")(lambda: None)()
        assert {} == meter.usages()

    def test_own_meter(self, under_plugin: Guard) -> None:
        """
        With a meter of its own it counts there, and the installed one counts nothing of it.
        """
        installed, own = under_plugin(), QuotaMeter("memory://")

        quota_guarded(MODEL, meter=own)(plain)(1)
        quota_guarded(MODEL, meter=own)(lambda: None)()

        assert (2, 0) == counts(own)
        assert {} == installed.usages()

    def test_default_meter_at_each_call(self, alone: Guard) -> None:
        """
        The default meter is looked up at each call, not when the function is decorated.
        """
        first, second = alone(), alone()

        double(1)

        assert (0, 1) == (first.usage(MODEL).requests, second.usage(MODEL).requests)

    def test_disabled(self, alone: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
        """
        `GROQ_QUOTA_DISABLED=1` switches the decorator off, 0 does not.
        """
        meter = alone(rpd=0)
        monkeypatch.setenv("GROQ_QUOTA_DISABLED", "0")
        with pytest.raises(QuotaExceededError):
            double(1)
        monkeypatch.setenv("GROQ_QUOTA_DISABLED", "1")

        assert 2 == double(1)
        assert 1 == meter.usage(MODEL).blocked

    def test_not_enforced(self, guard: Guard) -> None:
        """
        A meter that enforces nothing counts, and blocks nothing.
        """
        meter = guard.use(QuotaMeter("memory://", limits={MODEL: {"rpd": 0}}, enforce=False))

        assert 2 == double(1)
        assert (1, 0) == (meter.usage(MODEL).requests, meter.usage(MODEL).blocked)


class TestArguments:
    @pytest.mark.parametrize("wrong", [plain, 5, b"model", Doubler])
    def test_no_name(self, wrong: Any) -> None:
        """
        Without a model it is a TypeError that says how to write it.
        """
        with pytest.raises(
            TypeError, match=r"@quota_guarded\(\"openai.*attr=.*@quota_guarded\(model="
        ):
            quota_guarded(wrong)

    @pytest.mark.parametrize("given", [{}, {"attr": "model", "model": plain}])
    def test_not_one(self, given: Any) -> None:
        """
        Exactly one of name, model and attr.
        """
        with pytest.raises(TypeError, match="exactly one of name, model and attr"):
            quota_guarded(**given)

    @pytest.mark.parametrize(
        ("given", "kind", "message"),
        [
            ({"attr": 5}, WrongTypeError, "attr must be a string, not 5"),
            ({"attr": "self."}, ConfigurationError, "attr must name an attribute"),
            ({"model": "name"}, WrongTypeError, "model must be a callable, not 'name'"),
            ({"model": plain, "usage": 5}, WrongTypeError, "usage must be a callable, not 5"),
            ({"model": plain, "tokens": -1}, ConfigurationError, "tokens must not be negative"),
            ({"model": plain, "tokens": 1.5}, WrongTypeError, "tokens must be a whole number"),
            ({"model": plain, "meter": "m"}, WrongTypeError, "meter must be a QuotaMeter, not str"),
            ({"model": plain, "count": "no"}, ConfigurationError, "count must be 'auto'"),
        ],
    )
    def test_wrong(self, given: Any, kind: type[Exception], message: str) -> None:
        """
        Wrong options are refused where they are given.
        """
        with pytest.raises(kind, match=message):
            quota_guarded(**given)

    def test_empty_name(self) -> None:
        """
        An empty name is none.
        """
        with pytest.raises(ConfigurationError):
            quota_guarded(" ")

    @pytest.mark.parametrize("function", [5, property(plain)])
    def test_no_function(self, function: Any) -> None:
        """
        It decorates what can be called.
        """
        with pytest.raises(WrongTypeError, match="quota_guarded decorates functions"):
            quota_guarded(MODEL)(function)


class TestCount:
    async def test_never(self, guard: Guard) -> None:
        """
        "never" checks, and leaves the counting to others.
        """
        meter = guard()
        never = quota_guarded(MODEL, count="never")

        @never
        async def record() -> str:
            await meter.arecord(MODEL, 5)
            return "text"

        assert "text" == never(lambda: "text")()
        assert "text" == await record()
        assert (1, 5) == counts(meter)

    def test_never_blocks(self, guard: Guard) -> None:
        """
        "never" blocks at the limit, but not for the room that it is already given.
        """
        guard(rpd=1)
        inner = quota_guarded(MODEL, count="never")(lambda: "text")
        outer = quota_guarded(MODEL)(inner)

        assert "text" == outer()
        with pytest.raises(QuotaExceededError):
            inner()

    def test_always(self, guard: Guard, server: Simulator, client: groq.Groq) -> None:
        """
        "always" counts each call, whatever it returns and whatever else is counted.
        """
        meter = guard()
        always = quota_guarded(MODEL, count="always", tokens=3)

        always(lambda: None)()
        always(lambda: str(ask(client)))()

        sent = ledger(server) if guard.plugin else (0, 0)
        assert (2 + sent[0], 6 + sent[1]) == counts(meter)

    def test_always_within(self, guard: Guard) -> None:
        """
        "always" answers for the calls around it.
        """
        meter = guard()
        quota_guarded(MODEL)(quota_guarded(MODEL, count="always")(lambda: "text"))()
        assert (1, 0) == counts(meter)
