"""
groq-quota for LangChain and LangGraph.
"""

from .attach import attach_globally, detach_globally
from .handler import QuotaCallbackHandler

__all__ = ["QuotaCallbackHandler", "attach_globally", "detach_globally"]
