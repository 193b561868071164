"""Documents from far away, held against the API's description before they are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.remote import wire
from forecourt.errors import InvalidInput

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
_KINDS = [
    *[f"Metadata{kind}Value" for kind in ("String", "Int", "Double", "Bool", "Struct", "Proto")],
    "MetadataOther",
]
_VALUE_FIELDS = ["string_value", "int_value", "double_value", "bool_value", "struct_value", "proto_value", "type"]
_METADATA = st.fixed_dictionaries(
    {"metadataType": st.sampled_from(_KINDS)}, optional=dict.fromkeys(_VALUE_FIELDS, _JSON)
)
_PROPERTIES = st.dictionaries(st.text(max_size=5), _METADATA | _JSON, max_size=3)
_FIELDS = ["description", "tasks", "license", "createTimeSinceEpoch", "servingConfig", "name", "readme", "x"]
_MODELS = st.fixed_dictionaries({}, optional={**dict.fromkeys(_FIELDS, _JSON), "customProperties": _PROPERTIES})
_ARTIFACTS = st.fixed_dictionaries(
    {"artifactType": st.sampled_from(["model-artifact", "metrics-artifact", "other"]) | _JSON},
    optional={
        "uri": _JSON | st.sampled_from(["oci://a/b:1", "hf://a/b"]),
        "metricsType": _JSON | st.sampled_from(["performance-metrics", "accuracy-metrics"]),
        "customProperties": _PROPERTIES,
        "name": _JSON,
    },
)


def _can_be_kept(document: Any) -> None:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    text.encode()
    assert "\\u0000" not in text


def _refused(read: Callable[[Any], Any], document: Any) -> str:
    """Return why a document was refused; nothing where it was not, and then what was read can be kept."""
    try:
        _can_be_kept(read(document))
    except InvalidInput as error:
        return error.message
    return ""


@given(_MODELS)
def test_a_model_is_refused_in_a_sentence_or_can_be_kept(document: dict[str, Any]) -> None:
    reasons = [_refused(read, document) for read in (wire.model_name, wire.readme, wire.model)]
    assert all(reason.startswith("It") for reason in reasons if reason)
    if not reasons[2]:
        assert wire.model(wire.model(document)) == wire.model(document)


@given(_ARTIFACTS)
def test_an_artifact_is_refused_in_a_sentence_or_can_be_kept(document: dict[str, Any]) -> None:
    reason = _refused(wire.artifact, document)
    assert reason.startswith("It") if reason else wire.artifact(wire.artifact(document)) == wire.artifact(document)


@given(_JSON)
def test_anything_else_is_refused_too(document: Any) -> None:
    for read in (wire.artifact, wire.model_name, wire.custom_properties):
        assert _refused(read, document).startswith("It") or (read is wire.custom_properties and document == {})
