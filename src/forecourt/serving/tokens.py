"""Named tokens that open a protected deployment: shown once, kept as hashes, revoked by name.

Open Data Hub's shape: a secret ``<token>-<deployment>-sa`` of the type service-account-token, owned by the deployment.
A cluster puts its own token into such a secret; here it holds the SHA-256 of ours, which has 256 random bits.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from forecourt.errors import AlreadyExists, InvalidInput, NotFound
from forecourt.objects import ObjectStore, OwnerReference, validate_metadata
from forecourt.projects import DASHBOARD, DISPLAY_NAME, Connections, Secret
from forecourt.serving.compose import resource_name
from forecourt.serving.model import InferenceService

DEPLOYMENT = "forecourt.dev/inference-service"
HASH = "token-sha256"
_TYPE = "kubernetes.io/service-account-token"
_ACCOUNT = "kubernetes.io/service-account.name"
_PREFIX = "fct-"  # so that one that leaked is known for what it is


@dataclass(frozen=True, slots=True)
class Token:
    """A token as one may know of it: its name and when it was made (RFC 3339, UTC)."""

    name: str
    created: str


class Tokens:
    """The tokens of the deployments in an object store. Threads may share it."""

    def __init__(self, objects: ObjectStore, connections: Connections) -> None:
        self._objects = objects
        self._connections = connections

    def issue(self, namespace: str, deployment: str, name: str) -> tuple[Token, str]:
        """Make a token and return it with its text, which nobody can read again.

        Raises `NotFound` for a deployment that is not there, `AlreadyExists` for a name that is taken.
        """
        service = self._objects.get(InferenceService, namespace, deployment)
        if not name.strip():
            raise InvalidInput("A token needs a name.", hint="Say who uses it: ci, notebook, partner.")
        text = _PREFIX + secrets.token_urlsafe(32)
        try:
            kept = self._objects.create(self._connections.kept(_secret(service, name.strip(), text), None))
        except AlreadyExists:
            raise AlreadyExists(
                f"{deployment} has a token {name} already.", hint="Revoke it first, or choose another name."
            ) from None
        return _token(kept), text

    def of(self, namespace: str, deployment: str) -> list[Token]:
        """Return a deployment's tokens by name; raises `NotFound` for a deployment that is not there."""
        self._objects.get(InferenceService, namespace, deployment)
        return [_token(secret) for secret in self._secrets(namespace, deployment)]

    def revoke(self, namespace: str, deployment: str, name: str) -> None:
        """Have a token open nothing any more; raises `NotFound`."""
        self._objects.get(InferenceService, namespace, deployment)
        for secret in self._secrets(namespace, deployment):
            if name in (_token(secret).name, secret.name):
                self._remove(secret)
                return
        raise NotFound(
            f"{deployment} has no token {name}.", hint=f"See them: forecourt tokens list {deployment} -n {namespace}"
        )

    def hashes(self, namespace: str, deployment: str) -> frozenset[str]:
        """Return the SHA-256 of each token, in hexadecimal digits."""
        revealed = map(self._connections.reveal, self._secrets(namespace, deployment))
        return frozenset(values.data[HASH] for values in revealed if HASH in values.data)

    def _secrets(self, namespace: str, deployment: str) -> list[Secret]:
        those = self._objects.list(Secret, namespace)
        return [one for one in those if one.type == _TYPE and one.metadata.annotation(DEPLOYMENT) == deployment]

    def _remove(self, secret: Secret) -> None:
        marked = self._objects.mark_deleted(Secret, secret.namespace, secret.name)
        self._objects.purge(Secret, secret.namespace, secret.name, marked.metadata.uid or "")


def hash_of(text: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(text.encode()).hexdigest()


def deployment_of(secret: Secret) -> str:
    """Return the deployment that a secret is a token of; empty for any other secret."""
    return secret.metadata.annotation(DEPLOYMENT) if secret.type == _TYPE else ""


def _secret(service: InferenceService, name: str, text: str) -> Secret:
    owner = OwnerReference(
        api_version=service.api_version, kind=service.kind, name=service.name, uid=service.metadata.uid or ""
    )
    secret = Secret.from_dict(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": f"{resource_name(name)}-{service.name}-sa",
                "namespace": service.namespace,
                "labels": {DASHBOARD: "true"},
                "annotations": {_ACCOUNT: f"{service.name}-sa", DISPLAY_NAME: name, DEPLOYMENT: service.name},
                "ownerReferences": [owner.to_dict()],
            },
            "type": _TYPE,
            "stringData": {HASH: hash_of(text)},
        }
    )
    validate_metadata(secret)
    return secret


def _token(secret: Secret) -> Token:
    return Token(secret.display_name, secret.metadata.creation_timestamp or "")
