"""A column answers a comparison with the rows that a look at each row would find."""

from __future__ import annotations

import operator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.catalog.index.columns import Column, Numbers
from forecourt.catalog.index.space import Space
from forecourt.catalog.index.substrings import Substrings, caseless
from forecourt.catalog.model import double_value, int_value, string_value
from forecourt.query import Comparison, InvalidFilter, Property, parse

OPERATORS = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "!=": operator.ne,
}


def column_of(*values: Any) -> Column:
    """Return a column with one value a row, of the kind that it is of; None for a row without one."""
    column = Column()
    kinds: dict[type, Any] = {str: "string", bool: "bool", int: "int", float: "double"}
    for row, value in enumerate(values):
        if value is not None:
            column.add(row, kinds[type(value)], value)
    column.freeze()
    return column


def rows(column: Column, text: str) -> list[int]:
    expression = parse(text)
    assert isinstance(expression, Comparison)
    return list(column.matching(expression))


def refused(column: Column, text: str) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as raised:
        rows(column, text)
    return raised.value


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5), st.floats(-5, 5))), st.integers(-5, 5) | st.floats(-5, 5))
def test_a_number_is_compared_with_integers_and_doubles_alike(values: list[Any], wanted: float) -> None:
    column = column_of(*values)
    for name, compares in OPERATORS.items():
        expected = [row for row, value in enumerate(values) if value is not None and compares(value, wanted)]
        assert list(column.matching(Comparison(Property("p"), name, wanted))) == expected  # type: ignore[arg-type]


def test_a_suffix_asks_for_one_type() -> None:
    column = column_of(1, 1.0, "1", True, None)
    assert rows(column, "p = 1") == [0, 1]
    assert rows(column, "p.int_value = 1") == [0]
    assert rows(column, "p.double_value = 1") == [1]
    assert rows(column, "p.string_value = '1'") == [2]
    assert rows(column, "p.bool_value = true") == [3]
    assert rows(column, "p = '1'") == [2]
    assert rows(column, "p = true") == [3]


def test_a_row_without_a_value_matches_nothing() -> None:
    column = column_of(1, None, 2, "x")
    assert rows(column, "p != 1") == [2]
    assert rows(column, "p != 'y'") == [3]
    assert rows(column, "p IN ()") == []
    assert rows(Column(), "p != 1") == []


def test_a_list_may_hold_integers_and_floats() -> None:
    assert rows(column_of(1, 2.5, 3, "x"), "p IN (1, 2.5)") == [0, 1]


def test_text_that_is_an_integer_stands_for_one_where_there_are_integers_only() -> None:
    column = column_of(1700000000000, 1800000000000)
    assert rows(column, "p > '1750000000000'") == [1]
    assert rows(column, "p IN ('1700000000000')") == [0]
    assert "not with the text 'soon'" in refused(column, "p > 'soon'").message


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("p.int_value = 1.5", 15, "is compared with an integer, not with 1.5"),
        ("p.double_value = 'x'", 18, "is compared with a number, not with the text 'x'"),
        ("p.string_value = 1", 18, "is compared with text in quotes, not with 1"),
        ("p.bool_value = 'yes'", 16, "is compared with true or false, not with the text 'yes'"),
        ("p > true", 5, "is true or false, and > does not apply to it"),
        ("p.int_value LIKE '1%'", 18, "is a number, and LIKE does not apply to it"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_column(text: str, column: int, message: str) -> None:
    error = refused(column_of(1, 1.0, "1", True), text)
    assert (error.column, message in error.message) == (column, True), error.message


def test_of_numbers_in_blocks_any_range_is_found() -> None:
    numbers = Numbers()
    for row in range(20_000):
        numbers.add(row, (row * 7919) % 20_000)
    owner = [row // 4 for row in range(20_000)]
    numbers.freeze(owner)
    value = {row: (row * 7919) % 20_000 for row in range(20_000)}
    for wanted in (-1, 0, 1, 4095, 4096, 4097, 9999, 12_288, 19_999, 20_000):
        for name, compares in OPERATORS.items():
            if name == "!=":
                continue
            expected = {row for row in value if compares(value[row], wanted)}
            assert set(numbers.matching(name, wanted)) == expected
            owners = numbers.owners_between(*numbers.positions(name, wanted), owner)
            assert set(owners) == {row // 4 for row in expected}


def test_numbers_of_both_types_are_one_order() -> None:
    column = column_of(3, 1.5, 2, None, 0.5)
    assert list(column.numbers.values) == [0.5, 1.5, 2, 3]
    assert list(column.numbers.rows) == [4, 1, 2, 0]


# Patterns

ALPHABET = "ab%_\\ßΣςKİı.*[\n\x1f"


def matches(pattern: str, text: str) -> bool:
    """Say whether a text matches a LIKE pattern, as one does who reads both a character at a time."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(matches(pattern[1:], text[start:]) for start in range(len(text) + 1))
    if pattern[0] == "\\":
        return text[:1] == pattern[1:2] and matches(pattern[2:], text[1:])
    return bool(text) and pattern[0] in ("_", text[0]) and matches(pattern[1:], text[1:])


def small(text: str) -> str:
    """Return a text in small letters, where a letter has one."""
    return "".join(each.casefold() if len(each.casefold()) == 1 else each for each in text)


@settings(max_examples=400)
@given(st.lists(st.text(ALPHABET, max_size=6), max_size=8), st.text(ALPHABET, max_size=6))
def test_a_pattern_finds_what_it_says(texts: list[str], pattern: str) -> None:
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        pattern += "\\"  # what ends in an escape is refused before
    texts = list(dict.fromkeys(texts))
    known = Substrings(texts)
    assert list(known.like(pattern, any_case=False)) == [each for each in texts if matches(pattern, each)]
    any_case = [each for each in texts if matches(small(pattern), small(each))]
    assert list(known.like(pattern, any_case=True)) == any_case


@given(st.text(), st.text())
def test_a_part_of_a_text_stays_one_without_cases(text: str, part: str) -> None:
    folded = caseless(text + part + text)
    assert len(folded) == len(text + part + text)
    assert folded == caseless(text) + caseless(part) + caseless(text) == caseless(folded)


@given(st.lists(st.text(ALPHABET, max_size=6), max_size=8), st.text(ALPHABET, min_size=1, max_size=3))
def test_texts_that_contain_a_text_are_found_once_each(texts: list[str], part: str) -> None:
    texts = list(dict.fromkeys(texts))
    wanted = [each for each in texts if small(part) in small(each)]
    found = list(Substrings(texts).containing(part))
    assert found == (texts if "\x1f" in part else wanted)  # which stands between texts, so whoever asks looks himself


@pytest.mark.timeout(60)  # backtracking would take longer than the universe is old
def test_a_pattern_takes_no_longer_for_being_nasty() -> None:
    known = Substrings(["a" * 5000 + "c", "e l e m e n t s " * 300])
    assert list(known.like("%a" * 30 + "%b%", any_case=True)) == []
    assert list(known.like("%" + "e%" * 50 + "q_q%", any_case=False)) == []
    assert list(known.like("%" + "a%" * 2000, any_case=False)) == ["a" * 5000 + "c"]


# A space of rows


def test_a_field_hides_a_custom_property_of_its_name_and_of_its_other_name() -> None:
    space = Space({"sourceId": "source_id"})
    space.add({"source_id": "a", "tasks": ["x", "y"]}, {"tasks": string_value("z"), "sourceId": string_value("z")})
    space.freeze()
    assert list(space.columns) == ["source_id", "tasks"]
    assert list(space.column("sourceId").texts) == ["a"]


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ('["H100", "A100"]', ["H100", "A100"]),
        ("[]", []),
        ('["H100", 1]', ['["H100", 1]']),
        ("[not JSON", ["[not JSON"]),
        ('{"a": 1}', ['{"a": 1}']),
        ("[" * 100_000, ["[" * 100_000]),
    ],
)
def test_a_list_of_texts_in_a_text_is_each_of_them(text: str, texts: list[str]) -> None:
    space = Space()
    space.add({}, {"validated_on": string_value(text)})
    space.freeze()
    assert list(space.column("validated_on").texts) == texts


def test_what_is_no_number_is_left_out() -> None:
    space = Space()
    space.add({}, {"n": {"int_value": "many"}, "d": {"double_value": 10**400}, "ok": int_value(3)})
    space.add({}, {"n": double_value(2.0)})
    space.freeze()
    assert list(space.column("n").present) == [1]
    assert list(space.column("d").present) == []
    assert list(space.column("ok").present) == [0]
