"""What a model card says, and its first paragraph."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.remote.cards import LONGEST, cut, first_paragraph, parse, texts

PROSE = "This is a model that answers questions about cars."


def test_a_card_is_yaml_and_text() -> None:
    card = parse(f"---\nlicense: apache-2.0\nlanguage: [en, no]\n---\n# Cars\n\n{PROSE}\n")
    assert card.data == {"license": "apache-2.0", "language": ["en", False]}
    assert texts(card.data["language"]) == ["en", "no"]
    assert first_paragraph(card.body) == PROSE


@pytest.mark.parametrize(
    "front",
    [
        "[" * 30_000,
        ": [",
        "- a\n- b",
        "d: 2024-99-99",
        "a: *b",
        "!!python/object/apply:os.system ['true']",
        "x: " + "y" * 70_000,
    ],
)
def test_yaml_that_makes_no_sense_says_nothing_and_is_no_text(front: str) -> None:
    card = parse(f"---\n{front}\n---\n{PROSE}")
    assert (card.data, card.body) == ({}, PROSE)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", ""),
        ("# Only a heading", ""),
        (f"# Heading\n{PROSE}", PROSE),
        (f"Heading of the whole card\n=====\n\n{PROSE}", PROSE),
        (f"<!-- a comment\n\nof several paragraphs of text -->\n\n{PROSE}", PROSE),
        (f"<!-- a comment without an end, {PROSE}", ""),
        (f"<p align='center'>\n<img src='logo.png' alt='a logo of the model'>\n</p>\n\n{PROSE}", PROSE),
        (f"[![a badge of the model](https://b.example/a.svg)](https://b.example)\n\n{PROSE}", PROSE),
        (f"| Model | Size |\n|---|---|\n| Cars for everyone | 8B |\n\n{PROSE}", PROSE),
        (f"- a list of things that are said\n- and more of it\n\n{PROSE}", PROSE),
        (f"> A quotation of somebody who said this\n\n{PROSE}", PROSE),
        (f"```python\nprint('This is code, and no paragraph')\n```\n\n{PROSE}", PROSE),
        (f"Short one.\n\n{PROSE}", PROSE),
        (f"[Try it here](https://t.example) · [Get a key](https://k.example)\n\n{PROSE}", PROSE),
        ("A conversion of org/cars to GGUF", "A conversion of org/cars to GGUF"),
        ("This is a **bold** and `coded` [model](https://m.example) of\nAT&amp;T, called my_model_v2.", ""),
        (f"{PROSE}\n- and a list\n", PROSE),
        (f"{PROSE}\n\nAnother paragraph of the card.", PROSE),
    ],
)
def test_the_first_paragraph_of_prose(body: str, expected: str) -> None:
    if "**bold**" in body:
        expected = "This is a bold and coded model of AT&T, called my_model_v2."
    assert first_paragraph(body) == expected


def test_a_long_paragraph_is_cut_between_words() -> None:
    found = first_paragraph("Cars that are long, " * 100)
    assert LONGEST - 30 < len(found) <= LONGEST
    assert found.endswith(("long…", "are…", "that…", "Cars…"))
    assert cut("x" * 1000) == "x" * (LONGEST - 1) + "…"
    assert cut("  two\n words ") == "two words"


@given(st.text(st.sampled_from("ab \n#-*_`[]()!<>|=&;~:.1\u00e9\ud800")))
def test_any_text_gives_one_short_line(text: str) -> None:
    found = first_paragraph(parse(text).body)
    assert len(found) <= LONGEST
    assert "\n" not in found
    assert found == found.strip()


@given(st.text(st.sampled_from("a:- \n[]{}&*!|>'\"#%@,?\t1.~")))
def test_any_yaml_is_read_as_far_as_it_makes_sense(front: str) -> None:
    card = parse(f"---\n{front}\n---\ntext")
    assert all(isinstance(key, str) for key in card.data)
    assert card.body.endswith("text")


@pytest.mark.parametrize("hostile", ["<!--", "[", "<a ", "![a](", "_", "*", "&#", "`", "[a](", "a\n\n"])
def test_a_long_hostile_card_is_read_at_once(hostile: str) -> None:
    assert len(first_paragraph(hostile * 500_000)) <= LONGEST  # the suite's time limit is the assertion


@pytest.mark.parametrize(("value", "expected"), [(None, []), ("en", ["en"]), (["a", 1, " "], ["a"]), ({"a": 1}, [])])
def test_a_key_may_have_one_text_or_several(value: object, expected: list[str]) -> None:
    assert texts(value) == expected
