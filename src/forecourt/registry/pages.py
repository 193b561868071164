"""A list in pages: its order, the token by which it goes on, and the query for so many of its rows.

A page begins after the last row of the one before (keyset pagination), so that the thousandth costs what the first
does, and a row that is added or goes meanwhile makes none appear twice.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_

from forecourt.errors import InvalidInput
from forecourt.registry.model import Kind
from forecourt.registry.search import Filter, of_kinds
from forecourt.registry.store import SELECT, Found, found
from forecourt.registry.tables import Attribution, Property, Resource

ORDERS = {"ID": Resource.id, "CREATE_TIME": Resource.created, "LAST_UPDATE_TIME": Resource.updated}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row that was shown: its id and what it was ordered by."""

    id: int
    value: int

    @staticmethod
    def of(row: Found, order: str) -> Cursor:
        """Return the cursor behind a row."""
        return Cursor(row.id, {"ID": row.id, "CREATE_TIME": row.created, "LAST_UPDATE_TIME": row.updated}[order])

    @staticmethod
    def parse(token: str) -> Cursor:
        """Read a ``nextPageToken``; raises `InvalidInput`."""
        try:
            identity, _, value = base64.b64decode(token, validate=True).decode("ascii").partition(":")
            if max(len(identity), len(value)) < 19:
                return Cursor(int(identity), int(value))
        except (binascii.Error, ValueError):
            pass
        raise InvalidInput(
            "invalid nextPageToken: it is none that this server gave: bad request",
            hint="Begin again without nextPageToken.",
        )

    def __str__(self) -> str:
        return base64.b64encode(f"{self.id}:{self.value}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Listing:
    """Which resources are listed, and in which order."""

    kinds: Sequence[Kind]
    parent_id: int | None = None
    context_id: int | None = None
    """The version or run whose artifacts these are."""
    filter: Filter | None = None
    conditions: tuple[ColumnElement[bool], ...] = field(default=())
    order: str = "ID"
    descending: bool = False

    def rows(self, session: Any, after: Cursor | None, limit: int) -> list[Found]:
        """Return the next so many rows. Raises `InvalidFilter`."""
        return [found(row) for row in session.execute(self._query(session, after, limit))]

    def _query(self, session: Any, after: Cursor | None, limit: int) -> Select[Any]:
        query: Select[Any] = SELECT.where(*self.conditions)
        by: Any = ORDERS[self.order]
        bounded = self.parent_id is not None or self.context_id is not None
        driver = self.filter.driver() if self.filter and self.order == "ID" and not bounded else None
        if driver is not None:
            query = query.join(Property, Property.resource_id == Resource.id).where(driver)
            by = identity = Property.resource_id
        else:
            identity = Resource.id
            query = query.where(of_kinds(Resource.kind, self.kinds))
            if self.parent_id is not None:
                query = query.where(Resource.parent_id == self.parent_id)
            if self.context_id is not None:
                mine = select(Attribution.artifact_id).where(Attribution.context_id == self.context_id)
                query = query.where(Resource.id.in_(mine))
            if self.filter:
                query = query.where(self.filter.condition())
                candidates = None if bounded else self.filter.candidates(session)
                if candidates is not None:
                    query = query.where(Resource.id.in_(candidates))
        columns = (by,) if by is identity or self.order == "ID" else (by, identity)
        if after is not None:
            values: Any = (after.id,) if len(columns) == 1 else (after.value, after.id)
            left: Any = columns[0] if len(columns) == 1 else tuple_(*columns)
            right: Any = values[0] if len(columns) == 1 else tuple_(*values)
            query = query.where(left < right if self.descending else left > right)
        return query.order_by(*(column.desc() if self.descending else column for column in columns)).limit(limit)
