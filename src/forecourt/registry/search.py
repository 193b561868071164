"""What a filterQuery means for the registry's rows, and by which index its matches are found.

A filter can be answered in two ways: from the index of properties, whose matches are then put in order, or by walking
the resources in order and asking the index about each. The first is fast where few match, the second where many do (a
page is soon full). Which it is, the index itself tells: it is asked for the first so many matches of each comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal_column, select, union_all
from sqlalchemy.orm import aliased

from forecourt.query import And, Comparison, Expression, compare, to_sql, value_kind
from forecourt.registry.indexing import own_types
from forecourt.registry.model import METRIC_HISTORY, SERVE_MODEL, Kind
from forecourt.registry.tables import HEAD, Property, Resource

FEW = 2000
"""How many matches are still put in order rather than met on the way."""
_PROBES = 16  # comparisons that are asked about; a filter of more is answered on the way

_RESOURCE_COLUMNS: dict[str, tuple[Any, str]] = {
    "id": (Resource.id, "int"),
    "name": (Resource.name, "string"),
    "externalId": (Resource.external_id, "string"),
    "createTimeSinceEpoch": (Resource.created, "int"),
    "lastUpdateTimeSinceEpoch": (Resource.updated, "int"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter on resources of some kinds."""

    expression: Expression
    kinds: Sequence[Kind]

    def condition(self) -> ColumnElement[bool]:
        """Return the filter as a condition on `Resource`. Raises `InvalidFilter` for a value of the wrong type."""
        return to_sql(self.expression, self._condition)

    def driver(self) -> ColumnElement[bool] | None:
        """Return the condition on `Property` that says all, where the filter is one equality of a text.

        Its matches stand in the index by id already.
        """
        one = self.expression
        if len(self.kinds) > 1 or not isinstance(one, Comparison) or one.operator != "=":
            return None
        if not isinstance(one.value, str) or self._column(one):
            return None
        return self._on_property(one, Property)

    def candidates(self, session: Any) -> Select[Any] | None:
        """Return a query for the ids among which all matches are, where they are at most `FEW`; else None."""
        if _count(self.expression) > _PROBES:
            return None
        found = self._candidates(session, self.expression)
        if found is None:
            return None
        queries = [query.subquery() for query in found[1]]
        return select(union_all(*(select(query) for query in queries)).subquery().c[0]) if queries else None

    def _candidates(self, session: Any, node: Expression) -> tuple[int, list[Select[Any]]] | None:
        if isinstance(node, Comparison):
            query = self._ids(node)
            count = session.execute(select(func.count()).select_from(query.limit(FEW + 1).subquery())).scalar_one()
            return None if count > FEW else (count, [query])
        each = []
        for term in node.terms:
            found = self._candidates(session, term)
            if isinstance(node, And):
                if found is not None:
                    each.append(found)
            elif found is None:
                return None
            else:
                each.append(found)
        if isinstance(node, And):
            return min(each, key=lambda one: one[0], default=None)
        count = sum(one[0] for one in each)
        return None if count > FEW else (count, [query for one in each for query in one[1]])

    def _condition(self, comparison: Comparison) -> ColumnElement[bool]:
        if column := self._column(comparison):
            return compare(column[0], comparison, column[1])  # type: ignore[arg-type]
        row = aliased(Property)
        return exists(
            select(literal_column("1")).where(row.resource_id == Resource.id, self._on_property(comparison, row))
        )

    def _ids(self, comparison: Comparison) -> Select[Any]:
        if self._column(comparison):
            return select(Resource.id).where(of_kinds(Resource.kind, self.kinds), self._condition(comparison))
        return select(Property.resource_id).where(self._on_property(comparison, Property))

    def _column(self, comparison: Comparison) -> tuple[Any, str] | None:
        name = comparison.property.name
        if name == "name" and METRIC_HISTORY in self.kinds:
            return None
        if name == "inferenceServiceId" and SERVE_MODEL in self.kinds:
            return Resource.parent_id, "int"
        return _RESOURCE_COLUMNS.get(name)

    def _on_property(self, comparison: Comparison, row: Any) -> ColumnElement[bool]:
        name = comparison.property.name
        own = {types[name] for types in map(own_types, self.kinds) if name in types}
        return and_(
            of_kinds(row.kind, self.kinds),
            row.name == name,
            row.custom == int(not own),
            _value(comparison, row, _types(comparison, own)),
        )


def of_kinds(column: Any, kinds: Sequence[Kind]) -> ColumnElement[bool]:
    """Return the condition that a resource is of one of these kinds."""
    condition: ColumnElement[bool] = (
        column == kinds[0].schema if len(kinds) == 1 else column.in_([kind.schema for kind in kinds])
    )
    return condition


def _count(node: Expression) -> int:
    return 1 if isinstance(node, Comparison) else sum(map(_count, node.terms))


def _types(comparison: Comparison, own: set[str]) -> tuple[str, ...]:
    """Return the types of the values that are compared: those declared, those asked for, else those of the literal."""
    if asked := comparison.property.type:
        return (asked,)
    if len(own) == 1:
        return tuple(own)
    literal = value_kind(comparison.value) if comparison.value != () else "string"
    if own:  # kinds that are listed together differ in what the field is: a metric's value and a parameter's
        return ("string",) if literal == "string" else tuple(own - {"string"})
    return ("int", "double") if literal == "int" else (literal,)


def _value(comparison: Comparison, row: Any, types: tuple[str, ...]) -> ColumnElement[bool]:
    if types == ("string",):
        return and_(row.type == "string", _text(comparison, row))
    if types == ("bool",):
        return and_(row.type == "bool", _bool(comparison, row))
    kind = "int" if types == ("int",) else "double"
    of_type = row.type == types[0] if len(types) == 1 else row.type.in_(types)
    return and_(of_type, compare(row.number, comparison, kind))  # type: ignore[arg-type]


def _bool(comparison: Comparison, row: Any) -> ColumnElement[bool]:
    compare(row.number, comparison, "bool")  # refuses what is no comparison of booleans
    value = comparison.value
    if isinstance(value, tuple):
        condition: ColumnElement[bool] = row.number.in_([float(bool(each)) for each in value])
        return condition
    same: ColumnElement[bool] = row.number == float(bool(value))
    return same if comparison.operator == "=" else row.number == float(not value)


def _text(comparison: Comparison, row: Any) -> ColumnElement[bool]:
    """Compare a text: by its head as far as the index can tell, by all of it where that is not enough."""
    value, operator = comparison.value, comparison.operator
    whole = row.head + func.coalesce(row.tail, "")
    checked = compare(whole, comparison, "string")
    if operator == "IN" and isinstance(value, tuple):
        heads = [str(each)[:HEAD] for each in value]
        return and_(row.head.in_(heads), checked) if heads else checked
    if not isinstance(value, str):
        return checked
    head = value[:HEAD]
    match operator:
        case "=" if len(value) <= HEAD:
            return and_(row.head == head, row.tail.is_(None))
        case "=":
            return and_(row.head == head, checked)
        case ">" | ">=":
            return and_(row.head >= head, checked)
        case "<" | "<=":
            return and_(row.head <= head, checked)
        case "LIKE" if prefix := _prefix(value):
            return and_(row.head >= prefix, row.head < prefix[:-1] + chr(ord(prefix[-1]) + 1), checked)
    return checked


def _prefix(pattern: str) -> str:
    """Return what every match of a LIKE pattern begins with, as far as the index holds it."""
    prefix = ""
    for character in pattern[:HEAD]:
        if character in "%_\\":
            break
        prefix += character
    return prefix if not prefix or 0x20 <= ord(prefix[-1]) < 0xD7FF else ""
