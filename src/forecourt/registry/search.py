"""What a filterQuery means for the registry's rows, and by which index its matches are found.

A filter can be answered in two ways: from the index of properties, whose matches are then put in order, or by walking
the resources in order and asking the index about each. The first is fast where few match, the second where many do (a
page is soon full). Which it is, the index itself tells: it is asked for the first so many matches of each comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from forecourt.query import And, Comparison, Expression, compare, parse, pinned, to_sql
from forecourt.query import Kind as ValueKind
from forecourt.registry.comparing import any_case, beginning, prefix_of, types_of, value_condition
from forecourt.registry.indexing import EXACT, own_types
from forecourt.registry.model import METRIC_HISTORY, SERVE_MODEL, Kind
from forecourt.registry.tables import HEAD, PROPERTIES, RESOURCES

FEW = 500
"""How many matches are still put in order rather than met on the way."""
_PROBES = 16  # comparisons that are asked about; a filter of more is answered on the way

_KEPT, _KEPT_LENGTH = 512, 1024  # filters whose queries are kept, of so many characters at most

_RESOURCE_COLUMNS: dict[str, tuple[Any, ValueKind]] = {
    "id": (RESOURCES.c.id, "int"),
    "name": (RESOURCES.c.name, "string"),
    "externalId": (RESOURCES.c.external_id, "string"),
    "createTimeSinceEpoch": (RESOURCES.c.created, "int"),
    "lastUpdateTimeSinceEpoch": (RESOURCES.c.updated, "int"),
}


F = TypeVar("F", bound=Callable[..., Any])


def kept(function: F) -> F:
    """Remember what a function makes of a filter, or of what has one: making it takes longer than running it."""
    cached = lru_cache(_KEPT)(function)

    @wraps(function)
    def asked(one: Any, *rest: Any) -> Any:
        filter_ = getattr(one, "filter", one)
        return function(one, *rest) if filter_ is not None and filter_.is_long else cached(one, *rest)

    return asked  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter on resources of some kinds; raises `InvalidFilter` where its text is none."""

    text: str
    kinds: tuple[Kind, ...]

    def __post_init__(self) -> None:
        """Refuse a text that is no filter, and values that do not fit what they are compared with."""
        self.condition()

    @property
    def is_long(self) -> bool:
        """Whether what is made of it is too large to be kept for the next who asks the same."""
        return len(self.text) > _KEPT_LENGTH

    @property
    def expression(self) -> Expression:
        """What it says."""
        return parse(self.text)

    def condition(self) -> ColumnElement[bool]:
        """Return the filter as a condition on `Resource`."""
        return _condition(self)

    def driver(self, connection: Any) -> Equality | None:
        """Return the equality that all matches have, the one of the fewest where there are several; None for none.

        What has it stands in the index by id already.
        """
        equalities = _equalities(self)
        if len(equalities) < 2:
            return equalities[0] if equalities else None
        return min(equalities, key=lambda one: connection.execute(_HOW_MANY[one.column], one.parameters).scalar_one())

    @property
    def is_equality(self) -> bool:
        """Whether it is one equality and nothing else."""
        return isinstance(self.expression, Comparison) and bool(_equalities(self))

    def candidates(self, connection: Any) -> tuple[int, ...] | None:
        """Return by which of its comparisons all its matches are found, where they are at most `FEW`; else None."""
        if sum(1 for _ in _comparisons(self.expression)) > _PROBES:
            return None
        leaves = _leaves(self)
        numbers = iter(range(len(leaves)))
        found = _candidates(connection, self.expression, leaves, numbers)
        return found[1] if found else None

    def ids(self, chosen: tuple[int, ...]) -> Select[Any]:
        """Return the query for the ids that these of its comparisons match."""
        queries = [_leaves(self)[number].ids.subquery() for number in chosen]
        return select(union_all(*(select(query) for query in queries)).subquery().c[0])


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One comparison of a filter: the query for what it matches, and the one that counts that."""

    ids: Select[Any]
    count: Select[Any]


@kept
def _condition(filter_: Filter) -> ColumnElement[bool]:
    return to_sql(filter_.expression, lambda comparison: _on_resource(comparison, filter_.kinds))


@dataclass(frozen=True, slots=True)
class Equality:
    """That a property of a kind has a value; `column` is the one of `Property` that has it."""

    kind: Kind
    custom: bool
    name: str
    column: Literal["head", "number"]
    value: str | float
    types: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """What is to be filled into the `condition`."""
        return {
            "equal_kind": self.kind.schema,
            "equal_custom": int(self.custom),
            "equal_name": self.name,
            "equal_value": self.value,
            "equal_types": self.types,
        }

    @staticmethod
    def condition(column: str) -> ColumnElement[bool]:
        """Return the condition on `Property` that any equality of that column is."""
        return and_(
            PROPERTIES.c.kind == bindparam("equal_kind"),
            PROPERTIES.c.name == bindparam("equal_name"),
            PROPERTIES.c.custom == bindparam("equal_custom"),
            PROPERTIES.c[column] == bindparam("equal_value"),
            PROPERTIES.c.type.in_(bindparam("equal_types", expanding=True)),
        )


_HOW_MANY = {
    column: select(func.count()).select_from(
        select(PROPERTIES.c.resource_id).where(Equality.condition(column)).limit(FEW + 1).subquery()
    )
    for column in ("head", "number")
}


@kept
def _equalities(filter_: Filter) -> tuple[Equality, ...]:
    """Return the equalities that every match has, as far as the index has their values whole."""
    if len(filter_.kinds) > 1:
        return ()
    kind, found = filter_.kinds[0], []
    for one in pinned(filter_.expression):
        name, value = one.property.name, one.value
        if _column(one, filter_.kinds) or isinstance(value, tuple):
            continue
        own = own_types(kind).get(name)
        types = types_of(one, {own} if own else set())
        if isinstance(value, str) and types == ("string",) and len(value) <= HEAD:
            found.append(Equality(kind, own is None, name, "head", value, types))
        elif not isinstance(value, str) and "string" not in types and abs(value) < EXACT:
            found.append(Equality(kind, own is None, name, "number", float(value), types))
    return tuple(found)


@kept
def _leaves(filter_: Filter) -> list[_Leaf]:
    leaves = []
    for comparison in _comparisons(filter_.expression):
        ids = _ids(comparison, filter_.kinds)
        leaves.append(_Leaf(ids, select(func.count()).select_from(ids.limit(FEW + 1).subquery())))
    return leaves


def _comparisons(node: Expression) -> Iterator[Comparison]:
    if isinstance(node, Comparison):
        yield node
    else:
        for term in node.terms:
            yield from _comparisons(term)


def _candidates(
    connection: Any, node: Expression, leaves: list[_Leaf], numbers: Iterator[int]
) -> tuple[int, tuple[int, ...]] | None:
    """Return how many match a part of a filter at most, and by which comparisons they are found; None for too many."""
    if isinstance(node, Comparison):
        number = next(numbers)
        count = connection.execute(leaves[number].count).scalar_one()
        return None if count > FEW else (count, (number,))
    each = [_candidates(connection, term, leaves, numbers) for term in node.terms]
    if isinstance(node, And):
        return min((one for one in each if one), key=lambda one: one[0], default=None)
    found = [one for one in each if one]
    count = sum(one[0] for one in found)
    return (count, sum((one[1] for one in found), ())) if len(found) == len(each) and count <= FEW else None


def _on_resource(comparison: Comparison, kinds: Sequence[Kind]) -> ColumnElement[bool]:
    if column := _column(comparison, kinds):
        column = (any_case(column[0]), column[1]) if comparison.operator == "ILIKE" else column
        compared = compare(column[0], comparison, column[1])
        prefix = prefix_of(str(comparison.value)) if comparison.operator == "LIKE" else ""
        return and_(*beginning(column[0], prefix), compared) if prefix else compared
    row = PROPERTIES.alias().c
    # No EXISTS: PostgreSQL would make a join of each, and take minutes to plan two hundred.
    one: Select[Any] = select(literal_column("1")).where(
        row.resource_id == RESOURCES.c.id, _on_property(comparison, kinds, row, by_index=False)
    )
    has: ColumnElement[bool] = one.limit(literal_column("1")).scalar_subquery() == literal_column("1")
    return has


def _ids(comparison: Comparison, kinds: Sequence[Kind]) -> Select[Any]:
    if _column(comparison, kinds):
        return select(RESOURCES.c.id).where(of_kinds(RESOURCES.c.kind, kinds), _on_resource(comparison, kinds))
    return select(PROPERTIES.c.resource_id).where(_on_property(comparison, kinds, PROPERTIES.c, by_index=True))


def _column(comparison: Comparison, kinds: Sequence[Kind]) -> tuple[Any, ValueKind] | None:
    name = comparison.property.name
    if name == "name" and METRIC_HISTORY in kinds:
        return None
    if name == "inferenceServiceId" and SERVE_MODEL in kinds:
        return RESOURCES.c.parent_id, "int"
    return _RESOURCE_COLUMNS.get(name)


def _on_property(comparison: Comparison, kinds: Sequence[Kind], row: Any, *, by_index: bool) -> ColumnElement[bool]:
    """Return the condition on a row of the index.

    Where the row is one of a resource that is known, the kind is left out: with it, the database would rather read all
    of that kind that compare so than the few rows of the resource.
    """
    name = comparison.property.name
    own = {types[name] for types in map(own_types, kinds) if name in types}
    of_property = and_(
        row.name == name,
        row.custom == int(not own),
        value_condition(comparison, row, types_of(comparison, own)),
    )
    return and_(of_kinds(row.kind, kinds), of_property) if by_index else of_property


def of_kinds(column: Any, kinds: Sequence[Kind]) -> ColumnElement[bool]:
    """Return the condition that a resource is of one of these kinds."""
    condition: ColumnElement[bool] = (
        column == kinds[0].schema if len(kinds) == 1 else column.in_([kind.schema for kind in kinds])
    )
    return condition
