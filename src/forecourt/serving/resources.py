"""The kinds that the API serves, where they are in it, and what it says of them to clients that ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from forecourt.serving.kubernetes import KubernetesObject
from forecourt.serving.model import GROUP, ClusterServingRuntime, InferenceService, ServingRuntime


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object and its names in paths and on the command line."""

    kind: type[KubernetesObject]
    version: str
    plural: str
    short_names: tuple[str, ...]
    namespaced: bool = True

    @property
    def name(self) -> str:
        """The kind's name."""
        return self.kind.__name__

    @property
    def singular(self) -> str:
        """Its name in the singular, as kubectl takes it."""
        return self.name.lower()

    @property
    def api_version(self) -> str:
        """Group and version."""
        return f"{GROUP}/{self.version}"


RESOURCES = (
    Resource(InferenceService, "v1beta1", "inferenceservices", ("isvc",)),
    Resource(ServingRuntime, "v1alpha1", "servingruntimes", ()),
    Resource(ClusterServingRuntime, "v1alpha1", "clusterservingruntimes", (), namespaced=False),
)
VERSIONS = tuple(dict.fromkeys(resource.version for resource in RESOURCES))
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def group() -> dict[str, Any]:
    """Return the ``APIGroup``."""
    versions = [{"groupVersion": f"{GROUP}/{version}", "version": version} for version in VERSIONS]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": versions,
        "preferredVersion": versions[0],
    }


def group_list() -> dict[str, Any]:
    """Return the ``APIGroupList``: ours is the only group."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]}


def resource_list(version: str) -> dict[str, Any]:
    """Return the ``APIResourceList`` of a version."""
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{GROUP}/{version}",
        "resources": [
            {
                "name": resource.plural,
                "singularName": resource.singular,
                "namespaced": resource.namespaced,
                "kind": resource.name,
                "verbs": VERBS,
                "shortNames": list(resource.short_names),
            }
            for resource in RESOURCES
            if resource.version == version
        ],
    }
