"""
What every storage has to do, as tests.

Needs pytest: a storage's tests subclass `StorageContract` and say how to open one.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.cells", f"{__name__}.crowds")

from .cells import CellContract  # noqa: E402  # pytest has to know first
from .crowds import CrowdContract  # noqa: E402  # the same

__all__ = ["StorageContract"]


class StorageContract(CellContract, CrowdContract):
    """
    Subclass it with a name that begins with `Test`, and override `make`.

    Attributes:
        persistent: True if what was kept is there again in another storage made at the same place.
    """
