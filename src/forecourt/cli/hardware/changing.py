"""``forecourt hardware-profiles create``, ``set``, ``enable``, ``disable`` and ``delete``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.hardware.profiles import (
    Accelerators,
    Affinity,
    Amounts,
    Devices,
    Memory,
    ProfileName,
    ProfileProject,
    Selectors,
    Tolerations,
)
from forecourt.cli.options import Yes
from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_as, print_json

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_CPU, _MEMORY = "1:2:4", "2Gi:4Gi:8Gi"  # as the dashboard's form has it


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile: a-z, 0-9 and -.")],
    cpu: Amounts = None,
    memory: Memory = None,
    accelerator: Accelerators = None,
    node_selector: Selectors = None,
    toleration: Tolerations = None,
    cpu_affinity: Affinity = None,
    devices: Devices = None,
    display_name: Annotated[str, typer.Option(metavar="TEXT", help="What people call it.")] = "",
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    namespace: ProfileProject = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Create a profile; one of a proposed one's name takes its place.

    Without amounts it grants 1 to 4 CPUs (2 by default) and 2Gi to 8Gi of memory (4Gi).
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.hardware.profiles import DESCRIPTION, DISPLAY_NAME, EVERYWHERE, identifiers, node
    from forecourt.cli.resources import HARDWARE_PROFILE
    from forecourt.errors import AlreadyExists

    annotations = {
        DISPLAY_NAME: display_name or name,
        DESCRIPTION: description,
        "opendatahub.io/disabled": "false",
        "opendatahub.io/dashboard-feature-visibility": '["model-serving"]',
    }
    spec: Document = {"identifiers": identifiers(cpu or _CPU, memory or _MEMORY, accelerator or [])}
    if where := node(node_selector, toleration):
        spec["scheduling"] = {"type": "Node", "node": where}
    document = {
        "apiVersion": HARDWARE_PROFILE.api_version,
        "kind": HARDWARE_PROFILE.kind,
        "metadata": {"name": name, "annotations": annotations | _here(cpu_affinity, devices)},
        "spec": spec,
    }
    try:
        made = connect().create(HARDWARE_PROFILE, namespace or EVERYWHERE, document, dry_run=dry_run)
    except AlreadyExists:
        raise AlreadyExists(
            f"There is a hardware profile {name} already.",
            hint=f"Change it with forecourt hardware-profiles set {name}, or choose another name.",
        ) from None
    if not print_as(Output.JSON if json else output, made, [HARDWARE_PROFILE.qualified(name)]):
        console.print(f"hardware profile {name} created{' (dry run)' if dry_run else ''}")


@app.command(name="set")
def set_profile(
    name: ProfileName,
    cpu: Amounts = None,
    memory: Memory = None,
    accelerator: Accelerators = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A resource it no longer grants. Repeatable.")
    ] = None,
    node_selector: Selectors = None,
    toleration: Tolerations = None,
    cpu_affinity: Affinity = None,
    devices: Devices = None,
    display_name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is for.")] = None,
    namespace: ProfileProject = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Change a profile; what is not named stays. Of a proposed one, a copy takes its place.

    Deployments that have it keep what they got, until they are changed themselves.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.hardware.profiles import DESCRIPTION, DISPLAY_NAME, find, identifiers, node
    from forecourt.errors import InvalidInput

    client = connect()
    document = find(client, name, namespace)
    metadata, spec = document["metadata"], document.setdefault("spec", {})
    there = {one["identifier"]: one for one in spec.get("identifiers") or []}
    for gone in remove or []:
        if there.pop(gone, None) is None:
            raise InvalidInput(f"The profile {name} grants no {gone}.", hint=f"It grants {', '.join(there)}.")
    for one in identifiers(cpu, memory, accelerator or []):
        before = there.get(one["identifier"], {})
        there[one["identifier"]] = one | {"displayName": before.get("displayName") or one["displayName"]}
    spec["identifiers"] = [*there.values()]
    if where := node(node_selector, toleration):
        scheduled = (spec.get("scheduling") or {}).get("node") or {}
        spec["scheduling"] = {"type": "Node", "node": scheduled | where}
    about = {DISPLAY_NAME: display_name, DESCRIPTION: description}
    notes = {key: text for key, text in about.items() if text is not None} | _here(cpu_affinity, devices)
    metadata["annotations"] = dict(metadata.get("annotations") or {}) | notes
    _put(client, document, "changed", Output.JSON if json else output)


@app.command()
def enable(name: ProfileName, namespace: ProfileProject = None, json: JsonOption = False) -> None:
    """Offer a profile again."""
    _switch(name, namespace, disabled=False, json=json)


@app.command()
def disable(name: ProfileName, namespace: ProfileProject = None, json: JsonOption = False) -> None:
    """No longer offer a profile. Deployments that have it go on."""
    _switch(name, namespace, disabled=True, json=json)


def _switch(name: str, project: str | None, *, disabled: bool, json: bool) -> None:
    from forecourt.cli.connection import connect
    from forecourt.cli.hardware.profiles import DISABLED, find

    client = connect()
    document = find(client, name, project)
    annotations = dict(document["metadata"].get("annotations") or {})
    document["metadata"]["annotations"] = annotations | {DISABLED: str(disabled).lower()}
    _put(client, document, "disabled" if disabled else "enabled", Output.JSON if json else Output.TABLE)


@app.command()
def delete(name: ProfileName, namespace: ProfileProject = None, yes: Yes = False, json: JsonOption = False) -> None:
    """Delete a profile that was created; a proposed one of its name is there again.

    On a terminal it asks; in a script one that deployments use needs --yes.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.deleting import confirm_deletion
    from forecourt.cli.hardware.profiles import find
    from forecourt.cli.resources import HARDWARE_PROFILE

    client = connect()
    found = find(client, name, namespace)
    place = found["metadata"]["namespace"]
    used = _users(client, name, place)
    confirm_deletion(f"the hardware profile {name}", used, yes=yes, after="they cannot be changed without it then.")
    client.delete(HARDWARE_PROFILE, place, name)
    if json:
        print_json(found)
    else:
        console.print(f"hardware profile {name} deleted")


def _users(client: Client, name: str, place: str) -> list[str]:
    from forecourt.cli.columns import annotation
    from forecourt.cli.hardware.profiles import EVERYWHERE
    from forecourt.cli.resources import INFERENCE_SERVICE

    items = client.list(INFERENCE_SERVICE, None if place == EVERYWHERE else place)["items"]
    those = (one["metadata"] for one in items if annotation(one, "opendatahub.io/hardware-profile-name") == name)
    return [f"{one['namespace']}/{one['name']}" for one in those]


def _put(client: Client, document: Document, verb: str, output: Output) -> None:
    """Replace a profile, or create it in the place of the one that was proposed."""
    from forecourt.cli.hardware.profiles import is_proposed
    from forecourt.cli.resources import HARDWARE_PROFILE

    name, place = document["metadata"]["name"], document["metadata"]["namespace"]
    if is_proposed(document):
        made = client.create(HARDWARE_PROFILE, place, document)
    else:
        made = client.replace(HARDWARE_PROFILE, place, name, document)
    if not print_as(output, made, [HARDWARE_PROFILE.qualified(name)]):
        console.print(f"hardware profile {name} {verb}")


def _here(affinity: str | None, devices: str | None) -> dict[str, str]:
    from forecourt.cli.hardware.profiles import AFFINITY, DEVICES

    return {key: value for key, value in ((AFFINITY, affinity), (DEVICES, devices)) if value is not None}
