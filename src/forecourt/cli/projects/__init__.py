"""``forecourt projects``: what belongs together, by name; a namespace to Kubernetes' clients."""

from __future__ import annotations

import typer

from forecourt.cli.projects import deleting, listing

app = typer.Typer(
    no_args_is_help=True,
    help="Projects: deployments, connections and profiles that belong together.",
    epilog="Every command about deployments takes a project with -n; without it, the project is default.",
)

for _part in (listing, deleting):
    app.registered_commands += _part.app.registered_commands
