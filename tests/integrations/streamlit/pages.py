"""
Pages that run without a browser.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from streamlit.testing.v1 import AppTest

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE", "again", "html", "pieces", "shown"]

# The first run loads pandas and more.
PATIENCE = 60


def shown(function: Callable[..., object], *args: object, **options: object) -> AppTest:
    """
    A page that calls a function with these arguments.
    """
    steps = partial(function, *args, **options)
    return again(AppTest.from_function(_script, kwargs={"steps": steps}, default_timeout=PATIENCE))


def _script(steps: object) -> None:
    steps()  # type: ignore[operator]  # its source is run without imports: so no better annotation


def again(app: AppTest) -> AppTest:
    """
    The page after what was done on it.
    """
    app.run()
    assert not app.exception
    return app


def pieces(app: AppTest, place: str = "main") -> list[str]:
    """
    The HTML elements of a page or of its sidebar, without the one of the styles.
    """
    block = getattr(app, place)
    bodies = [str(piece.proto.body) for piece in block.get("html")]
    return [body for body in bodies if "<style>" not in body]


def html(app: AppTest) -> str:
    """
    All HTML of a page and of its sidebar.
    """
    return "".join([*pieces(app), *pieces(app, "sidebar")])
