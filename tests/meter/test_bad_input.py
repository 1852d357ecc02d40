"""
Bad input raises a clear error and changes nothing.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from groq_quota.errors import ConfigurationError, WrongTypeError
from groq_quota.meter import QuotaMeter
from groq_quota.reports import Usage
from groq_quota.storage.memory import MemoryStorage

from .driver import MODEL

if TYPE_CHECKING:
    from groq_quota.testing import FakeClock

BAD_NAMES: list[Any] = ["", "  ", 5, b"m", ["m"], "a\0b", "\ud800", "x" * 1_025, "ñ" * 513, None]
BAD_TOKENS: list[Any] = [-1, 1.5, 2.0, "5", None, True, [1], 2**53]
BAD_USAGE: list[Any] = [
    -1,
    1.5,
    True,
    "many",
    object(),
    {},
    {"total_tokens": -1},
    {"total_tokens": 1.5},
    {"prompt_tokens": 1, "completion_tokens": True},
    {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": -1}},
    Usage(-1),
    Usage(1, prompt_tokens=-1),
    Usage(1, audio_seconds=-0.5),
    Usage(1, audio_seconds=float("nan")),
    Usage(1.5),  # type: ignore[arg-type]  # what is tested
]


@pytest.fixture
def counted(clock: FakeClock) -> tuple[QuotaMeter, MemoryStorage]:
    """
    A meter that has counted something, and its storage.
    """
    storage = MemoryStorage()
    meter = QuotaMeter(storage, limits={MODEL: {"rpd": 10}}, clock=clock)
    meter.record(MODEL, 5)
    return meter, storage


def kept(storage: MemoryStorage) -> object:
    """
    All that a storage has.
    """
    return [(scope, storage.load(scope), storage.past(scope, "")) for scope in storage.scopes()]


@pytest.mark.parametrize(
    ("method", "name"),
    [
        *itertools.product(
            ["check", "reserve", "record", "usage", "health", "acheck", "areserve"], BAD_NAMES
        ),
        *itertools.product(["reset", "areset"], BAD_NAMES[:-1]),  # of None: all models
    ],
)
async def test_a_models_name_must_be_a_name(
    counted: tuple[QuotaMeter, MemoryStorage], method: str, name: Any
) -> None:
    """
    Anything else raises, names the value and changes nothing.
    """
    meter, storage = counted
    before = kept(storage)
    with pytest.raises(ConfigurationError, match="name must"):
        await getattr(meter, method)(name)
    assert before == kept(storage)


@pytest.mark.parametrize("tokens", BAD_TOKENS)
@pytest.mark.parametrize("method", ["check", "reserve", "acheck", "areserve"])
async def test_tokens_must_be_a_whole_number_from_0(
    counted: tuple[QuotaMeter, MemoryStorage], method: str, tokens: Any
) -> None:
    """
    Anything else raises and changes nothing.
    """
    meter, storage = counted
    before = kept(storage)
    with pytest.raises(ConfigurationError, match="tokens must") as caught:
        await getattr(meter, method)(MODEL, tokens)
    assert isinstance(caught.value, TypeError) == (tokens not in (-1, 2**53))
    assert before == kept(storage)


@pytest.mark.parametrize("usage", BAD_USAGE)
async def test_usage_must_be_one(counted: tuple[QuotaMeter, MemoryStorage], usage: Any) -> None:
    """
    For a record and for a commit, whose reservation stays open.
    """
    meter, storage = counted
    reservation = meter.reserve(MODEL, 5)
    before = kept(storage)
    for attempt in (meter.record, meter.arecord):
        with pytest.raises(ConfigurationError, match="usage"):
            await attempt(MODEL, usage)  # type: ignore[misc]  # the sync one raises first
    for end in (reservation.commit, reservation.acommit):
        with pytest.raises(ConfigurationError, match="usage"):
            await end(usage)  # type: ignore[misc]  # the sync one raises first
    assert before == kept(storage)
    assert reservation.active


@pytest.mark.parametrize("days", [-1, 1.5, "7", True, 3_661, 10**9])
def test_days_of_history_must_be_a_whole_number(days: Any) -> None:
    """
    From 0 on, and no more than ten years.
    """
    with pytest.raises(ConfigurationError, match="days must"):
        QuotaMeter("memory://").history(days)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"scope": ""}, "scope must not be empty"),
        ({"scope": None}, "scope must be a string"),
        ({"scope": 5}, "scope must be a string, not 5"),
        ({"on_storage_error": "ignore"}, "'allow' or 'refuse', not 'ignore'"),
        ({"on_storage_error": None}, "'allow' or 'refuse', not None"),
        ({"on_storage_error": ["allow"]}, "'allow' or 'refuse'"),
        ({"plan": "gold"}, "plan"),
        ({"limits": {"m": {"rpd": -1}}}, "rpd"),
        ({"limits": {"": {"rpd": 1}}}, "name must not be empty"),
        ({"storage": ""}, "storage is empty"),
        ({"storage": None}, "storage must be"),
        ({"storage": 5}, "storage must be"),
        ({"storage": "carrier-pigeon://x"}, "unknown storage scheme 'carrier-pigeon://'"),
    ],
)
def test_bad_settings_raise_at_once(settings: dict[str, Any], said: str) -> None:
    """
    With what is wrong and what would be right.
    """
    with pytest.raises(ConfigurationError, match=said):
        QuotaMeter(**settings)


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_scopes_name_must_be_a_name(name: Any) -> None:
    """
    Also for views.
    """
    with pytest.raises(ConfigurationError, match="scope must"):
        QuotaMeter("memory://").scoped(name)


def test_wrong_types_are_type_errors_too() -> None:
    """
    And all are value errors.
    """
    meter = QuotaMeter("memory://")
    with pytest.raises(TypeError) as caught:
        meter.reserve(MODEL, 1.5)  # type: ignore[arg-type]  # what is tested
    assert isinstance(caught.value, (WrongTypeError, ValueError))
    with pytest.raises(ValueError, match="negative"):
        meter.reserve(MODEL, -1)


def test_a_meter_shows_where_it_counts() -> None:
    """
    Its place and its scope.
    """
    assert "QuotaMeter('memory://', scope='bob')" == repr(QuotaMeter("memory://", scope="bob"))
