"""Resources in the database: created, found, changed, each with its index and its entry in the audit trail.

A change is one transaction, with the row that it changes held: of two writers, the second works on what the first has
left. That a name is there once is the database's to say, and whoever comes second is told `AlreadyExists`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from forecourt.db import Pipelined, PreparedInsert, PreparedQuery, violated
from forecourt.errors import AlreadyExists, InvalidInput, NotFound
from forecourt.registry.changes import Actor, now, record
from forecourt.registry.documents import Document, to_text
from forecourt.registry.indexing import property_rows, property_values
from forecourt.registry.model import KINDS, METRIC_HISTORY, NAME_LIMIT, Kind
from forecourt.registry.tables import ATTRIBUTIONS, PROPERTIES, RESOURCES


@dataclass(frozen=True, slots=True)
class Found:
    """A resource as it is kept: times are milliseconds since 1970, `text` its document without id and times."""

    id: int
    kind: Kind
    parent_id: int | None
    created: int
    updated: int
    text: str

    @property
    def document(self) -> Document:
        """Its document, with the strings in it that ids and times are in the API."""
        document: Document = json.loads(self.text)
        return {
            "id": str(self.id),
            "createTimeSinceEpoch": str(self.created),
            "lastUpdateTimeSinceEpoch": str(self.updated),
        } | document

    @property
    def name(self) -> str:
        """What it is called, below its parent."""
        return str(json.loads(self.text)["name"])


_COLUMNS = (
    RESOURCES.c.id,
    RESOURCES.c.kind,
    RESOURCES.c.parent_id,
    RESOURCES.c.created,
    RESOURCES.c.updated,
    RESOURCES.c.document,
)
SELECT: Any = select(*_COLUMNS)
"""What `found` makes a resource of."""
_BY_ID = PreparedQuery(SELECT.where(RESOURCES.c.id == bindparam("identity")))
_BY_ID_LOCKED = PreparedQuery(SELECT.where(RESOURCES.c.id == bindparam("identity")).with_for_update())
_INSERT = PreparedInsert(
    insert(RESOURCES).returning(RESOURCES.c.id),
    ("kind", "family", "parent_id", "name", "external_id", "created", "updated", "document"),
)
_INSERT_PROPERTIES = PreparedInsert(insert(PROPERTIES), [column.name for column in PROPERTIES.c])
_INSERT_ATTRIBUTION = insert(ATTRIBUTIONS)
_DELETE_PROPERTIES = delete(PROPERTIES).where(PROPERTIES.c.resource_id == bindparam("of"))
_UPDATE = update(RESOURCES).where(RESOURCES.c.id == bindparam("of"))


def found(row: Any) -> Found:
    """Make a resource of a row of `SELECT`."""
    return Found(row[0], KINDS[row[1]], row[2], row[3], row[4], row[5])


def get(connection: Any, kinds: Sequence[Kind], identity: int, *, lock: bool = False) -> Found:
    """Return the resource of that id, where it is of one of these kinds; raises `NotFound`."""
    rows = (_BY_ID_LOCKED if lock else _BY_ID).rows(connection, {"identity": identity})
    if not rows or KINDS[rows[0][1]] not in kinds:
        word = kinds[0].word if len(kinds) == 1 else "artifact"
        raise NotFound(f"no {word} found for id {identity}: not found")
    return found(rows[0])


def find(
    connection: Any,
    kinds: Sequence[Kind],
    *,
    name: str | None = None,
    parent_id: int | None = None,
    external_id: str | None = None,
) -> Found | None:
    """Return the one resource of these kinds with that name below its parent or that external id, or None.

    Raises `NotFound` where there are several: artifacts of two kinds may share a name.
    """
    query = _finder(tuple(kinds), name is not None, parent_id is not None, external_id is not None)
    rows = query.rows(connection, {"named": name, "parent": parent_id, "external": external_id})
    if len(rows) > 1:
        word = kinds[0].word if len(kinds) == 1 else "artifact"
        raise NotFound(f"multiple {word}s found for name={name or ''}: not found")
    return found(rows[0]) if rows else None


@cache
def _finder(kinds: tuple[Kind, ...], by_name: bool, by_parent: bool, by_external_id: bool) -> PreparedQuery:
    """Return the query of `find`, made once for each way to ask."""
    query = SELECT.where(or_(*(RESOURCES.c.kind == kind.schema for kind in kinds)))
    if by_external_id:
        query = query.where(RESOURCES.c.family == kinds[0].family, RESOURCES.c.external_id == bindparam("external"))
    if by_name:
        query = query.where(RESOURCES.c.name == bindparam("named"))
        if by_parent and kinds[0].family == "artifact":
            mine = select(ATTRIBUTIONS.c.artifact_id).where(ATTRIBUTIONS.c.context_id == bindparam("parent"))
            query = query.where(RESOURCES.c.id.in_(mine))
        elif by_parent:
            query = query.where(RESOURCES.c.parent_id == bindparam("parent"))
        elif not by_external_id:
            query = query.where(RESOURCES.c.parent_id.is_(None))
    return PreparedQuery(query.limit(2))


def create(
    connection: Connection | Pipelined, actor: Actor, kind: Kind, fields: Document, *, parent_id: int | None = None
) -> Found:
    """Add a resource and return it; raises `NotFound` for a parent that is not there.

    Raises `InvalidInput` for a name that is too long; `refusing` tells what the database refuses.
    """
    name = fields.get("name") or str(uuid.uuid4())
    stored = f"{parent_id}:{name}" if parent_id is not None else name
    if len(stored) > NAME_LIMIT:
        raise InvalidInput(
            f"the name of a {kind.word} has at most {NAME_LIMIT - len(stored) + len(name)} characters, "
            f"this one has {len(name)}: bad request"
        )
    moment = now()
    document = {"name": name} | kind.defaults | fields
    if kind.artifact_type:
        document["artifactType"] = kind.artifact_type
    written = to_text(document)
    row = {
        "kind": kind.schema,
        "family": kind.family,
        "parent_id": parent_id,
        "name": str(uuid.uuid4()) if kind is METRIC_HISTORY else name,
        "external_id": None if kind is METRIC_HISTORY else fields.get("externalId") or None,
        "created": moment,
        "updated": moment,
        "document": written,
    }
    recorded = kind is not METRIC_HISTORY
    parents = (KINDS[kind.parent],) if kind.parent and parent_id is not None else ()
    if isinstance(connection, Pipelined) or connection.dialect.name == "postgresql":
        identity = _create_at_once(connection, actor, kind, row, document, name if recorded else None, parents)
    else:
        if parents:
            get(connection, parents, parent_id or 0)
        identity = _INSERT.one(connection, row)
        if rows := property_rows(kind, identity, document):
            _INSERT_PROPERTIES.many(connection, rows)
        if recorded:
            record(connection, actor, "create", kind.schema, identity, name, after=written)
    return Found(identity, kind, parent_id, moment, moment, written)


def _create_at_once(
    connection: Connection | Pipelined,
    actor: Actor,
    kind: Kind,
    row: dict[str, Any],
    document: Document,
    name: str | None,
    parents: Sequence[Kind],
) -> int:
    """Add a resource, its index and its entry in the audit trail in one round trip; without a name, no entry."""
    rows = to_text(property_values(kind, document))
    who, agent = actor.shortened
    values = row | {"properties": rows, "actor": who, "agent": agent, "told": name}
    made = _CREATE.rows(connection, values | {"parent_kind": parents[0].schema if parents else None})
    if not made:
        get(connection, parents, row["parent_id"])  # which says what is not there
        raise NotFound(f"what the {kind.word} belongs to is no longer there: not found")
    return int(made[0][0])


# The parent is looked up by its id alone. PostgreSQL plans this once, maybe while the table is empty: were the kind
# among the conditions, it might take an index that begins with it, and read all that there is of that kind each time.
_CREATE = PreparedQuery(
    text(
        """
        WITH made AS (
          INSERT INTO registry_resources (kind, family, parent_id, name, external_id, created, updated, document)
          SELECT
            CAST(:kind AS varchar), CAST(:family AS varchar), CAST(:parent_id AS integer), CAST(:name AS varchar),
            CAST(:external_id AS text), CAST(:created AS bigint), CAST(:updated AS bigint), CAST(:document AS text)
          WHERE CAST(:parent_kind AS varchar) IS NULL OR CAST(:parent_kind AS varchar) = (
            SELECT kind FROM registry_resources WHERE id = CAST(:parent_id AS integer)
          )
          RETURNING id
        ), indexed AS (
          INSERT INTO registry_properties (resource_id, custom, name, position, kind, type, head, tail, number)
          SELECT
            made.id, value.custom, value.name, value.position, CAST(:kind AS varchar), value.type,
            value.head, value.tail, value.number
          FROM made, json_to_recordset(CAST(:properties AS json)) AS value(
            custom smallint, name varchar, position integer, type varchar, head varchar, tail text,
            number double precision
          )
        ), told AS (
          INSERT INTO registry_changes (time, actor, agent, action, kind, resource_id, name, after)
          SELECT
            CAST(:created AS bigint), :actor, :agent, 'create', CAST(:kind AS varchar), made.id,
            CAST(:told AS varchar), CAST(:document AS text)
          FROM made WHERE CAST(:told AS varchar) IS NOT NULL
        )
        SELECT id FROM made
        """
    ),
    changes=True,
)


def change(connection: Connection, actor: Actor, before: Found, fields: Document, action: str = "update") -> Found:
    """Change a resource that is held (`get` with `lock`), and return it as it is then.

    What `fields` does not name stays; ``customProperties``, where named, replaces all of them.
    """
    document: Document = json.loads(before.text)
    after = document | fields
    text = to_text(after)
    moment = max(now(), before.updated)
    connection.execute(
        _UPDATE,
        {"of": before.id, "external_id": after.get("externalId") or None, "updated": moment, "document": text},
    )
    if after != document:
        connection.execute(_DELETE_PROPERTIES, {"of": before.id})
        if rows := property_rows(before.kind, before.id, after):
            _INSERT_PROPERTIES.many(connection, rows)
    record(connection, actor, action, before.kind.schema, before.id, after["name"], before.text, text)
    return Found(before.id, before.kind, before.parent_id, before.created, moment, text)


def attribute(connection: Connection, context_id: int, artifact_id: int) -> None:
    """Say that a version or a run has an artifact; said twice, it is said once."""
    known = select(ATTRIBUTIONS.c.artifact_id).where(
        ATTRIBUTIONS.c.context_id == context_id, ATTRIBUTIONS.c.artifact_id == artifact_id
    )
    if connection.execute(known).first() is None:
        connection.execute(_INSERT_ATTRIBUTION, {"context_id": context_id, "artifact_id": artifact_id})


@contextmanager
def refusing(kind: Kind, fields: Document) -> Iterator[None]:
    """Tell what the database refuses of a resource that is written in the block.

    Raises `AlreadyExists` for a name or external id that is taken, `NotFound` for a parent that has gone meanwhile.
    """
    try:
        yield
    except IntegrityError as error:
        constraint = violated(error)
        if "external" in constraint:
            raise AlreadyExists(f"{kind.word} with externalId {fields.get('externalId')} already exists") from None
        if constraint.lower().startswith(("fk_", "foreign key")):
            raise NotFound(f"what the {kind.word} belongs to is no longer there: not found") from None
        raise AlreadyExists(f"{kind.word} with name {fields.get('name')} already exists") from None
