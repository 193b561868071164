"""What upstream's API lacks, under ``/api/forecourt/v1/registry``: deletion, aliases, stages, lineage, the audit trail.

Resources in answers are as ``/api/model_registry/v1`` has them.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from forecourt.errors import InvalidInput, NotFound
from forecourt.registry import changing, store
from forecourt.registry.aliases import STAGE, aliases_of, remove_alias, set_alias, stage_property
from forecourt.registry.changes import Actor, history
from forecourt.registry.deletion import delete_resource, dependents, of_collection
from forecourt.registry.documents import INT32_MAX, read_body
from forecourt.registry.exchange import actor_of
from forecourt.registry.graph import DEEPEST, MOST_NODES, lineage_graph
from forecourt.registry.lineage import lineage, versions_of
from forecourt.registry.links import add_link, remove_link
from forecourt.registry.model import MODEL_VERSION, REGISTERED_MODEL, Kind
from forecourt.registry.overviews import Id, overview_router, shown, snapshot
from forecourt.registry.registering import NewLink, Registration, register
from forecourt.registry.registry import Registry
from forecourt.registry.requests import Parameters
from forecourt.registry.resolve import resolve
from forecourt.registry.store import Found

Document = dict[str, Any]

BASE = "/api/forecourt/v1/registry"


class _AliasOf(BaseModel):
    """What an alias is for."""

    model_config = ConfigDict(extra="forbid")

    version_id: int = Field(alias="modelVersionId", ge=1, le=INT32_MAX)


class _Stage(BaseModel):
    """The stage that a version is in; empty for none."""

    model_config = ConfigDict(extra="forbid")

    stage: str


def management_router(registry: Registry) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix=BASE, dependencies=[Depends(_storable)])
    database = registry.database
    router.include_router(overview_router(database))

    @router.post("/register", status_code=201)
    def register_(
        request: Request,
        wanted: Registration,
        dry_run: Annotated[str, Query(alias="dryRun", pattern="^(All)?$")] = "",
    ) -> Document:
        """Register a model, a version of it and where its files are, in one step; with ``dryRun=All`` only try it."""
        with database.transaction() as connection:
            made = register(connection, _actor(request), wanted)
            if dry_run:
                connection.rollback()
        return {name: shown(one) for name, one in made.items()}

    @router.get("/resolve")
    def resolve_(uri: str) -> Document:
        """Say which version a ``model-registry://`` URI names, and where its files are."""
        with snapshot(database) as connection:
            resolved = resolve(connection, uri)
        return {
            "uri": resolved.uri,
            "registeredModel": shown(resolved.model),
            "modelVersion": shown(resolved.version),
            "modelArtifact": shown(resolved.artifact),
        }

    @router.get("/lineage")
    def versions_of_(uri: str) -> Document:
        """Return the versions that a URI or a digest leads to."""
        with snapshot(database) as connection:
            return {"items": versions_of(connection, uri)}

    @router.get("/changes")
    def changes(
        resource_id: Annotated[int | None, Query(alias="resourceId", ge=1, le=INT32_MAX)] = None,
        model_id: Annotated[int | None, Query(alias="registeredModelId", ge=1, le=INT32_MAX)] = None,
        kind: str = "",
        actor: str = "",
        size: Annotated[int, Query(alias="pageSize", ge=1, le=1000)] = 100,
        token: Annotated[str, Query(alias="nextPageToken")] = "",
    ) -> Document:
        """Return the audit trail, the newest entry first: of one resource, or of a model and all that is below it."""
        if token and not (token.isascii() and token.isdecimal() and len(token) < 19):
            raise InvalidInput(f"nextPageToken {token!r} is none that this server gave.")
        with snapshot(database) as connection:
            entries = history(
                connection,
                resource_id=resource_id,
                model_id=model_id,
                kind=kind,
                actor=actor,
                before_id=int(token) if token else None,
                limit=size + 1,
            )
        more, entries = len(entries) > size, entries[:size]
        return {
            "items": entries,
            "nextPageToken": entries[-1]["id"] if more else "",
            "pageSize": size,
            "size": len(entries),
        }

    @router.get("/registered_models/{identity}/aliases")
    def aliases(identity: Id) -> Document:
        """Return a model's aliases, with the version that each is for."""
        with snapshot(database) as connection:
            store.get(connection, (REGISTERED_MODEL,), identity)
            return {
                "items": [
                    {
                        "alias": alias,
                        "modelVersionId": str(of),
                        "modelVersion": store.get(connection, (MODEL_VERSION,), of).name,
                    }
                    for alias, of in aliases_of(connection, identity).items()
                ]
            }

    @router.put("/registered_models/{identity}/aliases/{alias}")
    def set_alias_(request: Request, identity: Id, alias: str, wanted: _AliasOf) -> Document:
        """Give a version an alias, taking it from the one that has it."""
        with database.transaction() as connection:
            before = set_alias(connection, _actor(request), identity, alias, wanted.version_id)
        return {
            "alias": alias,
            "modelVersionId": str(wanted.version_id),
            "before": str(before) if before is not None else None,
        }

    @router.delete("/registered_models/{identity}/aliases/{alias}")
    def remove_alias_(request: Request, identity: Id, alias: str) -> Document:
        """Take an alias away."""
        with database.transaction() as connection:
            remove_alias(connection, _actor(request), identity, alias)
        return {"alias": alias, "status": "removed"}

    @router.put("/model_versions/{identity}/stage")
    def set_stage(request: Request, identity: Id, wanted: _Stage) -> Document:
        """Put a version in a stage, or in none."""
        with database.transaction() as connection:
            version = store.get(connection, (MODEL_VERSION,), identity, lock=True)
            properties = json.loads(version.text)["customProperties"]
            properties.pop(STAGE, None)
            if wanted.stage:
                properties |= stage_property(wanted.stage)
            changed = store.change(
                connection, _actor(request), version, {"customProperties": properties}, action="stage"
            )
        return shown(changed)

    @router.get("/model_versions/{identity}/lineage")
    def lineage_(identity: Id) -> Document:
        """Return what a version comes from and leads to."""
        with snapshot(database) as connection:
            return lineage(connection, identity)

    @router.get("/model_versions/{identity}/lineage/graph")
    def lineage_graph_(
        identity: Id,
        depth: Annotated[int, Query(ge=0, le=DEEPEST)] = 5,
        most: Annotated[int, Query(alias="mostNodes", ge=1, le=MOST_NODES)] = MOST_NODES,
    ) -> Document:
        """Return what a version comes from and leads to over generations, as nodes and arrows."""
        with snapshot(database) as connection:
            return lineage_graph(connection, identity, depth=depth, most=most)

    @router.post("/model_versions/{identity}/lineage", status_code=201)
    def add_link_(request: Request, identity: Id, wanted: NewLink) -> Document:
        """Add an arrow of lineage from a version."""
        with database.transaction() as connection:
            link_id = add_link(
                connection,
                _actor(request),
                identity,
                wanted.relation,
                wanted.uri,
                target_id=wanted.model_version_id,
                detail=wanted.detail,
            )
        return {"id": str(link_id)} | wanted.model_dump(by_alias=True, exclude_defaults=True)

    @router.delete("/model_versions/{identity}/lineage/{link_id}")
    def remove_link_(request: Request, identity: Id, link_id: Id) -> Document:
        """Take an arrow of lineage away."""
        with database.transaction() as connection:
            remove_link(connection, _actor(request), identity, link_id)
        return {"id": str(link_id), "status": "removed"}

    @router.get("/{collection}/{identity}/dependents")
    def dependents_(collection: str, identity: Id) -> Document:
        """List what goes with a resource if it is deleted."""
        with snapshot(database) as connection:
            target = store.get(connection, _kinds(collection), identity)
            return {"items": [_listed(one) for one in dependents(connection, target)]}

    @router.patch("/{collection}/{identity}")
    def merge(request: Request, collection: str, identity: Id, patch: Document) -> Document:
        """Change what the patch names; of the custom properties too, those that are null go."""
        with database.transaction() as connection:
            return shown(changing.merge(connection, _actor(request), _kinds(collection), identity, patch))

    @router.delete("/{collection}/{identity}")
    def delete(request: Request, collection: str, identity: Id, cascade: bool = False) -> Document:
        """Delete a resource for good; with ``cascade`` all that depends on it too."""
        with database.transaction() as connection:
            gone = delete_resource(connection, _actor(request), _kinds(collection), identity, cascade=cascade)
        return {"deleted": [_listed(one) for one in gone]}

    return router


async def _storable(request: Request) -> None:
    """Refuse what no database keeps, wherever it is said: null bytes, and halves of a character."""
    Parameters.parse(request.scope["query_string"])
    if "\0" in request.scope["path"]:
        raise InvalidInput("null bytes are not allowed in a path.")
    if body := await request.body():
        read_body(body)


def _actor(request: Request) -> Actor:
    return actor_of(request.scope["headers"])


def _kinds(collection: str) -> tuple[Kind, ...]:
    kinds = tuple(of_collection(collection))
    if not kinds:
        raise NotFound(f"The registry has no {collection}.")
    return kinds


def _listed(one: Found) -> Document:
    return {"id": str(one.id), "kind": one.kind.schema, "name": one.name}
