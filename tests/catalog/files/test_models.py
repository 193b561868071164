"""The models of a data file become entries; a wrong one is told with its line and hides no other."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.files import make_harmless, parse, read_models, read_names
from forecourt.catalog.model import Entry, Problem
from forecourt.errors import InvalidInput

MODEL = """
source: Team
models:
  - name: team/model-8B.w4a16
    provider: Team
    description: A model.
    readme: |-
      # A model
      > says <think> & more
    language: [en, no]
    license: apache-2.0
    licenseLink: https://www.apache.org/licenses/LICENSE-2.0
    libraryName: transformers
    maturity: Generally Available
    tasks: [text-generation]
    validatedTasks: [tool-calling]
    logo: https://team.example/logo.png
    externalId: team-1
    createTimeSinceEpoch: "1758153600000"
    lastUpdateTimeSinceEpoch: 1758153600001
    someday: what nobody knows yet
    servingConfig:
      toolCalling:
        toolCallParser: mistral
        chatTemplate: opt/template.jinja
        enableAutoToolChoice: yes
        requiredArgs: ["--config_format mistral"]
        more: unknown
    customProperties:
      text: {metadataType: MetadataStringValue, string_value: ""}
      int: {metadataType: MetadataIntValue, int_value: "-7"}
      bare: {metadataType: MetadataIntValue, int_value: 7}
      double: {metadataType: MetadataDoubleValue, double_value: 1}
      bool: {metadataType: MetadataBoolValue, bool_value: false}
      struct: {metadataType: MetadataStructValue, struct_value: e30=}
      proto: {metadataType: MetadataProtoValue, type: a/b, proto_value: AAE=}
      untyped: {string_value: x}
    artifacts:
      - uri: oci://registry.example/team/model:1.0
        createTimeSinceEpoch: 5
        customProperties:
          architecture: {metadataType: MetadataStringValue, string_value: '["amd64"]'}
      - artifactType: metrics-artifact
        metricsType: accuracy-metrics
        name: accuracy
        customProperties: {mmlu: {metadataType: MetadataDoubleValue, double_value: 65.5}}
"""


def string(text: str) -> dict[str, str]:
    return {"metadataType": "MetadataStringValue", "string_value": text}


def loaded(text: str) -> list[Entry | Problem]:
    return list(read_models(parse(text.encode(), "models.yaml")))


def model(**fields: Any) -> list[Entry | Problem]:
    """Read a file with one model on its first line, of these fields."""
    return loaded(json.dumps({"models": [{"name": "m", **fields}]}))


def problem(**fields: Any) -> str:
    (found,) = model(**fields)
    assert isinstance(found, Problem)
    assert found.name == "m"
    assert found.message.startswith("models.yaml, line 1: ")
    return found.message.removeprefix("models.yaml, line 1: ")


def test_a_model_is_read_with_every_field() -> None:
    (entry,) = loaded(MODEL)
    assert isinstance(entry, Entry)
    assert entry.name == "team/model-8B.w4a16"
    assert entry.readme == "# A model\n> says <think> & more"
    assert entry.document == {
        "provider": "Team",
        "description": "A model.",
        "language": ["en", "no"],
        "license": "apache-2.0",
        "licenseLink": "https://www.apache.org/licenses/LICENSE-2.0",
        "libraryName": "transformers",
        "maturity": "Generally Available",
        "tasks": ["text-generation"],
        "validatedTasks": ["tool-calling"],
        "logo": "https://team.example/logo.png",
        "externalId": "team-1",
        "createTimeSinceEpoch": "1758153600000",
        "lastUpdateTimeSinceEpoch": "1758153600001",
        "servingConfig": {
            "toolCalling": {
                "toolCallParser": "mistral",
                "chatTemplate": "opt/template.jinja",
                "enableAutoToolChoice": True,
                "requiredArgs": ["--config_format mistral"],
            }
        },
        "customProperties": {
            "text": string(""),
            "int": {"metadataType": "MetadataIntValue", "int_value": "-7"},
            "bare": {"metadataType": "MetadataIntValue", "int_value": "7"},
            "double": {"metadataType": "MetadataDoubleValue", "double_value": 1.0},
            "bool": {"metadataType": "MetadataBoolValue", "bool_value": False},
            "struct": {"metadataType": "MetadataStructValue", "struct_value": "e30="},
            "proto": {"metadataType": "MetadataProtoValue", "type": "a/b", "proto_value": "AAE="},
            "untyped": string("x"),
        },
    }
    assert entry.artifacts == (
        {
            "artifactType": "model-artifact",
            "uri": "oci://registry.example/team/model:1.0",
            "createTimeSinceEpoch": "5",
            "customProperties": {"architecture": string('["amd64"]')},
        },
        {
            "artifactType": "metrics-artifact",
            "metricsType": "accuracy-metrics",
            "name": "accuracy",
            "customProperties": {"mmlu": {"metadataType": "MetadataDoubleValue", "double_value": 65.5}},
        },
    )


def test_a_model_needs_only_a_name() -> None:
    assert model() == [Entry("m", {})]
    assert model(description=None, artifacts=None, readme=None) == [Entry("m", {})]


def test_a_wrong_model_hides_no_other() -> None:
    text = "models:\n- name: a\n- name: b\n  description: 7\n- name: c\n- name: a\n- 5\n- provider: x\n- name: d\n"
    assert loaded(text) == [
        Entry("a", {}),
        Problem("b", "models.yaml, line 3: description must be a text, not 7."),
        Entry("c", {}),
        Problem("a", "models.yaml, line 6: there is a model of this name before it."),
        Problem("models[4]", "models.yaml, line 7: a model is a mapping, not 5."),
        Problem("models[5]", "models.yaml, line 8: name must be a text, not nothing."),
        Entry("d", {}),
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"provider": ["x"]}, "provider must be a text, not a list."),
        ({"description": "a\0b"}, "description has a null character in it."),
        ({"readme": 5}, "readme must be a text, not 5."),
        ({"tasks": "text-generation"}, "tasks must be a list of texts, not 'text-generation'."),
        ({"language": ["en", 5]}, "language[1] must be a text, not 5."),
        ({"createTimeSinceEpoch": "2024-01-01"}, "createTimeSinceEpoch must be milliseconds since 1970, not '2024-"),
        ({"createTimeSinceEpoch": -1}, "createTimeSinceEpoch must be milliseconds since 1970, not -1."),
        ({"createTimeSinceEpoch": True}, "createTimeSinceEpoch must be milliseconds since 1970, not True."),
        ({"createTimeSinceEpoch": "9" * 19}, "createTimeSinceEpoch must be milliseconds since 1970"),
        ({"servingConfig": []}, "servingConfig must be a mapping, not a list."),
        ({"servingConfig": {"toolCalling": 1}}, "servingConfig.toolCalling must be a mapping, not 1."),
        (
            {"servingConfig": {"toolCalling": {"enableAutoToolChoice": "maybe"}}},
            "servingConfig.toolCalling.enableAutoToolChoice must be true or false, not 'maybe'.",
        ),
        ({"customProperties": []}, "customProperties must be a mapping, not a list."),
        ({"customProperties": {"size": "8B"}}, "customProperties.size must be a mapping, not '8B'."),
        ({"customProperties": {"a": {}}}, "customProperties.a.metadataType must be one of MetadataStringValue, "),
        ({"customProperties": {"a": {"metadataType": "Text"}}}, "customProperties.a.metadataType must be one of "),
        ({"customProperties": {"a": {"metadataType": []}}}, "customProperties.a.metadataType must be one of "),
        ({"customProperties": {"a": {"metadataType": "MetadataStringValue"}}}, "customProperties.a needs string_value"),
        ({"customProperties": {"a": {"string_value": 1}}}, "customProperties.a.string_value must be a text, not 1."),
        ({"customProperties": {"a": {"int_value": 2**31}}}, "customProperties.a.int_value must be an integer of 32 bi"),
        ({"customProperties": {"a": {"int_value": "1.5"}}}, "customProperties.a.int_value must be an integer of 32 bi"),
        ({"customProperties": {"a": {"double_value": "1"}}}, "customProperties.a.double_value must be a number, not"),
        ({"customProperties": {"a": {"bool_value": 1}}}, "customProperties.a.bool_value must be true or false, not 1."),
        ({"customProperties": {"a": {"struct_value": "%"}}}, "customProperties.a.struct_value must be base64, not"),
        ({"customProperties": {"a": {"proto_value": "AA=="}}}, "customProperties.a.type must be a text, not nothing."),
        ({"artifacts": {}}, "artifacts must be a list, not a mapping."),
        ({"artifacts": [5]}, "artifacts[0] must be a mapping, not 5."),
        ({"artifacts": [{}]}, "artifacts[0].uri must be a text, not nothing."),
        (
            {"artifacts": [{"uri": "ftp://host/x"}]},
            "artifacts[0].uri must be a URI of oci, http, https, s3, gs, az, fi",
        ),
        ({"artifacts": [{"uri": "oci:"}]}, "artifacts[0].uri must be a URI of oci"),
        ({"artifacts": [{"uri": "https://["}]}, "artifacts[0].uri must be a URI of oci"),
        ({"artifacts": [{"uri": "model.gguf"}]}, "artifacts[0].uri must be a URI of oci"),
        ({"artifacts": [{"artifactType": "doc-artifact"}]}, "artifacts[0].artifactType must be model-artifact or metr"),
        ({"artifacts": [{"artifactType": "metrics-artifact"}]}, "artifacts[0].metricsType must be one of performance-"),
        ({"artifacts": [{"uri": "oci://a/b", "name": ""}]}, "artifacts[0].name must be a text of one line, not ''."),
    ],
)
def test_a_field_that_is_wrong_is_told(fields: dict[str, Any], message: str) -> None:
    assert problem(**fields).startswith(message)


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
def test_a_number_that_json_has_not_is_none(value: str) -> None:
    (found,) = loaded(f"models: [{{name: m, customProperties: {{a: {{double_value: {value}}}}}}}]")
    assert isinstance(found, Problem)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", 5, None, ["a"]])
def test_a_name_is_a_text_of_one_line(name: Any) -> None:
    (found,) = loaded(json.dumps({"models": [{"name": name}]}))
    assert isinstance(found, Problem)
    assert found.name == "models[0]"


@pytest.mark.parametrize(
    "uri", ["oci://h/r:t", "hf://org/name", "s3://b/k", "https://h/x", "file:///m", "gs://b", "az://c"]
)
def test_a_model_may_be_where_files_can_be_had(uri: str) -> None:
    assert model(artifacts=[{"uri": uri}]) == [
        Entry("m", {}, artifacts=({"artifactType": "model-artifact", "uri": uri},))
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "models.yaml: there is no list of models here."),
        ("model:\n- name: a", "models.yaml: there is no list of models here."),
        ("- name: a", "models.yaml: there is no list of models here."),
        ("source: x\nmodels: {}", "models.yaml, line 2: models must be a list, not a mapping."),
    ],
)
def test_a_file_without_a_list_of_models_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        loaded(text)
    assert str(raised.value) == message


def test_an_empty_list_of_models_is_one() -> None:
    assert loaded("source: x\nmodels:") == []


def test_names_are_those_of_what_is_asked_for() -> None:
    text = b"models: [{name: a}, {name: b, tasks: wrong}, {name: a}, {}, 5, {name: ' '}]\nmcp_servers: [{name: k}]"
    document = parse(text, "data.yaml")
    assert read_names(document, "models") == ["a", "b"]
    assert read_names(document, "mcp_servers") == ["k"]
    with pytest.raises(InvalidInput, match="there is no list of agents here"):
        read_names(document, "agents")


# What a browser must not be given


def test_a_logo_that_is_no_picture_is_left_out_and_told_of() -> None:
    entry, note = model(logo="javascript:alert(1)", provider="Team")
    assert entry == Entry("m", {"provider": "Team"})
    assert note == Problem("m", "models.yaml, line 1: its logo is left out: it is no picture that can be shown safely.")


def test_a_drawing_is_cleaned() -> None:
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><path d="M0 0"/></svg>'
    (entry,) = model(logo="data:image/svg+xml;base64," + base64.b64encode(drawing).decode())
    assert isinstance(entry, Entry)
    cleaned = base64.b64decode(entry.document["logo"].partition(",")[2]).decode()
    assert '<path d="M0 0">' in cleaned
    assert "script" not in cleaned


@pytest.mark.parametrize("link", ["javascript:alert(1)", "LICENSE", "https://", "data:text/html,x", " https://a"])
def test_a_licence_is_linked_only_on_the_web(link: str) -> None:
    entry, note = model(licenseLink=link, license="other")
    assert entry == Entry("m", {"license": "other"})
    assert isinstance(note, Problem)
    assert "its licenseLink is left out" in note.message


def test_an_entry_from_elsewhere_is_made_harmless_in_the_same_way() -> None:
    entry = Entry("m", {"logo": "data:text/html,x", "licenseLink": "vbscript:x", "license": "x"}, "text", (), ())
    harmless, notes = make_harmless(entry)
    assert harmless == Entry("m", {"license": "x"}, "text")
    assert len(notes) == 2
    assert make_harmless(harmless) == (harmless, [])


# Anything

fields = st.sampled_from(
    ["name", "readme", "tasks", "logo", "customProperties", "artifacts", "uri", "artifactType", "metadataType"]
)
values = st.sampled_from(["a", "oci://h/r", "metrics-artifact", "MetadataIntValue", "5", "data:image/svg+xml,<svg"])
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | values
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=5), max_leaves=25
)


@given(st.lists(st.dictionaries(fields, anything, max_size=6) | anything, max_size=4))
def test_any_models_are_entries_or_problems(models: list[Any]) -> None:
    found = loaded(json.dumps({"models": models}))
    assert len(found) >= len(models)
    names = [each.name for each in found if isinstance(each, Entry)]
    assert len(names) == len(set(names))
    for each in found:
        if isinstance(each, Problem):
            assert each.message.startswith("models.yaml, line 1: ")
        else:
            json.dumps([each.document, each.artifacts], allow_nan=False)
