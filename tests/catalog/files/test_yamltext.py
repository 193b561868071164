"""YAML is read as data, with the line of each part; what would hurt the reader is refused with its place."""

from __future__ import annotations

import json
import math
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.files import yamltext
from forecourt.catalog.files.yamltext import Limits, parse, read
from forecourt.errors import InvalidInput, NotFound

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.fixture(params=["libyaml", "pure Python"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two parsers that PyYAML may have."""
    if request.param == "pure Python":
        monkeypatch.setattr(yamltext, "_Parser", yaml.SafeLoader)
    return str(request.param)


def value(text: str) -> Any:
    return parse(text.encode(), "a.yaml").value


def refused(text: str | bytes, limits: Limits | None = None) -> str:
    with pytest.raises(InvalidInput) as raised:
        parse(text.encode() if isinstance(text, str) else text, "a.yaml", limits or Limits())
    return str(raised.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("text", "text"),
        ("12", 12),
        ("-0x1f", -31),
        ("010", 8),
        ("0o17", 15),
        ("1_000", 1000),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e5", 1e5),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("-.inf", -math.inf),
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("=", "="),
        ("99999999999999999999", "99999999999999999999"),
        ("0x_", "0x_"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ('!!int "12"', 12),
        ('!!float "12"', 12),
        ("!!timestamp 2024-01-01", "2024-01-01"),
    ],
)
def test_a_text_means_what_it_does_to_kubernetes_but_for_times(written: str, meant: Any, either_parser: str) -> None:
    found = value(f"a: {written}")["a"]
    assert (found, type(found)) == (meant, type(meant))


def test_what_is_no_number_is_one_that_no_other_equals() -> None:
    assert math.isnan(value("a: .nan")["a"])


def test_keys_are_texts_as_they_are_written() -> None:
    assert value("1: a\n2024: b\ntrue: c\n1.0: d") == {"1": "a", "2024": "b", "true": "c", "1.0": "d"}


def test_an_anchor_is_said_again_by_its_alias() -> None:
    assert value("a: &x {b: [1]}\nc: *x\nd: &y 5\ne: *y") == {"a": {"b": [1]}, "c": {"b": [1]}, "d": 5, "e": 5}


def test_a_merge_fills_in_what_a_mapping_does_not_say() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  z: 3\n'<<': text"
    assert value(text)["c"] == {"z": 3, "x": 1, "y": 1}
    assert value(text)["<<"] == "text"


def test_nothing_is_none() -> None:
    assert [value(text) for text in ("", "# only words\n", "---\n")] == [None, None, None]


def test_the_line_of_each_part_is_known(either_parser: str) -> None:
    document = parse(b"source: x\nmodels:\n- name: a\n  tags:\n    - 1\n    - 2\n- &b\n  name: b\n- *b\n", "a.yaml")
    models = document.value["models"]
    assert document.line(document.value, "models") == 2
    assert [document.line(models, index) for index in range(3)] == [3, 7, 9]
    assert document.line(models[0]) == 3
    assert document.line(models[0], "tags") == 4
    assert document.line(models[0]["tags"], 1) == 6
    assert document.place(models[1], "name") == "a.yaml, line 8"
    assert str(document.refused("it is wrong.", models[1])) == "a.yaml, line 7: it is wrong."


def test_a_key_that_was_merged_has_the_line_of_its_mapping() -> None:
    document = parse(b"a: &a {x: 1}\nb:\n  y: 2\n  <<: *a\n", "a.yaml")
    assert document.line(document.value["b"], "x") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, column 1: 'a' is said twice."),
        ("a:\n  b: 1\n  'b': 2", "line 3, column 3: 'b' is said twice."),
        ("a: &a [*a]", "line 1, column 8: &a holds itself."),
        ("a: *b", "line 1, column 4: nothing before is anchored as &b."),
        ("[a]: b", "line 1, column 1: a key is a text, and no list or mapping."),
        ("a: &a x\n*a : b", "line 2, column 1: a key is written out, and no alias."),
        ("<<: 3", "line 1, column 5: << takes a mapping, or a list of them."),
        ("a: 1\n---\nb: 2", "line 2, column 1: a second document begins here."),
        ("a: !!int x", "line 1, column 4: 'x' is no int."),
        ("a: !!float true", "line 1, column 4: 'true' is no float."),
        ("a: !here x", "line 1, column 4: !here is no tag that is known here."),
        (
            "a: !!python/object/apply:os.system [ls]",
            "line 1, column 4: tag:yaml.org,2002:python/object/apply:os.system is no tag that is known here.",
        ),
        ("a: !!binary aGk=", "line 1, column 4: tag:yaml.org,2002:binary is no tag that is known here."),
        ("[" * 65 + "]" * 65, "line 1, column 65: this is nested more than 64 deep."),
        ("{a: " * 100_000, "line 1, column 257: this is nested more than 64 deep."),
        ("- " * 100_000, "line 1, column 129: this is nested more than 64 deep."),
    ],
)
def test_what_is_refused_is_told_with_its_place(text: str, message: str, either_parser: str) -> None:
    assert refused(text) == f"a.yaml, {message}"


def test_what_never_stops_to_nest_is_refused(either_parser: str) -> None:
    assert "nest" in refused("[" * 1_000_000)


def test_a_mistake_of_syntax_is_told_with_its_place(either_parser: str) -> None:
    assert refused("a: 1\nb: c: d").startswith("a.yaml, line 2, column 5: mapping values are not allowed")


def test_a_sign_that_yaml_has_not_is_told_with_its_place(either_parser: str) -> None:
    assert refused("é: 1\nb: é\x01").startswith("a.yaml, line 2, column 5: ")


def test_half_of_a_surrogate_pair_is_no_character(either_parser: str) -> None:
    assert refused('a: "\\ud800"').startswith("a.yaml, line 1, column ")


@pytest.mark.parametrize("text", [b"a: 1\nbc: \xff", b"a: 1\nbc: \xed\xa0\x80"])
def test_only_utf8_is_read(text: bytes) -> None:
    assert refused(text) == "a.yaml, line 2, column 5: this is not UTF-8."


def test_utf16_is_not_read() -> None:
    assert refused("a: 1".encode("utf-16")) == "a.yaml, line 1, column 1: this is not UTF-8."


def test_a_mark_of_byte_order_is_passed_over() -> None:
    assert parse(b"\xef\xbb\xbfa: 1", "a.yaml").value == {"a": 1}


def test_aliases_that_explode_are_refused_before_they_do() -> None:
    assert refused(LAUGHS).startswith("a.yaml, line 7, column ")
    assert "more than 2,000,000 values" in refused(LAUGHS)


def test_aliases_of_a_long_text_are_counted_by_its_length() -> None:
    text = f"a: &a {'x' * 1000}\nb: [{', '.join(['*a'] * 100)}]"
    assert "more than 50000 bytes" in refused(text, Limits(size=50_000))
    assert len(parse(text.encode(), "a.yaml").value["b"]) == 100


def test_aliases_of_aliases_make_nothing_deeper_than_it_may_be() -> None:
    text = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200))
    assert refused(text) == "a.yaml, line 64, column 12: this is nested more than 64 deep."


def test_a_text_may_have_just_as_many_values_as_the_limit_says() -> None:
    assert parse(b"[1, 2, 3]", "a.yaml", Limits(values=4)).value == [1, 2, 3]
    assert "more than 3 values" in refused("[1, 2, 3]", Limits(values=3))


def test_a_huge_file_is_refused_and_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        os.truncate(file.fileno(), 1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=r"huge\.yaml is larger than 64 MiB\."):
            read(huge)
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_file_that_grew_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1234567")
    assert read(file, Limits(size=10)).value == {"a": 1234567}
    with pytest.raises(InvalidInput, match="is larger than"):
        read(file, Limits(size=9))


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(InvalidInput, match="is no file"):
            read(path)
    with pytest.raises(NotFound, match="does not exist"):
        read(tmp_path / "missing")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read(tmp_path / "a\0b")


texts = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts
numbers = st.floats(allow_nan=False, allow_infinity=False)
trees = st.recursive(scalars | numbers, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(trees)
def test_what_json_says_is_read_as_it_is(tree: Any) -> None:
    assert value(json.dumps(tree)) == tree


def outcome(data: bytes) -> str:
    """What is read, as JSON, or why it is refused."""
    try:
        return json.dumps(parse(data, "a.yaml").value)
    except InvalidInput as error:
        return str(error)


@given((st.text(st.sampled_from("ab:-[]{},&*!|>'\"#%@`?<~= \n\t0.1"), max_size=60) | texts).map(str.encode))
def test_any_text_is_read_or_refused(text: bytes) -> None:
    assert outcome(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert outcome(data)
