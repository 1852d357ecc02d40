"""
Groq quotas for Prometheus: read from the storage whenever they are scraped.

    from prometheus_client import REGISTRY
    from groq_quota_prometheus import QuotaCollector

    REGISTRY.register(QuotaCollector())
"""

from .collector import QuotaCollector

__all__ = ["QuotaCollector"]
