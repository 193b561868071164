"""A ``sources.yaml`` is read strictly; several are one; a source is written as it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.files import (
    FieldFilter,
    NamedQuery,
    Sources,
    define_source,
    dump_source,
    merge,
    parse_sources,
    read_sources,
    seconds,
    sync_interval,
)
from forecourt.catalog.model import SourceDefinition
from forecourt.errors import InvalidInput, NotFound

EVERYTHING = """
model_catalogs:
  - name: Our models
    id: ours
    type: yaml
    enabled: true
    properties:
      yamlCatalogPath: ours.yaml
      benchmarksPath: benchmarks
    labels:
      - Ours
    includedModels:
      - 'ibm/*'
      - " team/x "
    excludedModels: ["*-draft"]
  - id: hub
    name: Hub
    type: hf
    enabled: no
    properties:
      apiKeyEnvVar: HF_API_KEY_TEAM
      allowedOrganization: ibm-granite
      maxModels: 100
      syncInterval: 1h30m
      url: https://huggingface.co
  - id: other
    type: catalog
    properties: {url: "http://catalog:8080", apiKeyEnvVar: CATALOG_API_KEY, source: redhat, syncInterval: 10m}
  - id: cars
    type: oci-modelcars
    properties: {registry: "localhost:5000", repositories: ["models/*"], insecure: true}
mcp_catalogs:
  - {id: tools, name: Tools, type: yaml, properties: {yamlCatalogPath: mcp.yaml}, includedServers: ["k*"]}
agent_catalogs:
  - {id: agents, name: Agents, type: yaml, properties: {yamlCatalogPath: agents.yaml}}
skill_catalogs:
labels:
  - {name: Ours, displayName: Our own, assetType: models}
  - {name: null, displayName: Others}
namedQueries:
  fast:
    assetType: models
    filters:
      artifacts.ttft_p90.double_value: {operator: <=, value: 200}
      artifacts.use_case.string_value: {operator: in, value: [chat, rag]}
  verified: {assetType: mcp_servers, filters: {verifiedSource: {operator: =, value: true}}}
  legacy:
    size: {operator: LIKE, value: 8B%}
    max_rps: {operator: "=", value: max}
"""


def sources(*texts: str) -> Sources:
    """What texts say together; each is a file of its own folder."""
    return merge(
        parse_sources(text.encode(), f"{name}.yaml", Path(f"/{name}/{name}.yaml"))
        for name, text in zip("abc", texts, strict=False)
    )


def one(entry: str) -> SourceDefinition:
    return sources(f"model_catalogs:\n- {entry}").definitions[0]


def refused(*texts: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        sources(*texts)
    return raised.value


def test_every_kind_of_source_is_read() -> None:
    ours, hub, other, cars, tools, agents = sources(EVERYTHING).definitions
    assert ours == SourceDefinition(
        id="ours",
        name="Our models",
        type="yaml",
        labels=("Ours",),
        properties={"yamlCatalogPath": "ours.yaml", "benchmarksPath": "benchmarks"},
        included_models=("ibm/*", "team/x"),
        excluded_models=("*-draft",),
        origin=Path("/a/a.yaml"),
    )
    assert (hub.type, hub.enabled, hub.properties["maxModels"]) == ("hf", False, 100)
    assert (other.name, other.properties["source"]) == ("other", "redhat")
    assert cars.properties == {"registry": "localhost:5000", "repositories": ["models/*"], "insecure": True}
    assert (tools.asset_type, tools.included_models) == ("mcp_servers", ("k*",))
    assert agents.asset_type == "agents"


def test_labels_are_read() -> None:
    assert sources(EVERYTHING).labels == (
        {"name": "Ours", "displayName": "Our own", "assetType": "models"},
        {"name": None, "displayName": "Others"},
    )


def test_named_queries_are_read_in_both_forms() -> None:
    assert sources(EVERYTHING).named_queries == {
        "fast": NamedQuery(
            "models",
            {
                "artifacts.ttft_p90.double_value": FieldFilter("<=", 200),
                "artifacts.use_case.string_value": FieldFilter("IN", ("chat", "rag")),
            },
        ),
        "verified": NamedQuery("mcp_servers", {"verifiedSource": FieldFilter("=", True)}),
        "legacy": NamedQuery("models", {"size": FieldFilter("LIKE", "8B%"), "max_rps": FieldFilter("=", "max")}),
    }


def test_a_file_without_anything_has_no_sources() -> None:
    assert sources("", "# nothing yet\n") == Sources()


def test_the_old_name_of_the_list_is_read_and_gives_way() -> None:
    text = "catalogs: [{id: a, type: hf, name: Old}, {id: b, type: hf}]\nmodel_catalogs: [{id: a, type: hf, name: New}]"
    assert [(each.id, each.name) for each in sources(text).definitions] == [("a", "New"), ("b", "b")]


def test_a_file_is_read_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sources.yaml").write_text("model_catalogs: [{id: a, type: hf}]")
    monkeypatch.chdir(tmp_path)
    assert merge([read_sources(Path("sources.yaml"))]).definitions[0].origin == tmp_path / "sources.yaml"
    with pytest.raises(NotFound):
        read_sources(tmp_path / "missing.yaml")


# Several files


def test_a_later_file_says_only_what_it_changes() -> None:
    ours, *_ = sources(EVERYTHING, "model_catalogs: [{id: ours, enabled: false, excludedModels: []}]").definitions
    assert (ours.enabled, ours.excluded_models, ours.included_models) == (False, (), ("ibm/*", "team/x"))
    assert (ours.name, ours.type, ours.labels) == ("Our models", "yaml", ("Ours",))


def test_paths_start_from_the_file_that_has_the_properties() -> None:
    disabled, renamed = "[{id: ours, enabled: false}]", "[{id: ours, properties: {yamlCatalogPath: mine.yaml}}]"
    assert sources(EVERYTHING, f"catalogs: {disabled}").definitions[0].origin == Path("/a/a.yaml")
    assert sources(EVERYTHING, f"catalogs: {renamed}").definitions[0].origin == Path("/b/b.yaml")
    assert sources(EVERYTHING, f"catalogs: {renamed}").definitions[0].properties == {"yamlCatalogPath": "mine.yaml"}


def test_what_is_null_is_not_said() -> None:
    ours, *_ = sources(EVERYTHING, "catalogs: [{id: ours, name: null, labels: null, properties: ~}]").definitions
    assert (ours.name, ours.labels, ours.origin) == ("Our models", ("Ours",), Path("/a/a.yaml"))


def test_sources_keep_the_order_in_which_they_were_first_said() -> None:
    texts = ("catalogs: [{id: a, type: hf}, {id: b, type: hf}]", "catalogs: [{id: c, type: hf}, {id: a, name: A}]")
    assert [each.id for each in sources(*texts).definitions] == ["a", "b", "c"]


def test_labels_and_named_queries_merge_by_name() -> None:
    later = """
labels: [{name: Ours, displayName: Mine}, {name: New}]
namedQueries:
  legacy: {size: {operator: "=", value: 1}}
  verified: {assetType: models, filters: {a: {operator: "=", value: b}}}
"""
    merged = sources(EVERYTHING, later)
    assert [label.get("displayName") for label in merged.labels] == ["Mine", "Others", None]
    assert merged.named_queries["legacy"].filters == {
        "size": FieldFilter("=", 1),
        "max_rps": FieldFilter("=", "max"),
    }
    assert merged.named_queries["verified"] == NamedQuery("models", {"a": FieldFilter("=", "b")})
    assert "fast" in merged.named_queries


def test_what_no_file_defines_is_told_where_it_is_changed() -> None:
    error = refused(EVERYTHING, "labels:\ncatalogs:\n- id: nowhere\n  enabled: false")
    assert str(error) == "b.yaml, line 3: source 'nowhere' has no type."


def test_an_id_is_of_one_kind_of_source() -> None:
    error = refused(EVERYTHING, "mcp_catalogs:\n- id: ours\n  name: x")
    assert str(error) == "b.yaml, line 2: 'ours' is a source of models elsewhere, and of mcp_servers here."


def test_patterns_of_two_files_may_not_contradict_each_other() -> None:
    error = refused(EVERYTHING, "catalogs:\n- id: ours\n  excludedModels: [IBM/*]")
    assert str(error) == "b.yaml, line 3: 'ibm/*' is both in includedModels and in excludedModels."


# What is refused


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "model_catalog: []",
            "line 1: 'model_catalog' is no key of a file of sources.",
            "Did you mean model_catalogs?",
        ),
        ("- id: a", "a file of sources is a mapping.", "Known are model_catalogs"),
        ("labels: []\nmodel_catalogs: {}", "line 2: model_catalogs must be a list of sources.", ""),
        ("model_catalogs:\n- a", "line 2: a source is a mapping with id, name, type and properties.", ""),
        ("model_catalogs:\n- id: a\n  typ: hf", "line 3: 'typ' is no key of a source.", "Did you mean type?"),
        ("mcp_catalogs:\n- id: a\n  includedModels: []", "line 3: 'includedModels' is no key of a source.", "Servers"),
        ("model_catalogs:\n- name: a\n  type: hf", "line 2: a source needs an id.", ""),
        (
            "model_catalogs:\n- id: a\n  type: hf\n- id: a\n  type: hf",
            "line 4: there is another source with",
            "",
        ),
        ("catalogs:\n- id: a\n  type: hf\nmcp_catalogs:\n- id: a", "line 2: there is another source with", ""),
        ("model_catalogs:\n- id: 7\n  type: hf", "line 2: id must be a text of one line.", ""),
        ("model_catalogs:\n- id: a\n  type: ftp", "line 3: type must be one of yaml, hf, catalog, oci-modelcars.", ""),
        ("model_catalogs:\n- id: a\n  type: [hf]", "line 3: type must be one of yaml, hf, catalog, oci-modelcars.", ""),
        ("model_catalogs:\n- id: a\n  enabled: maybe", "line 3: enabled must be true or false.", ""),
        ("model_catalogs:\n- id: a\n  labels: x", "line 3: labels must be a list of texts.", ""),
        ("model_catalogs:\n- id: a\n  labels: [1]", "line 3: labels must be a list of texts.", ""),
        ("model_catalogs:\n- id: a\n  assetType: agents", "line 3: assetType is agents, in a list of models.", "Move"),
        ("model_catalogs:\n- id: a\n  assetType: cars", "line 3: assetType must be one of models, mcp_servers", ""),
        ("model_catalogs:\n- id: a\n  properties: x", "line 3: properties must be a mapping.", ""),
        ("model_catalogs:\n- id: a\n  includedModels: ['']", "line 3: includedModels has a pattern that is blank.", ""),
        ("model_catalogs:\n- id: a\n  includedModels: x", "line 3: includedModels must be a list of patterns", ""),
        ("mcp_catalogs:\n- id: a\n  type: hf", "line 3: a source of mcp_servers is of type yaml, not hf.", ""),
        ("labels: x", "line 1: labels must be a list.", ""),
        ("labels:\n- x", "line 2: a label is a mapping with a name.", ""),
        ("labels:\n- name: a\n- name: a", "line 3: there is another label with the name 'a'.", ""),
        ("labels:\n- name: a\n  x: 1", "line 3: x of a label must be a text.", ""),
        ("labels:\n- name: a\n  assetType: x", "line 3: assetType must be one of models", ""),
        ("namedQueries: []", "line 1: namedQueries must be a mapping.", ""),
        ("namedQueries:\n  a: 1", "line 2: 'a' must be a mapping with assetType and filters.", ""),
        ("namedQueries:\n  a: {}", "line 2: 'a' needs at least one filter.", ""),
        ("namedQueries:\n  a:\n    filters: {}", "line 2: 'a' needs at least one filter.", ""),
        (
            "namedQueries:\n  a:\n    assetTyp: x\n    filters: {}",
            "line 3: 'assetTyp' is no key",
            "assetType?",
        ),
        ("namedQueries:\n  a:\n    b: {operator: =}", "line 3: the filter of 'b' needs an operator and a value.", ""),
        ("namedQueries:\n  a:\n    b: {operator: '==', value: 1}", "line 3: '==' is no operator.", "Known are ="),
        ("namedQueries:\n  a:\n    b: {operator: IN, value: 1}", "line 3: IN takes a list of values.", ""),
        ("namedQueries:\n  a:\n    b: {operator: '=', value: [1]}", "line 3: = takes a text, a number", ""),
        ("namedQueries:\n  a:\n    b: {operator: '=', value: ~}", "line 3: = takes a text, a number", ""),
        ("namedQueries:\n  a:\n    b: {operator: '=', value: .nan}", "line 3: = takes a text, a number", ""),
        ("namedQueries:\n  a:\n    b: {operator: LIKE, value: 1}", "line 3: LIKE takes a pattern", ""),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, message: str, hint: str) -> None:
    error = refused(text)
    assert str(error).removeprefix("a.yaml, ").removeprefix("a.yaml: ").startswith(message)
    assert hint in error.hint


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("type: yaml", "a source of type yaml needs the property yamlCatalogPath"),
        ("type: yaml, properties: {yamlCatalogPath: 3}", "yamlCatalogPath must be a text"),
        ("type: yaml, properties: {yamlCatalogPath: a, url: b}", "'url' is no property of a source of type yaml"),
        ("type: hf, properties: {apiKeyEnvVar: PATH}", "apiKeyEnvVar must be HF_API_KEY or HF_API_KEY_…"),
        ("type: hf, properties: {apiKeyEnvVar: HF_API_KEYS}", "apiKeyEnvVar must be HF_API_KEY or HF_API_KEY_…"),
        ("type: hf, properties: {apiKey: hf_x}", "'apiKey' is for previews only"),
        ("type: hf, properties: {allowedOrganization: 'a/b'}", "allowedOrganization must be the name of an organiz"),
        ("type: hf, properties: {maxModels: -1}", "maxModels must be a number from 0, which means no limit"),
        ("type: hf, properties: {maxModels: true}", "maxModels must be a number from 0, which means no limit"),
        ("type: hf, properties: {syncInterval: 1d}", "syncInterval must be a duration"),
        ("type: hf, properties: {syncInterval: 60}", "syncInterval must be a duration"),
        ("type: hf, properties: {url: 'file:///etc/passwd'}", "url must be a URL that begins with https:// or http"),
        ("type: hf, properties: {url: 'http://['}", "url must be a URL that begins with https:// or http"),
        ("type: hf, properties: {url: 'https://a:b@host'}", "url must not have a user or a password in it"),
        ("type: catalog", "a source of type catalog needs the property url"),
        ("type: catalog, properties: {url: 'http://a', apiKeyEnvVar: HF_API_KEY}", "apiKeyEnvVar must be CATALOG_API"),
        ("type: oci-modelcars, properties: {registry: quay.io}", "needs the property repositories"),
        ("type: oci-modelcars, properties: {registry: a/b, repositories: [x]}", "registry must be a registry's host"),
        ("type: oci-modelcars, properties: {registry: quay.io, repositories: []}", "repositories must be a list"),
        ("type: oci-modelcars, properties: {registry: quay.io, repositories: [x], insecure: 1}", "must be true or"),
    ],
)
def test_properties_are_those_of_the_type(properties: str, message: str) -> None:
    error = refused(f"model_catalogs:\n- {{id: a, {properties}}}")
    assert str(error).startswith("a.yaml, line 2: ")
    assert message in str(error)


def test_a_property_is_told_with_its_own_line() -> None:
    error = refused("model_catalogs:\n- id: a\n  type: hf\n  properties:\n    maxModels: 1\n    maxModel: 2")
    assert str(error) == "a.yaml, line 6: 'maxModel' is no property of a source of type hf."
    assert error.hint == "Did you mean maxModels?"


def test_hugging_face_has_two_names() -> None:
    assert one("{id: a, type: huggingface}").type == "hf"


@pytest.mark.parametrize(
    ("written", "expected"),
    [("24h", 86400), ("90m", 5400), ("1h30m", 5400), ("1.5h", 5400), ("1m30.5s", 90.5), ("1000ms", 1), (".5m", 30)],
)
def test_a_duration_is_read_as_go_writes_it(written: str, expected: float) -> None:
    assert seconds(written) == pytest.approx(expected)
    source = one(f"{{id: a, type: hf, properties: {{syncInterval: {written}}}}}")
    assert sync_interval(source, 1) == pytest.approx(expected)


@pytest.mark.parametrize("written", ["", "24", "1d", "-1h", "1h ", "h", "1 h", "0s", "999ms", "1e3s", "900000h", "١h"])
def test_what_go_would_not_take_or_nobody_wants_is_no_interval(written: str) -> None:
    with pytest.raises(InvalidInput):
        seconds(written)


def test_a_source_without_an_interval_has_the_default() -> None:
    assert sync_interval(one("{id: a, type: hf}"), 77.0) == 77.0


# Sources of a request


def test_a_request_describes_a_source_as_a_file_does() -> None:
    entry = {"id": "a", "assetType": "mcp_servers", "type": "yaml", "properties": {"yamlCatalogPath": "x"}}
    assert define_source({**entry, "includedServers": ["k*"]}) == SourceDefinition(
        "a", "a", "yaml", asset_type="mcp_servers", properties={"yamlCatalogPath": "x"}, included_models=("k*",)
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"type": "hf"}, "The source: a source needs an id."),
        ({"id": "a", "type": "hf", "url": "x"}, "The source: 'url' is no key of a source."),
        ({"id": "a", "type": "hf", "properties": {"u": 1}}, "The source: 'u' is no property of a source of type hf."),
        ({"id": "a", "assetType": "cars"}, "The source: assetType must be one of models"),
        ([], "The source: a source is a mapping"),
    ],
)
def test_a_request_that_is_wrong_is_told(entry: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        define_source(entry)
    assert str(raised.value).startswith(message)


# Writing

words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
tricky = st.sampled_from(
    ["no", "1e5", "0o17", "1:30", "~", "=", "<<", "y", "null", "2024-01-01", "- a", "a: b", "#x", "*"]
)
names = words | tricky
durations = st.sampled_from(["24h", "1h30m"])
properties = st.one_of(
    st.tuples(st.just("yaml"), st.fixed_dictionaries({"yamlCatalogPath": names}, optional={"benchmarksPath": names})),
    st.tuples(st.just("hf"), st.fixed_dictionaries({}, optional={"syncInterval": durations, "maxModels": st.just(3)})),
    st.tuples(
        st.just("oci-modelcars"),
        st.fixed_dictionaries({"registry": st.just("quay.io"), "repositories": st.lists(words, min_size=1)}),
    ),
)
definitions = st.builds(
    lambda identity, name, typed, enabled, labels, included: SourceDefinition(
        id=identity,
        name=name,
        type=typed[0],
        enabled=enabled,
        labels=tuple(labels),
        properties=typed[1],
        included_models=tuple(included),
    ),
    names,
    names,
    properties,
    st.booleans(),
    st.lists(names),
    st.lists(names),
)


@given(definitions)
def test_a_source_that_is_written_is_read_as_the_same(definition: SourceDefinition) -> None:
    text = dump_source(definition)
    assert merge([parse_sources(text.encode(), "written")]).definitions == (definition,)


def test_a_source_is_written_in_upstreams_order() -> None:
    tools = sources(EVERYTHING).definitions[4]
    assert dump_source(tools) == (
        "mcp_catalogs:\n- name: Tools\n  id: tools\n  type: yaml\n  enabled: true\n"
        "  properties:\n    yamlCatalogPath: mcp.yaml\n  includedServers:\n  - k*\n"
    )


# Anything

lists = ["model_catalogs", "mcp_catalogs", "catalogs", "labels", "namedQueries"]
fields = ["id", "name", "type", "enabled", "properties", "includedModels", "assetType", "filters", "operator", "value"]
keys = st.sampled_from([*lists, *fields, "yamlCatalogPath", "syncInterval"])
words_of_them = st.sampled_from(["yaml", "hf", "models", "=", "IN", "24h", "a"])
leaves = st.none() | st.booleans() | st.integers(0, 5) | words_of_them
anything = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=25
)


def merged(content: Any) -> Sources | str:
    try:
        return merge([parse_sources(json.dumps(content).encode(), "a.yaml")])
    except InvalidInput as error:
        return str(error)


@given(st.dictionaries(keys, anything, max_size=4) | anything)
def test_any_file_is_read_or_refused(content: Any) -> None:
    found = merged(content)
    if isinstance(found, str):
        assert found.startswith("a.yaml")
    else:
        assert all(each.id and each.type for each in found.definitions)
