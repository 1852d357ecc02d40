"""
The tracker's `daily_limits`: a dictionary, and the limits of its meter.
"""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota.errors import ConfigurationError
from groq_quota.limits import ModelLimits
from groq_quota.meter import QuotaMeter
from groq_quota.tracker import UsageTracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from groq_quota.daily_limits import DailyLimits

LLAMA = "llama-3.1-8b-instant"
SEED = {
    "llama-3.1-8b-instant": (14_400, 1_000_000, "Llama 3.1 8B Instant"),
    "llama-3.3-70b-versatile": (1_000, 1_000_000, "Llama 3.3 70B Versatile"),
    "meta-llama/llama-guard-4-12b": (14_400, 1_000_000, "Meta Llama Guard 4 12B"),
    "groq/compound": (250, 1_000_000, "Groq Compound"),
    "groq/compound-mini": (250, 1_000_000, "Groq Compound Mini"),
    "gemma2-9b-it": (14_400, 1_000_000, "Gemma 2 9B IT"),
    "llama-3.1-70b-versatile": (1_000, 1_000_000, "Llama 3.1 70B Versatile"),
    "llama3-8b-8192": (14_400, 1_000_000, "Llama 3 8B"),
    "llama3-70b-8192": (1_000, 1_000_000, "Llama 3 70B"),
    "mixtral-8x7b-32768": (14_400, 1_000_000, "Mixtral 8x7B"),
    "gemma-7b-it": (14_400, 1_000_000, "Gemma 7B IT"),
}
CUSTOM = {"requests": 1_000, "tokens": 50_000, "description": "Modelo Personalizado"}


@pytest.fixture(name="meter")
def _meter() -> QuotaMeter:
    return QuotaMeter("memory://")


@pytest.fixture(name="tracker")
def _tracker(meter: QuotaMeter) -> UsageTracker:
    return UsageTracker(meter=meter)


def held(meter: QuotaMeter, model: str) -> tuple[int | None, int | None]:
    """
    The daily limits that hold for a model.
    """
    amounts = {window.limit.kind: window.limit.amount for window in meter.usage(model).windows}
    return amounts.get("rpd"), amounts.get("tpd")


class TestReading:
    def test_lists_the_first_trackers_models_first(self, tracker: UsageTracker) -> None:
        """
        The eleven models come first, in their order, with their numbers and descriptions.
        """
        rows = [
            (model, (row["requests"], row["tokens"], row["description"]))
            for model, row in tracker.daily_limits.items()
        ]

        assert list(SEED.items()) == rows[:11]

    def test_lists_the_other_known_models(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        All that the tables know is there, once.
        """
        assert set(meter.limits.models()) == set(tracker.daily_limits)
        assert len(meter.limits.models()) == len(tracker.daily_limits)

    def test_shows_what_the_meter_was_given(self) -> None:
        """
        Limits from the meter's own settings are listed, and come into view when they change.
        """
        meter = QuotaMeter("memory://", limits={"mine": {"rpd": 3, "tpd": None}})
        limits = UsageTracker(meter=meter).daily_limits
        before = dict(limits["mine"])
        meter.limits.set("mine", {"rpd": 4})

        assert {"requests": 3, "tokens": None, "description": "Modelo desconocido"} == before
        assert 4 == UsageTracker(meter=meter).daily_limits["mine"]["requests"]

    def test_sees_changes_at_the_meter(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        The tracker's attribute shows limits that were set, or taken back, elsewhere.
        """
        meter.limits.set("mine", {"rpd": 4})
        added = tracker.daily_limits["mine"]["requests"]
        meter.limits.set("mine", None)

        assert 4 == added
        assert "mine" not in tracker.daily_limits

    def test_follows_the_plan(self) -> None:
        """
        With a plan chosen its numbers are shown; the developer plan has no tokens per day.
        """
        tracker = UsageTracker(meter=QuotaMeter("memory://", plan="developer"))
        row = tracker.daily_limits["openai/gpt-oss-20b"]

        assert (500_000, None) == (row["requests"], row["tokens"])

    def test_knows_names_however_they_are_written(self, tracker: UsageTracker) -> None:
        """
        Names are matched in lower case and stripped, as everywhere.
        """
        limits = tracker.daily_limits

        assert limits[LLAMA] is limits[" LLAMA-3.1-8B-Instant "]
        assert "LLAMA-3.1-8b-instant" in limits
        assert limits[LLAMA] is limits.get("LLAMA-3.1-8b-instant")

    def test_misses_as_a_dictionary_does(self, tracker: UsageTracker) -> None:
        """
        A model that is not listed is a KeyError, or the default.
        """
        with pytest.raises(KeyError, match="nobody"):
            tracker.daily_limits["nobody"]
        with pytest.raises(KeyError, match="nobody"):
            tracker.daily_limits.pop("nobody")
        assert {"requests": 7} == tracker.daily_limits.get("nobody", {"requests": 7})
        assert tracker.daily_limits.get("nobody") is None
        assert all(other not in tracker.daily_limits for other in ("nobody", 5, None))

    def test_is_a_dictionary(self, tracker: UsageTracker) -> None:
        """
        It is written as JSON, compared and copied like one.
        """
        limits = tracker.daily_limits
        plain = {model: dict(row) for model, row in limits.items()}

        assert plain == limits
        assert plain == json.loads(json.dumps(limits))
        assert isinstance(limits, dict)
        assert isinstance(limits[LLAMA], dict)

    @pytest.mark.parametrize(
        "copied",
        [
            copy.copy,
            copy.deepcopy,
            lambda each: pickle.loads(pickle.dumps(each)),  # noqa: S301  # it was made here
        ],
        ids=["copy", "deepcopy", "pickle"],
    )
    def test_copies_are_plain(
        self, tracker: UsageTracker, meter: QuotaMeter, copied: Callable[[Any], Any]
    ) -> None:
        """
        Changing a copy, of all or of one model, changes no limit.
        """
        every, one = copied(tracker.daily_limits), copied(tracker.daily_limits[LLAMA])
        every[LLAMA]["requests"] = 1
        one["requests"] = 1

        assert (dict, dict, dict) == (type(every), type(every[LLAMA]), type(one))
        assert (14_400, 1_000_000) == held(meter, LLAMA)


class TestWriting:
    def test_adds_a_model(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        A new model's limits hold, and it is listed last.
        """
        tracker.daily_limits["custom-model"] = CUSTOM

        assert (1_000, 50_000) == held(meter, "custom-model")
        assert "Modelo Personalizado" == meter.usage("custom-model").description
        assert CUSTOM == tracker.daily_limits["custom-model"]
        assert "custom-model" == list(tracker.daily_limits)[-1]

    @pytest.mark.parametrize("amount", [5, 0, None])
    @pytest.mark.parametrize(("key", "place"), [("requests", 0), ("tokens", 1)])
    def test_changes_one_number(
        self, tracker: UsageTracker, meter: QuotaMeter, key: str, place: int, amount: int | None
    ) -> None:
        """
        A nested write changes that limit and leaves the other as it was.
        """
        tracker.daily_limits[LLAMA][key] = amount
        expected: list[int | None] = [14_400, 1_000_000]
        expected[place] = amount

        assert tuple(expected) == held(meter, LLAMA)
        assert amount == tracker.daily_limits[LLAMA][key]

    def test_rows_that_are_kept_write_too(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        A row in hand, and the mapping in hand, stay current and go on writing.
        """
        limits = tracker.daily_limits
        row = limits[LLAMA]
        limits[LLAMA] = {"requests": 9, "tokens": 90}
        row["tokens"] = 80

        assert (9, 80) == (row["requests"], limits[LLAMA]["tokens"])
        assert (9, 80) == held(meter, LLAMA)

    def test_what_is_not_said_is_the_tables(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        A model that is given anew loses what was said before.
        """
        tracker.daily_limits[LLAMA] = {"requests": 9, "tokens": 90, "description": "Mine"}
        tracker.daily_limits[LLAMA] = {"requests": 8}

        assert (8, 1_000_000) == held(meter, LLAMA)
        assert "Llama 3.1 8B Instant" == tracker.daily_limits[LLAMA]["description"]

    def test_leaves_minute_limits_alone(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        It knows daily limits only: the others that the user set stay, also when it is deleted.
        """
        meter.limits.set(LLAMA, ModelLimits(rpm=7, rpd=70, pin=True))
        tracker.daily_limits[LLAMA] = {"requests": 9, "tokens": 90}
        changed = meter.limits.override(LLAMA)
        del tracker.daily_limits[LLAMA]

        assert ModelLimits(rpm=7, rpd=9, tpd=90, pin=True) == changed
        assert ModelLimits(rpm=7, pin=True) == meter.limits.override(LLAMA)

    def test_deletes_a_model(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        A deleted model is not listed; one of the tables' has their limits again.
        """
        tracker.daily_limits["custom-model"] = CUSTOM
        tracker.daily_limits[LLAMA]["requests"] = 5
        del tracker.daily_limits["Custom-Model"]
        del tracker.daily_limits[LLAMA]

        assert {"custom-model", LLAMA}.isdisjoint(tracker.daily_limits)
        assert [(1_000, 100_000), (14_400, 1_000_000)] == [
            held(meter, "custom-model"),
            held(meter, LLAMA),
        ]
        assert {} == dict(meter.limits.overrides)
        with pytest.raises(KeyError, match="custom-model"):
            del tracker.daily_limits["custom-model"]

    def test_a_deleted_model_can_come_back(self, tracker: UsageTracker) -> None:
        """
        What is written again is listed again.
        """
        del tracker.daily_limits[LLAMA]
        tracker.daily_limits[LLAMA] = {"requests": 4}

        assert 4 == tracker.daily_limits[LLAMA]["requests"]

    def test_changes_like_a_dictionary(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        All of a dictionary's ways to change it reach the meter.
        """
        limits = tracker.daily_limits
        limits.update({"a": {"requests": 1}}, b={"requests": 2})
        limits |= {"c": {"requests": 3}}
        limits.setdefault("d", {"requests": 4})
        limits.setdefault("a", {"requests": 5})
        popped, default = limits.pop("b"), limits.pop("b", None)
        last = limits.popitem()
        limits["a"].update(requests=6, tokens=60)

        assert [2, None, "d"] == [popped["requests"], default, last[0]]
        assert {"a": ModelLimits(rpd=6, tpd=60), "c": ModelLimits(rpd=3)} == dict(
            meter.limits.overrides
        )

    def test_clears(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        A cleared mapping lists nothing, until something is written.
        """
        tracker.daily_limits[LLAMA]["requests"] = 5
        tracker.daily_limits.clear()
        empty = dict(tracker.daily_limits)
        tracker.daily_limits["custom-model"] = CUSTOM

        assert {} == empty
        assert ["custom-model"] == list(tracker.daily_limits)
        assert 14_400 == held(meter, LLAMA)[0]

    def test_popping_from_nothing(self, tracker: UsageTracker) -> None:
        """
        An empty mapping has no last item, as an empty dictionary has none.
        """
        tracker.daily_limits.clear()
        with pytest.raises(KeyError, match="no item"):
            tracker.daily_limits.popitem()

    def test_is_replaced_as_a_whole(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        Assigning the attribute lists those models and no others.
        """
        tracker.daily_limits["gone"] = {"requests": 1}
        tracker.daily_limits = {
            "custom-model": CUSTOM,
            LLAMA: tracker.daily_limits[LLAMA],
        }

        assert {"custom-model", LLAMA} == set(tracker.daily_limits)
        assert {"custom-model", LLAMA} == set(meter.limits.overrides)

    def test_can_be_merged_in_place(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        `|=` on the tracker's attribute adds, and takes nothing away.
        """
        tracker.daily_limits |= {"custom-model": CUSTOM}

        assert {LLAMA, "custom-model"} <= set(tracker.daily_limits)
        assert ["custom-model"] == list(meter.limits.overrides)


def _assign(limits: DailyLimits, value: Any) -> None:
    limits[LLAMA] = value


class TestWrongValues:
    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ({"requests": -1}, r'daily_limits\["llama-3.1-8b-instant"\]\["requests"\] must not'),
            ({"tokens": 1.5}, r'\["tokens"\] must be a whole number'),
            ({"tokens": "9"}, r'\["tokens"\] must be a whole number'),
            ({"requests": True}, r'\["requests"\] must be a whole number'),
            ({"requests": 1, "description": 5}, r'\["description"\] must be a string'),
            ({"request": 5}, r'\["request"\]: unknown key; known are requests, tokens, descr'),
            (5, r'daily_limits\["llama-3.1-8b-instant"\] must be a mapping of requests, '),
            (None, r"must be a mapping of requests, "),
        ],
    )
    @pytest.mark.parametrize(
        "write",
        [
            _assign,
            lambda limits, value: limits.update({"first": {"requests": 1}, LLAMA: value}),
            lambda limits, value: limits.replace({"first": {"requests": 1}, LLAMA: value}),
        ],
        ids=["assigned", "updated", "replaced"],
    )
    def test_change_nothing(
        self,
        tracker: UsageTracker,
        meter: QuotaMeter,
        write: Callable[[DailyLimits, object], None],
        value: object,
        said: str,
    ) -> None:
        """
        A wrong value is an error that names model and key, and all stays as it was.
        """
        before = copy.deepcopy(tracker.daily_limits)
        with pytest.raises(ConfigurationError, match=said):
            write(tracker.daily_limits, value)

        assert before == tracker.daily_limits
        assert {} == dict(meter.limits.overrides)

    def test_nested_change_nothing(self, tracker: UsageTracker, meter: QuotaMeter) -> None:
        """
        Of several values of a row, one wrong one keeps the others out.
        """
        row = tracker.daily_limits[LLAMA]
        with pytest.raises(ConfigurationError, match=r'\["tokens"\] must not be negative'):
            row.update(requests=5, tokens=-5)

        assert (14_400, 1_000_000) == (row["requests"], row["tokens"])
        assert {} == dict(meter.limits.overrides)

    @pytest.mark.parametrize("name", ["", "  ", 5])
    def test_names_that_cannot_be(
        self, tracker: UsageTracker, meter: QuotaMeter, name: Any
    ) -> None:
        """
        A model's name is text, and not empty.
        """
        with pytest.raises(ConfigurationError, match="daily_limits: a model's name must"):
            tracker.daily_limits[name] = CUSTOM
        assert {} == dict(meter.limits.overrides)

    @pytest.mark.parametrize(
        "take_away",
        [
            lambda row: row.pop("requests"),
            lambda row: row.popitem(),
            lambda row: row.clear(),
            lambda row: row.__delitem__("tokens"),
        ],
        ids=["pop", "popitem", "clear", "del"],
    )
    def test_rows_keep_their_keys(
        self, tracker: UsageTracker, take_away: Callable[[Any], object]
    ) -> None:
        """
        A row without one of its numbers would not be one; None is how to say no limit.
        """
        with pytest.raises(ConfigurationError, match="None stands for no limit"):
            take_away(tracker.daily_limits[LLAMA])
        assert {"requests", "tokens", "description"} == set(tracker.daily_limits[LLAMA])

    def test_rows_miss_as_dictionaries_do(self, tracker: UsageTracker) -> None:
        """
        A key that is not there is a KeyError, or the default.
        """
        row = tracker.daily_limits[LLAMA]

        assert 3 == row.pop("nothing", 3)
        with pytest.raises(KeyError, match="nothing"):
            del row["nothing"]

    def test_something_else_than_a_mapping(self, tracker: UsageTracker) -> None:
        """
        The attribute takes mappings only.
        """
        with pytest.raises(TypeError, match="daily_limits must be a mapping"):
            tracker.daily_limits = 5  # type: ignore[assignment]  # that is the mistake
        assert LLAMA in tracker.daily_limits
