"""
A quota guard in front of the Groq SDK: checks before each call, counts after it.
"""

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
