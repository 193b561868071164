"""Where the server has serving runtimes, and options that the commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.completion import complete_runtime
from forecourt.cli.resources import SERVING_RUNTIME, Resource

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]

RUNTIMES = "/api/forecourt/v1/serving-runtimes"
ENVIRONMENTS = "/api/forecourt/v1/environments"

CLUSTER_SERVING_RUNTIME = Resource(
    "ClusterServingRuntime",
    "serving.kserve.io/v1alpha1",
    "clusterservingruntimes",
    ("clusterservingruntimes", "clusterservingruntime"),
)

RuntimeName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the serving runtime.", autocompletion=complete_runtime)
]
Project = Annotated[str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Project of the runtime.")]
AllProjects = Annotated[
    bool, typer.Option("--all-projects", "-A", help="For all projects, as a ClusterServingRuntime.")
]


def place(about: Document, namespace: str) -> tuple[Resource, str]:
    """Return the kind of a runtime, and the namespace it is to be asked for in (none for one of all projects)."""
    if about["kind"] == CLUSTER_SERVING_RUNTIME.kind:
        return CLUSTER_SERVING_RUNTIME, ""
    return SERVING_RUNTIME, namespace


def create(client: Client, document: Document, namespace: str, *, dry_run: bool = False) -> Document:
    """Create a runtime, in a project unless it is one of all projects; what is wrong with it was told before."""
    kind, scope = place(document, namespace)
    if scope:
        document["metadata"]["namespace"] = scope
    options = {"fieldValidation": "Ignore", "dryRun": "All" if dry_run else ""}
    made: Document = client.send("POST", kind.path(scope), document, **options)
    return made


def refuse_taken(client: Client, name: str, namespace: str) -> None:
    """Raise `AlreadyExists` where a runtime of that name is there, be it one that ships."""
    from forecourt.errors import AlreadyExists

    taken = next((one for one in _listed(client, namespace) if one["name"] == name), None)
    if taken and taken["shipped"]:
        raise AlreadyExists(
            f"A serving runtime {name} ships with Forecourt.",
            hint=f"Choose another name. To have your own in its place: forecourt runtimes edit {name}",
        )
    if taken:
        raise AlreadyExists(
            f"There is a serving runtime {name} already.",
            hint=f"Choose another name, or change that one: forecourt runtimes edit {name}",
        )


def as_offered(client: Client, items: list[Document], namespace: str) -> list[Document]:
    """Return runtimes in the order that is set, and disabled where they are not offered."""
    offered = {one["name"]: (place, one["enabled"]) for place, one in enumerate(_listed(client, namespace))}

    def shown(item: Document) -> Document:
        _, enabled = offered.get(item["metadata"]["name"], (0, True))
        return item if enabled else item | {"spec": item["spec"] | {"disabled": True}}

    ordered = sorted(items, key=lambda item: offered.get(item["metadata"]["name"], (len(offered), True))[0])
    return [shown(item) for item in ordered]


def _listed(client: Client, namespace: str) -> list[Document]:
    items: list[Document] = client.get(RUNTIMES, namespace=namespace)["items"]
    return items
