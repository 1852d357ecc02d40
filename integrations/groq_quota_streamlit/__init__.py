"""
See it in Streamlit: a tab, a sidebar and an app that show what is left of a Groq quota.

    from groq_quota_streamlit import usage_tab

    usage_tab()
"""

from .admin import admin_controls
from .classic import (
    display_detailed_stats,
    display_model_limits_info,
    display_usage_alert,
    display_usage_metrics,
    display_usage_progress_bar,
    get_time_until_reset,
)
from .tab import usage_sidebar, usage_tab

__all__ = [
    "admin_controls",
    "display_detailed_stats",
    "display_model_limits_info",
    "display_usage_alert",
    "display_usage_metrics",
    "display_usage_progress_bar",
    "get_time_until_reset",
    "usage_sidebar",
    "usage_tab",
]
