"""What the form offers to choose from: a project's connections, connection types, hardware profiles, runtimes."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.connecting import enabled_types
from forecourt.projects import APPS_NAMESPACE, DISPLAY_NAME, TYPE, ConnectionType
from forecourt.serving import HIDDEN_CONNECTION

RUNTIMES = "/api/forecourt/v1/serving-runtimes"
_PROTOCOL = "opendatahub.io/connection-type-protocol"
_DISABLED = "opendatahub.io/disabled"
_VISIBILITY = "opendatahub.io/dashboard-feature-visibility"


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that is there; `values` are those that are not secret."""

    name: str
    title: str
    protocol: str
    values: Mapping[str, str]
    hidden: bool = False

    @property
    def uri(self) -> str:
        """Where it leads by itself; empty where a path says the rest."""
        return self.values.get("URI") or self.values.get("https-host") or "" if self.protocol == "uri" else ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A hardware profile: what of each kind it grants, with the least, the usual and the most."""

    name: str
    namespace: str
    title: str
    description: str
    identifiers: Sequence[Document]

    @property
    def summary(self) -> str:
        """What a replica gets where nothing else is said."""
        return ", ".join(f"{one['displayName']}: {one['defaultCount']}" for one in self.identifiers)


@dataclass(frozen=True, slots=True)
class Offers:
    """All of it, for one project."""

    project: str
    title: str
    connections: Sequence[Connection]
    types: Sequence[ConnectionType]
    profiles: Sequence[Profile]
    runtimes: Sequence[Document]

    def connection(self, name: str) -> Connection | None:
        """Return a connection by its name."""
        return next((one for one in self.connections if one.name == name), None)

    def type(self, name: str) -> ConnectionType | None:
        """Return a connection type by its name."""
        return next((one for one in self.types if one.name == name), None)

    def profile(self, name: str) -> Profile | None:
        """Return a hardware profile by its name."""
        return next((one for one in self.profiles if one.name == name), None)

    @property
    def formats(self) -> list[str]:
        """The formats that runtimes which are offered serve; those that one serves here come first."""
        here, elsewhere = dict[str, None](), dict[str, None]()
        for runtime in self.runtimes:
            if runtime["enabled"]:
                names = dict.fromkeys(one["name"] for one in runtime["formats"])
                (here if runtime["runsHere"] else elsewhere).update(names)
        return [*sorted(here), *sorted(name for name in elsewhere if name not in here)]


async def offers_of(calls: Calls, project: str) -> Offers:
    """Ask for everything that is offered in a project; raises `NotFound` where it is not there."""
    namespace, secrets, types, own, everyones, runtimes = await asyncio.gather(
        calls.get("/api/v1/namespaces" + path(project)),
        calls.get("/api/v1/namespaces" + path(project, "secrets")),
        calls.get("/api/v1/namespaces" + path(APPS_NAMESPACE, "configmaps")),
        calls.get("/apis/infrastructure.opendatahub.io/v1/namespaces" + path(project, "hardwareprofiles")),
        calls.get("/apis/infrastructure.opendatahub.io/v1/namespaces" + path(APPS_NAMESPACE, "hardwareprofiles")),
        calls.get(RUNTIMES, namespace=project),
    )
    profiles = {one["metadata"]["name"]: one for one in everyones["items"] + own["items"]}
    return Offers(
        project=project,
        title=_notes(namespace).get(DISPLAY_NAME) or project,
        connections=tuple(connections_among(secrets["items"])),
        types=enabled_types(types["items"]),
        profiles=tuple(_profiles(profiles.values())),
        runtimes=runtimes["items"],
    )


def connections_among(secrets: Sequence[Document]) -> Iterator[Connection]:
    """Yield the connections among secrets."""
    for one in secrets:
        notes = _notes(one)
        if notes.get(TYPE):
            data = {
                key: base64.b64decode(value).decode(errors="replace") for key, value in (one.get("data") or {}).items()
            }
            name = one["metadata"]["name"]
            hidden = notes.get(HIDDEN_CONNECTION) == "true"
            yield Connection(name, notes.get(DISPLAY_NAME) or name, notes.get(_PROTOCOL, ""), data, hidden)


def _profiles(documents: Any) -> Iterator[Profile]:
    for one in documents:
        notes = _notes(one)
        try:
            shown = json.loads(notes.get(_VISIBILITY) or "[]")
        except ValueError:
            shown = []
        if notes.get(_DISABLED) != "true" and (not shown or "model-serving" in shown):
            metadata = one["metadata"]
            yield Profile(
                metadata["name"],
                metadata["namespace"],
                notes.get("opendatahub.io/display-name") or one["spec"].get("displayName") or metadata["name"],
                notes.get("opendatahub.io/description") or "",
                one["spec"].get("identifiers") or (),
            )


def _notes(document: Document) -> Mapping[str, str]:
    return document["metadata"].get("annotations") or {}


def _data(document: Document) -> Mapping[str, str]:
    return document.get("data") or {}
