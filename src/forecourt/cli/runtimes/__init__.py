"""``forecourt runtimes``: the serving runtimes that people can choose from, and the environments they run in."""

from __future__ import annotations

import typer

from forecourt.cli.runtimes import changing, environments, listing, offering

app = typer.Typer(
    no_args_is_help=True,
    help="Serving runtimes: see which there are and whether they run here, add your own, set what is offered.",
    epilog="A runtime is a KServe ServingRuntime. Those that ship are there in every project; one of your own, in a"
    " project or (--all-projects) in all of them, takes the place of a shipped one of its name.",
)

for _part in (listing, changing, offering):
    app.registered_commands += _part.app.registered_commands

app.add_typer(environments.app, name="env")
