"""
How Sphinx builds the documentation: `tox run -e docs`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import groq_quota

project = "groq-quota"
author = "groq-quota contributors"
copyright = author  # noqa: A001  # Sphinx wants it by this name
version = release = groq_quota.__version__

extensions = ["commands", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"groq-quota {release}"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# Everything of ours that a page mentions has to be there; other projects' pages are not asked.
nitpick_ignore_regex = [("py:.*", r"(?!groq_quota).*")]
# TypedDicts of the tracker: its methods name their keys.
nitpick_ignore = [
    ("py:class", "groq_quota.daily_limits.DailyLimits"),
    ("py:class", "groq_quota.tracker.UsageData"),
]


def setup(app: Sphinx) -> None:
    """
    Read the docstrings' single backticks as code, as Markdown does.
    """
    # Before napoleon, which takes a colon in a property's first sentence for that of a type.
    app.connect("autodoc-process-docstring", _literals, priority=400)


def _literals(*args: Any) -> None:
    # What Sphinx passes; the last one is the docstring's lines, to be changed in place.
    lines: list[str] = args[-1]
    lines[:] = re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", "\n".join(lines)).split("\n")
