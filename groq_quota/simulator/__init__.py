"""
A look-alike of Groq: a server with Groq's endpoints, limits, headers and refusals.

It shares no code with the rest of the library, so that each can check the other. It needs the
extra: ``pip install "groq-quota[simulator]"``.
"""

from __future__ import annotations

from .answers import Answer, ToolCall
from .faults import Fault
from .ledger import Ledger, Row
from .simulator import Simulator, serve

__all__ = ["Answer", "Fault", "Ledger", "Row", "Simulator", "ToolCall", "serve"]
