"""``forecourt modelcar``: models as OCI images, packed, pushed, pulled, looked into and compared."""

from __future__ import annotations

import typer

from forecourt.cli.modelcar import attaching, keeping, looking, moving, packing

app = typer.Typer(no_args_is_help=True, help="Models as OCI images: pack, push, pull, look into, compare.")

for _part in (packing, moving, looking, attaching, keeping):
    app.registered_commands += _part.app.registered_commands
