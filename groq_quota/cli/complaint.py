"""
What is wrong with a command line.
"""

from __future__ import annotations

__all__ = ["Complaint"]


class Complaint(Exception):  # noqa: N818  # it is told in the user's language, never as a traceback
    """
    What is wrong with a command line: a text of the catalogue and its values.
    """

    def __init__(self, name: str, **values: object) -> None:
        super().__init__(name)
        self.name = name
        self.values = values
