"""
The contract, over the storages that need no server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from groq_quota.storage import MemoryStorage
from groq_quota.storage.json_file import JsonStorage
from tests.contract.contract import StorageContract

if TYPE_CHECKING:
    from pathlib import Path

    from groq_quota.storage import Storage


class TestMemory(StorageContract):
    persistent = False

    def make(self, place: Path) -> Storage:
        """
        In this process alone.
        """
        del place
        return MemoryStorage()


class TestJson(StorageContract):
    def make(self, place: Path) -> Storage:
        """
        The default.
        """
        return JsonStorage(place / "usage_data.json")


class TestJsonWithFsync(StorageContract):
    def make(self, place: Path) -> Storage:
        """
        Waiting for the disk.
        """
        return JsonStorage(place / "usage_data.json", fsync=True)
