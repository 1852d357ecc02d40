"""
The app as a process, and who visits it with a browser.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast
from urllib.request import ProxyHandler, build_opener

from groq_quota import QuotaMeter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from playwright.sync_api import Browser, Locator
    from typing_extensions import Self

__all__ = ["MODEL", "PASSWORD", "REFRESH", "SWITCHES", "Dashboard", "Visitor", "chromium_path"]

MODEL = "openai/gpt-oss-120b"
PASSWORD = "correct horse"
REFRESH = 5.0
# Without those of the network, Chromium asks its maker's hosts for this and that.
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_PATIENCE = 60.0
# A second in what Linux tells programs of their time.
_TICKS = 100
# Chromium's own remark on a password field, at the level "verbose", is no trouble.
_LOUD = {"error", "warning"}


def chromium_path() -> str | None:
    """
    Where a Chromium is installed: Playwright's own is not downloaded.
    """
    return shutil.which("chromium") or shutil.which("google-chrome")


class Dashboard:
    """
    The standalone app in a process of its own, on a file.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], *, browser: bool = False) -> None:
        self.path = folder / "usage_data.json"
        self._log = folder / "dashboard.log"
        self._environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GROQ_QUOTA_STORAGE": str(self.path),
            **environ,
        }
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        start = (
            f"from groq_quota_streamlit.serving import serve; serve(port={port}, browser={browser})"
        )
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", start],
                cwd=folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        opener, end = build_opener(ProxyHandler({})), time.monotonic() + _PATIENCE
        while True:
            try:
                opener.open(f"{self.url}/_stcore/health", timeout=5).close()
            except OSError:
                assert self.process.poll() is None, self._log.read_text()
                assert time.monotonic() < end, self._log.read_text()
            else:
                return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.wait(_PATIENCE)

    def emptied(self) -> QuotaMeter:
        """
        A meter on the app's file, which is taken away first.
        """
        self.path.unlink(missing_ok=True)
        return QuotaMeter(self.path, on_storage_error="refuse")

    def count_elsewhere(self, model: str) -> None:
        """
        Count a request in yet another process on the same file.
        """
        code = f"import groq_quota; groq_quota.default_meter().record({model!r})"
        subprocess.run([sys.executable, "-c", code], check=True, env=self._environ)

    def seconds_of_cpu(self) -> float:
        """
        What the process has used of the processor so far (Linux only).
        """
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


class Visitor:
    """
    A browser's session with the app; `troubles` is what went wrong in it.
    """

    def __init__(self, browser: Browser, url: str, locale: str, width: int, scheme: str) -> None:
        self._context = browser.new_context(
            viewport={"width": width, "height": 900},
            locale=locale,
            timezone_id="Europe/Madrid",
            color_scheme=cast("Literal['dark', 'light']", scheme),
        )
        self.page = self._context.new_page()
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.troubles.append(said.text) if said.type in _LOUD else None,
        )
        self.page.on("requestfailed", lambda request: self.troubles.append(request.url))
        self.page.goto(url)
        self.bars.first.wait_for(timeout=1_000 * _PATIENCE)

    @property
    def main(self) -> Locator:
        """
        The page without its sidebar.
        """
        return self.page.get_by_test_id("stMain")

    @property
    def sidebar(self) -> Locator:
        """
        The sidebar.
        """
        return self.page.get_by_test_id("stSidebar")

    @property
    def bars(self) -> Locator:
        """
        The bars of the main page.
        """
        return self.main.get_by_role("progressbar")

    def choose(self, tab: str) -> None:
        """
        Go to a tab.
        """
        self.page.get_by_role("tab", name=tab, exact=True).click()

    def log_in(self, password: str = PASSWORD) -> None:
        """
        Give the administrator's password (in Spanish).
        """
        self.page.get_by_label("Contraseña de administración").first.fill(password)
        self.page.get_by_role("button", name="Mostrar administración").click()

    def leave(self) -> None:
        """
        Look once more for exceptions on the page, and close it.
        """
        thrown = self.page.get_by_test_id("stException").all_inner_texts()
        self.troubles.extend(thrown)
        self._context.close()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
