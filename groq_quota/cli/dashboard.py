"""
`groq-quota dashboard`: the page in a browser, served on loopback.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ..storage import storage_from_uri
from .help import Complaint
from .language import Language

__all__ = ["dashboard"]

Port = Annotated[
    int, typer.Option("--port", metavar="meta_number", help="help_port", min=1, max=65_535)
]
Quiet = Annotated[bool, typer.Option("--no-browser", help="help_no_browser")]
Storage = Annotated[str | None, typer.Option("--storage", metavar="meta_uri", help="help_storage")]
Scope = Annotated[str, typer.Option("--scope", metavar="meta_name", help="help_scope")]
Lang = Annotated[str | None, typer.Option("--lang", metavar="meta_lang", help="help_lang")]


def dashboard(
    *,
    port: Port = 8501,
    no_browser: Quiet = False,
    storage: Storage = None,
    scope: Scope = "default",
    lang: Lang = None,
) -> None:
    """
    Serve the page until it is interrupted.

    Raises:
        Complaint: The extra `streamlit` is not installed.
    """
    Language.checked(lang)
    if storage is not None:
        storage_from_uri(storage)  # said here, before a browser opens
    try:
        import streamlit as _  # noqa: F401  # the page is drawn by it

        from groq_quota_streamlit.serving import Options, serve
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in {"streamlit", "groq_quota_streamlit"}:
            raise
        raise Complaint("no_extra", package=package, extra="streamlit") from missing
    serve(Options(scope), storage=storage, lang=lang, port=port, browser=not no_browser)
