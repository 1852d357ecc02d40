"""
Storages: atomic cells that know no policy.
"""

from .base import BaseStorage, Doubt, Key, Storage
from .memory import MemoryStorage
from .uri import storage_from_uri

__all__ = ["BaseStorage", "Doubt", "Key", "MemoryStorage", "Storage", "storage_from_uri"]
