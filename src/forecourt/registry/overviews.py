"""Tables of models and of versions, as ``/api/forecourt/v1/registry`` answers with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from forecourt.db import Database
from forecourt.registry import overview, store
from forecourt.registry.documents import INT32_MAX, render
from forecourt.registry.model import MODEL_VERSION, REGISTERED_MODEL, V1, V1ALPHA3, Kind
from forecourt.registry.pages import Cursor
from forecourt.registry.search import Filter
from forecourt.registry.store import Found

Document = dict[str, Any]
Id = Annotated[int, Path(ge=1, le=INT32_MAX)]


class Table(BaseModel):
    """Which rows of a table, in which order, and after which."""

    model_config = ConfigDict(extra="forbid")

    search: str = Field("", alias="q", max_length=1000)
    state: Literal["LIVE", "ARCHIVED", ""] = ""
    owner: str = Field("", max_length=1000)
    label: str = Field("", max_length=1000)
    filter: str = Field("", alias="filterQuery")
    order: Literal["ID", "CREATE_TIME", "LAST_UPDATE_TIME", "NAME"] = Field("LAST_UPDATE_TIME", alias="orderBy")
    direction: Literal["ASC", "DESC"] = Field("DESC", alias="sortOrder")
    size: int = Field(50, alias="pageSize", ge=1, le=1000)
    token: str = Field("", alias="nextPageToken")

    def of(self, kind: Kind) -> overview.Wanted:
        """Return what is wanted of a kind; raises `InvalidFilter`."""
        return overview.Wanted(
            self.state,
            tuple(self.search.split()),
            self.owner.strip(),
            self.label.strip(),
            Filter(self.filter, (kind,)) if self.filter.strip() else None,
            self.order,
            self.direction == "DESC",
        )

    @property
    def after(self) -> Cursor | None:
        """After which row; raises `InvalidInput`."""
        return Cursor.parse(self.token) if self.token else None

    def page(self, items: list[Document], token: str) -> Document:
        """Return the answer."""
        return {"items": items, "nextPageToken": token, "pageSize": self.size, "size": len(items)}


def overview_router(database: Database) -> APIRouter:
    """Return the routes."""
    router = APIRouter()

    @router.get("/registered_models")
    def models(wanted: Annotated[Table, Query()]) -> Document:
        """Return registered models, each with what a table shows of it, by whatever order and filter."""
        with snapshot(database) as connection:
            rows = overview.models(connection, wanted.of(REGISTERED_MODEL), wanted.after, wanted.size)
        return wanted.page(
            [
                {
                    "registeredModel": shown(row.model),
                    "versions": row.versions,
                    "latestVersion": shown(row.latest) if row.latest else None,
                    "aliases": row.aliases,
                    "deployments": row.deployments,
                }
                for row in rows.items
            ],
            rows.token,
        )

    @router.get("/registered_models/{identity}/versions")
    def versions(identity: Id, wanted: Annotated[Table, Query()]) -> Document:
        """Return a model's versions, each with its aliases and how many deployments serve it."""
        with snapshot(database) as connection:
            store.get(connection, (REGISTERED_MODEL,), identity)
            rows = overview.versions(connection, identity, wanted.of(MODEL_VERSION), wanted.after, wanted.size)
        return wanted.page(
            [
                {"modelVersion": shown(row.version), "aliases": row.aliases, "deployments": row.deployments}
                for row in rows.items
            ],
            rows.token,
        )

    return router


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """Read as of one moment."""
    with database.snapshot() as session:
        yield session.connection()


def shown(one: Found) -> Document:
    """Return a resource as the API has it."""
    version = V1ALPHA3 if one.kind.schema.startswith("Experiment") else V1
    document: Document = json.loads(render(one.kind, version, one.id, one.created, one.updated, one.text))
    return document
