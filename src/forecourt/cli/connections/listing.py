"""``forecourt connections types``, ``list`` and ``show``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_connection_type
from forecourt.cli.connections.options import ConnectionName
from forecourt.cli.options import Namespace
from forecourt.cli.output import JsonOption, Output, OutputOption, console, pairs, print_as, print_json, print_table

if TYPE_CHECKING:
    from forecourt.projects import ConnectionType

app = typer.Typer()

Document = dict[str, Any]

HIDDEN = "••••••"


@app.command()
def types(
    name: Annotated[
        str | None,
        typer.Argument(metavar="TYPE", help="Show the fields of this type.", autocompletion=complete_connection_type),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the types of connection, or show what one of them asks for.

    Make one of your own as a ConfigMap of Open Data Hub's form: forecourt get cm s3 -n opendatahub -o yaml shows one.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.connections.types import connection_type, connection_types

    client = connect()
    if name:
        _one_type(connection_type(client, name), json=json)
        return
    found = connection_types(client)
    if json:
        print_json({"items": [_document(one) for one in found]})
        return
    rows = [[one.name, one.display_name, one.protocol, _keys(one)] for one in found if not one.disabled]
    print_table(["Name", "Display name", "Protocol", "Fields (* needed)"], rows)


def _one_type(kind: ConnectionType, *, json: bool) -> None:
    if json:
        print_json(_document(kind))
        return
    about = {"Name": kind.name, "Display name": kind.display_name, "Description": kind.description}
    for line in pairs(about):
        console.print(line)
    console.print()
    rows = [
        [one.variable, one.name, one.type, "yes" if one.required else "no", "yes" if one.secret else "no"]
        for one in kind.fields
        if one.variable
    ]
    print_table(["Key", "Name", "Type", "Needed", "Hidden"], rows)
    console.note(f"\nMake one: forecourt connections create NAME --type {kind.name} --set KEY=VALUE")


def _keys(kind: ConnectionType) -> str:
    return ", ".join(one.variable + ("*" if one.required else "") for one in kind.fields if one.variable)


def _document(kind: ConnectionType) -> Document:
    from dataclasses import asdict

    fields = [asdict(one) | {"hidden": one.secret} for one in kind.fields]
    about = {"name": kind.name, "displayName": kind.display_name, "description": kind.description}
    more = {"protocol": kind.protocol, "category": list(kind.category), "disabled": kind.disabled, "fields": fields}
    return about | more


@app.command(name="list")
def list_connections(
    namespace: Namespace = "default",
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Those of all projects.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """List the connections of a project."""
    from forecourt.cli.columns import CONNECTION_TYPE, annotation
    from forecourt.cli.connection import connect
    from forecourt.cli.connections.options import users
    from forecourt.cli.output import age
    from forecourt.cli.resources import SECRET

    output = Output.JSON if json else output
    client = connect()
    found = client.list(SECRET, None if everywhere else namespace)
    items = [one for one in found["items"] if annotation(one, CONNECTION_TYPE)]
    if print_as(output, found | {"items": items}, (one["metadata"]["name"] for one in items)):
        return
    if not items:
        console.note(f"There are no connections{'' if everywhere else f' in the project {namespace}'}. Make one:")
        console.note("  forecourt connections create store --type s3 --set AWS_S3_ENDPOINT=https://s3.example.org …")
        console.note("  See which types there are: forecourt connections types")
        return
    used = {one: users(client, one) for one in {one["metadata"]["namespace"] for one in items}}
    rows = [
        [
            *([one["metadata"]["namespace"]] if everywhere else []),
            one["metadata"]["name"],
            annotation(one, CONNECTION_TYPE),
            _where(one),
            ", ".join(used[one["metadata"]["namespace"]].get(one["metadata"]["name"], [])),
            age(one["metadata"].get("creationTimestamp") or ""),
        ]
        for one in items
    ]
    print_table([*(["Namespace"] if everywhere else []), "Name", "Type", "Where", "Used by", "Age"], rows)


def _where(secret: Document) -> str:
    from forecourt.cli.connections.values import shown

    values = shown(secret)
    endpoint = values.get("AWS_S3_ENDPOINT", "")
    if endpoint:
        return f"{endpoint.rstrip('/')}/{values.get('AWS_S3_BUCKET', '')}".rstrip("/")
    return values.get("URI") or values.get("OCI_HOST") or next(iter(values.values()), "")


@app.command()
def show(
    name: ConnectionName,
    namespace: Namespace = "default",
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show a connection. What is hidden of it stays so."""
    from forecourt.cli.connection import connect
    from forecourt.cli.connections.options import read, users
    from forecourt.cli.connections.types import type_of
    from forecourt.cli.resources import SECRET

    client = connect()
    found = read(client, namespace, name)
    if print_as(Output.JSON if json else output, found, [SECRET.qualified(name)]):
        return
    for line in described(found, type_of(client, found), users(client, namespace).get(name, [])):
        console.print(line)


def described(found: Document, kind: ConnectionType | None, used_by: list[str]) -> Iterator[str]:
    """Return the lines that tell of a connection."""
    from forecourt.cli.columns import CONNECTION_TYPE, DESCRIPTION, DISPLAY_NAME, annotation, hidden_keys
    from forecourt.cli.connections.values import shown
    from forecourt.cli.output import age

    metadata = found["metadata"]
    type_name = annotation(found, CONNECTION_TYPE) or found.get("type") or ""
    yield from pairs(
        {
            "Name": metadata["name"],
            "Project": metadata.get("namespace"),
            "Display name": annotation(found, DISPLAY_NAME),
            "Description": annotation(found, DESCRIPTION),
            "Type": f"{type_name} ({kind.display_name})" if kind else type_name,
            "Created": f"{metadata.get('creationTimestamp')} ({age(metadata.get('creationTimestamp') or '')} ago)",
            "Used by": ", ".join(used_by),
        }
    )
    values = shown(found) | dict.fromkeys(hidden_keys(found), HIDDEN)
    if values:
        yield "Values:"
        yield from (f"  {line}" for line in pairs(values))
