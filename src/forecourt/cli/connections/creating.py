"""``forecourt connections create``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_connection_type
from forecourt.cli.connections.options import FromFile, SetOption, tried
from forecourt.cli.options import Namespace
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as

if TYPE_CHECKING:
    from forecourt.projects import ConnectionType

app = typer.Typer()

Document = dict[str, Any]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the connection: a-z, 0-9 and -.")],
    kind: Annotated[
        str,
        typer.Option(
            "--type",
            metavar="TYPE",
            help="s3, uri-v1, oci-v1, or one of your own.",
            autocompletion=complete_connection_type,
        ),
    ],
    values: SetOption = None,
    from_file: FromFile = None,
    display_name: Annotated[str, typer.Option(metavar="TEXT", help="What people call it.")] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    namespace: Namespace = "default",
    test: Annotated[bool, typer.Option("--test", help="Try it first; one that fails is not made.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Create a connection of a type, in a project.

    Say what is not secret with --set. What is hidden is asked for without being echoed; in a script it comes from an
    environment variable of the field's name, or else from standard input: one value, or a line for each.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.connections.types import connection_type
    from forecourt.cli.connections.values import asked_for, said
    from forecourt.cli.resources import SECRET
    from forecourt.errors import AlreadyExists

    output = Output.JSON if json else output
    client = connect()
    chosen = connection_type(client, kind)
    given, asked = said(chosen, values or [], from_file or [])
    missing = [
        one
        for one in chosen.fields
        if one.variable and one.variable not in given
        if one in asked or (one.required and (one.secret or console.can_ask))
    ]
    given |= asked_for(missing)
    document = secret(name, chosen, given, display_name, description)
    if test:
        console.note(tried(client, namespace, document))
    try:
        made = client.create(SECRET, namespace, document, dry_run=dry_run)
    except AlreadyExists:
        raise AlreadyExists(
            f"There is a connection {name} in the project {namespace} already.",
            hint=f"Change it with forecourt connections set {name} -n {namespace}, or choose another name.",
        ) from None
    if print_as(output, made, [SECRET.qualified(name)]):
        return
    console.print(f"connection {name} created{' (dry run)' if dry_run else ''}")
    if not dry_run:
        scope = "" if namespace == "default" else f" -n {namespace}"
        if not test:
            console.note(f"Try it: forecourt connections test {name}{scope}")
        console.note(_deploys(chosen, name, scope))


def secret(name: str, kind: ConnectionType, values: dict[str, str], display_name: str, description: str) -> Document:
    """Return a connection as Open Data Hub's dashboard makes it."""
    from forecourt.cli.columns import CONNECTION_TYPE, DESCRIPTION, DISPLAY_NAME

    annotations = {DISPLAY_NAME: display_name or name, CONNECTION_TYPE: kind.name}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": {"opendatahub.io/dashboard": "true"},
            "annotations": annotations | ({DESCRIPTION: description} if description else {}),
        },
        "stringData": values,
    }


def _deploys(kind: ConnectionType, name: str, scope: str) -> str:
    words = {"s3": f"--connection {name} --path PATH", "uri": f"--connection {name} --name NAME"}
    return f"Deploy with it: forecourt deploy {words.get(kind.protocol, f'URI --connection {name}')}{scope}"
