"""Any text is read or refused; any tree is read back as it was written; SQL finds what the tree says."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    select,
)

from forecourt.query import And, Comparison, Expression, InvalidFilter, Kind, Or, Property, compare, parse, to_sql

WORDS = {"and", "or", "like", "ilike", "in", "true", "false"}
SUFFIXES = ("string_value", "double_value", "int_value", "bool_value")
ORDERED = ("=", "!=", ">", "<", ">=", "<=")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
parts = st.sampled_from(["%", "_", "a", "B", ".", "\\%", "\\_", "\\\\", "\\a"])
patterns = st.lists(parts, max_size=6).map("".join)
ints = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=4).map(tuple)


# Trees, written and read back.

names = st.from_regex(r"[a-z_][a-z0-9_]{0,5}(\.[a-z_][a-z0-9_]{0,5}){0,2}", fullmatch=True) | texts.filter(
    lambda name: name and "`" not in name
)
properties = st.builds(Property, names, st.sampled_from([None, "string", "double", "int", "bool"]))
comparisons = st.one_of(
    st.builds(Comparison, properties, st.sampled_from(ORDERED), texts | ints | floats | st.booleans()),
    st.builds(Comparison, properties, st.sampled_from(["LIKE", "ILIKE"]), patterns),
    st.builds(Comparison, properties, st.just("IN"), st.one_of(*map(lists, (texts, ints | floats, st.booleans())))),
)


def joined(terms: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(terms, min_size=2, max_size=3)
    return st.builds(join, st.sampled_from([And, Or]), several)


def join(kind: type[And] | type[Or], terms: list[Expression]) -> Expression:
    return kind(tuple(each for term in terms for each in (term.terms if isinstance(term, kind) else (term,))))


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaves, joined, max_leaves=8)


def render(expression: Expression) -> str:
    match expression:
        case And(terms):
            return " AND ".join(f"({render(term)})" if isinstance(term, Or) else render(term) for term in terms)
        case Or(terms):
            return " OR ".join(map(render, terms))
        case Comparison(prop, name, value):
            return f"{written_property(prop)} {name} {written_value(value)}"


def written_property(prop: Property) -> str:
    plain = re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*", prop.name)
    plain_enough = plain and prop.name.split(".")[0].lower() not in WORDS and not prop.name.endswith(SUFFIXES)
    name = prop.name if plain_enough else f"`{prop.name}`"
    return f"{name}.{prop.type}_value" if prop.type else name


def written_value(value: Any) -> str:
    match value:
        case tuple():
            return f"({', '.join(map(written_value, value))})"
        case str():
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        case bool():
            return str(value).lower()
        case _:
            return repr(value)


@settings(deadline=None, max_examples=150)
@given(trees(comparisons))
def test_a_tree_that_is_written_out_is_read_back(tree: Expression) -> None:
    read = parse(render(tree))
    assert read == tree
    assert re.sub(r"column=\d+", "", repr(read)) == re.sub(r"column=\d+", "", repr(tree))  # 1, 1.0 and true differ


# Any text.

TOKENS = r"""
    a my-prop x.int_value `b` ` '' 'x' "y" ' " \ = == != <> < >= ! LIKE ilike IN in NOT IS NULL AND and OR or ( ( ) ) ,
    . - -- # 0 -1 2.5 .5 1e5 1e999 99999999999999999999 true FALSE é “
"""
tokens = st.lists(st.sampled_from([*re.findall(r"\S+", TOKENS), "\n", "\0"]), max_size=25)


@settings(deadline=None, max_examples=300)
@given(st.text() | st.text("ab=<>!()'\"`,.-\\ 01eAND\n") | tokens.map("".join) | tokens.map(" ".join))
def test_any_text_is_read_or_refused_with_a_column_in_it(text: str) -> None:
    refused = None
    try:
        parse(text)
    except InvalidFilter as error:
        refused = error
    assert refused is None or 1 <= refused.column <= len(text) + 1


# What SQL finds.

TABLE = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("string", String),
    Column("int", BigInteger),
    Column("double", Double),
    Column("bool", Boolean),
)
short = st.text("aAbB%_\\.", max_size=4)
small_ints = st.integers(-3, 3) | st.sampled_from([-(2**63), 2**63 - 1])
small_floats = st.sampled_from([-2.5, -1.0, 0.0, 0.5, 1.0, 2.0, 1e300])
rows = st.fixed_dictionaries(
    {
        "string": st.none() | short,
        "int": st.none() | small_ints,
        "double": st.none() | small_floats,
        "bool": st.none() | st.booleans(),
    }
)


def of(kind: str, names: tuple[str, ...], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Comparison]:
    return st.builds(Comparison, st.just(Property(kind)), st.sampled_from(names), values)  # type: ignore[arg-type]


questions = st.one_of(
    of("string", ORDERED, short),
    of("string", ("LIKE", "ILIKE"), patterns),
    of("string", ("IN",), lists(short)),
    of("int", ORDERED, small_ints | small_ints.map(str)),
    of("int", ("IN",), lists(small_ints)),
    of("double", ORDERED, small_floats | st.integers(-3, 3)),
    of("double", ("IN",), lists(small_floats)),
    of("bool", ("=", "!="), st.booleans()),
    of("bool", ("IN",), lists(st.booleans())),
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


def holds(expression: Expression, row: dict[str, Any]) -> bool:
    match expression:
        case And(terms):
            return all(holds(term, row) for term in terms)
        case Or(terms):
            return any(holds(term, row) for term in terms)
        case Comparison(prop, name, value):
            mine = row[prop.name]
            if mine is None:
                return False
            if isinstance(value, tuple):
                return mine in value
            if name in ("LIKE", "ILIKE"):
                return is_like(mine, str(value), re.IGNORECASE if name == "ILIKE" else re.NOFLAG)
            return COMPARE[name](mine, int(value) if prop.name == "int" else value)


def is_like(text: str, pattern: str, flags: re.RegexFlag) -> bool:
    parts = re.findall(r"\\.|.", pattern)
    wild = {"%": ".*", "_": "."}
    return bool(re.fullmatch("".join(wild.get(p) or re.escape(p[-1]) for p in parts), text, flags))


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA case_sensitive_like = ON")
        TABLE.metadata.create_all(connection)
        yield connection
    engine.dispose()


@settings(deadline=None, max_examples=150)
@given(things=st.lists(rows, min_size=1, max_size=6), tree=trees(questions))
def test_sql_finds_the_rows_for_which_the_tree_holds(
    connection: Connection, things: list[dict[str, Any]], tree: Expression
) -> None:
    def meaning(comparison: Comparison) -> Any:
        kind: Kind = comparison.property.name  # type: ignore[assignment]
        return compare(TABLE.c[kind], comparison, kind)

    connection.execute(delete(TABLE))
    connection.execute(TABLE.insert(), [{"id": at, **thing} for at, thing in enumerate(things)])
    found = connection.scalars(select(TABLE.c.id).where(to_sql(parse(render(tree)), meaning)).order_by(TABLE.c.id))
    assert list(found) == [at for at, thing in enumerate(things) if holds(tree, thing)]
