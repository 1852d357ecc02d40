"""
The tables that come with the library: what is in them, and that they can be told apart.
"""

from __future__ import annotations

from datetime import date
from itertools import combinations, pairwise

import pytest

from groq_quota.limits import KINDS, PLANS
from groq_quota.tables import Row, groq_tables

TABLES = groq_tables()
ROWS = [
    pytest.param(model, row, id=f"{model}-{row.plan}-{row.date}")
    for model, rows in TABLES.published.items()
    for row in rows
]


@pytest.mark.parametrize(
    ("model", "description", "rpd"),
    [
        ("llama-3.1-8b-instant", "Llama 3.1 8B Instant", 14_400),
        ("llama-3.3-70b-versatile", "Llama 3.3 70B Versatile", 1_000),
        ("meta-llama/llama-guard-4-12b", "Meta Llama Guard 4 12B", 14_400),
        ("groq/compound", "Groq Compound", 250),
        ("groq/compound-mini", "Groq Compound Mini", 250),
        ("gemma2-9b-it", "Gemma 2 9B IT", 14_400),
        ("llama-3.1-70b-versatile", "Llama 3.1 70B Versatile", 1_000),
        ("llama3-8b-8192", "Llama 3 8B", 14_400),
        ("llama3-70b-8192", "Llama 3 70B", 1_000),
        ("mixtral-8x7b-32768", "Mixtral 8x7B", 14_400),
        ("gemma-7b-it", "Gemma 7B IT", 14_400),
    ],
)
def test_default_models(model: str, description: str, rpd: int) -> None:
    """
    The eleven models that users of the first tracker know keep their numbers and descriptions.
    """
    row = TABLES.default[model]

    assert 11 == len(TABLES.default)
    assert (rpd, 1_000_000) == (row.amounts["rpd"], row.amounts["tpd"])
    assert description == TABLES.about[model]["description"]


@pytest.mark.parametrize(
    ("plan", "model", "amounts"),
    [
        ("free", "openai/gpt-oss-120b", {"rpm": 30, "rpd": 1_000, "tpm": 8_000, "tpd": 200_000}),
        (
            "free",
            "openai/gpt-oss-safeguard-20b",
            {"rpm": 30, "rpd": 1_000, "tpm": 8_000, "tpd": 200_000},
        ),
        ("free", "groq/compound", {"rpm": 30, "rpd": 250, "tpm": 70_000}),
        ("free", "qwen/qwen3-32b", {"rpm": 60, "rpd": 1_000, "tpm": 6_000, "tpd": 500_000}),
        ("free", "whisper-large-v3", {"rpm": 20, "rpd": 2_000, "ash": 7_200, "asd": 28_800}),
        ("developer", "openai/gpt-oss-120b", {"rpm": 1_000, "rpd": 500_000, "tpm": 250_000}),
        (
            "developer",
            "whisper-large-v3",
            {"rpm": 300, "rpd": 200_000, "ash": 200_000, "asd": 4_000_000},
        ),
    ],
)
def test_newest_rows(plan: str, model: str, amounts: dict[str, int]) -> None:
    """
    A plan gives a model the newest row that Groq published.
    """
    assert amounts == TABLES.expected(model, plan).amounts


@pytest.mark.parametrize(("model", "row"), ROWS)
def test_rows_are_sound(model: str, row: Row) -> None:
    """
    Rows have positive numbers of known kinds, a known plan, a date and a source.
    """
    assert {*row.amounts} <= {*KINDS}
    assert all(amount > 0 for amount in row.amounts.values())
    assert row.plan in PLANS
    assert row.date == date.fromisoformat(row.date).isoformat()
    assert row.source


@pytest.mark.parametrize(("model", "row"), ROWS)
def test_rows_name_their_plan(model: str, row: Row) -> None:
    """
    The headers of an account on a row's plan name that row.
    """
    heard = {kind: row.amounts[kind] for kind in ("rpd", "tpm", "ash") if kind in row.amounts}
    named = TABLES.matching(model, heard)

    assert named is not None
    assert (row.plan, row.amounts, "plan") == (named.plan, named.amounts, named.origin)


@pytest.mark.parametrize("model", TABLES.published)
def test_plans_differ(model: str) -> None:
    """
    No two rows of a model show the same headers, so that one answer names one row.
    """
    for one, other in combinations(TABLES.published[model], 2):
        assert not one.fits({kind: other.amounts[kind] for kind in other.amounts if kind != "asd"})


@pytest.mark.parametrize("model", TABLES.published)
def test_order(model: str) -> None:
    """
    Groq's own rows of a plan stand newest first, before what others report.
    """
    for plan in PLANS:
        rows = [row for row in TABLES.published[model] if row.plan == plan]
        ranks = [(row.source.startswith("https://console.groq.com/"), row.date) for row in rows]

        assert all(first > second for first, second in pairwise(ranks))


def test_names() -> None:
    """
    Every model of a table is described, and under the name by which models are matched.
    """
    assert {*TABLES.default, *TABLES.published} == {*TABLES.about}
    assert all(name == name.strip().lower() for name in TABLES.about)
    assert all(about["description"] for about in TABLES.about.values())


def test_shutdowns() -> None:
    """
    Shutdowns are days, and none of the models in the newest table is shut down.
    """
    newest = max(row.date for row in TABLES.published["openai/gpt-oss-120b"])
    for name, about in TABLES.about.items():
        day = about.get("shutdown")
        if day is not None:
            assert day == date.fromisoformat(day).isoformat()
            assert newest not in {row.date for row in TABLES.published.get(name, ())}


def test_loaded_once() -> None:
    """
    The file is read once.
    """
    assert TABLES is groq_tables()
