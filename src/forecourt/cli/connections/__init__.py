"""``forecourt connections``: where models are and how to get in, said once."""

from __future__ import annotations

import typer

from forecourt.cli.connections import changing, creating, listing, testing

app = typer.Typer(
    no_args_is_help=True,
    help="Connections: where models are and how to get in, for the deployments of a project.",
    epilog="Hidden values are kept encrypted, and are never shown again. They are asked for on a terminal; in a script"
    " they come from an environment variable of the field's name, from --from-file, or from standard input.",
)

for _part in (listing, creating, changing, testing):
    app.registered_commands += _part.app.registered_commands
