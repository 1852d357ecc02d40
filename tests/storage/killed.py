"""
Counts until it is killed: `python -m tests.storage.killed URI`, a dot for each count that is kept.
"""

from __future__ import annotations

import sys

from groq_quota.storage import storage_from_uri
from tests.contract.steps import count

if __name__ == "__main__":
    storage = storage_from_uri(sys.argv[1])
    while True:
        storage.transact(("default", "m"), count)
        sys.stdout.write(".")
        sys.stdout.flush()
