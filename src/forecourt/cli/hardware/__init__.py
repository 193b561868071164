"""``forecourt hardware-profiles``: what deployments may ask of the hardware, under names."""

from __future__ import annotations

import typer

from forecourt.cli.hardware import changing, listing

app = typer.Typer(
    no_args_is_help=True,
    help="Hardware profiles: what a deployment gets of the hardware, and how much it may ask for.",
    epilog="Some are proposed from what this machine has; one that you create takes the place of a proposed one of its"
    " name. Amounts are MIN:DEFAULT:MAX; MAX may be left out: 1:2:",
)

for _part in (listing, changing):
    app.registered_commands += _part.app.registered_commands
