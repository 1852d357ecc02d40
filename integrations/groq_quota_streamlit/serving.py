"""
Running the standalone app on this machine.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Options", "serve"]


@dataclass(frozen=True, slots=True)
class Options:
    """
    What the app shows.

    Attributes:
        scope: Whose quota.
        refresh: Seconds between two refreshes, 0 for none.
    """

    scope: str = "default"
    refresh: float = 5.0

    @classmethod
    def of(cls, args: Sequence[str]) -> Options:
        """
        From the arguments that `serve` gives the script.
        """
        parser = argparse.ArgumentParser(prog="groq-quota dashboard")
        parser.add_argument("--scope", default=cls().scope)
        parser.add_argument("--refresh", type=float, default=cls().refresh)
        known = parser.parse_args(args)
        return cls(known.scope, known.refresh)

    @property
    def args(self) -> list[str]:
        """
        As arguments of the script.
        """
        return ["--scope", self.scope, "--refresh", str(self.refresh)]


def serve(
    options: Options | None = None,
    *,
    storage: str | None = None,
    lang: str | None = None,
    port: int = 8501,
    browser: bool = True,
) -> None:
    """
    Run the app on loopback until it is interrupted.

    Args:
        storage: A path or URI; None as `GROQ_QUOTA_STORAGE` says.
        lang: The language it starts in; None as `GROQ_QUOTA_LANG` or the browser says.
        browser: Whether to open it in a browser.
    """
    from streamlit.web import cli

    # Not as arguments: those of a process are for all to see, and a URI may hold a password.
    for name, value in (("GROQ_QUOTA_STORAGE", storage), ("GROQ_QUOTA_LANG", lang)):
        if value:
            os.environ[name] = value
    # Else who has never started Streamlit is asked for a mail address first. Not as an argument:
    # older versions do not know it.
    os.environ["STREAMLIT_SERVER_SHOW_EMAIL_PROMPT"] = "false"
    flags = {
        "server.address": "127.0.0.1",
        "server.port": port,
        "server.headless": not browser,
        "server.fileWatcherType": "none",
        "browser.serverAddress": "127.0.0.1",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
    }
    script = Path(__file__).with_name("app.py")
    settings = [f"--{name}={str(value).lower()}" for name, value in flags.items()]
    wanted = ["run", str(script), *settings, "--", *(options or Options()).args]
    cli.main(wanted, prog_name="streamlit", standalone_mode=False)
