"""
From a place as text to its storage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from groq_quota import storage_from_uri
from groq_quota.errors import ConfigurationError, WrongTypeError
from groq_quota.storage.json_file import JsonStorage
from groq_quota.storage.memory import MemoryStorage


@pytest.mark.parametrize("uri", ["memory://", "MEMORY://", "memory://anything"])
def test_memory(uri: str) -> None:
    """
    A new one each time.
    """
    assert isinstance(storage_from_uri(uri), MemoryStorage)
    assert storage_from_uri(uri) is not storage_from_uri(uri)


@pytest.mark.parametrize(
    "place",
    [
        "usage.json",
        "./some/usage.json",
        "/abs/usage.json",
        r"C:\data\usage.json",
        "C:/data/usage.json",
        "no extension",
        "odd:name.json",
        Path("usage.json"),
        "json://usage.json",
        "json:///abs/usage.json",
        "JSON:///abs/usage.json",
    ],
)
def test_all_else_is_the_path_of_a_file(place: str | Path) -> None:
    """
    Nothing is opened or written by naming it.
    """
    assert isinstance(storage_from_uri(place), JsonStorage)
    assert [] == list(Path().iterdir())


def test_a_relative_path_is_where_the_program_was_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Made absolute at once: a program that changes its directory counts on in the same file.
    """
    storage = storage_from_uri("usage.json")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert f"json://{tmp_path}/usage.json" == storage.uri


@pytest.mark.parametrize(
    "uri", ["carrier-pigeon://coop", "://nothing", "http://user:secret@host/x"]
)
def test_unknown_schemes_are_told_the_known_ones(uri: str) -> None:
    """
    And the message has no more of the place than the scheme: it may carry a password.
    """
    with pytest.raises(ConfigurationError, match="unknown storage scheme") as caught:
        storage_from_uri(uri)
    message = str(caught.value)
    assert uri.partition("//")[0] in message
    assert "memory://" in message
    assert "json://" in message
    assert "secret" not in message


@pytest.mark.parametrize("uri", [None, 5, ["usage.json"], object(), b"usage.json", b""])
def test_what_is_no_place(uri: Any) -> None:
    """
    Says what it was given.
    """
    with pytest.raises(WrongTypeError, match=type(uri).__name__):
        storage_from_uri(uri)


def test_an_empty_place() -> None:
    """
    Says what would be one.
    """
    with pytest.raises(ConfigurationError, match=r"empty: give a path such as 'usage_data\.json'"):
        storage_from_uri("")
