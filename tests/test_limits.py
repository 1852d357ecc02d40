"""
Which limits hold: values, overrides, and the order user, learned, plan, table.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groq_quota.errors import ConfigurationError, WrongTypeError
from groq_quota.limits import KINDS, UNSET, Learned, Limit, LimitTable, ModelLimits, normalize_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# In the default table 14,400 requests and 1,000,000 tokens a day; 500,000 tokens in Groq's.
LLAMA = "llama-3.1-8b-instant"
# Not in the default table; listed for both plans.
GPT = "openai/gpt-oss-20b"
# Listed for the free plan only.
QWEN = "qwen/qwen3.8-27b"


def amounts(limits: tuple[Limit, ...]) -> dict[str, int | None]:
    """
    The limits as a mapping of kinds to numbers.
    """
    return {limit.kind: limit.amount for limit in limits}


def confirmed(limits: tuple[Limit, ...]) -> set[str]:
    """
    The kinds that are enforced.
    """
    return {limit.kind for limit in limits if limit.confirmed}


def origins(limits: tuple[Limit, ...]) -> set[str]:
    """
    Where the limits come from.
    """
    return {limit.origin for limit in limits}


def one(limits: tuple[Limit, ...], kind: str) -> Limit:
    """
    The limit of this kind.
    """
    return next(limit for limit in limits if limit.kind == kind)


def heard(**kinds: int | None) -> dict[str, Learned]:
    """
    Limits learned from headers at second 5.
    """
    return {kind: Learned(amount, 5.0, "headers") for kind, amount in kinds.items()}


class TestKinds:
    @pytest.mark.parametrize(
        ("kind", "metric", "period"),
        [
            ("rpm", "requests", 60),
            ("rpd", "requests", 86_400),
            ("tpm", "tokens", 60),
            ("tpd", "tokens", 86_400),
            ("itpm", "input_tokens", 60),
            ("otpm", "output_tokens", 60),
            ("ash", "audio_seconds", 3_600),
            ("asd", "audio_seconds", 86_400),
        ],
    )
    def test_what_a_limit_counts(self, kind: str, metric: str, period: int) -> None:
        """
        A limit knows what it counts, over how long, and whether that is a day.
        """
        limit = Limit(kind, 1, "user")

        assert (metric, period, period == 86_400) == (limit.metric, limit.period, limit.daily)

    def test_no_others(self) -> None:
        """
        These eight are all that Groq names.
        """
        assert ["rpm", "rpd", "tpm", "tpd", "itpm", "otpm", "ash", "asd"] == list(KINDS)


class TestModelLimits:
    def test_nothing_said(self) -> None:
        """
        What is not said is unset, and nothing is given.
        """
        limits = ModelLimits()

        assert {} == limits.given()
        assert UNSET is limits.rpd

    def test_given(self) -> None:
        """
        Given are numbers, 0 and None, in the order of the kinds.
        """
        limits = ModelLimits(tpd=None, rpd=0, rpm=30)

        assert [("rpm", 30), ("rpd", 0), ("tpd", None)] == list(limits.given().items())

    def test_of_a_mapping(self) -> None:
        """
        A mapping says the same as keywords.
        """
        said = {"rpd": 1000, "tpd": 50_000, "rpm": 30, "description": "Mine", "pin": True}

        assert ModelLimits(
            rpd=1000, tpd=50_000, rpm=30, description="Mine", pin=True
        ) == ModelLimits.of(said)

    def test_of_itself(self) -> None:
        """
        A `ModelLimits` stays what it is.
        """
        limits = ModelLimits(rpd=5)

        assert limits is ModelLimits.of(limits)

    @pytest.mark.parametrize("said", [None, "unlimited"])
    def test_no_limit(self, said: object) -> None:
        """
        Both None and "unlimited" are no limit.
        """
        assert {"rpd": None} == ModelLimits.of({"rpd": said}).given()

    def test_unlimited_is_a_word_too(self) -> None:
        """
        A description may be any text.
        """
        assert "unlimited" == ModelLimits.of({"description": "unlimited"}).description

    def test_pickles(self) -> None:
        """
        Limits survive a way through pickle, what is unset stays unset.
        """
        limits = ModelLimits(rpd=5)

        assert limits == pickle.loads(pickle.dumps(limits))  # noqa: S301 - our own bytes

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("amount", "error"),
        [
            (-1, ConfigurationError),
            (1.5, WrongTypeError),
            (1000.0, WrongTypeError),
            (True, WrongTypeError),
            ("1000", WrongTypeError),
            ([1], WrongTypeError),
        ],
        ids=repr,
    )
    def test_bad_amounts(self, kind: str, amount: Any, error: type[Exception]) -> None:
        """
        Amounts are whole numbers of at least 0; the error names the place and the key.
        """
        with pytest.raises(error, match=rf'^limits\."m"\.{kind}: '):
            ModelLimits.of({kind: amount}, 'limits."m"')
        with pytest.raises(error, match=rf"^ModelLimits\.{kind}: "):
            ModelLimits(**{kind: amount})

    @pytest.mark.parametrize(
        ("key", "value", "error"),
        [
            ("description", 5, WrongTypeError),
            ("description", UNSET, WrongTypeError),
            ("pin", 1, WrongTypeError),
            ("pin", "yes", WrongTypeError),
            ("requests", 5, ConfigurationError),
            (5, 5, ConfigurationError),
        ],
        ids=repr,
    )
    def test_bad_keys(self, key: object, value: object, error: type[Exception]) -> None:
        """
        Unknown keys and wrong types are named.
        """
        with pytest.raises(error, match=rf"^here\.{key}: "):
            ModelLimits.of({key: value}, "here")

    @pytest.mark.parametrize("value", [None, 5, "rpd", [("rpd", 5)]], ids=repr)
    def test_no_mapping(self, value: object) -> None:
        """
        What is neither limits nor a mapping is of the wrong type.
        """
        with pytest.raises(WrongTypeError, match=r"^here: "):
            ModelLimits.of(value, "here")


class TestNormalizeModel:
    def test_case_and_blanks(self) -> None:
        """
        Case and blanks around a name make no difference.
        """
        assert "groq/compound" == normalize_model("  Groq/Compound\n")

    @pytest.mark.parametrize("name", ["", "  "], ids=repr)
    def test_empty(self, name: str) -> None:
        """
        An empty name is refused.
        """
        with pytest.raises(ConfigurationError, match="empty"):
            normalize_model(name)

    @pytest.mark.parametrize("name", [None, 5, b"m"], ids=repr)
    def test_wrong_type(self, name: object) -> None:
        """
        A name is a string.
        """
        with pytest.raises(WrongTypeError, match="string"):
            normalize_model(name)


class TestDefaults:
    def test_default_row(self) -> None:
        """
        Daily limits of the table are enforced at once, minute limits only assumed.
        """
        limits = LimitTable().effective(LLAMA, {}, None)

        assert (
            Limit("rpm", 30, "table", confirmed=False, since="2025-09-01"),
            Limit("rpd", 14_400, "table", confirmed=True, since="2025-09-01"),
            Limit("tpm", 6_000, "table", confirmed=False, since="2025-09-01"),
            Limit("tpd", 1_000_000, "table", confirmed=True, since="2025-09-01"),
        ) == limits

    def test_other_models(self) -> None:
        """
        Models without a default row have those of Groq's free plan, equally assumed.
        """
        limits = LimitTable().effective(GPT, {}, None)

        assert {"rpm": 30, "rpd": 1_000, "tpm": 8_000, "tpd": 200_000} == amounts(limits)
        assert {"rpd", "tpd"} == confirmed(limits)
        assert {"table"} == origins(limits)

    def test_audio(self) -> None:
        """
        Seconds of audio per day are enforced at once, those per hour assumed.
        """
        limits = LimitTable().effective("whisper-large-v3", {}, None)

        assert {"rpm": 20, "rpd": 2_000, "ash": 7_200, "asd": 28_800} == amounts(limits)
        assert {"rpd", "asd"} == confirmed(limits)

    @pytest.mark.parametrize("plan", [None, "free", "developer"])
    @pytest.mark.parametrize("inferred", [None, "free", "developer"])
    def test_unknown_models(self, plan: str | None, inferred: str | None) -> None:
        """
        Unknown models have 1,000 requests and 100,000 tokens a day, on every plan.
        """
        limits = LimitTable(plan=plan).effective("my-own", {}, inferred)

        assert {"rpd": 1_000, "tpd": 100_000} == amounts(limits)
        assert {"default"} == origins(limits)
        assert {"rpd", "tpd"} == confirmed(limits)

    def test_names(self) -> None:
        """
        Names are matched stripped and in lower case.
        """
        table = LimitTable({" My-Model ": {"rpd": 7}})

        assert table.effective(LLAMA, {}, None) == table.effective(f" {LLAMA.upper()}", {}, None)
        assert 7 == one(table.effective("MY-MODEL", {}, None), "rpd").amount
        assert "Llama 3.1 8B Instant" == table.description(f"{LLAMA.upper()} ")
        assert table.known(" GROQ/Compound")
        assert "free" == table.infer_plan(f" {GPT.upper()}", 1_000, 8_000)


class TestChosenPlan:
    def test_free(self) -> None:
        """
        The free plan has Groq's published numbers, not the default ones, and all are enforced.
        """
        limits = LimitTable(plan="free").effective(LLAMA, {}, None)

        assert {"rpm": 30, "rpd": 14_400, "tpm": 6_000, "tpd": 500_000} == amounts(limits)
        assert set(amounts(limits)) == confirmed(limits)
        assert {"plan"} == origins(limits)

    def test_developer(self) -> None:
        """
        The developer plan has no limit on tokens per day.
        """
        limits = LimitTable(plan="developer").effective(GPT, {}, None)

        assert {"rpm": 1_000, "rpd": 500_000, "tpm": 250_000} == amounts(limits)
        assert {"rpm", "rpd", "tpm"} == confirmed(limits)

    @pytest.mark.parametrize(
        ("plan", "model"),
        [("developer", "gemma2-9b-it"), ("developer", QWEN), ("free", "mixtral-8x7b-32768")],
    )
    def test_missing_in_the_plan(self, plan: str, model: str) -> None:
        """
        A model that the plan's table does not list keeps its default row.
        """
        assert LimitTable().effective(model, {}, None) == LimitTable(plan=plan).effective(
            model, {}, None
        )

    @pytest.mark.parametrize(
        ("plan", "error"),
        [
            ("Developer", ConfigurationError),
            ("", ConfigurationError),
            (5, WrongTypeError),
            ([], WrongTypeError),
        ],
        ids=repr,
    )
    def test_bad_plan(self, plan: Any, error: type[Exception]) -> None:
        """
        Other plans are refused; the error names the known ones.
        """
        with pytest.raises(error, match="free or developer"):
            LimitTable(plan=plan)


class TestInferredPlan:
    @pytest.mark.parametrize(
        ("model", "rpd", "tpm", "plan"),
        [
            (GPT, 1_000, 8_000, "free"),
            (GPT, 500_000, 250_000, "developer"),
            (LLAMA, 14_400, 6_000, "free"),
            (LLAMA, 500_000, 250_000, "developer"),
            ("gemma2-9b-it", 14_400, 15_000, "free"),
            ("openai/gpt-oss-safeguard-20b", 1_000, 2_000, "free"),
            ("whisper-large-v3", 2_000, None, "free"),
            ("whisper-large-v3", 200_000, None, "developer"),
            (GPT, 1_000, 8_001, None),
            (GPT, 999, 8_000, None),
            (GPT, 1_000, 250_000, None),
            (GPT, 1_000, None, None),
            (GPT, None, 8_000, None),
            (GPT, None, None, None),
            ("whisper-large-v3", 2_000, 8_000, None),
            ("my-own", 1_000, 8_000, None),
            ("mixtral-8x7b-32768", 14_400, 5_000, None),
        ],
    )
    def test_infer_plan(
        self, model: str, rpd: int | None, tpm: int | None, plan: str | None
    ) -> None:
        """
        Requests per day and tokens per minute name a plan only together, and only if both fit.
        """
        assert plan == LimitTable().infer_plan(model, rpd, tpm)

    @pytest.mark.parametrize(
        ("ash", "plan"), [(7_200, "free"), (400_000, None), (None, "free")], ids=repr
    )
    def test_infer_plan_by_audio(self, ash: int | None, plan: str | None) -> None:
        """
        Seconds of audio per hour have to fit as well, where they are known.
        """
        assert plan == LimitTable().infer_plan("whisper-large-v3", 2_000, None, ash)

    def test_own_headers(self) -> None:
        """
        A model whose headers fit a plan has the rest of that row too, confirmed.
        """
        limits = LimitTable().effective(LLAMA, heard(rpd=14_400, tpm=6_000), None)

        assert (
            Limit("rpm", 30, "plan", confirmed=True, since="2026-08-14"),
            Limit("rpd", 14_400, "learned", confirmed=True, since=5.0),
            Limit("tpm", 6_000, "learned", confirmed=True, since=5.0),
            Limit("tpd", 500_000, "plan", confirmed=True, since="2026-08-14"),
        ) == limits

    def test_developer_headers_free_at_once(self) -> None:
        """
        Headers of the developer plan take away every limit of the free plan.
        """
        learned = heard(rpd=500_000, tpm=250_000)
        limits = LimitTable().effective(GPT, learned, None)

        assert {"rpm": 1_000, "rpd": 500_000, "tpm": 250_000} == amounts(limits)
        assert () == LimitTable().contradicted(GPT, learned, None)

    def test_older_row(self) -> None:
        """
        The row that the headers fit counts, not another one of the same plan.
        """
        limits = LimitTable().effective(
            "openai/gpt-oss-safeguard-20b", heard(rpd=1_000, tpm=2_000), "free"
        )

        assert 5 == one(limits, "rpm").amount

    @pytest.mark.parametrize("chosen", [None, "free", "developer"])
    def test_other_models_headers(self, chosen: str | None) -> None:
        """
        The plan of the account holds for models without headers of their own, before a chosen one.
        """
        limits = LimitTable(plan=chosen).effective(LLAMA, {}, "developer")

        assert {"rpm": 1_000, "rpd": 500_000, "tpm": 250_000} == amounts(limits)
        assert {"rpm", "rpd", "tpm"} == confirmed(limits)
        assert {"plan"} == origins(limits)

    def test_free_rows_do_not_bind_a_developer(self) -> None:
        """
        A model that is listed for the free plan only is free on an account known to be another.
        """
        assert () == LimitTable().effective(QWEN, {}, "developer")
        assert ("rpm", "rpd", "tpm", "tpd") == LimitTable().contradicted(QWEN, {}, "developer")

    def test_model_of_the_default_table_only(self) -> None:
        """
        On a free account a model that Groq no longer lists keeps its default row.
        """
        model = "mixtral-8x7b-32768"

        assert LimitTable().effective(model, {}, None) == LimitTable().effective(model, {}, "free")

    def test_own_headers_before_the_accounts_plan(self) -> None:
        """
        A model's own headers outweigh the plan that other models' headers named.
        """
        limits = LimitTable().effective(GPT, heard(rpd=1_000, tpm=8_000), "developer")

        assert 200_000 == one(limits, "tpd").amount


class TestContradictions:
    @pytest.mark.parametrize("factor", [0.5, 2])
    @pytest.mark.parametrize("model", LimitTable().models())
    def test_every_row(self, model: str, factor: float) -> None:
        """
        Where the headers show half or twice a row's numbers, only the headers' numbers are left.
        """
        table = LimitTable()
        row = table.row(model).amounts
        learned = heard(
            **{kind: int(row[kind] * factor) for kind in ("rpd", "tpm", "ash") if kind in row}
        )
        limits = table.effective(model, learned, None)

        assert {kind: known.amount for kind, known in learned.items()} == amounts(limits)
        assert {"learned"} == origins(limits)
        assert {*row} - {*learned} == {*table.contradicted(model, learned, None)}

    def test_contradicted(self) -> None:
        """
        The kinds dropped are named for a warning, but not those that user or Groq gave.
        """
        table = LimitTable({GPT: {"rpm": 5}})
        learned = heard(rpd=2_000, tpm=16_000)

        assert ("tpd",) == table.contradicted(GPT, learned, None)
        assert {"rpm": 5, "rpd": 2_000, "tpm": 16_000} == amounts(
            table.effective(GPT, learned, None)
        )

    @pytest.mark.parametrize(
        "learned", [{}, heard(rpd=1_000, tpm=8_000), heard(tpd=5)], ids=["none", "same", "tpd"]
    )
    def test_not_contradicted(self, learned: Mapping[str, Learned]) -> None:
        """
        Without headers, with the same numbers, or by a refusal alone no row is contradicted.
        """
        assert () == LimitTable().contradicted(GPT, learned, None)

    def test_refusals_replace_one_number(self) -> None:
        """
        A limit named by a refusal replaces the row's, and the rest of the row stays.
        """
        learned = {"tpd": Learned(100, 7.0, "refusal"), "otpm": Learned(1_000, 8.0, "refusal")}
        limits = LimitTable().effective(GPT, learned, None)

        assert {"rpm": 30, "rpd": 1_000, "tpm": 8_000, "tpd": 100, "otpm": 1_000} == amounts(limits)
        assert Limit("tpd", 100, "learned", confirmed=True, since=7.0) == one(limits, "tpd")
        assert Limit("otpm", 1_000, "learned", confirmed=True, since=8.0) == one(limits, "otpm")
        assert {"rpd", "tpd", "otpm"} == confirmed(limits)

    def test_audio_of_another_plan(self) -> None:
        """
        Seconds of audio per hour tell rows apart as tokens per minute do.
        """
        limits = LimitTable().effective("whisper-large-v3", heard(ash=200_000), None)

        assert {"rpm": 300, "rpd": 200_000, "ash": 200_000, "asd": 4_000_000} == amounts(limits)

    def test_one_number_of_another_plan(self) -> None:
        """
        One number names no plan, but a row that disagrees with it gives way to one that agrees.
        """
        limits = LimitTable().effective(GPT, heard(tpm=250_000), None)

        assert {"rpm": 1_000, "rpd": 500_000, "tpm": 250_000} == amounts(limits)
        assert {"rpd", "tpm"} == confirmed(limits)

    def test_unknown_models(self) -> None:
        """
        The guess for unknown models goes when headers show it wrong, and stays when not.
        """
        table = LimitTable()

        assert {"rpd": 5} == amounts(table.effective("my-own", heard(rpd=5), None))
        assert ("tpd",) == table.contradicted("my-own", heard(rpd=5), None)
        assert {"rpd": 1_000, "tpm": 5, "tpd": 100_000} == amounts(
            table.effective("my-own", heard(rpd=1_000, tpm=5), None)
        )

    def test_contradicted_plan(self) -> None:
        """
        Headers outweigh the chosen and the inferred plan as well.
        """
        table = LimitTable(plan="free")

        assert {"rpd": 2_000, "tpm": 16_000} == amounts(
            table.effective(GPT, heard(rpd=2_000, tpm=16_000), "free")
        )

    def test_learned_to_be_unlimited(self) -> None:
        """
        A learned None takes the table's number away and shows no limit.
        """
        limits = LimitTable().effective(GPT, heard(tpd=None), None)

        assert "tpd" not in amounts(limits)


class TestUserLimits:
    def test_per_kind(self) -> None:
        """
        The user's limit replaces the table's of its kind, and is enforced; the others stay.
        """
        limits = LimitTable({GPT: {"rpd": 5, "rpm": 2}}).effective(GPT, {}, None)

        assert Limit("rpd", 5, "user") == one(limits, "rpd")
        assert {"rpm": 2, "rpd": 5, "tpm": 8_000, "tpd": 200_000} == amounts(limits)
        assert {"rpm", "rpd", "tpd"} == confirmed(limits)

    def test_above_the_table(self) -> None:
        """
        The user's limit replaces plan and table even where it is larger.
        """
        table = LimitTable({GPT: {"rpd": 5_000}}, plan="free")

        assert 5_000 == one(table.effective(GPT, {}, "free"), "rpd").amount

    def test_blocked(self) -> None:
        """
        0 is a limit, not the absence of one.
        """
        assert 0 == one(LimitTable({GPT: {"rpd": 0}}).effective(GPT, {}, None), "rpd").amount

    def test_unlimited(self) -> None:
        """
        None takes the table's limit away, and is shown as the user's word.
        """
        limits = LimitTable({GPT: {"tpd": None}}).effective(GPT, {}, None)

        assert Limit("tpd", None, "user") == one(limits, "tpd")

    @given(
        user=st.none() | st.integers(0, 10**7),
        learned=st.none() | st.integers(0, 10**7),
        pin=st.booleans(),
    )
    def test_smaller_holds(self, user: int | None, learned: int | None, pin: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        """
        Of the user's and the learned limit the smaller holds, unless the user's is pinned.
        """
        table = LimitTable({"m": ModelLimits(tpd=user, pin=pin)})
        limit = one(table.effective("m", heard(tpd=learned), None), "tpd")
        numbers = [amount for amount in (user, learned) if amount is not None]

        assert (user if pin else min(numbers, default=None)) == limit.amount
        assert limit.confirmed
        assert ("user" if limit.amount == user else "learned") == limit.origin

    def test_pin_is_for_what_was_said(self) -> None:
        """
        Pinning one kind leaves learned limits of the others in force.
        """
        table = LimitTable({GPT: {"rpd": 5_000, "pin": True}})
        limits = table.effective(GPT, heard(rpd=100, tpm=200), None)

        assert {"rpd": 5_000, "tpm": 200} == amounts(limits)

    def test_unpinned(self) -> None:
        """
        Unpinned, a smaller learned limit holds and says that it was learned.
        """
        limits = LimitTable({GPT: {"rpd": 5_000}}).effective(GPT, heard(rpd=100), None)

        assert Limit("rpd", 100, "learned", since=5.0) == one(limits, "rpd")


class TestOverrides:
    def test_values(self) -> None:
        """
        Overrides are mappings or `ModelLimits`.
        """
        table = LimitTable({"a": {"rpd": 1}, "b": ModelLimits(rpd=2)})

        assert {"a": ModelLimits(rpd=1), "b": ModelLimits(rpd=2)} == table.overrides

    def test_set(self) -> None:
        """
        Limits set at run time hold from then on, and the version tells whoever caches.
        """
        table = LimitTable({GPT: {"rpd": 1}})
        before = table.version
        table.set(f" {GPT.upper()}", {"rpd": 2})

        assert 2 == one(table.effective(GPT, {}, None), "rpd").amount
        assert before < table.version

    def test_nested_writes(self) -> None:
        """
        A model's override can be read, changed in one number and written back.
        """
        table = LimitTable({GPT: {"rpd": 1, "description": "Mine"}})
        table.set(GPT, replace(table.override(GPT), tpd=9))

        assert ModelLimits(rpd=1, tpd=9, description="Mine") == table.override(GPT)
        assert ModelLimits() == table.override("another")

    def test_taken_back(self) -> None:
        """
        Without its override a model has its table's limits again.
        """
        table = LimitTable({GPT: {"rpd": 1}})
        table.set(GPT, None)

        assert LimitTable().effective(GPT, {}, None) == table.effective(GPT, {}, None)

    @pytest.mark.parametrize(
        ("model", "limits"),
        [("", {"rpd": 1}), (5, {"rpd": 1}), (GPT, {"rpd": -1}), (GPT, {"requests": 1}), (GPT, 5)],
        ids=repr,
    )
    def test_bad_set_changes_nothing(self, model: object, limits: object) -> None:
        """
        What is refused leaves everything as it was.
        """
        table = LimitTable({GPT: {"rpd": 1}})
        with pytest.raises(ConfigurationError):
            table.set(model, limits)

        assert {GPT: ModelLimits(rpd=1)} == table.overrides
        assert 0 == table.version

    def test_overrides_is_a_copy(self) -> None:
        """
        What was read of the overrides does not change under the reader.
        """
        table = LimitTable({"a": {"rpd": 1}})
        before = table.overrides
        table.set("b", {"rpd": 2})

        assert {"a"} == set(before)

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"m": {"rpd": -1}}, r'limits\."m"\.rpd: '),
            ({"m": 5}, r'limits\."m": '),
            ({"": {}}, r'limits\."": '),
            ({5: {}}, r'limits\."5": '),
            ({"m": {}, " M": {}}, r'limits\." M": .*twice'),
            (5, r"limits: "),
            ([("m", {})], r"limits: "),
            (b"limits.toml", r"limits: "),
        ],
        ids=repr,
    )
    def test_malformed(self, limits: Any, message: str) -> None:
        """
        A malformed table is refused with its place.
        """
        with pytest.raises(ConfigurationError, match=f"^{message}"):
            LimitTable(limits)


class TestFiles:
    @pytest.mark.parametrize("as_path", [True, False], ids=["path", "str"])
    def test_reads(self, tmp_path: Path, as_path: bool) -> None:  # noqa: FBT001 - a parameter of the test
        """
        A TOML file sets the same limits as a mapping.
        """
        path = tmp_path / "limits.toml"
        path.write_text(
            '[models."My-Model"]\nrpd = 1_000\ntpd = "unlimited"\n'
            'description = "Mío"\npin = true\n',
            encoding="utf-8",
        )
        table = LimitTable(path if as_path else str(path))

        assert {
            "my-model": ModelLimits(rpd=1_000, tpd=None, description="Mío", pin=True)
        } == table.overrides

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        """
        A file that an editor on Windows saved is read as well.
        """
        path = tmp_path / "limits.toml"
        path.write_text("models.m.rpd = 5", encoding="utf-8-sig")

        assert {"m": ModelLimits(rpd=5)} == LimitTable(path).overrides

    def test_empty(self, tmp_path: Path) -> None:
        """
        An empty file sets nothing.
        """
        path = tmp_path / "limits.toml"
        path.touch()

        assert {} == LimitTable(path).overrides

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('[models."my-model"]\nrpd = -1', r': models\."my-model"\.rpd: '),
            ('[models."my-model"]\nrpd = 1.5', r': models\."my-model"\.rpd: '),
            ('[models."my-model"]\nrpd = "many"', r': models\."my-model"\.rpd: '),
            ('[models."my-model"]\nrequests = 5', r': models\."my-model"\.requests: unknown'),
            ('[models."my-model"]\npin = 1', r': models\."my-model"\.pin: '),
            ("[models.llama-3.3-70b]\nrpd = 5", r': models\."llama-3"\.3-70b: .*quote'),
            ('["my-model"]\nrpd = 5', r": my-model: unknown"),
            ("[models]\nm = 5", r': models\."m": '),
            ("models = 5", r": models: "),
            ("[models", r": is not valid TOML: "),
        ],
    )
    def test_malformed(self, tmp_path: Path, text: str, message: str) -> None:
        """
        A malformed file is refused with its name and the key.
        """
        path = tmp_path / "limits.toml"
        path.write_text(text, encoding="utf-8")

        with pytest.raises(ConfigurationError, match=rf"limits\.toml{message}"):
            LimitTable(path)

    def test_not_text(self, tmp_path: Path) -> None:
        """
        A file that is no UTF-8 is refused with its name.
        """
        path = tmp_path / "limits.toml"
        path.write_bytes(b"\xff\xfe")

        with pytest.raises(ConfigurationError, match=r"limits\.toml: is not valid TOML"):
            LimitTable(path)

    @pytest.mark.parametrize("name", ["missing.toml", ".", "", "nul\0byte"], ids=repr)
    def test_unreadable(self, name: str) -> None:
        """
        A file that cannot be read is refused with its name.
        """
        with pytest.raises(ConfigurationError, match="cannot be read"):
            LimitTable(name)


class TestModels:
    def test_description(self) -> None:
        """
        The user's description goes before the table's; unknown models have none.
        """
        table = LimitTable({GPT: {"description": "Mine"}, "my-own": {"rpd": 1}})

        assert "Mine" == table.description(GPT)
        assert "OpenAI GPT-OSS 20B" == LimitTable().description(GPT)
        assert table.description("my-own") is None

    def test_known(self) -> None:
        """
        Known are the models of the tables and those with limits of the user's.
        """
        table = LimitTable({"my-own": {"rpd": 1}})

        assert [True, True, False] == [table.known(name) for name in (GPT, "my-own", "another")]

    def test_models(self) -> None:
        """
        The user's models come first, those that Groq shut down last, and none twice.
        """
        table = LimitTable({"my-own": {"rpd": 1}, GPT: {"rpd": 1}})
        models = table.models()
        gone = [table.shutdown(name) is not None for name in models]

        assert ["my-own", GPT] == models[:2]
        assert sorted(gone) == gone
        assert len(set(models)) == len(models)
        assert set(LimitTable().models()) | {"my-own"} == set(models)

    def test_shutdown(self) -> None:
        """
        Shut-down models have the day, others have none.
        """
        assert "2026-08-16" == LimitTable().shutdown(LLAMA)
        assert LimitTable().shutdown(GPT) is None
        assert LimitTable().shutdown("my-own") is None

    def test_row(self) -> None:
        """
        A row says where its numbers are from, and follows the chosen plan.
        """
        row = LimitTable().row(f" {LLAMA}")
        chosen = LimitTable(plan="developer").row(LLAMA)

        assert (1_000_000, "table", "2025-09-01") == (row.amounts["tpd"], row.origin, row.date)
        assert (500_000, "plan", "developer") == (chosen.amounts["rpd"], chosen.origin, chosen.plan)
        assert "default" == LimitTable().row("my-own").origin


def test_import_and_construction_read_nothing() -> None:
    """
    Importing the module and making a table neither loads a TOML reader nor opens a file.
    """
    script = (
        "import sys, groq_quota.limits as limits\n"
        "sys.addaudithook(lambda event, args: event == 'open' and sys.exit(f'opened {args}'))\n"
        "limits.LimitTable({'m': {'rpd': 1}}, plan='free')\n"
        "print({'tomllib', 'tomli'} & {*sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ("set()\n", "") == (done.stdout, done.stderr)
