"""``forecourt registry``: models and their versions, where they come from, what serves them, who changed what."""

from __future__ import annotations

import typer

from forecourt.cli import (
    registry_aliases,
    registry_delete,
    registry_describe,
    registry_history,
    registry_links,
    registry_listing,
    registry_register,
    registry_search,
    registry_set,
    registry_tree,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Models and their versions: register, describe, alias, trace where they come from.",
    epilog="A version is MODEL/VERSION, and VERSION its name, an alias (champion) or a stage (production); the newest"
    " in it. model-registry://MODEL/VERSION is the same, and what `forecourt deploy` takes.",
)

for _part in (
    registry_listing,
    registry_search,
    registry_describe,
    registry_register,
    registry_set,
    registry_aliases,
    registry_tree,
    registry_links,
    registry_history,
    registry_delete,
):
    app.registered_commands += _part.app.registered_commands
