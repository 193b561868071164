"""The room as others see it: its kinds for the API, and what a connection or a profile says."""

from __future__ import annotations

from forecourt.errors import NotFound
from forecourt.objects import ObjectStore, Resource
from forecourt.projects.connection_types import shipped_connection_types, validate_connection_type
from forecourt.projects.connections import Connections, called
from forecourt.projects.hardware import APPS_NAMESPACE, proposed_profiles, validate_profile
from forecourt.projects.model import ConfigMap, HardwareProfile, Namespace, Secret
from forecourt.projects.namespaces import admit, ensure_projects, let_go, validate_namespace
from forecourt.projects.vault import Vault

HARDWARE_GROUP = "infrastructure.opendatahub.io"


class Projects:
    """Projects, connections, connection types and hardware profiles in an object store. Threads may share it."""

    def __init__(self, objects: ObjectStore, vault: Vault) -> None:
        self._objects = objects
        self.connections = Connections(objects, vault)
        self.resources = (
            Resource(
                Namespace, "", "v1", "namespaces", ("ns",), False, validate_namespace, lasting=True, deletable=let_go
            ),
            Resource(
                Secret,
                "",
                "v1",
                "secrets",
                validate=self.connections.validate,
                kept=self.connections.kept,
                shown=self.connections.shown,
                called=called,
            ),
            Resource(
                ConfigMap,
                "",
                "v1",
                "configmaps",
                ("cm",),
                validate=validate_connection_type,
                shipped=shipped_connection_types,
            ),
            Resource(
                HardwareProfile,
                HARDWARE_GROUP,
                "v1",
                "hardwareprofiles",
                validate=validate_profile,
                shipped=proposed_profiles,
            ),
        )

    def prepare(self) -> None:
        """Have the projects that must be there; for the start of a server."""
        ensure_projects(self._objects)

    def admit(self, namespace: str) -> None:
        """Raise where nothing can be created in a namespace: `NotFound`, `Conflict`."""
        if namespace != APPS_NAMESPACE:
            admit(self._objects, namespace)

    def profile(self, name: str, namespace: str) -> HardwareProfile:
        """Return the profile that a project means by a name: its own, else the one for all; raises `NotFound`."""
        for where in (namespace, APPS_NAMESPACE):
            try:
                return self._objects.get(HardwareProfile, where, name)
            except NotFound:
                continue
        for proposed in proposed_profiles():
            if proposed.name == name:
                return proposed
        raise NotFound(
            f"There is no hardware profile {name}.", hint="See which there are: forecourt hardware-profiles list"
        )
