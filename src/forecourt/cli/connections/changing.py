"""``forecourt connections set`` and ``delete``."""

from __future__ import annotations

import json as json_module
from typing import Annotated, Any

import typer

from forecourt.cli.connections.options import ConnectionName, FromFile, SetOption, read, tried, users
from forecourt.cli.options import Namespace, Yes
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_json

app = typer.Typer()

Document = dict[str, Any]


@app.command(name="set")
def set_values(
    name: ConnectionName,
    values: SetOption = None,
    from_file: FromFile = None,
    unset: Annotated[list[str] | None, typer.Option(metavar="KEY", help="A field to take out. Repeatable.")] = None,
    display_name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    namespace: Namespace = "default",
    test: Annotated[bool, typer.Option("--test", help="Try it first; what fails is not kept.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Change what a connection says; what is not named stays, what is hidden too.

    Deployments take the new values when they next fetch their model.
    """
    from forecourt.cli.columns import DESCRIPTION, DISPLAY_NAME, HIDDEN_KEYS, hidden_keys
    from forecourt.cli.connection import connect
    from forecourt.cli.connections.types import type_of
    from forecourt.cli.connections.values import asked_for, said
    from forecourt.cli.resources import SECRET
    from forecourt.errors import InvalidInput

    if not (values or from_file or unset or display_name is not None or description is not None):
        raise InvalidInput("There is nothing to change.", hint="Say --set KEY=VALUE, --from-file or --unset KEY.")
    client = connect()
    document = read(client, namespace, name)
    kind = type_of(client, document)
    if kind is None:
        raise InvalidInput(
            f"The type of the connection {name} is gone.", hint=f"Use forecourt edit secret/{name} -n {namespace}."
        )
    given, asked = said(kind, values or [], from_file or [])
    given |= asked_for(asked)
    data, hidden = dict(document.get("data") or {}), hidden_keys(document)
    for key in unset or []:
        if key not in data and key not in hidden:
            raise InvalidInput(f"The connection {name} has no {key}.", hint=f"It has {', '.join([*data, *hidden])}.")
    gone = {*given, *(unset or [])}
    about = {DISPLAY_NAME: display_name, DESCRIPTION: description}
    annotations = dict(document["metadata"].get("annotations") or {})
    annotations |= {key: text for key, text in about.items() if text is not None}
    annotations[HIDDEN_KEYS] = json_module.dumps([key for key in hidden if key not in gone])
    document["metadata"]["annotations"] = annotations
    document["data"] = {key: value for key, value in data.items() if key not in gone}
    document["stringData"] = given
    if test:
        console.note(tried(client, namespace, document))
    made = client.replace(SECRET, namespace, name, document)
    if print_as(Output.JSON if json else output, made, [SECRET.qualified(name)]):
        return
    console.print(f"connection {name} changed")
    if used := users(client, namespace).get(name):
        console.note(f"{', '.join(used)} will use it the next time a model is fetched.")


@app.command()
def delete(name: ConnectionName, namespace: Namespace = "default", yes: Yes = False, json: JsonOption = False) -> None:
    """Delete a connection.

    On a terminal it asks; in a script one that deployments use needs --yes. They go on with the model that they have.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.deleting import confirm_deletion
    from forecourt.cli.resources import SECRET

    client = connect()
    found = read(client, namespace, name)
    used = users(client, namespace).get(name, [])
    confirm_deletion(f"the connection {name}", used, yes=yes, after="they cannot fetch their models anew then.")
    client.delete(SECRET, namespace, name)
    if json:
        print_json(found)
    else:
        console.print(f"connection {name} deleted")
