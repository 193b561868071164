"""``forecourt runtimes list``, ``show`` and ``export``."""

from __future__ import annotations

import typer

from forecourt.cli.output import JsonOption, console, pairs, print_json, print_table, print_yaml
from forecourt.cli.runtimes.where import RUNTIMES, Document, Project, RuntimeName

app = typer.Typer()


@app.command("list")
def list_(namespace: Project = "default", json: JsonOption = False) -> None:
    """Show the runtimes in the order set: whether they are offered, what they serve, whether they run here."""
    from forecourt.cli.connection import connect

    answer = connect().get(RUNTIMES, namespace=namespace)
    if json:
        print_json(answer)
        return
    columns = ("Name", "Display name", "Enabled", "API protocol", "Formats", "Runs here")
    rows = [
        (
            one["name"],
            one["displayName"],
            "yes" if one["enabled"] else "no",
            one["apiProtocol"],
            ",".join(dict.fromkeys(entry["name"] for entry in one["formats"])),
            one["whyNot"] or "yes",
        )
        for one in answer["items"]
    ]
    print_table(columns, rows)


@app.command()
def show(name: RuntimeName, namespace: Project = "default", json: JsonOption = False) -> None:
    """Show a runtime: what it serves, its predefined arguments and variables, how it runs here."""
    from forecourt.cli.connection import connect

    one = connect().get(f"{RUNTIMES}/{name}", namespace=namespace)
    if json:
        print_json(one)
        return
    local = one["local"] or {}
    said = {
        "Name": one["name"],
        "Display name": one["displayName"],
        "Comes from": _origin(one),
        "Enabled": "yes" if one["enabled"] else "no",
        "API protocol": one["apiProtocol"],
        "Model types": ", ".join(one["modelTypes"]),
        "Formats": "\n".join(map(_format, one["formats"])),
        "Accelerators": ", ".join(one["accelerators"]),
        "Image": one["image"],
        "Version": one["version"],
        "Arguments": "\n".join(one["predefinedArgs"]),
        "Variables": "\n".join(map(_variable, one["predefinedEnv"])),
        "Runs here": one["whyNot"] or "yes",
        "Runs as": local.get("command"),
        "Requirements": "\n".join(local.get("requirements", [])),
        "Overrides": "\n".join(local.get("overrides", [])),
        "Variables here": "\n".join(f"{key}={value}" for key, value in local.get("env", {}).items()),
    }
    for line in pairs(said, always=("Name", "Enabled", "Formats", "Runs here")):
        console.print(line)


@app.command()
def export(name: RuntimeName, namespace: Project = "default", json: JsonOption = False) -> None:
    """Print a runtime's YAML, which a cluster with KServe takes: kubectl apply -f."""
    from forecourt.cli.connection import connect
    from forecourt.cli.runtimes.changing import read

    document = read(connect(), name, namespace)
    document["metadata"].pop("namespace", None)  # kubectl's -n says it
    if json:
        print_json(document)
    else:
        print_yaml(document)


def _origin(one: Document) -> str:
    if one["shipped"]:
        return "Forecourt"
    where = f"the project {one['namespace']}" if one["namespace"] else "all projects"
    return where + (", in place of the one that ships" if one["replacesShipped"] else "")


def _format(entry: Document) -> str:
    version = f":{entry['version']}" if entry.get("version") else ""
    return f"{entry['name']}{version}{', chosen by itself' if entry.get('autoSelect') else ''}"


def _variable(variable: Document) -> str:
    if variable.get("value") is not None:
        return f"{variable['name']}={variable['value']}"
    return f"{variable['name']} (what a cluster looks up)" if variable.get("valueFrom") else f"{variable['name']}="
