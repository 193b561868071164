"""What is registered of an import where somebody has said some of it."""

from __future__ import annotations

from typing import Any

import pytest

from forecourt.errors import InvalidObject
from forecourt.importing import check_import
from forecourt.importing.registering import said_over

KNOWN: dict[str, Any] = {
    "registeredModel": {"name": "granite", "description": "By its files", "license": "mit"},
    "modelVersion": {"name": "v1", "customProperties": {"size": {"int_value": "1"}, "kept": {"int_value": "1"}}},
    "modelArtifact": {"name": "granite", "uri": "oci://here/granite@sha256:a", "customProperties": {"digest": "a"}},
    "links": [{"relation": "source", "uri": "hf://a/b"}],
}


def test_what_a_person_says_comes_before_what_the_files_say() -> None:
    said = {
        "registeredModel": {"name": "other", "description": "By hand", "owner": ""},
        "modelVersion": {"customProperties": {"size": {"int_value": "2"}}},
        "modelArtifact": {"modelFormatName": "gguf"},
        "links": [{"relation": "evidence", "uri": "https://x"}, {"relation": "source", "uri": "hf://a/b"}],
        "aliases": ["best"],
        "stage": "staging",
    }
    made = said_over(KNOWN, said)
    assert made["registeredModel"] == {"name": "granite", "description": "By hand", "license": "mit"}
    assert made["modelVersion"]["customProperties"] == {"size": {"int_value": "2"}, "kept": {"int_value": "1"}}
    assert made["modelArtifact"]["modelFormatName"] == "gguf"
    assert sorted(one["uri"] for one in made["links"]) == ["hf://a/b", "https://x"]
    assert (made["aliases"], made["stage"]) == (["best"], "staging")


def test_where_the_files_are_is_not_anybodys_to_say() -> None:
    said = {"modelArtifact": {"name": "x", "uri": "hf://a/b", "customProperties": {"digest": "b"}}}
    assert said_over(KNOWN, said)["modelArtifact"] == KNOWN["modelArtifact"]


def test_a_job_that_would_register_nonsense_is_refused_when_it_is_asked_for() -> None:
    with pytest.raises(InvalidObject, match=r"spec\.parameters\.registration\.links\.0\.relation"):
        check_import(
            {
                "uri": "hf://a/b",
                "registration": {
                    "registeredModel": {},
                    "modelVersion": {},
                    "modelArtifact": {},
                    "links": [{"uri": "x"}],
                },
            }
        )
