"""
What goes wrong, as an exit code and a line for stderr.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ConfigurationError, QuotaError, StorageError
from .complaint import Complaint

if TYPE_CHECKING:
    from .language import Language

__all__ = ["told"]


def told(error: Exception, language: Language) -> tuple[int, str]:
    """
    The exit code and the line for an error; one that is neither ours nor the user's is raised.
    """
    if isinstance(error, Complaint):
        return 2, language.failure(error.name, **error.values)
    if isinstance(error, QuotaError):
        return _code(error), language.failure("failed", reason=error)
    if isinstance(error, ModuleNotFoundError) and error.name in {"starlette", "uvicorn"}:
        return 2, language.failure("no_extra", package=error.name, extra="simulator")
    if not hasattr(error, "format_message"):
        raise error
    return 2, _parsing(error, language)


def _code(error: QuotaError) -> int:
    if isinstance(error, StorageError):
        return 3
    return 2 if isinstance(error, ConfigurationError) else 1


def _parsing(error: Exception, language: Language) -> str:
    # typer's errors, whose classes depend on its version: known by their names.
    kind = type(error).__name__
    param = getattr(error, "param", None)
    if kind == "NoSuchOption":
        return language.failure("no_such_option", option=getattr(error, "option_name", ""))
    if kind == "BadOptionUsage":
        return language.failure("bad_option", option=getattr(error, "option_name", ""))
    if kind == "MissingParameter" and param is not None:
        return language.failure("missing_argument", missing=language.say(param.metavar))
    if kind == "BadParameter" and param is not None:
        return language.failure("bad_value", option=param.opts[0])
    return language.failure("failed", reason=getattr(error, "message", error))
