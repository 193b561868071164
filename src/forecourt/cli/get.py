"""``forecourt get``: objects as a table, JSON, YAML or names."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.completion import complete_object, complete_type
from forecourt.cli.options import Namespace
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_document

app = typer.Typer()


@app.command()
def get(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="TYPE",
            help="What to show: isvc, servingruntimes, namespaces, secrets, hardwareprofiles …; also TYPE/NAME.",
            autocompletion=complete_type,
        ),
    ],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Only these.", autocompletion=complete_object)
    ] = None,
    namespace: Namespace = "default",
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Those of all namespaces.")] = False,
    selector: Annotated[
        str, typer.Option("--selector", "-l", metavar="QUERY", help="Only those whose labels match, as app=a,tier!=b.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on and show every change.")] = False,
    no_headers: Annotated[bool, typer.Option("--no-headers", help="Leave out the table's headings.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show deployments (inferenceservices, isvc), runtimes (servingruntimes) and what they are made with.

    The other types are namespaces (ns), secrets (connections), configmaps (their types), hardwareprofiles,
    clusterservingruntimes and controllerrevisions. Hidden values of connections are never shown.
    """
    from forecourt.cli.columns import print_objects
    from forecourt.cli.connection import connect
    from forecourt.cli.resources import SERVING_RUNTIME, resource
    from forecourt.cli.runtimes.where import as_offered
    from forecourt.errors import InvalidInput

    output = Output.JSON if json else output
    word, _, one = kind.partition("/")
    wanted, chosen = resource(word), ([one] if one else []) + (names or [])
    if everywhere and chosen:
        raise InvalidInput("A name and all namespaces do not go together.", hint="Use --namespace.")
    if watch and len(chosen) > 1:
        raise InvalidInput("Only one object, or all of them, can be watched.")
    scope = None if everywhere else namespace
    client = connect()

    def show(items: list[dict[str, Any]], *, headers: bool) -> None:
        if output is Output.NAME:
            for item in items:
                console.print(wanted.qualified(item["metadata"]["name"]))
        elif output in {Output.TABLE, Output.WIDE}:
            print_objects(
                wanted,
                items,
                wide=output is Output.WIDE,
                namespaces=everywhere and wanted.namespaced,
                headers=headers,
                scope=scope or "",
            )
        else:
            for item in items:
                print_document(item, output)

    if watch:
        headers = not no_headers
        for event in client.watch(wanted, scope, name="".join(chosen), selector=selector):
            if event["type"] in {"ADDED", "MODIFIED", "DELETED"}:
                show([event["object"]], headers=headers)
                headers = False
    elif chosen:
        items = [client.read(wanted, namespace, name) for name in chosen]
        if len(items) > 1 and output in {Output.JSON, Output.YAML}:
            print_document({"apiVersion": "v1", "kind": "List", "items": items}, output)
        else:
            show(items, headers=not no_headers)
    else:
        found = client.list(wanted, scope, selector)
        if output in {Output.JSON, Output.YAML}:
            print_document(found, output)
        else:
            items = as_offered(client, found["items"], namespace) if wanted is SERVING_RUNTIME else found["items"]
            show(items, headers=not no_headers)
