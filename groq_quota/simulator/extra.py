"""
The packages that the ``simulator`` extra brings.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = ("starlette", "uvicorn")


@contextmanager
def needed() -> Iterator[None]:
    """
    Say what to install where an import in the block finds one of the packages missing.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        raise ModuleNotFoundError(
            f'the simulator needs {package}: pip install "groq-quota[simulator]"', name=package
        ) from missing
