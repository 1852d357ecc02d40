"""
The commands, their options, and what they end with.

Exit codes: 0 all went well; 1 the answer is no (a limit, counts that differ); 2 the command line, a
setting or a missing extra; 3 the storage; 130 interrupted.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ..meter import QuotaMeter
from ..settings import Settings
from .console import Glyphs, open_console
from .dashboard import dashboard
from .failures import told
from .help import Command, Group
from .language import Language
from .options import Json, Lang, Model, OptionalModel, Scope, Storage, number, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "run"]

app = typer.Typer(
    cls=Group, help="help_group", rich_markup_mode=None, pretty_exceptions_enable=False
)


def run(args: Sequence[str]) -> int:
    """
    Do what a command line says and return the exit code; what goes wrong is one line on stderr.
    """
    language = Language.of(args)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # One that cannot take an accent gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")
    try:
        code = app(
            args=list(args) or ["--help"],
            prog_name="groq-quota",
            obj=language,
            standalone_mode=False,
        )
    except Exception as error:
        code, said = told(error, language)
        typer.echo(" ".join(said.split()), err=True)
    return code or 0


@app.callback(invoke_without_command=True)
def group(
    *,
    version: Annotated[bool, typer.Option("--version", help="help_version")] = False,
) -> None:
    if version:
        from .. import __version__

        typer.echo(f"groq-quota {__version__}")


@app.command(cls=Command, help="help_status")
def status(
    ctx: typer.Context,
    *,
    as_json: Json = False,
    every: Annotated[bool, typer.Option("--all", help="help_all")] = False,
    again: Annotated[bool, typer.Option("--watch", help="help_watch")] = False,
    interval: Annotated[
        float,
        typer.Option(
            metavar="meta_seconds", help="help_interval", parser=number("--interval", 0.1)
        ),
    ] = 2.0,
    storage: Storage = None,
    scope: Scope = "default",
    lang: Lang = None,
) -> None:
    from . import status as room
    from .watch import watch, watch_lines

    Language.checked(lang)
    meter = _meter(storage, scope)

    def read() -> room.Overview:
        return room.overview(meter, every=every)

    if as_json and again:
        watch_lines(read, interval)
    elif as_json:
        typer.echo(room.as_json(read()))
    else:
        console = open_console()
        glyphs = Glyphs.of(console.encoding)
        if again:
            watch(read, console, ctx.obj, glyphs, interval)
        else:
            room.show(read(), console, ctx.obj, glyphs)


@app.command(cls=Command, help="help_check")
def check(
    ctx: typer.Context,
    model: Model,
    *,
    tokens: Annotated[
        int, typer.Option(metavar="meta_number", help="help_tokens", parser=whole("--tokens"))
    ] = 0,
    as_json: Json = False,
    storage: Storage = None,
    scope: Scope = "default",
    lang: Lang = None,
) -> None:
    from . import check as room
    from .sentences import sentence

    Language.checked(lang)
    meter = _meter(storage, scope)
    decision, usage = meter.check(model, tokens), meter.usage(model)
    if as_json:
        typer.echo(room.as_json(decision, usage, sentence(decision, usage, ctx.obj), meter))
    else:
        console = open_console()
        room.show(decision, usage, console, ctx.obj, Glyphs.of(console.encoding))
    if not decision.allowed:
        raise typer.Exit(1)


@app.command(cls=Command, help="help_limits")
def limits(
    ctx: typer.Context,
    model: OptionalModel = None,
    *,
    as_json: Json = False,
    storage: Storage = None,
    scope: Scope = "default",
    lang: Lang = None,
) -> None:
    from . import limits as room

    Language.checked(lang)
    seen = room.known(_meter(storage, scope), model)
    if as_json:
        typer.echo(room.as_json(seen))
    else:
        room.show(seen, open_console(), ctx.obj)


@app.command(cls=Command, help="help_history")
def history(
    ctx: typer.Context,
    *,
    days: Annotated[
        int, typer.Option(metavar="meta_number", help="help_days", parser=whole("--days", 1))
    ] = 7,
    as_json: Json = False,
    storage: Storage = None,
    scope: Scope = "default",
    lang: Lang = None,
) -> None:
    from . import history as room

    Language.checked(lang)
    meter = _meter(storage, scope)
    found = meter.history(days)
    if as_json:
        typer.echo(room.as_json(found, meter))
    else:
        room.show(found, meter, open_console(), ctx.obj)


@app.command(cls=Command, help="help_reset")
def reset(
    ctx: typer.Context,
    model: OptionalModel = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="help_yes")] = False,
    storage: Storage = None,
    scope: Scope = "default",
    lang: Lang = None,
) -> None:
    from . import reset as room

    Language.checked(lang)
    done = room.reset(_meter(storage, scope), model, ctx.obj, sure=yes)
    typer.echo(done or ctx.obj.say("reset_kept"))
    if done is None:
        raise typer.Exit(1)


@app.command(cls=Command, help="help_simulate")
def simulate(
    ctx: typer.Context,
    *,
    limit: Annotated[
        list[str] | None, typer.Option("--limit", metavar="meta_limit", help="help_limit")
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="meta_fault", help="help_fault")
    ] = None,
    host: Annotated[str, typer.Option(metavar="meta_name", help="help_host")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(metavar="meta_number", help="help_simulate_port", parser=whole("--port")),
    ] = 8_000,
    latency: Annotated[
        float,
        typer.Option(metavar="meta_seconds", help="help_latency", parser=number("--latency")),
    ] = 0.0,
    processing: Annotated[
        float,
        typer.Option(metavar="meta_seconds", help="help_processing", parser=number("--processing")),
    ] = 0.0,
    answer: Annotated[str | None, typer.Option(metavar="meta_text", help="help_answer")] = None,
    refund: Annotated[bool, typer.Option("--refund", help="help_refund")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="help_strict")] = False,
    lang: Lang = None,
) -> None:
    from ..simulator import Simulator
    from . import simulate as room

    Language.checked(lang)
    simulator = Simulator(
        room.limits(limit or ()),
        refund=refund,
        latency=latency,
        processing=processing,
        strict_models=strict,
        answer=answer,
    )
    for text in fault or ():
        simulator.faults.add(room.fault(text))
    room.serve(simulator, ctx.obj, host=host, port=port)


app.command(cls=Command, help="help_dashboard")(dashboard)


@app.command(cls=Command, help="help_demo")
def demo(
    ctx: typer.Context,
    *,
    fast: Annotated[bool, typer.Option("--fast", help="help_fast")] = False,
    lang: Lang = None,
) -> None:
    from .demo import perform

    Language.checked(lang)
    console = open_console()
    agreed = perform(console, ctx.obj, Glyphs.of(console.encoding), fast=fast)
    if not agreed:
        raise typer.Exit(1)


@app.command(cls=Command, help="help_migrate")
def migrate(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="meta_from", help="help_from")],
    target: Annotated[str, typer.Argument(metavar="meta_to", help="help_to")],
    *,
    force: Annotated[bool, typer.Option("--force", help="help_force")] = False,
    lang: Lang = None,
) -> None:
    from ..storage import storage_from_uri
    from ..storage.migrate import migrate as move

    Language.checked(lang)
    language: Language = ctx.obj
    places = storage_from_uri(source), storage_from_uri(target)
    moved = move(*places, force=force)
    for place in places:
        place.close()
    counted = {
        name: language.counted(f"count_{name}", getattr(moved, name))
        for name in ("scopes", "models", "days", "requests", "tokens")
    }
    typer.echo(language.say("migrate_done", **counted))
    if moved.dropped_days:
        days = language.counted("count_days", moved.dropped_days)
        name = "migrate_dropped_1" if moved.dropped_days == 1 else "migrate_dropped"
        typer.echo(language.say(name, days=days, target=target))


def _meter(storage: str | None, scope: str) -> QuotaMeter:
    # By the options, else by the environment; trouble with the storage is told, not worked around.
    settings = Settings.from_environment()
    return QuotaMeter(
        settings.storage if storage is None else storage,
        limits=settings.limits,
        plan=settings.plan,
        day=settings.day,
        scope=scope,
        on_storage_error="refuse",
    )
