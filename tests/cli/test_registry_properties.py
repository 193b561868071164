"""Properties as they are written on the command line, and text as a filter has it."""

from __future__ import annotations

import pytest

from forecourt.cli.registry.filters import beginning, containing, text
from forecourt.cli.registry.properties import properties, short, split
from forecourt.errors import InvalidInput
from forecourt.query import parse
from forecourt.registry.metadata import from_metadata, to_metadata


@pytest.mark.parametrize(
    ("written", "key", "value"),
    [
        ("a=5", "a", 5),
        ("a=-5", "a", -5),
        ("a=0.5", "a", 0.5),
        ("a=1e-3", "a", 0.001),
        ("a=5000000000", "a", 5e9),
        ("a=true", "a", True),
        ("a=True", "a", "True"),
        ("a=007", "a", "007"),
        ("a=1.0.0", "a", "1.0.0"),
        ("a=٣", "a", "٣"),
        ("a=123456789012345678901234567890", "a", "123456789012345678901234567890"),
        ("a=1e999", "a", "1e999"),
        ("a=", "a", ""),
        ("a=b=c", "a", "b=c"),
        ("a:text=5", "a", "5"),
        ("a:int=5", "a", 5),
        ("a:double=5", "a", 5.0),
        ("a:bool=false", "a", False),
        ("a:b=5", "a:b", 5),
        ("a:b:int=5", "a:b", 5),
    ],
)
def test_a_property_is_typed_as_it_looks_or_as_it_says(written, key, value):
    ((found, said),) = properties([written]).items()
    assert found == key
    assert from_metadata(said) == value
    assert type(from_metadata(said)) is type(value)


@pytest.mark.parametrize("written", ["a", "=5", ":int=5", "a:int=x", "a:int=5000000000", "a:double=nan", "a:bool=1"])
def test_what_is_no_property_is_refused(written):
    with pytest.raises(InvalidInput):
        properties([written])


def test_a_label_is_a_property_that_says_nothing():
    document = {"customProperties": properties(["lang=fr", "note=" + "x" * 99], ["chat"])}
    assert split(document) == (["chat"], {"lang": "fr", "note": "x" * 99})
    assert short(document) == "chat,lang=fr,+1"
    with pytest.raises(InvalidInput):
        properties([], [" "])


def test_what_is_no_plain_value_is_shown_by_its_type():
    assert from_metadata({"struct_value": "e30=", "metadataType": "MetadataStructValue"}) == "<structure>"
    assert to_metadata(2**31)["metadataType"] == "MetadataDoubleValue"


@pytest.mark.parametrize("value", ["it's", 'a "b"', "back\\slash", "\\", "100%", "a_b", "", "é\n-- ; DROP"])
def test_any_text_means_itself_in_a_filter(value):
    assert parse(f"name = {text(value)}").value == value
    escaped = "".join(f"\\{each}" if each in "%_\\" else each for each in value)
    assert parse(beginning("name", value)).value == f"{escaped}%"
    assert parse(containing(["name"], [value])).value == f"%{escaped}%"
