"""
The catalogue of the command line: every text, in English and in Spanish.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .english import ENGLISH
from .spanish import SPANISH

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TEXTS"]

#: The texts by language and name. A test holds the languages to the same names and places.
TEXTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType({"en": ENGLISH, "es": SPANISH})
