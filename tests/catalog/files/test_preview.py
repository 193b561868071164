"""A preview tells which names a source has, and which of them it would show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.catalog.files import preview, read_config
from forecourt.catalog.model import Loading, SourceDefinition
from forecourt.errors import InvalidInput, NotFound

DATA = b"""
models:
  - name: ibm-granite/granite-3.0-8b-instruct
    description: Granite 8B Instruct model
  - name: ibm-granite/granite-3.0-2b-draft
  - name: meta-llama/Llama-2-7b-hf
"""
HERE = Loading()
CONFIG = b"""
type: yaml
includedModels: ["ibm-granite/*", "META-llama/*"]
excludedModels: ["*-draft"]
"""


def nowhere(_source: SourceDefinition, _loading: Loading) -> Iterator[tuple[str, bool]]:
    raise AssertionError("only what is elsewhere is asked for")


def shown(config: bytes, data: bytes | None = None, loading: Loading = HERE) -> list[tuple[str, bool]]:
    return preview(config, data, loading, nowhere)[1]


def test_the_names_in_the_data_are_shown_with_what_becomes_of_them() -> None:
    assert preview(CONFIG, DATA, Loading(), nowhere) == (
        "models",
        [
            ("ibm-granite/granite-3.0-8b-instruct", True),
            ("ibm-granite/granite-3.0-2b-draft", False),
            ("meta-llama/Llama-2-7b-hf", True),
        ],
    )


def test_servers_agents_and_skills_are_previewed_by_their_own_keys() -> None:
    config = b"assetType: mcp_servers\ntype: yaml\nincludedServers: [k*]\nexcludedServers: ['*-internal']"
    data = b"mcp_servers: [{name: kubernetes}, {name: k-internal}, {name: prometheus}]"
    assert preview(config, data, Loading(), nowhere) == (
        "mcp_servers",
        [("kubernetes", True), ("k-internal", False), ("prometheus", False)],
    )
    assert shown(b"{assetType: agents, type: yaml}", b"agents: [{name: a}]") == [("a", True)]
    assert shown(b"{assetType: skills, type: yaml}", b"skills: [{name: s}]") == [("s", True)]


def test_an_entry_of_a_file_can_be_pasted_as_it_is() -> None:
    config = b"id: team\nname: Team\nenabled: false\nlabels: [x]\n" + CONFIG
    assert [included for _, included in shown(config, DATA)] == [True, False, True]


def test_a_file_on_the_server_is_read_where_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_bytes(DATA)
    config = CONFIG + b"properties: {yamlCatalogPath: data.yaml}"
    assert shown(config, None, Loading(folders=(tmp_path,))) == shown(CONFIG, DATA)
    # Data that are sent are the ones that count.
    assert shown(config, b"models: [{name: x}]", Loading(folders=(tmp_path,))) == [("x", False)]
    with pytest.raises(InvalidInput, match="outside the folders"):
        shown(config)
    with pytest.raises(InvalidInput, match="outside the folders"):
        shown(b"{type: yaml, properties: {yamlCatalogPath: /etc/passwd}}", None, Loading(folders=(tmp_path,)))
    with pytest.raises(NotFound):
        shown(b"{type: yaml, properties: {yamlCatalogPath: missing}}", None, Loading(folders=(tmp_path,)))


def test_what_is_elsewhere_is_asked_for() -> None:
    asked: list[SourceDefinition] = []

    def candidates(source: SourceDefinition, _loading: Loading) -> Iterator[tuple[str, bool]]:
        asked.append(source)
        yield "microsoft/phi", True
        yield "microsoft/phi-gguf", False

    config = b"type: hf\nincludedModels: [microsoft/*]\nproperties: {apiKey: hf_secret, modelLimit: 100}"
    assert preview(config, None, Loading(), candidates) == (
        "models",
        [("microsoft/phi", True), ("microsoft/phi-gguf", False)],
    )
    (source,) = asked
    assert (source.type, source.included_models) == ("hf", ("microsoft/*",))
    assert source.properties == {"apiKey": "hf_secret", "modelLimit": 100}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (b"", "config: a source is a mapping with id, name, type and properties."),
        (b"- type: yaml", "config: a source is a mapping"),
        (b"includedModels: [a]", "config: source 'preview' has no type."),
        (b"type: ftp", "config, line 1: type must be one of yaml, hf, catalog, oci-modelcars."),
        (b"type: yaml\nincludeModels: [a]", "config, line 2: 'includeModels' is no key of a source."),
        (b"type: yaml\nassetType: cars", "config, line 2: assetType must be one of models"),
        (
            b"type: yaml\nassetType: agents\nincludedModels: [a]",
            "config, line 3: 'includedModels' is no key of a source.",
        ),
        (b"type: yaml\nincludedModels: [' ']", "config, line 2: includedModels has a pattern that is blank."),
        (
            b"type: yaml\nincludedModels: [a]\nexcludedModels: [A]",
            "config, line 3: 'a' is both in includedModels and in",
        ),
        (b"type: hf\nproperties:\n  modelLimit: many", "config, line 3: modelLimit must be a number"),
        (b"type: hf\nproperties:\n  apiKeyEnvVar: AWS_SECRET", "config, line 3: apiKeyEnvVar must be HF_API_KEY or"),
        (b"type: catalog", "config: a source of type catalog needs the property url."),
        (b"type: [", "config, line 2, column 1: "),
        (b"\xff", "config, line 1, column 1: this is not UTF-8."),
        (b"x" * (1024 * 1024 + 1), "config is larger than 1 MiB."),
    ],
)
def test_a_configuration_that_is_wrong_is_told(config: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        shown(config, DATA if config != b"type: catalog" else None)
    assert str(raised.value).startswith(message)


def test_without_data_a_file_has_to_be_named() -> None:
    with pytest.raises(InvalidInput, match="a source of type yaml needs the property yamlCatalogPath"):
        shown(b"type: yaml")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"model: []", "catalogData: there is no list of models here."),
        (b"models: {}", "catalogData, line 1: models must be a list, not a mapping."),
        (b"models: [", "catalogData, line 2, column 1: "),
        (b"models: &a [*a]", "catalogData, line 1, column 13: &a holds itself."),
    ],
)
def test_data_that_are_wrong_are_told(data: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        shown(CONFIG, data)
    assert str(raised.value).startswith(message)


def test_data_go_with_a_file_only() -> None:
    with pytest.raises(InvalidInput, match="catalogData goes with a source of type yaml, not hf"):
        shown(b"type: hf", DATA)


def test_a_configuration_is_read_alone() -> None:
    definition = read_config(CONFIG, with_data=True)
    assert (definition.id, definition.type, definition.excluded_models) == ("preview", "yaml", ("*-draft",))


lines = st.sampled_from(
    ["type: yaml", "type: hf", "assetType: models", "assetType: agents", "includedModels: [a*]", "excludedModels: b",
     "properties: {url: 'http://x'}", "properties:", "id: 5", "- x", "labels: [a]", "enabled: no", "x: y", "name: ''"]
)  # fmt: skip


@given(st.lists(lines, max_size=5).map("\n".join) | st.text())
def test_any_configuration_is_read_or_refused(config: str) -> None:
    try:
        definition = read_config(config.encode(errors="replace"), with_data=True)
    except InvalidInput as error:
        assert str(error).startswith("config")  # noqa: PT017
    else:
        assert definition.id
