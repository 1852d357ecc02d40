"""
The contract, which users have as `groq_quota.testing.StorageContract`.
"""

from __future__ import annotations

from groq_quota.testing import StorageContract

__all__ = ["StorageContract"]
