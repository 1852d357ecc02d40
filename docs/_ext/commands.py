"""
A directive that writes the reference of the command line from the commands themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from docutils.parsers.rst import Directive

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup"]


class Commands(Directive):
    """
    The help of `groq-quota` and of each of its commands, in English, as it is printed.
    """

    def run(self) -> list[nodes.Node]:
        """
        A section for each.
        """
        return [_section(name, text) for name, text in _help().items()]


def _help() -> dict[str, str]:
    import typer

    from groq_quota.cli.app import app
    from groq_quota.cli.language import Language

    group = typer.main.get_command(app)
    language = Language("en")
    context = group.context_class(group, info_name="groq-quota", obj=language)
    found = {"groq-quota": group.get_help(context)}
    for name, command in group.commands.items():
        inner = command.context_class(command, parent=context, info_name=name, obj=language)
        found[f"groq-quota {name}"] = command.get_help(inner)
    return found


def _section(name: str, text: str) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(name)], names=[name])
    section += nodes.title(text=name)
    section += nodes.literal_block(text, text, language="text")
    return section


def setup(app: Sphinx) -> dict[str, bool]:
    """
    Make the directive known.
    """
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
