"""
The Groq SDK plugin.
"""

from .installation import install, installed, uninstall, wrap

__all__ = ["install", "installed", "uninstall", "wrap"]
