"""Kubeflow's filterQuery language: text, its syntax tree, and SQL.

Text such as ``name LIKE 'granite%' AND (accuracy > 0.8 OR tasks IN ('chat', 'code'))`` becomes an `Expression` with
`parse`, and with `to_sql` a condition, for which the caller says what each comparison means in its own tables.
"""

from forecourt.query.fitting import check_operator, fitting
from forecourt.query.invalid import InvalidFilter
from forecourt.query.parser import parse
from forecourt.query.sql import compare, pinned, to_sql
from forecourt.query.syntax import And, Comparison, Expression, Kind, Operator, Or, Property, Scalar, Value, value_kind

__all__ = [
    "And",
    "Comparison",
    "Expression",
    "InvalidFilter",
    "Kind",
    "Operator",
    "Or",
    "Property",
    "Scalar",
    "Value",
    "check_operator",
    "compare",
    "fitting",
    "parse",
    "pinned",
    "to_sql",
    "value_kind",
]
