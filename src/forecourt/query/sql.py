"""Syntax tree -> SQL, as SQLAlchemy writes it, for SQLite and PostgreSQL.

They answer alike but for text beyond ASCII, of which SQLite's ``ILIKE`` tells upper from lower case, and for the order
of text, which in PostgreSQL is that of the column's collation.

What a property is, the caller knows: a column, a row of another table, a value in a document. `to_sql` asks it for
each comparison, and `compare` is the part of that answer which is the same everywhere.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import BigInteger, Boolean, ColumnElement, Double, String, and_, bindparam, false, literal, or_
from sqlalchemy.types import TypeEngine

from forecourt.query.fitting import check_operator, fitting
from forecourt.query.syntax import And, Comparison, Expression, Kind, Or

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_TYPES: dict[Kind, TypeEngine[Any]] = {
    "string": String(),
    "int": BigInteger(),  # the column may be narrower: PostgreSQL must not cut the value to it
    "double": Double(),
    "bool": Boolean(),
}


def to_sql(expression: Expression, meaning: Callable[[Comparison], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return the condition that `expression` is, where `meaning` says what each comparison is.

    Raises what `meaning` raises. Recurses as deep as the text had parentheses, which `parse` bounds.
    """
    match expression:
        case And(terms):
            return and_(*(to_sql(term, meaning) for term in terms))
        case Or(terms):
            return or_(*(to_sql(term, meaning) for term in terms))
        case Comparison():
            return meaning(expression)


def compare(column: ColumnElement[Any], comparison: Comparison, kind: Kind) -> ColumnElement[bool]:
    """Return the condition that `column`, which holds values of `kind`, compares so.

    Where the column is NULL, nothing matches, ``!=`` included. Text may stand for an integer when it is one written
    out, as the API writes times. Raises `InvalidFilter` where the value or the operator does not fit the kind.
    """
    check_operator(comparison, kind)
    value = comparison.value
    if isinstance(value, tuple):
        values = [fitting(each, comparison, kind) for each in value]
        return column.in_(bindparam(None, values, _TYPES[kind], expanding=True)) if values else false()
    operand = literal(fitting(value, comparison, kind), _TYPES[kind])
    match comparison.operator:
        case "LIKE":
            return column.like(operand, escape="\\")
        case "ILIKE":
            return column.ilike(operand, escape="\\")
        case other:
            return cast("ColumnElement[bool]", _OPERATORS[other](column, operand))


def pinned(expression: Expression) -> tuple[Comparison, ...]:
    """Return the ``=`` comparisons that every match satisfies, so that a query can start from an index on one."""
    terms = expression.terms if isinstance(expression, And) else (expression,)
    return tuple(term for term in terms if isinstance(term, Comparison) and term.operator == "=")
