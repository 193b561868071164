"""Files of rows: what a line is, and what they are about."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.errors import InvalidInput
from forecourt.evidence import check_one_model, lines_of


@dataclass(frozen=True)
class About:
    model: str


@given(st.lists(st.dictionaries(st.text(), st.text())), st.booleans())
def test_a_line_is_what_was_written_whatever_its_texts_have(rows: list[dict[str, str]], as_letters: bool) -> None:
    data = "".join(json.dumps(row, ensure_ascii=not as_letters) + "\n" for row in rows).encode()
    assert [json.loads(line) for line in lines_of(data) if line.strip()] == rows


def test_a_line_may_end_as_on_windows_and_have_other_ends_of_lines_within() -> None:
    data = '{"task": "a\u2028b\x85c"}\r\n{}'.encode()
    assert [json.loads(line) for line in lines_of(data)] == [{"task": "a\u2028b\x85c"}, {}]


def test_what_is_no_utf_8_is_refused_with_its_row() -> None:
    with pytest.raises(InvalidInput, match="Row 3: it is no UTF-8") as refused:
        lines_of(b"{}\n\n\xff\n{}\n")
    assert refused.value.hint == "Save the file as UTF-8."


def test_rows_are_about_one_model_whatever_its_case() -> None:
    check_one_model([])
    check_one_model([About("acme/Tiny"), About("acme/tiny")])
    with pytest.raises(InvalidInput, match=r"about 2 models: a, b\.$"):
        check_one_model([About("a"), About("b"), About("A")])
    with pytest.raises(InvalidInput, match=r"about 3 models: a, b, …\.$") as refused:
        check_one_model(map(About, "abc"))
    assert "one of them" in refused.value.hint
