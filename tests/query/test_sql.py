"""A comparison becomes the SQL that its value and its column allow; what does not fit is refused where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.dialects import postgresql, sqlite

from forecourt.query import Comparison, InvalidFilter, Kind, compare, parse, pinned, to_sql, value_kind

ROWS = Table(
    "rows",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("string", String),
    Column("int", BigInteger),
    Column("double", Double),
    Column("bool", Boolean),
)
CONTENT: list[dict[str, Any]] = [
    {"id": 1, "string": "Granite", "int": 1, "double": 0.5, "bool": True},
    {"id": 2, "string": "granite-8b", "int": 2**62, "double": 2.0, "bool": False},
    {"id": 3, "string": "50%_off", "int": -5, "double": -1e9, "bool": True},
    {"id": 4, "string": None, "int": None, "double": None, "bool": None},
    {"id": 5, "string": "back\\slash", "int": 0, "double": 0.0, "bool": False},
]


def condition(text: str) -> Any:
    def meaning(comparison: Comparison) -> Any:
        kind: Kind = comparison.property.name  # type: ignore[assignment]
        return compare(ROWS.c[kind], comparison, kind)

    return to_sql(parse(text), meaning)


@pytest.fixture(scope="module")
def connection() -> Any:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA case_sensitive_like = ON")
        ROWS.metadata.create_all(connection)
        connection.execute(ROWS.insert(), CONTENT)
        yield connection
    engine.dispose()


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("string = 'Granite'", [1]),
        ("string != 'Granite'", [2, 3, 5]),
        ("string > 'G'", [1, 2, 5]),
        ("string IN ('Granite', '50%_off', 'no')", [1, 3]),
        ("string IN ()", []),
        ("string LIKE 'gran%'", [2]),
        ("string ILIKE 'GRAN%'", [1, 2]),
        ("string LIKE '__\\\\%%'", [3]),
        ("string LIKE '%\\\\_off'", [3]),
        ("string LIKE '%\\\\\\\\%'", [5]),
        ("int = 1", [1]),
        ("int = '1'", [1]),
        ("int >= 4611686018427387904", [2]),
        ("int IN ('-5', '0')", [3, 5]),
        ("int < 1", [3, 5]),
        ("double = 2", [2]),
        ("double <= 0.5", [1, 3, 5]),
        ("double IN (2, 0.5)", [1, 2]),
        ("bool = true", [1, 3]),
        ("bool != true", [2, 5]),
        ("bool IN (true, false)", [1, 2, 3, 5]),
        ("bool IN (false)", [2, 5]),
        ("string LIKE '%a%' AND (int = 1 OR double = 0.0)", [1, 5]),
        ("int IN () OR int = 1", [1]),
    ],
)
def test_the_matching_rows_are_found(connection: Any, text: str, matches: list[int]) -> None:
    assert list(connection.scalars(select(ROWS.c.id).where(condition(text)).order_by(ROWS.c.id))) == matches


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("string = 5", 10, '"string" is compared with text in quotes, not with 5'),
        ("string IN (true)", 11, '"string" is compared with text in quotes, not with true'),
        ("int = 'abc'", 7, "\"int\" is compared with an integer, not with the text 'abc'"),
        ("int = ''", 7, "\"int\" is compared with an integer, not with the text ''"),
        ("int = '1.0'", 7, "\"int\" is compared with an integer, not with the text '1.0'"),
        ("int = '٣'", 7, "\"int\" is compared with an integer, not with the text '٣'"),
        ("int = '9223372036854775808'", 7, "not with the text '9223372036854775808'"),
        ("int = 1.5", 7, '"int" is compared with an integer, not with 1.5'),
        ("int = true", 7, '"int" is compared with an integer, not with true'),
        ("int LIKE '1%'", 10, '"int" is a number, and LIKE does not apply to it'),
        ("double ILIKE '1%'", 14, '"double" is a number, and ILIKE does not apply to it'),
        ("double = '1'", 10, "\"double\" is compared with a number, not with the text '1'"),
        ("double = false", 10, '"double" is compared with a number, not with false'),
        ("bool = 1", 8, '"bool" is compared with true or false, not with 1'),
        ("bool = 'true'", 8, "\"bool\" is compared with true or false, not with the text 'true'"),
        ("bool > false", 8, '"bool" is true or false, and > does not apply to it'),
        ("bool LIKE 'x'", 11, '"bool" is true or false, and LIKE does not apply to it'),
    ],
)
def test_what_does_not_fit_is_refused_where_it_stands(text: str, column: int, problem: str) -> None:
    with pytest.raises(InvalidFilter) as raised:
        condition(text)
    assert raised.value.column == column
    assert problem in raised.value.message


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])
def test_both_databases_are_told_the_same_escape_character(dialect: Any) -> None:
    for operator in ("LIKE", "ILIKE"):
        sql = str(condition(f"string {operator} 'a%'").compile(dialect=dialect))
        assert sql.endswith(("ESCAPE '\\'", "ESCAPE '\\\\'"))


def test_an_integer_is_never_cut_to_the_width_of_its_column() -> None:
    narrow = compare(ROWS.c.id, _comparison("id = 4611686018427387904"), "int")
    assert isinstance(narrow.right.type, BigInteger)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = 1", ["a"]),
        ("a > 1", []),
        ("a = 1 AND b > 2 AND (c = 'x' AND d = true)", ["a", "c", "d"]),
        ("a = 1 OR b = 2", []),
        ("a = 1 AND (b = 2 OR c = 3)", ["a"]),
        ("a IN (1)", []),
    ],
)
def test_pinned_are_the_equalities_that_every_match_satisfies(text: str, found: list[str]) -> None:
    assert [comparison.property.name for comparison in pinned(parse(text))] == found


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x", "string"),
        (1, "int"),
        (1.0, "double"),
        (True, "bool"),
        (("a", "b"), "string"),
        ((1, 2), "int"),
        ((1, 2.5), "double"),
        ((True,), "bool"),
        ((), "string"),
    ],
)
def test_a_value_has_the_kind_that_all_of_it_shares(value: Any, kind: Kind) -> None:
    assert value_kind(value) == kind


@pytest.mark.parametrize("values", [(1, "x"), (1.5, "x"), (True, 1), ("x", False)])
def test_a_list_of_mixed_kinds_has_none(values: Any) -> None:
    with pytest.raises(InvalidFilter) as raised:
        value_kind(values, column=7)
    assert raised.value.column == 7


def _comparison(text: str) -> Comparison:
    expression = parse(text)
    assert isinstance(expression, Comparison)
    return expression
