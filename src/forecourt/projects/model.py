"""The kinds of this room: `Namespace`, `Secret` and `ConfigMap` (v1), and Open Data Hub's `HardwareProfile` (v1).

A project is a namespace, a connection a secret, a connection type a config map, each with the labels and annotations
that Open Data Hub's dashboard gives them, so that one that is exported works on a cluster.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from forecourt.objects import KubernetesObject, Part

DISPLAY_NAME = "openshift.io/display-name"
DESCRIPTION = "openshift.io/description"
DASHBOARD = "opendatahub.io/dashboard"
DISABLED = "opendatahub.io/disabled"

Quantity = str | int
"""An amount as Kubernetes writes it: a number or a text such as ``500m`` or ``4Gi``."""


class Namespace(KubernetesObject):
    """A project where the dashboard's label is on it: what belongs together, by name."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Namespace"] = "Namespace"
    spec: dict[str, Any] | None = None
    status: dict[str, Any] | None = None

    @property
    def display_name(self) -> str:
        """What people call it."""
        return self.metadata.annotation(DISPLAY_NAME) or self.name


class Secret(KubernetesObject):
    """Values that are not shown. `data` is base64 as clients give it, and encrypted as it is kept (`vault`)."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Secret"] = "Secret"
    type: str | None = None
    data: dict[str, str] | None = None
    string_data: dict[str, str] | None = None

    @property
    def display_name(self) -> str:
        """What people call it."""
        return self.metadata.annotation(DISPLAY_NAME) or self.name


class ConfigMap(KubernetesObject):
    """Values that may be shown: here a connection type."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    data: dict[str, str] | None = None


class Identifier(Part):
    """A resource that a profile grants, as Kubernetes calls it: ``cpu``, ``memory``, ``nvidia.com/gpu``.

    The counts are quantities: the least and the most that a deployment may ask for, and what it gets where it asks for
    nothing.
    """

    display_name: str
    identifier: str
    min_count: Quantity
    default_count: Quantity
    max_count: Quantity | None = None
    resource_type: Literal["CPU", "Memory", "Accelerator"] | None = None


class Node(Part):
    """On which nodes of a cluster."""

    node_selector: dict[str, str] | None = None
    tolerations: list[dict[str, Any]] | None = None


class Kueue(Part):
    """In which queue of a cluster's Kueue."""

    local_queue_name: str
    priority_class: str | None = None


class Scheduling(Part):
    """How a cluster finds a place: by node, or by queue."""

    type: Literal["Node", "Queue"]
    node: Node | None = None
    kueue: Kueue | None = None


class HardwareProfileSpec(Part):
    """What a profile grants, and where."""

    identifiers: list[Identifier] = Field(default_factory=list)
    scheduling: Scheduling | None = None


class HardwareProfile(KubernetesObject):
    """A choice of hardware that a platform engineer offers under a name."""

    api_version: Literal["infrastructure.opendatahub.io/v1"] = "infrastructure.opendatahub.io/v1"
    kind: Literal["HardwareProfile"] = "HardwareProfile"
    spec: HardwareProfileSpec = Field(default_factory=HardwareProfileSpec)

    @property
    def display_name(self) -> str:
        """What people call it."""
        return self.metadata.annotation("opendatahub.io/display-name") or self.name

    @property
    def disabled(self) -> bool:
        """Whether it is hidden from those who deploy."""
        return self.metadata.annotation(DISABLED) == "true"
