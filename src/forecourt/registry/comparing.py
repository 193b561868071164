"""What a comparison of a filter says about a value: about its row in the index, or about a column."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, and_, cast, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from forecourt.query import Comparison, Value, compare, value_kind
from forecourt.query import Kind as ValueKind
from forecourt.registry.indexing import EXACT
from forecourt.registry.tables import HEAD


def types_of(comparison: Comparison, own: set[str]) -> tuple[str, ...]:
    """Return the types of the values that are compared: those declared, those asked for, else those of the literal."""
    if asked := comparison.property.type:
        return (asked,)
    if len(own) == 1:
        return tuple(own)
    literal = value_kind(comparison.value) if comparison.value != () else "string"
    if own:  # kinds that are listed together differ in what the field is: a metric's value and a parameter's
        return ("string",) if literal == "string" else tuple(own - {"string"})
    return ("int", "double") if literal == "int" else (literal,)


def value_condition(comparison: Comparison, row: Any, types: tuple[str, ...]) -> ColumnElement[bool]:
    """Return the condition that a row of the index, whose value is of one of these types, compares so."""
    if types == ("string",):
        return _text(comparison, row)
    if types == ("bool",):
        return and_(row.type == "bool", _bool(comparison, row))
    kind: ValueKind = "int" if types == ("int",) else "double"
    if types == ("int",) and any(abs(each) >= EXACT for each in _integers(comparison.value)):
        exact = func.coalesce(cast(row.tail, BigInteger), cast(row.number, BigInteger))
        return and_(row.type == "int", compare(exact, comparison, "int"))
    of_type = row.type == types[0] if len(types) == 1 else row.type.in_(types)
    return and_(of_type, compare(row.number, comparison, kind))


def _integers(value: Value) -> list[int]:
    """Return the integers of a comparison; one may be written as a text of digits, as the API has it."""
    each = value if isinstance(value, tuple) else (value,)
    return [int(one) for one in each if isinstance(one, int) or (isinstance(one, str) and one.lstrip("-").isdecimal())]


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
    whole = any_case(whole) if operator == "ILIKE" else whole
    text = row.type.in_(("string", "long"))
    checked = and_(text, compare(whole, comparison, "string"))
    if operator == "IN" and isinstance(value, tuple):
        heads = [str(each)[:HEAD] for each in value]
        return and_(row.head.in_(heads), checked) if heads else checked
    if not isinstance(value, str):
        return checked
    head = value[:HEAD]
    match operator:
        case "=" if len(value) <= HEAD:
            return and_(row.head == head, row.type == "string")
        case "=":
            return and_(row.head == head, checked)
        case ">" | ">=":
            return and_(row.head >= head, checked)
        case "<" | "<=":
            return and_(row.head <= head, checked)
        case "LIKE" if prefix := prefix_of(value):
            return and_(*beginning(row.head, prefix), checked)
    return checked


class any_case(FunctionElement[str]):  # noqa: N801 - it is a function of SQL
    """A text that PostgreSQL keeps in the order of its bytes, to be compared in the database's own letters."""

    type = String()
    inherit_cache = True


@compiles(any_case)
def _as_it_is(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)})"


@compiles(any_case, "postgresql")
def _in_its_letters(element: Any, compiler: Any, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)} COLLATE "default")'


def beginning(column: Any, prefix: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions that a text begins so, which an index can answer."""
    return column >= prefix, column < prefix[:-1] + chr(ord(prefix[-1]) + 1)


def prefix_of(pattern: str) -> str:
    """Return what every match of a LIKE pattern begins with, as far as the index holds it."""
    prefix = ""
    for character in pattern[:HEAD]:
        if character in "%_\\":
            break
        prefix += character
    return prefix if not prefix or 0x20 <= ord(prefix[-1]) < 0xD7FF else ""
