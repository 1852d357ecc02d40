"""
Storages of other packages.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from groq_quota import QuotaMeter, storage_from_uri
from groq_quota.errors import ConfigurationError
from groq_quota.storage import MemoryStorage

if TYPE_CHECKING:
    from pathlib import Path

_MODULE = """
from groq_quota.storage import MemoryStorage

class DrawerStorage(MemoryStorage):
    def __init__(self, uri):
        super().__init__()
        self._uri = uri
    @property
    def uri(self):
        return self._uri

def broken(uri):
    raise ValueError(uri)
"""
_POINTS = "[groq_quota.storage]\ndrawer = theirs:DrawerStorage\nbroken = theirs:broken\n"


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = tmp_path / "site" / "theirs-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(_POINTS)
    (about.parent / "theirs.py").write_text(_MODULE)
    monkeypatch.syspath_prepend(str(about.parent))
    monkeypatch.delitem(sys.modules, "theirs", raising=False)


def test_a_scheme_of_another_package() -> None:
    """
    It gets the whole URI, and a meter counts there.
    """
    storage = storage_from_uri("Drawer://third/from/above?x=1")
    assert isinstance(storage, MemoryStorage)
    assert "Drawer://third/from/above?x=1" == storage.uri
    meter = QuotaMeter("drawer://fourth")
    meter.reserve("llama-3.1-8b-instant").commit(3)
    assert 3 == meter.usage("llama-3.1-8b-instant").tokens


def test_unknown_schemes_are_told_theirs_too() -> None:
    """
    Among ours.
    """
    with pytest.raises(ConfigurationError, match=r"drawer://.*json://.*sqlite://"):
        storage_from_uri("shelf://first")


def test_a_package_that_fails() -> None:
    """
    Is named; what it says of the URI is not, as there may be a password in it.
    """
    with pytest.raises(ConfigurationError, match=r"theirs:broken.*ValueError") as caught:
        storage_from_uri("broken://u:hush@h")
    assert "hush" not in str(caught.value)
