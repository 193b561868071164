"""A filterQuery is read as Kubeflow's grammar has it; what is wrong is told with its column and its remedy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forecourt.query import And, Comparison, InvalidFilter, Or, Property, parse

A, B, C = (Comparison(Property(name), "=", 1) for name in "abc")


def refused(text: str) -> InvalidFilter:
    with pytest.raises(InvalidFilter) as raised:
        parse(text)
    return raised.value


@pytest.mark.parametrize("operator", ["=", "!=", ">", "<", ">=", "<="])
@pytest.mark.parametrize("space", ["", " ", "\n\t"])
def test_each_operator_compares_a_property_with_a_value(operator: str, space: str) -> None:
    assert parse(f"size{space}{operator}{space}7") == Comparison(Property("size"), operator, 7)  # type: ignore[arg-type]


def test_the_other_sign_for_unequal_means_the_same() -> None:
    assert parse("a <> 1") == Comparison(Property("a"), "!=", 1)


@pytest.mark.parametrize("text", ["name LIKE 'a%'", "name like 'a%'", "name Like'a%'"])
def test_like_is_written_in_any_case(text: str) -> None:
    assert parse(text) == Comparison(Property("name"), "LIKE", "a%")


def test_every_keyword_is_written_in_any_case() -> None:
    text = "a iLike 'x' aNd b In (tRue, FALSE) oR c = True"
    assert parse(text) == Or(
        (
            And((Comparison(Property("a"), "ILIKE", "x"), Comparison(Property("b"), "IN", (True, False)))),
            Comparison(Property("c"), "=", True),
        )
    )


def test_a_letter_of_another_script_makes_no_keyword() -> None:
    assert refused("a LI\u212aE 'x'").column == 3


def test_and_binds_closer_than_or() -> None:
    assert parse("a=1 OR b=1 AND c=1") == Or((A, And((B, C))))
    assert parse("a=1 AND b=1 OR c=1") == Or((And((A, B)), C))


def test_parentheses_bind_closest() -> None:
    assert parse("(a=1 OR b=1) AND c=1") == And((Or((A, B)), C))


def test_terms_of_one_kind_are_one_row_however_they_are_grouped() -> None:
    assert parse("a=1 AND (b=1 AND (c=1))") == And((A, B, C)) == parse("((a=1 AND b=1) AND c=1)")
    assert parse("(a=1 OR b=1) OR c=1") == Or((A, B, C))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("'x'", "x"),
        ('"x"', "x"),
        ("''", ""),
        ("'say \"hi\"'", 'say "hi"'),
        (r"'it\'s'", "it's"),
        (r'"a \"b\""', 'a "b"'),
        (r"'a\\b'", r"a\b"),
        (r"'\n\t\r'", "\n\t\r"),
        (r"'100\%'", "100%"),
        (r"'\\'", "\\"),
        ("'two\nlines -- and no comment'", "two\nlines -- and no comment"),
        ("'日本語 🎉'", "日本語 🎉"),
        ("0", 0),
        ("-42", -42),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1.5", 1.5),
        ("-0.25", -0.25),
        (".5", 0.5),
        ("1e-5", 1e-5),
        ("2.5E+3", 2500.0),
        ("1e-999", 0.0),
        ("true", True),
        ("FALSE", False),
    ],
)
def test_values_are_what_is_written(written: str, value: object) -> None:
    comparison = parse(f"a = {written}")
    assert isinstance(comparison, Comparison)
    assert (type(comparison.value), comparison.value) == (type(value), value)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("()", ()),
        ("(1)", (1,)),
        ("( 'a','b' , \"c\" )", ("a", "b", "c")),
        ("(1, 2.5, -3)", (1, 2.5, -3)),
        ("(true,false)", (True, False)),
    ],
)
def test_in_takes_a_list(written: str, values: tuple[object, ...]) -> None:
    assert parse(f"a IN {written}") == Comparison(Property("a"), "IN", values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "name", "kind"),
    [
        ("accuracy", "accuracy", None),
        ("_x9", "_x9", None),
        ("artifacts.ttft_p90", "artifacts.ttft_p90", None),
        ("a.string_value", "a", "string"),
        ("a.double_value", "a", "double"),
        ("artifacts.a.int_value", "artifacts.a", "int"),
        ("a.bool_value", "a", "bool"),
        ("int_value", "int_value", None),
        ("a.int_values", "a.int_values", None),
        ("a.proto_value", "a.proto_value", None),
        ("a.int_value.b", "a.int_value.b", None),
        ("`my-prop`", "my-prop", None),
        ("`a.b c/d`.int_value", "a.b c/d", "int"),
        ("`a.int_value`", "a.int_value", None),
        ("`like`", "like", None),
        ("likes", "likes", None),
        ("order", "order", None),
        ("artifacts.in", "artifacts.in", None),
        ("not", "not", None),
    ],
)
def test_properties_have_a_name_and_perhaps_a_type(written: str, name: str, kind: str | None) -> None:
    assert parse(f"{written} = 1") == Comparison(Property(name, kind), "=", 1)  # type: ignore[arg-type]


def test_comments_reach_to_the_end_of_their_line() -> None:
    assert parse("a=1 -- the first\n AND b=1 -- the second") == And((A, B))


def test_columns_say_where_a_property_and_its_value_begin() -> None:
    expression = parse("a = 1 AND bc IN ('x')")
    assert isinstance(expression, And)
    columns = [(term.property.column, term.column) for term in expression.terms if isinstance(term, Comparison)]
    assert columns == [(1, 5), (11, 17)]


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("accuracy >=", 12, 'expected a value after ">=", found end of text'),
        ("name", 5, 'expected an operator after "name", found end of text'),
        ("a = 1 AND", 10, 'expected a property or "(" after "AND", found end of text'),
        ("= 1", 1, 'expected a property or "(", found "="'),
        ("a = 1, b = 2", 6, 'expected AND, OR or the end after "1", found ","'),
        ("(a = 1 b", 8, 'expected AND, OR or ")" after "1", found "b"'),
        ("a IN (1,)", 9, 'expected a value after ",", found ")"'),
        ("a IN (1 2)", 9, 'expected "," or ")" after "1", found "2"'),
        ("()", 2, 'expected a property or "(" after "(", found ")"'),
        ("``=1", 1, "there is no property between these backticks"),
        ("-- nothing else", 16, 'expected a property or "(", found end of text'),
        ("a = 1 AND b = 9223372036854775808", 15, "this integer does not fit into 64 bits"),
        ("a = -9223372036854775809", 5, "this integer does not fit into 64 bits"),
        ("a = " + "1" * 10_000, 5, "this integer does not fit into 64 bits"),
        ("a = 1e999", 5, "this number is larger than a double can hold"),
        ("a = 'x\0'", 7, "found a null byte, which no value can hold"),
        ("\0", 1, "found a null byte, which no value can hold"),
        ("a = '\ud800'", 6, "found half a surrogate pair, which no value can hold"),
        ("", 1, "it is empty"),
        (" \n", 1, "it is empty"),
        ("a IN (1, true)", 6, "the values of a list are all text, all numbers or all true and false"),
        ("a IN ('x', 1)", 6, "the values of a list are all text, all numbers or all true and false"),
    ],
)
def test_what_is_wrong_is_told_with_its_column(text: str, column: int, problem: str) -> None:
    error = refused(text)
    assert (error.column, error.message) == (column, f"invalid filterQuery at column {column}: {problem}")
    assert error.status == 400


NO_NOT = "There is no NOT: compare with != instead, joined by AND for each value of a list."
NO_NULL = "There is no NULL: a comparison, != included, matches only where the property is there."
OPERATORS = "The operators are =, !=, <, >, <=, >=, LIKE, ILIKE and IN."


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("NOT a = 1", 1, NO_NOT),
        ("a = 1 AND not (b = 2)", 11, NO_NOT),
        ("!(a = 1)", 1, NO_NOT),
        ("name NOT IN ('a')", 6, NO_NOT),
        ("name not like 'a'", 6, NO_NOT),
        ("owner IS NULL", 7, NO_NULL),
        ("owner is not null", 7, NO_NULL),
        ("owner = null", 9, NO_NULL),
        ("name = foo", 8, "Write text in quotes: 'foo'."),
        ("name = foo-bar/baz AND a = 1", 8, "Write text in quotes: 'foo-bar/baz'."),
        ("name = “foo”", 8, "Write text in quotes: 'foo'."),
        ("name IN (foo, bar)", 10, "Write text in quotes: 'foo'."),
        ("name LIKE 5", 11, "Write text in quotes: '5'."),
        ("version = 1.2.3", 14, "Write text in quotes: '1.2.3'."),
        ("day IN (2024-01-01)", 13, "Write text in quotes: '2024-01-01'."),
        ("name = 7b", 9, "Write text in quotes: '7b'."),
        ("my-prop = 1", 3, "Write the property in backticks: `my-prop`."),
        ("a = 1 AND b.my-prop > 1", 15, "Write the property in backticks: `b.my-prop`."),
        ("org/name = 1", 4, "Write the property in backticks: `org/name`."),
        ("2nd = 1", 1, "Write the property in backticks: `2nd`."),
        ("größe = 1", 3, "Write the property in backticks: `größe`."),
        ("like = 1", 1, "Write the property in backticks: `like`."),
        ("'name' = 1", 1, "Write a property without quotes, or in backticks."),
        ("name == 'x'", 6, "Write a single =."),
        ("name = 'foo", 8, "End the text with '."),
        ("name = \"foo'", 8, 'End the text with ".'),
        ("name = 'foo\\'", 8, "End the text with '."),
        ("`name = 1", 1, "End the property with `."),
        ("name = 'it's'", 12, r"Write a quote inside text with a backslash before it: \'."),
        ("(a = 1 AND (b = 1)", 19, 'Close the "(" at column 1 with ")".'),
        ("a IN ('x'", 10, 'Close the "(" at column 6 with ")".'),
        ("(a = 1))", 8, 'No "(" is open here.'),
        ("a = (1)", 5, "Only IN takes a list."),
        ("a IN 'x'", 6, "IN takes a list, such as ('chat', 'code')."),
        ("a LIKE (", 8, "Only IN takes a list."),
        ("a LIKE true", 8, "Write text in quotes: 'true'."),
        ("a LIKE", 7, "LIKE and ILIKE take a pattern, such as 'granite%'."),
        ("a BETWEEN 1 AND 2", 3, OPERATORS),
        ("a ~ 'x'", 3, OPERATORS),
        ("a = 1 && b = 2", 7, "Join comparisons with AND or OR."),
        ("a = 1 b = 2", 7, "Join comparisons with AND or OR."),
        ("a LIKE 'x\\\\'", 8, r"Write \\\\ for one backslash: text takes two for one, and so does a pattern."),
        ("", 1, "Write a comparison, such as name = 'granite'."),
    ],
)
def test_a_likely_mistake_is_told_with_its_remedy(text: str, column: int, hint: str) -> None:
    error = refused(text)
    assert (error.column, error.hint) == (column, hint)


def test_a_long_word_is_not_repeated_whole() -> None:
    assert len(refused("name = " + "x" * 10_000).message) < 120


def ands(count: int) -> str:
    return " AND ".join(["a=1"] * count)


def test_200_comparisons_are_read_and_one_more_is_not() -> None:
    expression = parse(ands(200))
    assert isinstance(expression, And)
    assert len(expression.terms) == 200
    error = refused(ands(201))
    assert error.message == "invalid filterQuery at column 1602: it has more than 200 comparisons"


def test_1000_listed_values_are_read_and_one_more_is_not() -> None:
    half = ",".join(["1"] * 500)
    expression = parse(f"a IN ({half}) OR a IN ({half}) OR b = 1")
    assert isinstance(expression, Or)
    assert "its IN lists have more than 1,000 values" in refused(f"a IN ({half}) OR a IN ({half},1)").message


def test_parentheses_nest_32_deep_and_no_deeper() -> None:
    assert parse("(" * 32 + "a=1" + ")" * 32) == A
    assert parse("(" * 32 + "a IN (1)" + ")" * 32) == Comparison(Property("a"), "IN", (1,))
    error = refused("(" * 33 + "a=1" + ")" * 33)
    assert error.message == "invalid filterQuery at column 33: its parentheses nest more than 32 deep"


def test_parentheses_one_after_the_other_do_not_nest() -> None:
    assert isinstance(parse(" AND ".join(["(a=1)"] * 100)), And)


def test_16_kib_of_text_are_read_and_one_character_more_is_not() -> None:
    text = "a = '" + "x" * (16 * 1024 - 6) + "'"
    assert isinstance(parse(text), Comparison)
    error = refused(text + " ")
    assert error.message == "invalid filterQuery at column 16385: it is longer than 16,384 characters"


def test_a_pattern_has_4096_characters_at_most() -> None:
    assert isinstance(parse(f"a LIKE '{'x' * 4096}'"), Comparison)
    assert "this pattern is longer than 4,096 characters" in refused(f"a ILIKE '{'x' * 4097}'").message


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text",
    [
        " AND ".join(["a=1"] * 10_000),
        "(" * 100_000,
        "(" * 16_000,
        "a IN (" + "1," * 8_000,
        "a IN (" * 2_000,
        "'" * 16_001,
        "a = '" + "\\" * 16_000,
        "-" * 16_000,
        "a=1)" + ")" * 16_000,
        "a." * 8_000,
        "1" * 16_000,
    ],
    ids=lambda text: f"{text[:8]}…",
)
def test_what_is_far_beyond_a_bound_is_refused_at_once(text: str) -> None:
    assert 1 <= refused(text).column <= len(text) + 1


def test_a_program_that_reads_no_filter_does_not_load_the_parser() -> None:
    script = "import sys; from forecourt.query import parse; assert 'lark' not in sys.modules; parse('a = 1')"
    subprocess.run([sys.executable, "-c", script], check=True)
