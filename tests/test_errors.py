"""
Errors: one tree, and refusals that survive the way between processes.
"""

from __future__ import annotations

import copy
import pickle

import pytest

from groq_quota import errors
from groq_quota.limits import Limit

DETAILS = {
    "model": "m",
    "limit": Limit("rpm", 30, "user"),
    "used": 30,
    "requested": 1,
    "remaining": 0,
    "retry_after": 2.0,
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_a_quota_error(name: str) -> None:
    """
    So that one `except` catches all.
    """
    assert issubclass(getattr(errors, name), errors.QuotaError)


def test_configuration_errors_are_value_and_type_errors() -> None:
    """
    Whoever catches Python's own gets ours.
    """
    assert issubclass(errors.ConfigurationError, ValueError)
    assert issubclass(errors.WrongTypeError, TypeError)
    assert issubclass(errors.WrongTypeError, errors.ConfigurationError)
    assert not issubclass(errors.QuotaExceededError, ValueError)


@pytest.mark.parametrize("kind", [errors.QuotaExceededError, errors.RequestTooLargeError])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_refusals_pickle_with_all_their_numbers(
    kind: type[errors.QuotaExceededError | errors.RequestTooLargeError], protocol: int
) -> None:
    """
    In every protocol; copies are equal too.
    """
    error = kind("m: full (not sent)", **DETAILS)  # type: ignore[arg-type]  # of mixed values
    for again in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):  # noqa: S301  # its own
        assert type(again) is kind
        assert ("m: full (not sent)", DETAILS) == (str(again), again.details())
        assert error.args == again.args


@pytest.mark.parametrize(
    "error", [errors.StorageError("a.json: is away"), errors.ConfigurationError("no")]
)
def test_the_other_errors_pickle(error: errors.QuotaError) -> None:
    """
    With their message.
    """
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # its own
    assert (type(error), str(error)) == (type(again), str(again))
