"""The audit trail: who did what to which resource, when, and how it was before and after."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, literal, select, union_all

from forecourt.db import PreparedInsert
from forecourt.registry.tables import CHANGES, Change, Resource

_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: `name` as the client or the proxy before us says it, `agent` the program."""

    name: str = "anonymous"
    agent: str = ""

    @property
    def shortened(self) -> tuple[str, str]:
        """Name and agent, as long as the audit trail has room for."""
        return self.name[:_LONGEST], self.agent[:_LONGEST]


SYSTEM = Actor("forecourt")
"""The server itself, which records what deployments do."""


def now() -> int:
    """Return the time as the API has it: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    kind: str,
    resource_id: int,
    name: str,
    before: str | None = None,
    after: str | None = None,
) -> None:
    """Add an entry, in the transaction of the change itself; `before` and `after` are JSON texts."""
    who, agent = actor.shortened
    _INSERT.one(
        connection,
        {
            "time": now(),
            "actor": who,
            "agent": agent,
            "action": action,
            "kind": kind,
            "resource_id": resource_id,
            "name": name,
            "before": before,
            "after": after,
        },
    )


_INSERT = PreparedInsert(insert(CHANGES), [column.name for column in CHANGES.c if column.name != "id"])


def history(
    connection: Connection,
    *,
    resource_id: int | None = None,
    model_id: int | None = None,
    kind: str = "",
    actor: str = "",
    before_id: int | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return entries, the newest first, as the API has them; those older than `before_id` where that is given.

    `model_id` asks for those of a registered model, its versions and their artifacts.
    """
    query = select(CHANGES).order_by(Change.id.desc()).limit(limit)
    if resource_id is not None:
        query = query.where(Change.resource_id == resource_id)
    if model_id is not None:
        versions = select(Resource.id).where(Resource.parent_id == model_id)
        below = select(Resource.id).where(Resource.parent_id.in_(versions))
        query = query.where(Change.resource_id.in_(union_all(select(literal(model_id)), versions, below)))
    if kind:
        query = query.where(Change.kind == kind)
    if actor:
        query = query.where(Change.actor == actor)
    if before_id is not None:
        query = query.where(Change.id < before_id)
    return [_entry(change) for change in connection.execute(query)]


def _entry(change: Any) -> dict[str, Any]:
    return {
        "id": str(change.id),
        "timeSinceEpoch": str(change.time),
        "actor": change.actor,
        "agent": change.agent,
        "action": change.action,
        "kind": change.kind,
        "resourceId": str(change.resource_id),
        "name": change.name,
        "before": json.loads(change.before) if change.before else None,
        "after": json.loads(change.after) if change.after else None,
    }
