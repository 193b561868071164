"""A source that is a file gives the models that it includes, and reads nothing but what it may."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forecourt.catalog.files import load, locate, merge, read_sources
from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition
from forecourt.errors import InvalidInput, NotFound

HERE = Loading()
MODELS = (
    "source: Team\nmodels:\n- name: team/a\n- name: team/b-draft\n- name: other/c\n- name: team/d\n  tasks: 5\n- {}\n"
)


def source(folder: Path, path: str = "models.yaml", **fields: Any) -> SourceDefinition:
    """Write a file that defines a source, beside a file of models, and read it."""
    folder.mkdir(exist_ok=True)
    (folder / "models.yaml").write_text(MODELS)
    properties = {"yamlCatalogPath": path} | fields.pop("properties", {})
    entry = {"id": "team", "type": "yaml", "properties": properties, **fields}
    (folder / "sources.yaml").write_text(json.dumps({"model_catalogs": [entry]}))
    (definition,) = merge([read_sources(folder / "sources.yaml")]).definitions
    return definition


def names(definition: SourceDefinition, loading: Loading = HERE) -> list[str]:
    return [item.name for item in load(definition, loading) if isinstance(item, Entry)]


def problems(definition: SourceDefinition, loading: Loading = HERE) -> list[str]:
    return [item.name for item in load(definition, loading) if isinstance(item, Problem)]


def test_a_source_gives_its_models(tmp_path: Path) -> None:
    definition = source(tmp_path / "home")
    assert names(definition) == ["team/a", "team/b-draft", "other/c"]
    assert problems(definition) == ["team/d", "models[4]"]


def test_a_source_gives_only_what_it_includes(tmp_path: Path) -> None:
    definition = source(tmp_path / "home", includedModels=["TEAM/*"], excludedModels=["*-draft"])
    assert names(definition) == ["team/a"]
    assert problems(definition) == ["team/d", "models[4]"]
    assert problems(replace(definition, excluded_models=("team/*",))) == ["models[4]"]


def test_what_was_measured_joins_the_models(tmp_path: Path) -> None:
    definition = source(tmp_path / "home", properties={"benchmarksPath": "benchmarks"})
    model = tmp_path / "home" / "benchmarks" / "a"
    model.mkdir(parents=True)
    (model / "metadata.json").write_text('{"id": "team/a", "size": "8B", "tensor_type": 8}')
    (model / "performance.ndjson").write_text('{"id": "1", "ttft_p90": 5}\nnothing\n')
    items = list(load(definition, Loading()))
    assert [item.name for item in items] == [
        "team/a",
        "team/a",
        "team/a",
        "team/b-draft",
        "other/c",
        "team/d",
        "models[4]",
    ]
    about_metadata, entry, about_line = items[:3]
    assert isinstance(about_metadata, Problem)
    assert isinstance(entry, Entry)
    assert isinstance(about_line, Problem)
    assert about_line.message.startswith(f"{model / 'performance.ndjson'}, line 2: ")
    assert entry.document["customProperties"]["size"]["string_value"] == "8B"
    assert len(entry.artifacts) == 1


def test_benchmarks_that_are_missing_hide_no_model(tmp_path: Path) -> None:
    definition = source(tmp_path / "home", properties={"benchmarksPath": "benchmarks"})
    assert len(names(definition)) == 3
    assert problems(definition)[0] == "team"


def test_a_file_may_be_in_a_folder_that_is_allowed(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "data.yaml").write_text("models: [{name: x}]")
    for path in (str(shared / "data.yaml"), "../shared/data.yaml"):
        definition = source(tmp_path / "home", path)
        assert names(definition, Loading(folders=(shared,))) == ["x"]
        with pytest.raises(InvalidInput, match="outside the folders that are allowed"):
            names(definition)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../../etc/passwd", "../missing.yaml", "/proc/self/environ", "/"]
)
def test_nothing_else_is_read_nor_told_of(tmp_path: Path, path: str) -> None:
    with pytest.raises(InvalidInput, match=f"may not read {path}: it is outside the folders that are allowed"):
        names(source(tmp_path / "home", path))


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("models: [{name: secret}]")
    definition = source(tmp_path / "home", "link.yaml", properties={"benchmarksPath": "folder"})
    (tmp_path / "home" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    with pytest.raises(InvalidInput, match="outside the folders that are allowed"):
        names(definition)
    (tmp_path / "home" / "folder").symlink_to(tmp_path)
    inside = replace(definition, properties={**definition.properties, "yamlCatalogPath": "models.yaml"})
    with pytest.raises(InvalidInput, match="may not read folder"):
        names(inside)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    """As Kubernetes mounts a ConfigMap."""
    definition = source(tmp_path / "home", "data.yaml")
    (tmp_path / "home" / "..data").mkdir()
    (tmp_path / "home" / "..data" / "data.yaml").write_text("models: [{name: x}]")
    (tmp_path / "home" / "data.yaml").symlink_to("..data/data.yaml")
    assert names(definition) == ["x"]


def test_a_source_of_no_file_reads_in_the_folders_that_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "data.yaml").write_text("models: [{name: x}]")
    definition = SourceDefinition("team", "Team", "yaml", properties={"yamlCatalogPath": "data.yaml"})
    loading = Loading(folders=(tmp_path / "a", tmp_path / "b"))
    assert names(definition, loading) == ["x"]
    assert locate(definition, str(tmp_path / "b" / "data.yaml"), loading) == (tmp_path / "b" / "data.yaml").resolve()
    with pytest.raises(InvalidInput, match="outside the folders"):
        names(definition)


@pytest.mark.parametrize("path", ["missing.yaml", "models.yaml/x"])
def test_a_file_that_is_missing_is_told(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotFound, match="is not there"):
        names(source(tmp_path / "home", path))


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "loop", "."])
def test_a_path_that_is_none_is_told(tmp_path: Path, path: str) -> None:
    definition = replace(source(tmp_path / "home"), properties={"yamlCatalogPath": path})
    (tmp_path / "home" / "loop").symlink_to("loop")
    with pytest.raises(InvalidInput):
        names(definition)


def test_a_source_of_another_type_is_no_file(tmp_path: Path) -> None:
    definition = source(tmp_path / "home")
    for other in (replace(definition, type="hf"), replace(definition, asset_type="agents")):
        with pytest.raises(InvalidInput, match="is no file of models"):
            names(other)


def test_progress_is_told_and_a_load_can_be_stopped(tmp_path: Path) -> None:
    definition = source(tmp_path / "home")
    seen: list[tuple[int, int | None]] = []
    loading = Loading(progress=lambda done, of: seen.append((done, of)), stopped=lambda: len(seen) == 2)
    assert names(definition, loading) == ["team/a", "team/b-draft"]
    assert seen == [(1, None), (2, None)]
