"""What is in a project, counted: what its pages say of it, and what goes with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from forecourt.dashboard.calls import Calls, Document, path
from forecourt.dashboard.projects.project import NAMESPACES, SERVICES
from forecourt.projects import TYPE

_RUNTIMES = "/apis/serving.kserve.io/v1alpha1/namespaces"
_PROFILES = "/apis/infrastructure.opendatahub.io/v1/namespaces"
_TOKEN_OF = "forecourt.dev/inference-service"  # noqa: S105 - an annotation's name


@dataclass(frozen=True, slots=True)
class Contents:
    """The names of what a project has."""

    deployments: tuple[str, ...]
    connections: tuple[str, ...]
    tokens: tuple[str, ...]
    others: tuple[str, ...]

    def lost(self) -> list[Document]:
        """Return what goes with the project, by what it is called: how many, and their names."""
        rows = (
            ("deployment", self.deployments),
            ("connection", self.connections),
            ("token", self.tokens),
            ("other object", self.others),
        )
        return [{"what": what, "count": len(names), "names": list(names)} for what, names in rows if names]


async def contents_of(calls: Calls, project: str) -> Contents:
    """Ask what is in a project."""
    services, secrets, runtimes, profiles = await asyncio.gather(
        calls.get(SERVICES + path(project, "inferenceservices")),
        calls.get(NAMESPACES + path(project, "secrets")),
        calls.get(_RUNTIMES + path(project, "servingruntimes")),
        calls.get(_PROFILES + path(project, "hardwareprofiles")),
    )
    connections = [one for one in secrets["items"] if is_connection(one)]
    tokens = [one for one in secrets["items"] if _note(one, _TOKEN_OF)]
    rest = [one for one in secrets["items"] if one not in connections and one not in tokens]
    # What ships is in every project, and has no uid.
    own = [one for one in (*runtimes["items"], *profiles["items"]) if one["metadata"].get("uid")]
    return Contents(
        tuple(map(_name, services["items"])),
        tuple(map(_name, connections)),
        tuple(f"{_note(one, _TOKEN_OF)}/{_note(one, 'openshift.io/display-name') or _name(one)}" for one in tokens),
        tuple(map(_name, (*rest, *own))),
    )


def is_connection(secret: Document) -> bool:
    """Say whether a secret is a connection."""
    return bool(_note(secret, TYPE))


def is_hidden(secret: Document) -> bool:
    """Say whether a connection is one that a deployment brought with it, and that nobody asked to keep."""
    return _note(secret, "opendatahub.io/connection-hidden") == "true"


def _name(one: Document) -> str:
    return str(one["metadata"]["name"])


def _note(one: Document, name: str) -> str:
    return str((one["metadata"].get("annotations") or {}).get(name) or "")
