"""A deployment with what belongs to it, made in one go: its connection, itself, its tokens; or nothing of them.

In the order of Open Data Hub's dashboard (packages/kserve, ``deploy.ts``): everything is checked first, then the
connection is made, then the `InferenceService`, then its tokens. Where the deployment is refused, the connection that
was made for it is taken back. A connection that nobody asked to keep belongs to the deployment and goes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forecourt.errors import AlreadyExists, Conflict, ForecourtError, InvalidObject, NotFound
from forecourt.objects import ObjectStore, OwnerReference
from forecourt.projects import Projects, Secret
from forecourt.serving.admission import Admission
from forecourt.serving.model import InferenceService
from forecourt.serving.tokens import Tokens
from forecourt.serving.validation import validate_service

HIDDEN = "opendatahub.io/connection-hidden"
"""The annotation of a connection that was made for one deployment only, where it is ``true``."""
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made. `connection` is one that is not there yet; `tokens` are names, each for who uses it."""

    service: InferenceService
    connection: Secret | None = None
    tokens: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What there is now. `tokens` are names with what opens the deployment, which nobody can read again."""

    service: InferenceService
    connection: Secret | None
    tokens: Sequence[tuple[str, str]] = ()

    def to_dict(self) -> Document:
        """Return it as the API answers."""
        return {
            "connection": self.connection.to_dict() if self.connection else None,
            "inferenceService": self.service.to_dict(),
            "tokens": [{"name": name, "token": text} for name, text in self.tokens],
        }


class Deployer:
    """Makes deployments in an object store, and changes them. Threads may share it."""

    def __init__(self, objects: ObjectStore, projects: Projects, admission: Admission, tokens: Tokens) -> None:
        self._objects = objects
        self._projects = projects
        self._admission = admission
        self._tokens = tokens

    def deploy(self, namespace: str, order: Order, *, dry_run: bool = False) -> Made:
        """Make it; with `dry_run` only say what would be made.

        Raises `InvalidObject` that names the field, `AlreadyExists`, `NotFound` for a project that is not there.
        """
        self._projects.admit(namespace)
        kept = self._checked(namespace, order, None)
        if self._there(namespace, kept.name):
            raise AlreadyExists(
                f"metadata.name: there is a deployment {kept.name} in the project {namespace} already.",
                hint="Choose another name.",
            )
        if dry_run:
            return Made(kept, self._shown(order.connection))
        connection = self._connected(order.connection)
        try:
            service = self._objects.create(kept)
        except ForecourtError:
            if connection:
                self._remove(connection)
            raise
        return self._completed(service, connection, order.tokens)

    def change(self, namespace: str, order: Order, *, dry_run: bool = False) -> Made:
        """Put another object in the place of one that is there, with a new connection where there is one.

        Raises what `deploy` does, `NotFound`, and `Conflict` where it was changed since its ``resourceVersion``.
        """
        before = self._objects.get(InferenceService, namespace, order.service.name)
        kept = self._checked(namespace, order, before)
        taken = {token.name for token in self._tokens.of(namespace, kept.name)}.intersection(order.tokens)
        if taken:
            raise AlreadyExists(f"{kept.name} has a token {min(taken)} already.", hint="Choose another name.")
        version = kept.metadata.resource_version
        if version and version != before.metadata.resource_version:
            raise Conflict(
                f"{kept.name} was changed meanwhile.", hint="Look at what it is now, or say no resourceVersion."
            )
        if dry_run:
            return Made(kept, self._shown(order.connection))
        connection = self._connected(order.connection)
        try:
            service = self._objects.update(InferenceService, namespace, kept.name, lambda _: kept)
        except ForecourtError:
            if connection:
                self._remove(connection)
            raise
        return self._completed(service, connection, order.tokens)

    def _checked(self, namespace: str, order: Order, before: InferenceService | None) -> InferenceService:
        """Return the deployment as it would be kept; raises where anything of the order cannot be."""
        for name in order.tokens:
            if not name.strip():
                raise InvalidObject("tokens: Required value: a token needs a name, which says who uses it")
        if len({name.strip() for name in order.tokens}) < len(order.tokens):
            raise InvalidObject("tokens: Invalid value: each name must be there once")
        for one in filter(None, (order.connection, order.service)):
            if one.namespace != namespace:
                raise Conflict(f"{one.name} is of the namespace {one.namespace}, and the path says {namespace}.")
        if order.connection:
            try:
                self._projects.connections.validate(order.connection, None)
            except InvalidObject as error:
                raise InvalidObject(f"connection.{error.message}", hint=error.hint) from None
            if self._exists(Secret, namespace, order.connection.name):
                raise AlreadyExists(
                    f"connection.metadata.name: there is a connection {order.connection.name} already.",
                    hint="Choose it as an existing connection, or choose another name.",
                )
        validate_service(order.service, before)
        return self._admission.kept(order.service, before, order.connection)

    def _connected(self, connection: Secret | None) -> Secret | None:
        return self._objects.create(self._projects.connections.kept(connection, None)) if connection else None

    def _completed(self, service: InferenceService, connection: Secret | None, tokens: Sequence[str]) -> Made:
        if connection and connection.metadata.annotation(HIDDEN) == "true":
            connection = self._objects.update(Secret, connection.namespace, connection.name, _owned_by(service))
        issued = []
        for name in tokens:
            token, text = self._tokens.issue(service.namespace, service.name, name.strip())
            issued.append((token.name, text))
        shown = self._projects.connections.shown(connection) if connection else None
        return Made(service, shown, issued)

    def _shown(self, connection: Secret | None) -> Secret | None:
        connections = self._projects.connections
        return connections.shown(connections.kept(connection, None)) if connection else None

    def _there(self, namespace: str, name: str) -> bool:
        return self._exists(InferenceService, namespace, name)

    def _exists(self, kind: type[InferenceService] | type[Secret], namespace: str, name: str) -> bool:
        try:
            self._objects.get(kind, namespace, name)
        except NotFound:
            return False
        return True

    def _remove(self, connection: Secret) -> None:
        marked = self._objects.mark_deleted(Secret, connection.namespace, connection.name)
        self._objects.purge(Secret, connection.namespace, connection.name, marked.metadata.uid or "")


def _owned_by(service: InferenceService) -> Any:
    owner = OwnerReference(
        api_version=service.api_version, kind=service.kind, name=service.name, uid=service.metadata.uid or ""
    )

    def owned(secret: Secret) -> Secret:
        return secret.with_metadata(owner_references=[owner])

    return owned
