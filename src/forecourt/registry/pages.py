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

from sqlalchemy import ColumnElement, Integer, Select, bindparam, func, select, tuple_

from forecourt.errors import InvalidInput
from forecourt.registry.documents import INT32_MAX
from forecourt.registry.model import Kind
from forecourt.registry.search import Equality, Filter, kept, of_kinds
from forecourt.registry.store import SELECT, Found, found
from forecourt.registry.tables import ATTRIBUTIONS, PROPERTIES, RESOURCES

_SHORT = 101  # rows that take no longer than handing them to a thread

KUBEFLOWS = ("ID", "CREATE_TIME", "LAST_UPDATE_TIME")
"""The orders that Kubeflow's API has."""
ORDERS: dict[str, Any] = {
    "ID": RESOURCES.c.id,
    "CREATE_TIME": RESOURCES.c.created,
    "LAST_UPDATE_TIME": RESOURCES.c.updated,
    "NAME": func.lower(RESOURCES.c.name),
}
_UPPER = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}  # both databases fold these, and no others


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row that was shown: its id and what it was ordered by."""

    id: int
    value: int | str

    @staticmethod
    def of(row: Found, order: str) -> Cursor:
        """Return the cursor behind a row."""
        if order == "NAME":
            return Cursor(row.id, row.name.translate(_UPPER))
        return Cursor(row.id, {"ID": row.id, "CREATE_TIME": row.created, "LAST_UPDATE_TIME": row.updated}[order])

    @staticmethod
    def parse(token: str) -> Cursor:
        """Read a ``nextPageToken``; raises `InvalidInput`."""
        try:
            identity, _, value = base64.b64decode(token, validate=True).decode().partition(":")
            if identity.isascii() and len(identity) < 11 and 0 <= int(identity) <= INT32_MAX:
                if value.startswith("'") and "\0" not in value:
                    return Cursor(int(identity), value[1:])
                if value.isascii() and len(value) < 19:
                    return Cursor(int(identity), int(value))
        except (binascii.Error, ValueError):
            pass
        raise _foreign()

    def __str__(self) -> str:
        value = f"'{self.value}" if isinstance(self.value, str) else self.value
        return base64.b64encode(f"{self.id}:{value}".encode()).decode()


def _foreign() -> InvalidInput:
    return InvalidInput(
        "invalid nextPageToken: it is none that this server gave: bad request",
        hint="Begin again without nextPageToken.",
    )


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

    def rows(self, connection: Any, after: Cursor | None, limit: int) -> list[Found]:
        """Return the next so many rows; raises `InvalidInput` for a cursor of another order."""
        if after and isinstance(after.value, str) != (self.order == "NAME"):
            raise _foreign()
        values: dict[str, Any] = {
            "after": after.value if after else None,
            "after_id": after.id if after else None,
            "parent": self.parent_id,
            "context": self.context_id,
            "limit": limit,
        }
        if self._is_driven and self.filter and (equality := self.filter.driver(connection)):
            rest = None if self.filter.is_equality else self.filter
            query = _driven(rest, equality.column, self.descending, after is not None)
            values |= equality.parameters
        else:
            scope = (self.parent_id is not None, self.context_id is not None)
            way = self.filter.candidates(connection) if self.filter and not any(scope) else None
            query = _walked(
                _Shape(tuple(self.kinds), self.filter, self.order, self.descending, *scope, way, after is not None)
            )
        if self.conditions:
            query = query.where(*self.conditions)
        once = {"compiled_cache": None} if self.filter and self.filter.is_long else {}
        return [found(row) for row in connection.execute(query, values, execution_options=once).all()]

    def is_short(self, limit: int) -> bool:
        """Say whether so many rows are read at once, whatever else there is."""
        plain = self.filter is None or (self._is_driven and self.filter.is_equality)
        return limit <= _SHORT and not self.conditions and plain

    @property
    def _is_driven(self) -> bool:
        """Whether it is by id, and of all there is: the order in which the index has what is equal."""
        return self.order == "ID" and self.parent_id is None and self.context_id is None


@dataclass(frozen=True, slots=True)
class _Shape:
    """What two lists have in common that are answered by the same query."""

    kinds: tuple[Kind, ...]
    filter: Filter | None
    order: str
    descending: bool
    of_parent: bool
    of_context: bool
    way: tuple[int, ...] | None
    goes_on: bool


@kept
def _driven(rest: Filter | None, column: str, descending: bool, goes_on: bool) -> Select[Any]:
    """Return the query that reads what is equal from the index, in order, and asks each for the rest of the filter."""
    query = SELECT.join(PROPERTIES, PROPERTIES.c.resource_id == RESOURCES.c.id).where(Equality.condition(column))
    if rest is not None:
        query = query.where(rest.condition())
    return _in_order(query, (PROPERTIES.c.resource_id,), descending, goes_on)


@kept
def _walked(shape: _Shape) -> Select[Any]:
    """Return the query that reads resources in order, all of a kind or those that are candidates."""
    query: Select[Any] = SELECT
    if shape.filter is not None:
        query = query.where(shape.filter.condition())
    if shape.filter is not None and shape.way is not None:
        # Candidates are of these kinds already. Said again, it would have SQLite read all of a kind to sort the few.
        query = query.where(RESOURCES.c.id.in_(shape.filter.ids(shape.way)))
    else:
        query = query.where(of_kinds(RESOURCES.c.kind, shape.kinds))
    if shape.of_parent:
        query = query.where(RESOURCES.c.parent_id == bindparam("parent"))
    if shape.of_context:
        mine = select(ATTRIBUTIONS.c.artifact_id).where(ATTRIBUTIONS.c.context_id == bindparam("context"))
        query = query.where(RESOURCES.c.id.in_(mine))
    by = ORDERS[shape.order]
    columns = (RESOURCES.c.id,) if by is RESOURCES.c.id else (by, RESOURCES.c.id)
    return _in_order(query, columns, shape.descending, shape.goes_on)


def _in_order(query: Select[Any], columns: tuple[Any, ...], descending: bool, goes_on: bool) -> Select[Any]:
    """Return a query's rows in order, so many of them; where the list goes on, those behind the cursor."""
    if goes_on and len(columns) == 1:
        after: Any = bindparam("after_id")
        query = query.where(columns[0] < after if descending else columns[0] > after)
    elif goes_on:
        here, after = tuple_(*columns), tuple_(bindparam("after"), bindparam("after_id"))
        query = query.where(here < after if descending else here > after)
    order = (column.desc() if descending else column for column in columns)
    return query.order_by(*order).limit(bindparam("limit", type_=Integer))
