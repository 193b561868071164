"""``forecourt projects list``, ``create`` and ``show``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from forecourt.cli.completion import complete_project
from forecourt.cli.output import JsonOption, Output, OutputOption, console, pairs, print_as, print_json, print_table

app = typer.Typer()

Document = dict[str, Any]

ProjectName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the project.", autocompletion=complete_project)
]


@app.command(name="list")
def list_projects(output: OutputOption = Output.TABLE, json: JsonOption = False) -> None:
    """List the projects, and how much is in each."""
    from forecourt.cli.columns import CONNECTION_TYPE, DISPLAY_NAME, annotation
    from forecourt.cli.connection import connect
    from forecourt.cli.output import age
    from forecourt.cli.resources import INFERENCE_SERVICE, NAMESPACE, SECRET

    output = Output.JSON if json else output
    client = connect()
    found = client.list(NAMESPACE, None)
    items = found["items"]
    if print_as(output, found, (one["metadata"]["name"] for one in items)):
        return
    deployments = Counter(one["metadata"]["namespace"] for one in client.list(INFERENCE_SERVICE, None)["items"])
    secrets = client.list(SECRET, None)["items"]
    connections = Counter(one["metadata"]["namespace"] for one in secrets if annotation(one, CONNECTION_TYPE))
    rows = [
        [
            name,
            annotation(one, DISPLAY_NAME) or name,
            "Terminating" if one["metadata"].get("deletionTimestamp") else "Active",
            deployments[name],
            connections[name],
            age(one["metadata"].get("creationTimestamp") or ""),
        ]
        for one in items
        for name in (one["metadata"]["name"],)
    ]
    print_table(["Name", "Display name", "Status", "Deployments", "Connections", "Age"], rows)
    if len(rows) == 1:
        console.note("Make another: forecourt projects create NAME")


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the project: a-z, 0-9 and -.")],
    display_name: Annotated[str, typer.Option(metavar="TEXT", help="What people call it.")] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Create a project."""
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import NAMESPACE
    from forecourt.errors import AlreadyExists
    from forecourt.projects import project

    output = Output.JSON if json else output
    document = project(name, display_name, description).to_dict()
    try:
        made = connect().create(NAMESPACE, "", document, dry_run=dry_run)
    except AlreadyExists as error:
        raise AlreadyExists(
            f"The project {error.message.removeprefix('Namespace ')}", hint=f"See it: forecourt projects show {name}"
        ) from None
    if print_as(output, made, [NAMESPACE.qualified(name)]):
        return
    console.print(f"project {name} created{' (dry run)' if dry_run else ''}")
    if not dry_run:
        console.note(f"Deploy into it: forecourt deploy URI -n {name}")


@app.command()
def show(name: ProjectName, output: OutputOption = Output.TABLE, json: JsonOption = False) -> None:
    """Show a project, and what is in it."""
    from forecourt.cli.connection import connect
    from forecourt.cli.projects.contents import contents
    from forecourt.cli.resources import NAMESPACE

    client = connect()
    found = client.read(NAMESPACE, "", name)
    inside = contents(client, name)
    if json or output is Output.JSON:
        print_json(found | {"contents": inside.to_dict()})
    elif not print_as(output, found, [NAMESPACE.qualified(name)]):
        for line in described(found, dict(inside)):
            console.print(line)
        if inside.empty:
            console.note(f"It is empty. Deploy into it: forecourt deploy URI -n {name}")


def described(found: Document, inside: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Return the lines that tell of a project."""
    from forecourt.cli.columns import DESCRIPTION, DISPLAY_NAME, annotation
    from forecourt.cli.output import age

    metadata = found["metadata"]
    yield from pairs(
        {
            "Name": metadata["name"],
            "Display name": annotation(found, DISPLAY_NAME),
            "Description": annotation(found, DESCRIPTION),
            "Status": "Terminating" if metadata.get("deletionTimestamp") else "Active",
            "Created": f"{metadata.get('creationTimestamp')} ({age(metadata.get('creationTimestamp') or '')} ago)",
            "Deployments": "",
            "Connections": "",
            **{title.capitalize() + "s": ", ".join(names) for title, names in inside.items()},
        },
        always=("Deployments", "Connections"),
    )
