"""
Help in the user's language: what commands and options say are names in the catalogue.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from .complaint import Complaint
from .language import Language
from .texts import TEXTS

__all__ = ["Command", "Complaint", "Group"]

# Contexts, commands and formatters are typer's or click's, as its version has it: hence Any.


class Command(TyperCommand):
    """
    A command whose help comes from the catalogue.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """
        Parse what follows the command.

        Raises:
            Complaint: There are more arguments than it takes.
        """
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest and not ctx.resilient_parsing:
            raise Complaint("too_many", given=" ".join(rest))
        return rest

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """
        Write usage, what the command does, its arguments and its options.
        """
        language = _spoken(ctx)
        arguments = [each for each in self.params if each.param_type_name == "argument"]
        names = [_named(argument, language) for argument in arguments]
        _write_head(self, ctx, formatter, language, [*names, language.say("command_usage")])
        if names:
            said = [_said(argument, language) for argument in arguments]
            _write_table(formatter, language.say("arguments"), list(zip(names, said, strict=True)))
        _write_options(self, ctx, formatter, language)

    def get_short_help_str(self, limit: int = 45) -> str:
        """
        What the command does, in a few words.
        """
        return Language.of(()).say(f"{self.help}_short")

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """
        The options that a word may become, each with what it does.
        """
        return _explained(super().shell_complete(ctx, incomplete))


class Group(TyperGroup):
    """
    The command itself, whose help lists its commands, in the order they were written down.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """
        Write usage, the commands, the options and the exit codes.
        """
        language = _spoken(ctx)
        _write_head(self, ctx, formatter, language, [language.say("group_usage")])
        rows = [
            (name, language.say(f"{command.help}_short")) for name, command in self.commands.items()
        ]
        _write_table(formatter, language.say("commands"), rows)
        _write_options(self, ctx, formatter, language)
        codes = language.say("exit_codes").splitlines()
        _write_table(formatter, codes[0], [(line[:1], line[2:]) for line in codes[1:]])

    def list_commands(self, ctx: Any) -> list[str]:
        """
        The names of the commands, as they were written down.
        """
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """
        The command that is meant.

        Raises:
            Complaint: There is none of that name.
        """
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise Complaint("no_such_command", given=args[0], known=", ".join(self.commands))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """
        The commands and options that a word may become, each with what it does.
        """
        return _explained(super().shell_complete(ctx, incomplete))


def _spoken(ctx: Any) -> Language:
    # Shell completion asks for help without having gone through `run`.
    return ctx.obj if isinstance(ctx.obj, Language) else Language.of(())


def _explained(items: Any) -> Any:
    language = Language.of(())
    for item in items:
        if item.help in TEXTS[language.code]:
            item.help = language.say(item.help)
    return items


def _write_head(
    command: Any, ctx: Any, formatter: Any, language: Language, usage: list[str]
) -> None:
    prefix = language.say("usage")
    formatter.write_usage(ctx.command_path, " ".join(usage), prefix=f"{prefix} ")
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(language.say(command.help))


def _write_options(command: Any, ctx: Any, formatter: Any, language: Language) -> None:
    rows = [
        (_spelt(option, language), _said(option, language))
        for option in command.params
        if option.param_type_name == "option"
    ]
    rows.append(("--help", language.say("help_help")))
    _write_table(formatter, language.say("options"), rows)


def _named(argument: Any, language: Language) -> str:
    name = language.say(argument.metavar)
    return name if argument.required else f"[{name}]"


def _said(param: Any, language: Language) -> str:
    # Those of completion are typer's own and come with texts of its own.
    known = param.help in TEXTS[language.code]
    return language.say(param.help if known else f"help_{param.name}")


def _spelt(option: Any, language: Language) -> str:
    spelling = ", ".join(option.opts)
    if option.is_flag or option.metavar is None:
        return spelling
    return f"{spelling} {language.say(option.metavar)}"


def _write_table(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    with formatter.section(title):
        formatter.write_dl(rows)
