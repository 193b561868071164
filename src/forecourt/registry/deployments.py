"""What serves which version, as KServe's registry controller writes it.

A namespace is a serving environment, a deployment an inference service in it, and each version that it has served a
serve model, which runs for as long as the version answers. What is deleted stays, as UNDEPLOYED.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select

from forecourt.registry import changing, store
from forecourt.registry.changes import SYSTEM
from forecourt.registry.documents import Document, parse_id
from forecourt.registry.model import (
    INFERENCE_SERVICE,
    MODEL_VERSION,
    REGISTERED_MODEL,
    SERVE_MODEL,
    SERVING_ENVIRONMENT,
)
from forecourt.registry.pages import Listing
from forecourt.registry.resolve import resolve, version_of
from forecourt.registry.store import SELECT, Found, found
from forecourt.registry.tables import Property, Resource

ServeState = Literal["NEW", "RUNNING", "COMPLETE", "FAILED"]

_OURS = "deployed_by"
_MANY = 100_000  # inference services that are looked at when a server starts


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as the registry is to know it. `url` and `runtime` are empty where there is none yet."""

    namespace: str
    name: str
    uid: str
    version_id: int
    deployed: bool
    state: ServeState
    runtime: str = ""
    url: str = ""


def served_version(
    connection: Connection, uid: str, *, model_id: str = "", version_id: str = "", uri: str = ""
) -> Found:
    """Return the version that a deployment serves: the one that is said, else what its model or its URI means.

    What those mean may change (an alias moves, a version is added); what was found out first stays, as what it serves
    does. Raises `NotFound` and `InvalidInput`.
    """
    if version_id:
        return store.get(connection, (MODEL_VERSION,), parse_id(version_id, MODEL_VERSION.word))
    if service := store.find(connection, (INFERENCE_SERVICE,), external_id=uid):
        return store.get(connection, (MODEL_VERSION,), int(service.document["modelVersionId"]))
    if model_id:
        model = store.get(connection, (REGISTERED_MODEL,), parse_id(model_id, REGISTERED_MODEL.word))
        return version_of(connection, model, "")
    return resolve(connection, uri).version


def record_deployment(connection: Connection, deployment: Deployment) -> int:
    """Write what is known of a deployment, where that is news; return the id of its inference service.

    Raises `NotFound` where the registry has no such model or version.
    """
    version = store.get(connection, (MODEL_VERSION,), deployment.version_id)
    fields: Document = {
        "registeredModelId": str(version.parent_id),
        "modelVersionId": str(version.id),
        "desiredState": "DEPLOYED" if deployment.deployed else "UNDEPLOYED",
        "customProperties": {_OURS: _text("forecourt")} | ({"url": _text(deployment.url)} if deployment.url else {}),
        **({"runtime": deployment.runtime} if deployment.runtime else {}),
    }
    service = store.find(connection, (INFERENCE_SERVICE,), external_id=deployment.uid)
    if service is None:
        service = _create(connection, deployment, fields)
    else:
        known = json.loads(service.text)
        fields["customProperties"] = known["customProperties"] | fields["customProperties"]
        service = _change(connection, service, fields)
    _record_serving(connection, service, version, deployment)
    return service.id


def close_missing(connection: Connection, uids: Collection[str]) -> None:
    """Say of the deployments that were ours and are not among `uids` that they are no longer deployed."""
    ours = select(Property.resource_id).where(
        Property.kind == INFERENCE_SERVICE.schema, Property.name == _OURS, Property.head == "forecourt"
    )
    for row in connection.execute(SELECT.where(Resource.id.in_(ours)).limit(_MANY)).all():
        service = found(row)
        if service.document.get("externalId") not in uids:
            close(connection, service)


def close_deployment(connection: Connection, uid: str) -> None:
    """Say that a deployment is gone."""
    if service := store.find(connection, (INFERENCE_SERVICE,), external_id=uid):
        close(connection, service)


def close(connection: Connection, service: Found) -> None:
    """Say that an inference service is no longer deployed, and that what it served is done."""
    _change(connection, service, {"desiredState": "UNDEPLOYED"})
    for serving in _servings(connection, service):
        _change(connection, serving, {"lastKnownState": _ended(serving)})


def _create(connection: Connection, deployment: Deployment, fields: Document) -> Found:
    environment = store.find(connection, (SERVING_ENVIRONMENT,), name=deployment.namespace)
    if environment is None:
        named = {"name": deployment.namespace, "customProperties": {}}
        environment = changing.create(connection, SYSTEM, SERVING_ENVIRONMENT, named)
    # The name is the one that KServe's registry controller gives: two of the same name, one after the other, differ.
    named = {
        "name": f"{deployment.name}/{deployment.uid}",
        "externalId": deployment.uid,
        "servingEnvironmentId": str(environment.id),
    }
    return changing.create(connection, SYSTEM, INFERENCE_SERVICE, named | fields)


def _record_serving(connection: Connection, service: Found, version: Found, deployment: Deployment) -> None:
    current = None
    for serving in _servings(connection, service):
        if serving.document["modelVersionId"] == str(version.id) and serving.document["lastKnownState"] != "COMPLETE":
            current = serving
        else:  # of a version that was served before
            _change(connection, serving, {"lastKnownState": _ended(serving)})
    if current is not None:
        _change(connection, current, {"lastKnownState": deployment.state})
    elif deployment.deployed:
        fields = {"modelVersionId": str(version.id), "lastKnownState": deployment.state, "customProperties": {}}
        changing.create(connection, SYSTEM, SERVE_MODEL, fields, parent_id=service.id)


def _servings(connection: Connection, service: Found) -> list[Found]:
    """Return what an inference service serves or has served, oldest first."""
    return Listing((SERVE_MODEL,), parent_id=service.id).rows(connection, None, _MANY)


def _ended(serving: Found) -> str:
    state = str(serving.document["lastKnownState"])
    return state if state in ("COMPLETE", "FAILED", "CANCELED") else "COMPLETE"


def _change(connection: Connection, before: Found, fields: Document) -> Found:
    """Change a resource where that changes anything."""
    document = json.loads(before.text)
    if all(document.get(name) == value for name, value in fields.items()):
        return before
    return store.change(connection, SYSTEM, before, fields)


def _text(value: str) -> dict[str, Any]:
    return {"string_value": value, "metadataType": "MetadataStringValue"}
