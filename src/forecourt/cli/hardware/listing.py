"""``forecourt hardware-profiles list`` and ``show``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from forecourt.cli.hardware.profiles import ProfileName, ProfileProject
from forecourt.cli.output import JsonOption, Output, OutputOption, console, pairs, print_as, print_table

app = typer.Typer()

Document = dict[str, Any]


@app.command(name="list")
def list_profiles(
    namespace: ProfileProject = None, output: OutputOption = Output.TABLE, json: JsonOption = False
) -> None:
    """List the profiles that a project can use: those for all, and with -n its own too.

    What nobody made is proposed from what this machine has.
    """
    from forecourt.cli.columns import annotation
    from forecourt.cli.connection import connect
    from forecourt.cli.hardware.profiles import DISPLAY_NAME, EVERYWHERE, is_proposed
    from forecourt.cli.resources import HARDWARE_PROFILE

    output = Output.JSON if json else output
    client = connect()
    found = client.list(HARDWARE_PROFILE, EVERYWHERE)
    items = {one["metadata"]["name"]: one for one in found["items"]}
    if namespace and namespace != EVERYWHERE:
        items |= {one["metadata"]["name"]: one for one in client.list(HARDWARE_PROFILE, namespace)["items"]}
    if print_as(output, found | {"items": [*items.values()]}, items):
        return
    rows = [
        [
            name,
            annotation(one, DISPLAY_NAME) or name,
            *(amounts(one, kind) for kind in ("CPU", "Memory", "Accelerator")),
            "no" if annotation(one, "opendatahub.io/disabled") == "true" else "yes",
            "this machine" if is_proposed(one) else _for(one),
        ]
        for name, one in items.items()
    ]
    print_table(["Name", "Display name", "CPU", "Memory", "Accelerators", "Enabled", "From"], rows)
    console.note("Amounts are min:default:max. Deploy with one: forecourt deploy URI --hardware-profile NAME")


def _for(profile: Document) -> str:
    from forecourt.cli.hardware.profiles import EVERYWHERE

    namespace = profile["metadata"]["namespace"]
    return "created" if namespace == EVERYWHERE else f"project {namespace}"


def amounts(profile: Document, kind: str) -> str:
    """Return how much a profile grants of a kind of resource: ``1:2:4``, or ``nvidia.com/gpu=1:1:2``."""
    texts = []
    for one in (profile.get("spec") or {}).get("identifiers") or []:
        known = one.get("resourceType") or {"cpu": "CPU", "memory": "Memory"}.get(one["identifier"], "Accelerator")
        if known == kind:
            text = f"{one['minCount']}:{one['defaultCount']}:{one.get('maxCount', '')}"
            texts.append(text if kind in ("CPU", "Memory") else f"{one['identifier']}={text}")
    return ", ".join(texts)


@app.command()
def show(
    name: ProfileName,
    namespace: ProfileProject = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show a profile."""
    from forecourt.cli.connection import connect
    from forecourt.cli.hardware.profiles import find
    from forecourt.cli.resources import HARDWARE_PROFILE

    found = find(connect(), name, namespace)
    if print_as(Output.JSON if json else output, found, [HARDWARE_PROFILE.qualified(name)]):
        return
    for line in described(found):
        console.print(line)


def described(found: Document) -> Iterator[str]:
    """Return the lines that tell of a profile."""
    from forecourt.cli.columns import annotation
    from forecourt.cli.hardware.profiles import (
        AFFINITY,
        DESCRIPTION,
        DEVICES,
        DISABLED,
        DISPLAY_NAME,
        EVERYWHERE,
        is_proposed,
    )

    spec = found.get("spec") or {}
    scheduling = spec.get("scheduling") or {}
    node, kueue = scheduling.get("node") or {}, scheduling.get("kueue") or {}
    namespace = found["metadata"].get("namespace")
    yield from pairs(
        {
            "Name": found["metadata"]["name"],
            "Display name": annotation(found, DISPLAY_NAME),
            "Description": annotation(found, DESCRIPTION),
            "For": "all projects" if namespace == EVERYWHERE else f"the project {namespace}",
            "From": "this machine: proposed, until one of its name is created" if is_proposed(found) else "created",
            "Enabled": "no" if annotation(found, DISABLED) == "true" else "yes",
            "CPU affinity": annotation(found, AFFINITY),
            "Devices": annotation(found, DEVICES),
            "Node selector": ", ".join(f"{key}={value}" for key, value in (node.get("nodeSelector") or {}).items()),
            "Tolerations": "\n".join(map(_toleration, node.get("tolerations") or [])),
            "Queue": kueue.get("localQueueName"),
        }
    )
    if spec.get("identifiers"):
        yield "Grants:"
        for one in spec["identifiers"]:
            most = one.get("maxCount", "no limit")
            yield f"  {one['identifier']:<18}{one['minCount']} to {most}, {one['defaultCount']} unless asked otherwise"


def _toleration(one: Document) -> str:
    value = f"={one['value']}" if one.get("value") is not None else ""
    return f"{one.get('key', '')}{value}" + (f":{one['effect']}" if one.get("effect") else "")
