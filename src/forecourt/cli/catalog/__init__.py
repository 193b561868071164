"""``forecourt catalog``: validated models with the evidence behind them, and the sources that they come from."""

from __future__ import annotations

import typer

from forecourt.cli.catalog import (
    compare,
    contradictions,
    deploy,
    filters,
    register,
    search,
    show,
    sources,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Validated models: search them, see the evidence, compare, register, deploy.",
    epilog="MODEL is a model's name or the end of it (granite-3.1-8b-instruct), SOURCE/NAME where several sources have"
    " it. catalog://SOURCE/NAME is the same, and what `forecourt deploy` takes.",
)

for _part in (search, show, compare, contradictions, filters, register, deploy):
    app.registered_commands += _part.app.registered_commands

app.add_typer(sources.app, name="sources")
