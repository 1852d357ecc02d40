"""
The Groq SDK plugin.
"""

from .installation import install, installed, takers_over, uninstall, wrap

__all__ = ["install", "installed", "takers_over", "uninstall", "wrap"]
