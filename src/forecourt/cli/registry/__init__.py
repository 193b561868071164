"""``forecourt registry``: models and their versions, where they come from, what serves them, who changed what."""

from __future__ import annotations

import typer

from forecourt.cli.registry import (
    aliases,
    delete,
    describe,
    history,
    links,
    listing,
    register,
    search,
    setting,
    tree,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Models and their versions: register, describe, alias, trace where they come from.",
    epilog="A version is MODEL/VERSION, and VERSION its name, an alias (champion) or a stage (production); the newest"
    " in it. model-registry://MODEL/VERSION is the same, and what `forecourt deploy` takes.",
)

for _part in (
    listing,
    search,
    describe,
    register,
    setting,
    aliases,
    tree,
    links,
    history,
    delete,
):
    app.registered_commands += _part.app.registered_commands
