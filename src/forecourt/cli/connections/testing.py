"""``forecourt connections test``."""

from __future__ import annotations

import typer

from forecourt.cli.connections.options import ConnectionName
from forecourt.cli.options import Namespace
from forecourt.cli.output import JsonOption, console, print_json

app = typer.Typer()


@app.command(name="test")
def try_out(name: ConnectionName, namespace: Namespace = "default", json: JsonOption = False) -> None:
    """Try a connection, from the server: whether it opens the way to what it names."""
    from forecourt.cli.connection import connect
    from forecourt.cli.progress import steps

    client = connect()
    with steps() as shown:
        shown.show("trying", f"Trying {name}")
        told = client.post(f"/api/forecourt/v1/namespaces/{namespace}/connections/{name}/test", {})
        shown.end()
    if json:
        print_json(told)
    else:
        console.print(told["message"])
