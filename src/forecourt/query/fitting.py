"""Whether a comparison makes sense for the kind of value that a property has."""

from __future__ import annotations

import re

from forecourt.query.invalid import InvalidFilter
from forecourt.query.syntax import Comparison, Kind, Scalar

_WANTED: dict[Kind, str] = {
    "string": "text in quotes",
    "int": "an integer",
    "double": "a number",
    "bool": "true or false",
}
_INTEGER = re.compile(r"-?[0-9]{1,19}")


def check_operator(comparison: Comparison, kind: Kind) -> None:
    """Raise `InvalidFilter` where an operator does not apply to values of a kind."""
    name = comparison.operator
    if kind == "bool" and name not in ("=", "!=", "IN"):
        problem, hint = "is true or false", f"has no {name}: compare it with = or !="
    elif kind in ("int", "double") and name in ("LIKE", "ILIKE"):
        problem, hint = "is a number", f"has no {name}: compare it with =, !=, <, >, <=, >= or IN"
    else:
        return
    property_name = comparison.property.name
    raise InvalidFilter(
        f'"{property_name}" {problem}, and {name} does not apply to it',
        column=comparison.column,
        hint=f"{_WANTED[kind].capitalize()} {hint}.",
    )


def fitting(value: Scalar, comparison: Comparison, kind: Kind) -> Scalar:
    """Return a value as one of a kind; raises `InvalidFilter` where it is none.

    Text may stand for an integer when it is one written out, as the API writes times.
    """
    match kind, value:
        case ("string", str()) | ("bool", bool()):
            return value
        case "int" | "double", bool():
            pass
        case "int", int():
            return value
        case "int", str() if _INTEGER.fullmatch(value) and -(2**63) <= int(value) < 2**63:
            return int(value)
        case "double", int() | float():
            return float(value)
    raise InvalidFilter(
        f'"{comparison.property.name}" is compared with {_WANTED[kind]}, not with {_written(value)}',
        column=comparison.column,
        hint=f"Write '{value}'." if kind == "string" else "",
    )


def _written(value: Scalar) -> str:
    if isinstance(value, str):
        return f"the text '{value if len(value) <= 40 else value[:40] + '…'}'"
    return str(value).lower()
