"""Deleting for good, which upstream leaves to SQL: first what goes with it is listed, then it goes, all in one step.

What a deployment serves stays: a registry that forgets what answers in production is worse than a full one.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from forecourt.errors import Conflict
from forecourt.registry import store
from forecourt.registry.changes import Actor, record
from forecourt.registry.model import (
    INFERENCE_SERVICE,
    KINDS,
    MODEL_VERSION,
    REGISTERED_MODEL,
    SERVE_MODEL,
    Kind,
)
from forecourt.registry.pages import Listing
from forecourt.registry.store import SELECT, Found, found
from forecourt.registry.tables import Attribution, Property, Resource

_LISTED = 20  # dependents named in a message


def dependents(connection: Any, target: Found) -> list[Found]:
    """Return what goes with a resource if it is deleted, children before their parents."""
    seen: dict[int, Found] = {}
    _collect(connection, target, seen)
    seen.pop(target.id)
    return list(seen.values())


def delete_resource(
    connection: Connection, actor: Actor, kinds: Sequence[Kind], identity: int, *, cascade: bool
) -> list[Found]:
    """Delete a resource, with `cascade` all that depends on it too; return what is gone, the resource last.

    Raises `NotFound`; `Conflict` where something depends on it and `cascade` is not said, or a deployment serves it.
    """
    target = store.get(connection, kinds, identity, lock=True)
    others = dependents(connection, target)
    live = [one for one in others if one.kind is INFERENCE_SERVICE and one.document.get("desiredState") == "DEPLOYED"]
    if live:
        raise Conflict(
            f"The {target.kind.word} {target.name} is deployed: {_listed(live)}.",
            hint="Delete the deployment first: forecourt delete NAME.",
        )
    if others and not cascade:
        raise Conflict(
            f"{len(others)} others depend on the {target.kind.word} {target.name}: {_listed(others)}.",
            hint="Say cascade=true to delete them too.",
        )
    gone = [*others, target]
    for one in gone:
        record(connection, actor, "delete", one.kind.schema, one.id, one.name, before=one.text)
    ids = [one.id for one in gone]
    _hand_on(connection, ids)
    for start in range(0, len(ids), 500):
        connection.execute(delete(Resource).where(Resource.id.in_(ids[start : start + 500])))
    return gone


def _collect(connection: Any, target: Found, seen: dict[int, Found]) -> None:
    """Add what depends on a resource, depth first, then the resource."""
    if target.id in seen:
        return
    seen[target.id] = target  # said early, so that a circle ends; moved behind its dependents below
    if target.kind.family == "context":  # nothing depends on an artifact
        for other in (*_children(connection, target), *_references(connection, target)):
            _collect(connection, other, seen)
    seen[target.id] = seen.pop(target.id)


def _children(connection: Any, target: Found) -> Iterator[Found]:
    shared = select(Attribution.artifact_id).where(Attribution.context_id != target.id)
    for row in connection.execute(SELECT.where(Resource.parent_id == target.id, Resource.id.not_in(shared))).all():
        yield found(row)
    mine = select(Attribution.artifact_id).where(Attribution.context_id == target.id)
    only_mine = SELECT.where(Resource.id.in_(mine), Resource.id.not_in(shared), Resource.parent_id.is_(None))
    for row in connection.execute(only_mine).all():
        yield found(row)


def _references(connection: Any, target: Found) -> Iterator[Found]:
    """Yield what names the resource in a field."""
    fields = {
        REGISTERED_MODEL.schema: ((INFERENCE_SERVICE, "registeredModelId"),),
        MODEL_VERSION.schema: ((INFERENCE_SERVICE, "modelVersionId"), (SERVE_MODEL, "modelVersionId")),
    }.get(target.kind.schema, ())
    for kind, field in fields:
        ids = select(Property.resource_id).where(
            Property.kind == kind.schema, Property.name == field, Property.number == target.id, Property.custom == 0
        )
        for row in connection.execute(SELECT.where(Resource.id.in_(ids))).all():
            yield found(row)

    if target.kind is MODEL_VERSION:
        yield from _of_newest(connection, target)


def _of_newest(connection: Any, version: Found) -> Iterator[Found]:
    """Yield the inference services that serve a version as the newest of its model, and therefore name none."""
    order = Listing((MODEL_VERSION,), parent_id=version.parent_id, order="CREATE_TIME", descending=True)
    if [one.id for one in order.rows(connection, None, 1)] != [version.id]:
        return
    of_model, none = _property_of("registeredModelId", version.parent_id), _property_of("modelVersionId")
    for row in connection.execute(SELECT.where(Resource.id.in_(of_model), Resource.id.not_in(none))).all():
        yield found(row)


def _property_of(name: str, number: int | None = None) -> Any:
    """Return the query for the ids of the inference services that have a field, with a value where one is given."""
    query = select(Property.resource_id).where(
        Property.kind == INFERENCE_SERVICE.schema, Property.name == name, Property.custom == 0
    )
    return query if number is None else query.where(Property.number == number)


def _hand_on(connection: Connection, ids: Sequence[int]) -> None:
    """Give artifacts that another version or run has too to that one."""
    for start in range(0, len(ids), 500):
        gone = ids[start : start + 500]
        heirs = (
            select(Attribution.artifact_id, func.min(Attribution.context_id))
            .join(Resource, Resource.id == Attribution.artifact_id)
            .where(Resource.parent_id.in_(gone), Resource.id.not_in(ids), Attribution.context_id.not_in(ids))
            .group_by(Attribution.artifact_id)
        )
        for artifact_id, heir in connection.execute(heirs).all():
            row = connection.execute(select(Resource.kind, Resource.name).where(Resource.id == artifact_id)).one()
            same = (Resource.kind == row.kind, Resource.name == row.name, Resource.parent_id == heir)
            values: dict[str, Any] = {"parent_id": heir}
            if connection.execute(select(Resource.id).where(*same)).first() is not None:
                values["name"] = str(uuid.uuid4())  # it keeps its name in its document, and is found by id
            connection.execute(update(Resource).where(Resource.id == artifact_id).values(values))


def _listed(resources: Sequence[Found]) -> str:
    names = [f"{one.kind.word} {one.name}" for one in resources[:_LISTED]]
    more = len(resources) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def of_collection(collection: str) -> Sequence[Kind]:
    """Return the kinds that a collection of the API has; empty for none of that name."""
    if collection == "artifacts":
        return tuple(kind for kind in KINDS.values() if kind.family == "artifact")
    return tuple(kind for kind in KINDS.values() if kind.collection == collection)
