"""The registry: what it keeps and the rules between the kinds, which are those of Kubeflow's model registry.

Threads may share it. Every method that changes something takes the `Actor` who asks, for the audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from forecourt.db import Database
from forecourt.errors import InvalidInput, NotFound
from forecourt.registry import store
from forecourt.registry.changes import Actor
from forecourt.registry.documents import Document
from forecourt.registry.model import (
    EXPERIMENT_RUN,
    INFERENCE_SERVICE,
    KINDS,
    METRIC,
    METRIC_HISTORY,
    MODEL_VERSION,
    PARAMETER,
    REGISTERED_MODEL,
    SERVE_MODEL,
    Kind,
)
from forecourt.registry.pages import Cursor, Listing
from forecourt.registry.store import Found
from forecourt.registry.tables import Resource

_LOCKED_ON_THE_HUB = ("hf_gated", "hf_private")
"""Custom properties of a version whose files Hugging Face gives only to some: no deployment can fetch them."""


class Registry:
    """The registry of a database, whose schema must be at its newest."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # Ask

    def get(self, kinds: Sequence[Kind], identity: int) -> Found:
        """Return a resource; raises `NotFound` where there is none of that id, or it is of another kind."""
        with self.database.point() as connection:
            return store.get(connection, kinds, identity)

    def find(
        self,
        kinds: Sequence[Kind],
        *,
        name: str | None = None,
        parent_id: int | None = None,
        external_id: str | None = None,
    ) -> Found | None:
        """Return the one resource with that name below its parent, or that external id; None where there is none."""
        with self.database.point() as connection:
            return store.find(connection, kinds, name=name, parent_id=parent_id, external_id=external_id)

    def page(self, listing: Listing, after: Cursor | None, limit: int) -> list[Found]:
        """Return the next so many rows of a list."""
        with self.database.point() as connection:
            return listing.rows(connection, after, limit)

    def served_model(self, service_id: int) -> Found:
        """Return the registered model that an inference service serves; raises `NotFound`."""
        service = self.get((INFERENCE_SERVICE,), service_id).document
        return self.get((REGISTERED_MODEL,), int(service["registeredModelId"]))

    def served_version(self, service_id: int) -> Found:
        """Return the version that it serves: the one it names, else the newest of its model; raises `NotFound`."""
        service = self.get((INFERENCE_SERVICE,), service_id).document
        if said := service.get("modelVersionId"):
            return self.get((MODEL_VERSION,), int(said))
        newest = Listing(
            (MODEL_VERSION,), parent_id=int(service["registeredModelId"]), order="CREATE_TIME", descending=True
        )
        if versions := self.page(newest, None, 1):
            return versions[0]
        raise NotFound(f"no model versions found for id {service_id}: not found")

    # Do

    def create(self, actor: Actor, kind: Kind, fields: Document, *, parent_id: int | None = None) -> Found:
        """Create a resource; its parent is the one given, else the one that its fields name.

        Raises `NotFound` for a parent that is not there, `AlreadyExists`, and `InvalidInput`.
        """
        with store.refusing(self.database, kind, fields) as session:
            return self.create_in(session, actor, kind, fields, parent_id=parent_id)

    def create_in(
        self, session: Session, actor: Actor, kind: Kind, fields: Document, *, parent_id: int | None = None
    ) -> Found:
        """Create a resource in a transaction that is open (`refusing`)."""
        if kind.parent_field:
            parent_id = int(fields[kind.parent_field]) if parent_id is None else parent_id
            fields = fields | {kind.parent_field: str(parent_id)}
        if kind.parent and parent_id is not None:
            store.get(session, (KINDS[kind.parent],), parent_id)
        _check(session, kind, fields)
        return store.create(session, actor, kind, fields, parent_id=parent_id)

    def update(self, actor: Actor, kinds: Sequence[Kind], identity: int, fields: Document) -> Found:
        """Change what `fields` names of a resource, and return it as it is then; raises `NotFound`, `AlreadyExists`."""
        with store.refusing(self.database, kinds[0], fields) as session:
            before = store.get(session, kinds, identity, lock=True)
            _check(session, before.kind, json.loads(before.text) | fields)
            return store.change(session, actor, before, fields)

    def put_artifact(
        self, actor: Actor, context: Kind, context_id: int, kind: Kind, fields: Document, identity: int | None
    ) -> tuple[Found, bool]:
        """Give a version or a run an artifact: a new one, or where an id is given, the one that is there.

        A metric or a parameter of a name that is there already takes its place; what a run's metric was stays in its
        history. Returns the artifact, and whether it is new. Raises `NotFound`, `AlreadyExists`, `InvalidInput`.
        """
        with store.refusing(self.database, kind, fields) as session:
            owner = store.get(session, (context,), context_id, lock=True)
            if context is EXPERIMENT_RUN:
                fields = fields | {"experimentId": str(owner.parent_id), "experimentRunId": str(context_id)}
            artifact, new = self._put_artifact(session, actor, context_id, kind, fields, identity)
            if context is EXPERIMENT_RUN and kind is METRIC:
                store.create(session, actor, METRIC_HISTORY, json.loads(artifact.text), parent_id=context_id)
            return artifact, new

    def _put_artifact(
        self, session: Session, actor: Actor, context_id: int, kind: Kind, fields: Document, identity: int | None
    ) -> tuple[Found, bool]:
        before = None
        if identity is not None:
            before = artifact_of_kind(session, kind, identity)
        elif kind in (METRIC, PARAMETER) and fields.get("name"):
            before = store.find(session, (kind,), name=fields["name"], parent_id=context_id)
        if before is None:
            return store.create(session, actor, kind, fields, parent_id=context_id, attribute=True), True
        kept = {name: value for name, value in fields.items() if name not in ("name", "artifactType")}
        after = store.change(session, actor, before, kept)
        store.attribute(session, context_id, before.id)
        return after, False


def artifact_of_kind(session: Any, kind: Kind, identity: int) -> Found:
    """Return the artifact of that id, held; raises `InvalidInput` where it is of another kind, as upstream says it."""
    try:
        return store.get(session, (kind,), identity, lock=True)
    except NotFound:
        raise InvalidInput(f"artifact with id {identity} is not a {kind.word}: bad request") from None


def _check(session: Session, kind: Kind, document: Document) -> None:
    """Refuse what contradicts itself, or names what is not there."""
    if kind is EXPERIMENT_RUN:
        start, end = document.get("startTimeSinceEpoch"), document.get("endTimeSinceEpoch")
        if start and end and int(end) < int(start):
            raise InvalidInput(f"endTimeSinceEpoch {end} is before startTimeSinceEpoch {start}: bad request")
    if kind is INFERENCE_SERVICE:
        model_id = int(document["registeredModelId"])
        store.get(session, (REGISTERED_MODEL,), model_id)
        if said := document.get("modelVersionId"):
            version = store.get(session, (MODEL_VERSION,), int(said))
            if version.parent_id != model_id:
                raise InvalidInput(
                    f"model version {said} is one of registered model {version.parent_id}, not of {model_id}: "
                    "bad request"
                )
    if kind is SERVE_MODEL:
        version = store.get(session, (MODEL_VERSION,), int(document["modelVersionId"]))
        properties = json.loads(version.text)["customProperties"]
        for name in _LOCKED_ON_THE_HUB:
            value = properties.get(name, {})
            if str(value.get("string_value", value.get("bool_value", ""))).lower() not in ("", "false"):
                raise InvalidInput(
                    f"model version {version.name} cannot be served: it is {name.removeprefix('hf_')} on Hugging Face: "
                    "bad request"
                )


def names_of(session: Any, ids: Sequence[int]) -> dict[int, str]:
    """Return the names of resources by id; those that are not there are left out."""
    return dict(session.execute(select(Resource.id, Resource.name).where(Resource.id.in_(ids))).tuples().all())
