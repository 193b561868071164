"""Creating and changing what the registry keeps, by the rules between its kinds, which are Kubeflow's.

Every function works in a transaction that is open, and takes the `Actor` who asks, for the audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from forecourt.db import Pipelined
from forecourt.errors import InvalidInput, NotFound
from forecourt.registry import store
from forecourt.registry.aliases import STAGE, stage_property
from forecourt.registry.changes import Actor
from forecourt.registry.documents import Document, read_fields
from forecourt.registry.model import (
    EXPERIMENT_RUN,
    INFERENCE_SERVICE,
    METRIC,
    METRIC_HISTORY,
    MODEL_VERSION,
    PARAMETER,
    REGISTERED_MODEL,
    SERVE_MODEL,
    V1,
    Kind,
)
from forecourt.registry.store import Found

_LOCKED_ON_THE_HUB = ("hf_gated", "hf_private")
"""Custom properties of a version whose files Hugging Face gives only to some: no deployment can fetch them."""


def create(
    connection: Connection | Pipelined, actor: Actor, kind: Kind, fields: Document, *, parent_id: int | None = None
) -> Found:
    """Create a resource; its parent is the one given, else the one that its fields name.

    It is one change, so that it needs no transaction around it.

    Raises `NotFound` for a parent that is not there, `AlreadyExists`, and `InvalidInput`.
    """
    if kind.parent_field:
        parent_id = int(fields[kind.parent_field]) if parent_id is None else parent_id
        fields = fields | {kind.parent_field: str(parent_id)}
    _check(connection, kind, fields)
    with store.refusing(kind, fields):
        return store.create(connection, actor, kind, fields, parent_id=parent_id)


def update(connection: Connection, actor: Actor, kinds: Sequence[Kind], identity: int, fields: Document) -> Found:
    """Change what `fields` names of a resource, and return it as it is then; raises `NotFound`, `AlreadyExists`."""
    before = store.get(connection, kinds, identity, lock=True)
    _check(connection, before.kind, json.loads(before.text) | fields)
    with store.refusing(before.kind, fields):
        return store.change(connection, actor, before, fields)


def merge(connection: Connection, actor: Actor, kinds: Sequence[Kind], identity: int, patch: Document) -> Found:
    """Merge a patch into a resource, custom properties one by one: those that are null go (RFC 7386).

    Two who change different properties at once both have their way, where `update` replaces all. Raises as it does.
    """
    before = store.get(connection, kinds, identity, lock=True)
    given = patch.get("customProperties")
    if given is not None and not isinstance(given, dict):
        raise InvalidInput("customProperties is no map: bad request")
    kept = json.loads(before.text)["customProperties"]
    if given:
        new = {name: value for name, value in given.items() if value is not None}
        patch = patch | {"customProperties": new}
    fields = read_fields(before.kind, patch, V1, "update")
    if given:
        kept = {name: value for name, value in kept.items() if name not in given}
        fields["customProperties"] = kept | fields["customProperties"]
        if before.kind is MODEL_VERSION and given.get(STAGE) is not None:
            stage_property(str(given[STAGE].get("string_value")))
    _check(connection, before.kind, json.loads(before.text) | fields)
    with store.refusing(before.kind, fields):
        return store.change(connection, actor, before, fields)


def put_artifact(
    connection: Connection,
    actor: Actor,
    context: Kind,
    context_id: int,
    kind: Kind,
    fields: Document,
    identity: int | None,
) -> tuple[Found, bool]:
    """Give a version or a run an artifact: a new one, or where an id is given, the one that is there.

    A metric or a parameter of a name that is there already takes its place; what a run's metric was stays in its
    history. Returns the artifact, and whether it is new. Raises `NotFound`, `AlreadyExists`, `InvalidInput`.
    """
    owner = store.get(connection, (context,), context_id, lock=True)
    if context is EXPERIMENT_RUN:
        fields = fields | {"experimentId": str(owner.parent_id), "experimentRunId": str(context_id)}
    with store.refusing(kind, fields):
        artifact, new = _put_artifact(connection, actor, context_id, kind, fields, identity)
    if context is EXPERIMENT_RUN and kind is METRIC:
        store.create(connection, actor, METRIC_HISTORY, json.loads(artifact.text), parent_id=context_id)
    return artifact, new


def _put_artifact(
    connection: Connection, actor: Actor, context_id: int, kind: Kind, fields: Document, identity: int | None
) -> tuple[Found, bool]:
    before = None
    if identity is not None:
        before = artifact_of_kind(connection, kind, identity)
    elif kind in (METRIC, PARAMETER) and fields.get("name"):
        before = store.find(connection, (kind,), name=fields["name"], parent_id=context_id)
    if before is None:
        artifact = store.create(connection, actor, kind, fields, parent_id=context_id)
        store.attribute(connection, context_id, artifact.id)
        return artifact, True
    kept = {name: value for name, value in fields.items() if name not in ("name", "artifactType")}
    after = store.change(connection, actor, before, kept)
    store.attribute(connection, context_id, before.id)
    return after, False


def artifact_of_kind(connection: Any, kind: Kind, identity: int) -> Found:
    """Return the artifact of that id, held; raises `InvalidInput` where it is of another kind, as upstream says it."""
    try:
        return store.get(connection, (kind,), identity, lock=True)
    except NotFound:
        raise InvalidInput(f"artifact with id {identity} is not a {kind.word}: bad request") from None


def _check(connection: Connection | Pipelined, kind: Kind, document: Document) -> None:
    """Refuse what contradicts itself, or names what is not there."""
    if kind is EXPERIMENT_RUN:
        start, end = document.get("startTimeSinceEpoch"), document.get("endTimeSinceEpoch")
        if start and end and int(end) < int(start):
            raise InvalidInput(f"endTimeSinceEpoch {end} is before startTimeSinceEpoch {start}: bad request")
    if kind is INFERENCE_SERVICE:
        model_id = int(document["registeredModelId"])
        store.get(connection, (REGISTERED_MODEL,), model_id)
        if said := document.get("modelVersionId"):
            version = store.get(connection, (MODEL_VERSION,), int(said))
            if version.parent_id != model_id:
                raise InvalidInput(
                    f"model version {said} is one of registered model {version.parent_id}, not of {model_id}: "
                    "bad request"
                )
    if kind is SERVE_MODEL:
        version = store.get(connection, (MODEL_VERSION,), int(document["modelVersionId"]))
        properties = json.loads(version.text)["customProperties"]
        for name in _LOCKED_ON_THE_HUB:
            value = properties.get(name, {})
            if str(value.get("string_value", value.get("bool_value", ""))).lower() not in ("", "false"):
                raise InvalidInput(
                    f"model version {version.name} cannot be served: it is {name.removeprefix('hf_')} on Hugging Face: "
                    "bad request"
                )
