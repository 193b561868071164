"""Connections: secrets that say where models are and how to get in. What is secret of them is never shown.

They are kept encrypted, each value by itself. A client sees the values of the fields that its type does not hide; of
the others it sees the names, in the annotation ``forecourt.dev/hidden-keys``. An object that comes back with that
annotation keeps them: a person can edit a connection without having seen its password.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecourt.errors import InvalidInput, InvalidObject, NotFound
from forecourt.objects import ObjectStore, refuse, validate_metadata
from forecourt.projects.connection_types import ConnectionType, shipped_connection_types
from forecourt.projects.model import ConfigMap, Secret
from forecourt.projects.vault import Vault

TYPE = "opendatahub.io/connection-type-ref"
LEGACY_TYPE = "opendatahub.io/connection-type"
PROTOCOL = "opendatahub.io/connection-type-protocol"
HIDDEN_KEYS = "forecourt.dev/hidden-keys"
MANAGED = "opendatahub.io/managed"
DOCKER_CONFIG = ".dockerconfigjson"
DOCKER_CONFIG_TYPE = "kubernetes.io/dockerconfigjson"

_TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 - a type's name
_LARGEST = 1024 * 1024  # bytes of all values, as Kubernetes has it


@dataclass(frozen=True)
class Values:
    """What a connection says, in the clear: for whoever connects, and for nobody's eyes."""

    data: Mapping[str, str]
    annotations: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<Values of {', '.join(sorted(self.data))}>"


def type_name(secret: Secret) -> str:
    """Return the name of a connection's type; empty for a secret that is no connection."""
    return secret.metadata.annotation(TYPE) or secret.metadata.annotation(LEGACY_TYPE)


def called(secret: Secret) -> tuple[str, str]:
    """Return what people call a secret: a connection, a token by its deployment's name and its own, or a secret."""
    if secret.type == _TOKEN_TYPE and secret.metadata.owner_references:
        return "token", f"{secret.metadata.owner_references[0].name}/{secret.display_name}"
    return "connection" if type_name(secret) else "secret", secret.name


class Connections:
    """The secrets of an object store, and the rules for them. Threads may share it."""

    def __init__(self, objects: ObjectStore, vault: Vault) -> None:
        self._objects = objects
        self._vault = vault

    # What the API needs

    def validate(self, wanted: Secret, before: Secret | None) -> None:
        """Check a secret that is to be kept; raises `InvalidObject` that names the field, and no value."""
        validate_metadata(wanted)
        given = _given(wanted)
        if sum(len(value) for value in given.values()) > _LARGEST:
            raise InvalidObject(f"data: Invalid value: all values together are more than {_LARGEST} bytes")
        kind = self._type(wanted)
        if kind is None:
            return
        for one in kind.fields:
            if not one.variable:
                continue
            value = given.get(one.variable)
            if value is None and one.variable in _kept_hidden(wanted, before):
                continue
            if one.required and not one.deferred and not value:
                raise InvalidObject(
                    f"data[{one.variable}]: Required value: {one.name}",
                    hint=f"A connection of the type {kind.display_name!r} needs it.",
                )
            if value and (wrong := one.check(_text(one.variable, value))):
                raise InvalidObject(f"data[{one.variable}]: Invalid value: {one.name} {wrong}")
        if DOCKER_CONFIG in given:
            _check_docker_config(given[DOCKER_CONFIG])

    def kept(self, wanted: Secret, before: Secret | None) -> Secret:
        """Return what is kept of a secret: its values encrypted, those that were not shown as they were."""
        old = dict((before and before.data) or {})
        data = {key: old[key] for key in _kept_hidden(wanted, before)}
        for key, value in _given(wanted).items():
            data[key] = old[key] if key in old and self._same(old[key], value) else self._encrypted(value)
        annotations = {key: value for key, value in (wanted.metadata.annotations or {}).items() if key != HIDDEN_KEYS}
        labels = dict(wanted.metadata.labels or {})
        kind = self._type(wanted)
        if kind and kind.protocol:
            annotations[PROTOCOL] = kind.protocol
        if kind and kind.protocol == "s3":
            labels[MANAGED] = "true"
        update: dict[str, Any] = {"data": data, "string_data": None}
        if DOCKER_CONFIG in data:
            update["type"] = DOCKER_CONFIG_TYPE
        return wanted.model_copy(update=update).with_metadata(annotations=annotations or None, labels=labels or None)

    def shown(self, kept: Secret) -> Secret:
        """Return what clients see of a secret."""
        try:
            kind = self._type(kept)
        except InvalidObject:
            kind = None
        visible, data, hidden = (kind.visible if kind else frozenset()), {}, []
        for key, value in sorted((kept.data or {}).items()):
            if key in visible:
                try:
                    data[key] = self._vault.decrypt(value)
                    continue
                except InvalidInput:  # by another key: nobody can read it, and the rest is still to be seen
                    pass
            hidden.append(key)
        annotations = dict(kept.metadata.annotations or {})
        if hidden:
            annotations[HIDDEN_KEYS] = json.dumps(hidden)
        shown = kept.model_copy(update={"data": data or None, "string_data": None})
        return shown.with_metadata(annotations=annotations or None)

    # What others here need

    def values(self, namespace: str, name: str) -> Values:
        """Return what a connection says; raises `NotFound`, and `InvalidInput` where it cannot be read any more."""
        try:
            secret = self._objects.get(Secret, namespace, name)
        except NotFound:
            raise NotFound(
                f"There is no connection {name} in the project {namespace}.",
                hint=f"See which there are: forecourt connections list -n {namespace}",
            ) from None
        return self.reveal(secret)

    def reveal(self, secret: Secret) -> Values:
        """Return what a secret that is kept says."""
        texts = {key: _text(key, self._vault.decrypt(value)) for key, value in (secret.data or {}).items()}
        return Values(texts, dict(secret.metadata.annotations or {}))

    def values_of(self, given: Secret) -> Values:
        """Return what a secret says that is not kept yet: one to be tried; raises `InvalidObject` as `validate`."""
        self.validate(given, None)
        texts = {key: _text(key, value) for key, value in _given(given).items()}
        return Values(texts, dict(given.metadata.annotations or {}))

    def types(self) -> list[ConnectionType]:
        """Return the types of connection, those that were made here in place of those that ship."""
        made = {one.name: one for one in self._objects.list(ConfigMap)}
        return [ConnectionType.of(one) for one in ({t.name: t for t in shipped_connection_types()} | made).values()]

    def type_of(self, secret: Secret) -> ConnectionType | None:
        """Return a connection's type, where it has one that is known."""
        name = type_name(secret)
        return next((one for one in self.types() if one.name == name), None) if name else None

    def _type(self, secret: Secret) -> ConnectionType | None:
        kind = self.type_of(secret)
        if kind is None and (name := type_name(secret)):
            known = ", ".join(one.name for one in self.types())
            raise InvalidObject(
                f"metadata.annotations[{TYPE}]: there is no connection type {name}", hint=f"There are {known}."
            )
        return kind

    def _same(self, kept: str, value: str) -> bool:
        try:
            return self._vault.decrypt(kept) == value
        except InvalidInput:
            return False

    def _encrypted(self, value: str) -> str:
        return self._vault.encrypt(value)


def _given(secret: Secret) -> dict[str, str]:
    """Return the values that a client gives, in base64 whichever way it gives them."""
    plain = {key: base64.b64encode(value.encode()).decode() for key, value in (secret.string_data or {}).items()}
    return dict(secret.data or {}) | plain


def _kept_hidden(wanted: Secret, before: Secret | None) -> set[str]:
    """Return the keys whose values stay as they are although the client, who has not seen them, does not say them."""
    try:
        said = json.loads(wanted.metadata.annotation(HIDDEN_KEYS) or "[]")
    except ValueError:
        return set()
    there = set((before and before.data) or {})
    return there.intersection(map(str, said)) - set(_given(wanted)) if isinstance(said, list) else set()


def _text(key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidObject(f"data[{key}]: Invalid value: this must be text in base64") from None


def _check_docker_config(value: str) -> None:
    try:
        document = json.loads(_text(DOCKER_CONFIG, value))
    except ValueError:
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("auths"), dict):
        refuse(f"data[{DOCKER_CONFIG}]", "…", 'must be JSON such as {"auths": {"registry.example.org": {"auth": "…"}}}')
