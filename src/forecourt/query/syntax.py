"""The syntax tree of a filterQuery.

Columns, which count from 1, are for messages; trees that differ only in them are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from forecourt.query.invalid import InvalidFilter

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | tuple[Scalar, ...]
Kind: TypeAlias = Literal["string", "double", "int", "bool"]
Operator: TypeAlias = Literal["=", "!=", ">", "<", ">=", "<=", "LIKE", "ILIKE", "IN"]


@dataclass(frozen=True, slots=True)
class Property:
    """What is compared: a name, which may have dots in it, and the type of value that a suffix asked for."""

    name: str
    type: Kind | None = None
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A property, an operator and a value, which is a tuple for ``IN`` and for nothing else.

    `column` is where the value begins, for that is what may turn out not to fit.
    """

    property: Property
    operator: Operator
    value: Value
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more terms hold; none of them is an `And`."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of two or more terms holds; none of them is an `Or`."""

    terms: tuple[Expression, ...]


Expression: TypeAlias = And | Or | Comparison


def value_kind(value: Value, *, column: int = 1) -> Kind:
    """Return the kind of a value, or the one that all values of a list share: ``double`` for integers among floats.

    An empty list is of kind ``string``. Raises `InvalidFilter` at `column` for a list that mixes others; `parse` has
    refused these already.
    """
    kinds = set(map(_scalar_kind, value)) if isinstance(value, tuple) else {_scalar_kind(value)}
    if kinds == {"int", "double"}:
        return "double"
    if len(kinds) > 1:
        raise InvalidFilter(
            "the values of a list are all text, all numbers or all true and false",
            column=column,
            hint="Write one IN for the values of each type, joined by OR.",
        )
    return kinds.pop() if kinds else "string"


def _scalar_kind(value: Scalar) -> Kind:
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "double"
        case str():
            return "string"
