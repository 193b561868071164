"""What a table shows of registered models, or of a model's versions: each with what stands elsewhere about it.

A page of rows takes the same few queries however many rows it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from forecourt.registry.model import INFERENCE_SERVICE, MODEL_VERSION, REGISTERED_MODEL
from forecourt.registry.pages import Cursor, Listing
from forecourt.registry.search import Filter
from forecourt.registry.store import SELECT, Found, found
from forecourt.registry.tables import Alias, Property, Resource

_WORDS = 16  # of a search that are looked for


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: in a `state` (``LIVE``, ``ARCHIVED``; empty for both), with all the `words`, by a filter."""

    state: str = ""
    words: tuple[str, ...] = ()
    owner: str = ""
    label: str = ""
    filter: Filter | None = None
    order: str = "LAST_UPDATE_TIME"
    descending: bool = True

    def listing(self, kind: Any, parent_id: int | None = None) -> Listing:
        """Return the list of resources of a kind."""
        conditions = [_mentions(word) for word in self.words[:_WORDS]]
        if self.state:
            conditions.append(_has(Property.name == "state", Property.head == self.state))
        if self.owner:
            whose = "owner" if kind is REGISTERED_MODEL else "author"
            conditions.append(_has(Property.name == whose, Property.head.icontains(self.owner, autoescape=True)))
        if self.label:
            conditions.append(_has(Property.name == self.label, Property.head == "", custom=True))
        return Listing(
            (kind,),
            parent_id=parent_id,
            filter=self.filter,
            conditions=tuple(conditions),
            order=self.order,
            descending=self.descending,
        )


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A registered model: how many versions of it are live, the newest of them, its aliases, what serves it."""

    model: Found
    versions: int
    latest: Found | None
    aliases: Mapping[str, str]
    """Each alias with the name of the version that it is for."""
    deployments: int


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version with its aliases and how many deployments serve it."""

    version: Found
    aliases: Sequence[str]
    deployments: int


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many live versions a model has, and the id of the newest."""

    count: int = 0
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of rows, and the token by which the list goes on; empty at its end."""

    items: Sequence[Any] = field(default=())
    token: str = ""


def models(connection: Any, wanted: Wanted, after: Cursor | None, size: int) -> Rows:
    """Return the next rows of registered models."""
    page, token = _page(connection, wanted.listing(REGISTERED_MODEL), after, size)
    ids = [one.id for one in page]
    counted = _live_versions(connection, ids)
    newest = _by_id(connection, [one.newest for one in counted.values()])
    query = (
        select(Alias.model_id, Alias.alias, Resource.name)
        .join(Resource, Resource.id == Alias.version_id)
        .where(Alias.model_id.in_(ids))
        .order_by(Alias.alias)
    )
    aliases: dict[int, dict[str, str]] = {}
    for model_id, alias, version in connection.execute(query).all():
        aliases.setdefault(model_id, {})[alias] = version
    served = _served(connection, "registeredModelId", ids)
    none = _Counted()
    return Rows(
        [
            ModelRow(
                one,
                counted.get(one.id, none).count,
                newest.get(counted.get(one.id, none).newest),
                aliases.get(one.id, {}),
                served.get(one.id, 0),
            )
            for one in page
        ],
        token,
    )


def versions(connection: Any, model_id: int, wanted: Wanted, after: Cursor | None, size: int) -> Rows:
    """Return the next rows of a model's versions."""
    page, token = _page(connection, wanted.listing(MODEL_VERSION, model_id), after, size)
    aliases: dict[int, list[str]] = {}
    query = select(Alias.version_id, Alias.alias).where(Alias.model_id == model_id).order_by(Alias.alias)
    for version_id, alias in connection.execute(query).all():
        aliases.setdefault(version_id, []).append(alias)
    served = _served(connection, "modelVersionId", [one.id for one in page])
    return Rows([VersionRow(one, aliases.get(one.id, ()), served.get(one.id, 0)) for one in page], token)


def _page(connection: Any, listing: Listing, after: Cursor | None, size: int) -> tuple[list[Found], str]:
    rows = listing.rows(connection, after, size + 1)
    page = rows[:size]
    return page, str(Cursor.of(page[-1], listing.order)) if len(rows) > size else ""


def _live_versions(connection: Any, models: Sequence[int]) -> dict[int, _Counted]:
    state = and_(Property.custom == 0, Property.name == "state", Property.head == "LIVE")
    query = (
        select(Resource.parent_id, func.count(), func.max(Resource.id))
        .join(Property, Property.resource_id == Resource.id)
        .where(Resource.kind == MODEL_VERSION.schema, Resource.parent_id.in_(models), state)
        .group_by(Resource.parent_id)
    )
    return {model: _Counted(count, newest) for model, count, newest in connection.execute(query).all()}


def _by_id(connection: Any, ids: Iterable[int]) -> dict[int, Found]:
    rows = connection.execute(SELECT.where(Resource.id.in_(list(ids)))).all()
    return {one.id: one for one in map(found, rows)}


def _served(connection: Any, field_: str, ids: Sequence[int]) -> dict[int, int]:
    """Return by how many deployments each of some models or versions is served."""
    deployed = (
        select(Property.resource_id)
        .where(
            Property.kind == INFERENCE_SERVICE.schema,
            Property.custom == 0,
            Property.name == "desiredState",
            Property.head == "DEPLOYED",
        )
        .scalar_subquery()
    )
    query = (
        select(Property.number, func.count())
        .where(
            Property.kind == INFERENCE_SERVICE.schema,
            Property.custom == 0,
            Property.name == field_,
            Property.number.in_([float(one) for one in ids]),
            Property.resource_id.in_(deployed),
        )
        .group_by(Property.number)
    )
    return {int(number): count for number, count in connection.execute(query).all()}


def _mentions(word: str) -> ColumnElement[bool]:
    """Return the condition that a resource says a word: in its name, description, owner, labels or properties."""
    said = Property.head.icontains(word, autoescape=True) | Property.tail.icontains(word, autoescape=True)
    fields = and_(Property.custom == 0, Property.name.in_(("description", "owner", "author", "provider")), said)
    properties = and_(Property.custom == 1, or_(said, Property.name.icontains(word, autoescape=True)))
    named: ColumnElement[bool] = Resource.name.icontains(word, autoescape=True)
    row = select(Property.resource_id).where(Property.resource_id == Resource.id, or_(fields, properties))
    return or_(named, row.exists())


def _has(*conditions: ColumnElement[bool], custom: bool = False) -> ColumnElement[bool]:
    row = select(Property.resource_id).where(
        Property.resource_id == Resource.id, Property.custom == int(custom), *conditions
    )
    return row.exists()
