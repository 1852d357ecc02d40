"""
Steps to run on storages, and ways to look at what they keep: those of the contract.
"""

from __future__ import annotations

from groq_quota.contract.steps import (
    DAY,
    KEY,
    NOON,
    admit_of,
    admitted,
    book,
    correct,
    count,
    everything,
    fail,
    full_cell,
    iso,
    move,
    requests,
)

__all__ = [
    "DAY",
    "KEY",
    "NOON",
    "admit_of",
    "admitted",
    "book",
    "correct",
    "count",
    "everything",
    "fail",
    "full_cell",
    "iso",
    "move",
    "requests",
]
