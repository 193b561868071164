"""Hardware profiles, as the server has them and as a person says them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_profile, complete_project
from forecourt.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

EVERYWHERE = "opendatahub"
"""The namespace of the profiles that every project can use."""
DISPLAY_NAME = "opendatahub.io/display-name"
DESCRIPTION = "opendatahub.io/description"
DISABLED = "opendatahub.io/disabled"
AFFINITY, DEVICES = "forecourt.dev/cpu-affinity", "forecourt.dev/devices"

ProfileName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the profile.", autocompletion=complete_profile)
]
ProfileProject = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="PROJECT",
        help="For one project; by default for all of them.",
        autocompletion=complete_project,
    ),
]
Amounts = Annotated[str | None, typer.Option(metavar="MIN:DEFAULT:MAX", help="CPUs of a replica, as 1:2:4.")]
Memory = Annotated[str | None, typer.Option(metavar="MIN:DEFAULT:MAX", help="Memory of a replica, as 2Gi:4Gi:8Gi.")]
Accelerators = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=MIN:DEFAULT:MAX", help="Accelerators, as nvidia.com/gpu=1:1:2. Repeatable."),
]
Selectors = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="A cluster's nodes with this label only. Repeatable.")
]
Tolerations = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY[=VALUE][:EFFECT]", help="A cluster's taint that is tolerated. Repeatable."),
]
Affinity = Annotated[str | None, typer.Option(metavar="LIST", help="The CPUs of this machine to run on, as 0-3,8.")]
Devices = Annotated[str | None, typer.Option(metavar="LIST", help="The accelerators of this machine, as 0,1.")]

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def find(client: Client, name: str, project: str | None) -> Document:
    """Return the profile that a project means by a name: its own, else the one for all. Raises `NotFound`."""
    from forecourt.cli.resources import HARDWARE_PROFILE

    for place in dict.fromkeys((project or EVERYWHERE, EVERYWHERE)):
        try:
            return client.read(HARDWARE_PROFILE, place, name)
        except NotFound:
            continue
    scope = f" -n {project}" if project else ""
    raise NotFound(
        f"There is no hardware profile {name}.", hint=f"See which there are: forecourt hardware-profiles list{scope}"
    )


def is_proposed(profile: Document) -> bool:
    """Say whether nobody made it: it is proposed from what this machine has."""
    return not profile["metadata"].get("uid")


def amounts(title: str, text: str) -> Document:
    """Read ``MIN:DEFAULT:MAX``, or one amount for all three. Raises `InvalidInput`."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) == 1:
        parts *= 3
    if len(parts) != 3 or not parts[0] or not parts[1]:
        raise InvalidInput(
            f"{title}: {text!r} is no MIN:DEFAULT:MAX.", hint="Write 1:2:4, 1:2: for no most, or 2 for exactly that."
        )
    least, usual, most = ((int(part) if part.isdecimal() else part) for part in parts)
    return {"minCount": least, "defaultCount": usual} | ({"maxCount": most} if most != "" else {})


def identifiers(cpu: str | None, memory: str | None, accelerators: Iterable[str]) -> list[Document]:
    """Return the identifiers that were said. Raises `InvalidInput`."""
    found = []
    for title, identifier, text in (("CPU", "cpu", cpu), ("Memory", "memory", memory)):
        if text is not None:
            about = {"displayName": title, "identifier": identifier, "resourceType": title}
            found.append(about | amounts(f"--{identifier}", text))
    for text in accelerators:
        identifier, equals, counts = text.partition("=")
        if not identifier or not equals:
            raise InvalidInput(
                f"--accelerator {text!r} is no NAME=MIN:DEFAULT:MAX.", hint="Write --accelerator nvidia.com/gpu=1:1:2."
            )
        about = {"displayName": identifier, "identifier": identifier, "resourceType": "Accelerator"}
        found.append(about | amounts(f"--accelerator {identifier}", counts))
    return found


def node(selectors: Iterable[str] | None, tolerations: Iterable[str] | None) -> Document:
    """Return which nodes of a cluster were said; empty for none. Raises `InvalidInput`."""
    said: Document = {}
    if selectors:
        said["nodeSelector"] = dict(_label(text) for text in selectors)
    if tolerations:
        said["tolerations"] = [_toleration(text) for text in tolerations]
    return said


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidInput(f"--node-selector {text!r} is no KEY=VALUE.", hint="Write --node-selector gpu=a100.")
    return key, value


def _toleration(text: str) -> Document:
    match = re.fullmatch(r"([^=:]+)(?:=([^:]*))?(?::(\w+))?", text)
    if match is None or (match[3] and match[3] not in _EFFECTS):
        raise InvalidInput(
            f"--toleration {text!r} is no KEY[=VALUE][:EFFECT].", hint=f"An effect is one of {', '.join(_EFFECTS)}."
        )
    key, value, effect = match.groups()
    how = {"operator": "Exists"} if value is None else {"operator": "Equal", "value": value}
    return {"key": key} | how | ({"effect": effect} if effect else {})
