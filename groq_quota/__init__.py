"""
A quota guard in front of the Groq SDK: checks before each call, counts after it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .decorator import quota_guarded
    from .defaults import default_meter, set_default_meter
    from .errors import (
        ConfigurationError,
        QuotaError,
        QuotaExceededError,
        RequestTooLargeError,
        StorageError,
        WrongTypeError,
    )
    from .hooks import QuotaEvent, QuotaHook
    from .limits import Limit, LimitTable, ModelLimits
    from .meter import QuotaMeter
    from .reports import DailySummary, Decision, ModelUsage, Status, Usage, WindowUsage
    from .reservation import Reservation
    from .sdk import install, uninstall, wrap
    from .storage import Storage, storage_from_uri
    from .tracker import UsageTracker, usage_tracker

__version__ = "0.1.0"

__all__ = [
    "ConfigurationError",
    "DailySummary",
    "Decision",
    "Limit",
    "LimitTable",
    "ModelLimits",
    "ModelUsage",
    "QuotaError",
    "QuotaEvent",
    "QuotaExceededError",
    "QuotaHook",
    "QuotaMeter",
    "RequestTooLargeError",
    "Reservation",
    "Status",
    "Storage",
    "StorageError",
    "Usage",
    "UsageTracker",
    "WindowUsage",
    "WrongTypeError",
    "default_meter",
    "install",
    "quota_guarded",
    "set_default_meter",
    "storage_from_uri",
    "uninstall",
    "usage_tracker",
    "wrap",
]

# Where each name is: its module is imported when it is first asked for, so that importing stays
# light. The imports above say the same to type checkers.
_NAMES = {
    "decorator": "quota_guarded",
    "defaults": "default_meter set_default_meter",
    "errors": (
        "ConfigurationError QuotaError QuotaExceededError RequestTooLargeError StorageError "
        "WrongTypeError"
    ),
    "hooks": "QuotaEvent QuotaHook",
    "limits": "Limit LimitTable ModelLimits",
    "meter": "QuotaMeter",
    "reports": "DailySummary Decision ModelUsage Status Usage WindowUsage",
    "reservation": "Reservation",
    "sdk": "install uninstall wrap",
    "storage": "Storage storage_from_uri",
    "tracker": "UsageTracker usage_tracker",
}
_PLACES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:  # whatever the name is for
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{place}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
