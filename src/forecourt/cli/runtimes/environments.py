"""``forecourt runtimes env``: the environments that runtimes run in. Through the server, which knows who holds them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from forecourt.cli.completion import complete_runtime
from forecourt.cli.output import JsonOption, age, console, pairs, print_json, print_table, size
from forecourt.cli.runtimes.where import ENVIRONMENTS, Document, Project

app = typer.Typer(
    no_args_is_help=True,
    help="The environments that runtimes run in: made once, shared by all that need the same, listed, removed.",
)

What = Annotated[
    str,
    typer.Argument(metavar="KEY|RUNTIME", help="An environment's key, or a runtime.", autocompletion=complete_runtime),
]


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """Show the environments: for which runtimes, their size on disk, their age, which deployments hold them."""
    from forecourt.cli.connection import connect

    answer = connect().get(ENVIRONMENTS)
    if json:
        print_json(answer)
        return
    items = answer["items"]
    if not items:
        console.note(
            "No environment has been made yet. A deployment makes what it needs; to have one beforehand:\n"
            "  forecourt runtimes env create llamacpp"
        )
        return
    columns = ("Key", "Runtimes", "State", "Size", "Frees", "Made", "Last used", "Used by")
    rows = [
        (
            one["key"],
            ",".join(one["runtimes"]) or ", ".join(one["requirements"][:2]),
            one["state"],
            size(one["sizeBytes"]),
            size(one["ownBytes"]),
            age(one["made"]) if one["made"] else "",
            age(one["lastUsed"]) if one["lastUsed"] else "",
            ",".join(one["usedBy"]),
        )
        for one in items
    ]
    print_table(columns, rows)
    console.note(
        f"Together {size(answer['sizeBytes'])} on disk, what they share counted once;"
        f" downloads kept for the next one take {size(answer['cacheBytes'])} more."
    )


@app.command()
def show(what: What, namespace: Project = "default", json: JsonOption = False) -> None:
    """Show one environment."""
    from forecourt.cli.connection import connect

    one = connect().get(f"{ENVIRONMENTS}/{what}", namespace=namespace)
    if json:
        print_json(one)
        return
    _show(one)


@app.command()
def create(
    runtime: Annotated[
        str, typer.Argument(metavar="RUNTIME", help="The runtime it is for.", autocompletion=complete_runtime)
    ],
    namespace: Project = "default",
    json: JsonOption = False,
) -> None:
    """Make the environment of a runtime before a deployment needs it. Ctrl-C leaves it off; nothing half made stays."""
    made = _created(runtime, namespace)
    if json:
        print_json(made)
        return
    console.print(f"{made['key']} is ready, {size(made['sizeBytes'])} on disk")


@app.command()
def remove(
    what: Annotated[
        str,
        typer.Argument(
            metavar="[KEY|RUNTIME]", help="An environment's key, or a runtime.", autocompletion=complete_runtime
        ),
    ] = "",
    unused: Annotated[bool, typer.Option("--unused", help="All that no deployment holds.")] = False,
    namespace: Project = "default",
    json: JsonOption = False,
) -> None:
    """Remove an environment, unless a deployment holds it; the next that needs it makes it anew."""
    from forecourt.cli.connection import connect
    from forecourt.errors import InvalidInput

    if bool(what) == unused:
        raise InvalidInput("Which environment is to be removed?", hint="Name one or its runtime, or say --unused.")
    client = connect()
    if unused:
        removed = client.send("DELETE", ENVIRONMENTS, unused=True)["items"]
    else:
        removed = [client.send("DELETE", f"{ENVIRONMENTS}/{what}", namespace=namespace)]
    if json:
        print_json({"items": removed})
        return
    for one in removed:
        console.print(f"{one['key']} removed, {size(one['ownBytes'])} freed")
    if not removed:
        console.note("There is no environment that nothing holds.")


def _created(runtime: str, namespace: str) -> Document:
    """Have the server make an environment, and show what it does; raises what it failed with."""
    import json

    from forecourt.cli.client import meaning
    from forecourt.cli.connection import connect
    from forecourt.cli.progress import steps
    from forecourt.errors import Unavailable

    given = {"runtime": runtime, "namespace": namespace}
    with steps() as shown, connect().stream("POST", ENVIRONMENTS, json=given) as response:
        for line in response.iter_lines():
            said: dict[str, Any] = json.loads(line or "{}")
            if "message" in said:
                shown.show(said["message"], f"{runtime}: {said['message']}")
            elif "error" in said:
                raise meaning(said["error"], said["error"]["code"])
            elif "environment" in said:
                shown.end()
                environment: Document = said["environment"]
                return environment
    raise Unavailable("The server ended before the environment was made.", hint="See: forecourt logs --server")


def _show(one: Document) -> None:
    said = {
        "Key": one["key"],
        "State": one["state"],
        "Runtimes": ", ".join(one["runtimes"]),
        "Requirements": "\n".join(one["requirements"]),
        "Overrides": "\n".join(one["overrides"]),
        "Path": one["path"],
        "Size on disk": f"{size(one['sizeBytes'])}, of which removing it frees {size(one['ownBytes'])}",
        "Made": one["made"],
        "Last used": one["lastUsed"],
        "Used by": ", ".join(one["usedBy"]),
    }
    for line in pairs(said, always=("Runtimes", "Used by")):
        console.print(line)
