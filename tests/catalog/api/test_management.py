"""Forecourt's own routes of the catalog: sources that change, search, comparison, evidence."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from apis import Answer
from catalog.api.real import Service, until
from catalog.served import Api, defined, entry, failing, metrics, point, weights
from evidence.made import row

from forecourt.catalog.model import Entry, Loading, Problem


def told(answer: Answer, status: int, reason: str) -> tuple[str, str]:
    """Return the message of an error and what to do next, whose shape is that of every error."""
    assert answer.status == status, answer
    error = answer.json
    assert (error["kind"], error["status"], error["reason"], error["code"]) == ("Status", "Failure", reason, status)
    return error["message"], " ".join(cause["message"] for cause in error["details"]["causes"])


def with_evidence(made: Entry, *rows: str) -> Entry:
    return replace(made, evidence=tuple(map(json.loads, rows)))


YAML = {"type": "yaml", "properties": {"yamlCatalogPath": "catalog.yaml"}}


# Sources


def test_a_source_is_added_and_asked_to_be_loaded(api: Api) -> None:
    wanted = {"id": "mine", "name": "My models", "labels": ["Own"], "includedModels": ["a*"], **YAML}
    status, added = api.management.post("sources", wanted)
    assert status == 201
    assert added == {
        "id": "mine",
        "name": "My models",
        "enabled": True,
        "labels": ["Own"],
        "status": "not-loaded",
        "assetType": "models",
        "includedModels": ["a*"],
        "type": "yaml",
        "properties": {"yamlCatalogPath": "catalog.yaml"},
        "origin": None,
        "models": 0,
        "loadedTimeSinceEpoch": None,
        "triedTimeSinceEpoch": None,
        "problems": [],
        "uploaded": False,
        "tokenKept": False,
    }
    assert api.asked == ["mine"]
    assert api.management.get("sources").json == {"items": [added], "error": ""}
    assert api.management.get("sources/mine").json == added
    assert [one["id"] for one in api.listed("sources")["items"]] == ["mine"]


def test_a_source_is_loading_from_when_someone_asks_until_it_is_in_sight(api: Api) -> None:
    api.management.post("sources", {"id": "mine", **YAML})
    catalog, seen = api.sources.catalog, []
    look = lambda _: seen.append(api.management.get("sources/mine").json["status"])  # noqa: E731
    catalog.asked.add("mine")
    look(None)
    api.sources.given["mine"] = [look, entry("a")]
    catalog.load("mine")
    look(None)
    catalog.asked.add("mine")
    look(None)
    api.management.patch("sources/mine", {"enabled": False})
    look(None)
    assert seen == ["loading", "loading", "available", "loading", "disabled"]


def test_what_was_added_is_there_after_a_restart(api: Api) -> None:
    api.management.post("sources", {"id": "mine", "excludedModels": ["*-x"], **YAML})
    api.management.post("sources", {"id": "off", "enabled": False, "type": "hf", "includedModels": ["acme/*"]})
    api.give("mine", entry("a"), entry("b-x"))
    again = api.sources.opened()
    assert [(one.id, one.enabled, one.status) for one in again.sources] == [
        ("mine", True, "available"),
        ("off", False, "disabled"),
    ]
    assert again.source("mine").definition == api.sources.catalog.source("mine").definition
    assert again.snapshot.names == ["a"]


def test_an_id_that_is_taken_is_refused(api: Api) -> None:
    api.sources.define(defined("filed"))
    api.management.post("sources", {"id": "mine", **YAML})
    for taken in ("filed", "mine"):
        message, hint = told(api.management.post("sources", {"id": taken, "type": "hf"}), 409, "Conflict")
        assert (message, hint) == (
            f"There is a catalog source {taken} already.",
            "Choose another id, or remove that one.",
        )
    assert api.asked == ["mine"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({}, "The source: a source needs an id."),
        ({"id": "x"}, "The source: source 'x' has no type."),
        ({"id": "x", "type": "ftp"}, "The source: type must be one of yaml, hf, catalog, oci-modelcars."),
        ({"id": "x", "type": "yaml"}, "The source: a source of type yaml needs the property yamlCatalogPath."),
        ({"id": "x", "typ": "hf"}, "The source: 'typ' is no key of a source."),
        ({"id": 7, **YAML}, "The source: id must be a text of one line."),
        ({"id": "", **YAML}, "The source: id must be a text of one line."),
        ({"id": "a\nb", **YAML}, "The source: id must be a text of one line."),
        ({"id": "a\0b", **YAML}, "The source: id must be a text of one line."),
        ({"id": "\ud800", **YAML}, "The source: id must be a text of one line."),
        ({"id": "x" * 256, **YAML}, "The source: id must have 255 characters at most."),
        ({"id": "x", "enabled": "perhaps", **YAML}, "The source: enabled must be true or false."),
        ({"id": "x", "labels": "a", **YAML}, "The source: labels must be a list of texts."),
        ({"id": "x", "includedModels": [" "], **YAML}, "The source: includedModels has a pattern that is blank."),
        (
            {"id": "x", "type": "hf", "properties": {"apiKey": "hf_secret"}},
            "The source: 'apiKey' is for previews only.",
        ),
        (
            {"id": "x", "type": "hf", "properties": {"apiKeyEnvVar": "HOME"}},
            "The source: apiKeyEnvVar must be HF_API_KEY",
        ),
        (
            {"id": "x", "type": "hf", "properties": {"maxModels": float("nan")}},
            "The source: maxModels must be a number",
        ),
        ({"id": "x", "type": "hf", "properties": {"url": "file:///etc/passwd"}}, "The source: url must be a URL"),
        (
            {"id": "x", "type": "yaml", "properties": {"yamlCatalogPath": "a\0"}},
            "The source: yamlCatalogPath must be a text.",
        ),
        ({"id": "x", "type": "yaml", "properties": []}, "The source: properties must be a mapping."),
        ({"id": "x", "assetType": "cats", **YAML}, "The source: assetType must be one of models, mcp_servers"),
    ],
)
@pytest.mark.parametrize("path", ["sources", "sources/preview"])
def test_a_source_that_is_wrong_is_told_and_not_added(
    api: Api, path: str, wanted: dict[str, Any], message: str
) -> None:
    body = json.dumps(wanted).encode()
    answer = api.management.send("POST", path, content=body, headers={"content-type": "application/json"})
    assert told(answer, 400, "BadRequest")[0].startswith(message)
    assert api.management.get("sources").json["items"] == []
    assert api.asked == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"text"', b"\xff", b"[" * 100_000, b'{"id": 1' + b"0" * 5000]
)
def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    answer = api.management.send("POST", "sources", content=body, headers={"content-type": "application/json"})
    assert answer.status == 400
    assert answer.json["kind"] == "Status"


@pytest.mark.parametrize("name", ["x" * 255, "a/b c", "ü", "preview", "a?b#c", "100%"])
def test_an_id_may_have_anything_in_it(api: Api, name: str) -> None:
    from urllib.parse import quote

    path = f"sources/{quote(name)}"
    assert api.management.post("sources", {"id": name, **YAML}).status == 201
    api.give(name, entry("a"))
    assert api.management.get(path).json["models"] == 1
    assert api.management.patch(path, {"enabled": False}).json["enabled"] is False
    assert api.management.patch(path, {"enabled": True}).json["models"] == 1
    assert api.management.send("POST", f"{path}/refresh").status == 202
    assert api.management.delete(path).status == 204
    assert api.names() == []


def test_a_source_is_hidden_and_shown_again_without_being_loaded_again(api: Api) -> None:
    api.give("s", entry("a"))
    hidden = api.management.patch("sources/s", {"enabled": False}).json
    assert (hidden["enabled"], hidden["status"], hidden["models"]) == (False, "disabled", 0)
    assert api.names() == []
    shown = api.management.patch("sources/s", {"enabled": True}).json
    assert (shown["enabled"], shown["status"], shown["models"]) == (True, "available", 1)
    assert api.names() == ["a"]
    assert api.asked == []


def test_a_source_that_was_never_loaded_is_when_it_is_shown(api: Api) -> None:
    api.sources.define(defined("s", enabled=False))
    api.management.patch("sources/s", {"enabled": True})
    assert api.asked == ["s"]


@pytest.mark.parametrize("body", [{}, {"enabled": None}, {"enabled": "perhaps"}, {"enabled": True, "name": "x"}, []])
def test_nothing_else_of_a_source_can_be_changed(api: Api, body: Any) -> None:
    api.give("s", entry("a"))
    told(api.management.patch("sources/s", body), 400, "BadRequest")
    assert api.management.get("sources/s").json["enabled"] is True


def test_a_source_is_loaded_when_someone_asks(api: Api) -> None:
    api.sources.define(defined("s"))
    assert api.management.send("POST", "sources/s/refresh").status == 202
    assert api.asked == ["s"]


def test_a_source_that_was_added_can_be_removed_with_all_that_it_gave(api: Api) -> None:
    api.management.post("sources", {"id": "mine", **YAML})
    api.give("other", entry("b"))
    api.give("mine", entry("a", point()))
    assert api.management.delete("sources/mine") == Answer(204, None)
    assert api.names() == ["b"]
    told(api.management.get("sources/mine"), 404, "NotFound")
    assert api.sources.opened().snapshot.names == ["b"]
    assert api.management.post("sources", {"id": "mine", **YAML}).json["status"] == "not-loaded"
    assert api.names() == ["b"]


def test_a_source_that_a_file_defines_cannot_be_removed(api: Api) -> None:
    api.sources.define(defined("filed", origin=Path("/etc/forecourt/sources.yaml")))
    message, hint = told(api.management.delete("sources/filed"), 409, "Conflict")
    assert message == "The source filed is defined in /etc/forecourt/sources.yaml."
    assert hint == "Take it out there, or hide it: forecourt catalog sources disable filed"
    assert api.management.get("sources/filed").json["origin"] == "/etc/forecourt/sources.yaml"


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("GET", "sources/none", {}),
        ("PATCH", "sources/none", {"json": {"enabled": True}}),
        ("POST", "sources/none/refresh", {}),
        ("DELETE", "sources/none", {}),
    ],
)
def test_a_source_that_is_not_there_is_not_found(api: Api, method: str, path: str, how: dict[str, Any]) -> None:
    message, hint = told(api.management.send(method, path, **how), 404, "NotFound")
    assert (message, hint) == ("There is no catalog source none.", "List them: forecourt catalog sources")
    assert api.asked == []


def test_a_source_says_how_far_its_load_is_and_what_was_wrong(api: Api) -> None:
    reached, opened = threading.Event(), threading.Event()

    def wait(loading: Loading) -> None:
        loading.progress(7, 40)
        reached.set()
        assert opened.wait(30)

    api.give("s", entry("a"), Problem("b", "has no uri"))
    api.sources.given["s"] = [wait, failing("The hub does not answer.")]
    loading = threading.Thread(target=api.sources.catalog.load, args=("s",))
    loading.start()
    assert reached.wait(30)
    said = api.management.get("sources/s").json
    assert (said["status"], said["progress"], said["models"]) == ("loading", {"done": 7, "of": 40}, 1)
    assert said["problems"] == [{"name": "b", "message": "has no uri"}]
    opened.set()
    loading.join()
    said = api.management.get("sources/s").json
    assert (said["status"], said["error"], said["models"]) == ("error", "The hub does not answer. Mend it.", 1)
    assert "progress" not in said
    assert int(said["loadedTimeSinceEpoch"]) < int(said["triedTimeSinceEpoch"])


def test_no_load_is_over_before_what_became_of_it_is_told(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load may end while its source is read, and whoever waits for it takes what is told then for its end."""
    api.sources.given["s"] = [failing("The hub does not answer.")]
    api.sources.define(defined("s"))
    catalog = api.sources.catalog

    class EndsNow(dict[str, Any]):
        def get(self, source_id: str, default: Any = None) -> Any:
            catalog.loading = {}
            catalog.load(source_id)
            return default

    monkeypatch.setattr(catalog, "loading", EndsNow())
    said = [api.management.get("sources/s").json for _ in range(2)]
    assert {one["status"] for one in said if one["triedTimeSinceEpoch"] is not None} == {"error"}


def test_a_preview_says_what_a_source_would_show_and_adds_nothing(api: Api) -> None:
    api.sources.given["new"] = [entry("a"), entry("b")]
    wanted = {"id": "new", "excludedModels": ["b"], **YAML}
    assert api.management.post("sources/preview", wanted).json == {
        "items": [{"name": "a", "included": True}, {"name": "b", "included": False}],
        "total": 2,
        "included": 1,
    }
    assert api.management.get("sources").json["items"] == []


def test_what_is_wrong_with_the_files_is_told_and_what_they_said_before_stays(api: Api) -> None:
    api.give("s", entry("a"))
    api.sources.broken = "sources.yaml, line 3: type must be one of yaml, hf."
    api.sources.define()
    said = api.management.get("sources").json
    assert said["error"] == "sources.yaml, line 3: type must be one of yaml, hf."
    assert [one["id"] for one in said["items"]] == ["s"]
    assert api.names() == ["a"]


# Sources as the server has them


CATALOG = """
models:
  - name: acme/granite
    provider: Acme
    artifacts: [{uri: "oci://registry.example.com/acme/granite:1"}]
  - name: acme/granite-draft
"""


def test_a_file_becomes_a_source_is_loaded_again_and_goes(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "files" / "catalog.yaml"
    file.write_text(CATALOG)
    added = service.management.post("sources", {"id": "mine", "excludedModels": ["*-draft"], **YAML})
    assert added.status == 201
    assert service.loaded("mine")["models"] == 1
    assert service.kubeflow.names() == ["acme/granite"]
    (artifact,) = service.kubeflow.listed("sources/mine/models/acme/granite/artifacts")["items"]
    assert artifact["uri"] == "oci://registry.example.com/acme/granite:1"

    file.write_text("models: [{name: acme/other}]")
    assert service.management.send("POST", "sources/mine/refresh").status == 202
    until(lambda: service.kubeflow.names() == ["acme/other"])

    file.write_text("models:\n  - name: [")
    service.management.send("POST", "sources/mine/refresh")
    until(lambda: service.management.get("sources/mine").json["status"] == "error")
    assert f"{file}, line 3, column 1: " in service.management.get("sources/mine").json["error"]
    assert service.kubeflow.names() == ["acme/other"]

    assert service.management.delete("sources/mine").status == 204
    assert service.kubeflow.names() == []


def test_models_that_are_wrong_are_told_and_the_others_shown(service: Service, tmp_path: Path) -> None:
    (tmp_path / "files" / "catalog.yaml").write_text("models:\n  - name: a\n  - name: 7\n  - name: a\n  - name: b\n")
    wanted = {"id": "mine", **YAML}
    assert service.management.post("sources/preview", wanted).json == {
        "items": [{"name": "a", "included": True}, {"name": "b", "included": True}],
        "total": 2,
        "included": 2,
    }
    service.management.post("sources", wanted)
    said = service.loaded("mine")
    assert (said["status"], said["models"]) == ("partially-available", 2)
    assert [one["name"] for one in said["problems"]] == ["models[1]", "a"]
    assert [one["message"].partition(": ")[0].rpartition(", ")[2] for one in said["problems"]] == ["line 3", "line 4"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.yaml", "link.yaml"])
def test_a_file_outside_of_the_allowed_folders_is_not_read(service: Service, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.yaml").write_text(CATALOG)
    (tmp_path / "files" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    wanted = {"id": "mine", "type": "yaml", "properties": {"yamlCatalogPath": path}}
    message, hint = told(service.management.post("sources/preview", wanted), 400, "BadRequest")
    assert message == f"Source 'mine' may not read {path}: it is outside the folders that are allowed."
    service.management.post("sources", wanted)
    assert service.loaded("mine")["error"] == f"{message} {hint}"
    assert service.kubeflow.names() == []


@pytest.mark.parametrize("kind", ["hf", "catalog"])
@pytest.mark.parametrize("host", ["127.0.0.1:9", "169.254.169.254", "[::1]:9"])
def test_an_address_of_this_machine_or_network_is_not_asked(service: Service, kind: str, host: str) -> None:
    included = {"includedModels": ["acme/*"]} if kind == "hf" else {}
    wanted = {"id": "inside", "type": kind, "properties": {"url": f"http://{host}"}, **included}
    message, hint = told(service.management.post("sources/preview", wanted), 400, "BadRequest")
    assert "is on this machine, in a private network or reserved" in message
    assert "FORECOURT_CATALOG_PRIVATE_ADDRESSES=true" in hint
    service.management.post("sources", wanted)
    said = service.loaded("inside")
    assert (said["status"], said["error"]) == ("error", f"{message} {hint}")


def test_a_file_of_sources_is_read_anew_when_it_changes(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "catalog"
    folder.mkdir()
    (folder / "models.yaml").write_text(CATALOG)
    sources = folder / "sources.yaml"
    source = "{id: filed, type: yaml, properties: {yamlCatalogPath: models.yaml}}"
    sources.write_text(f"model_catalogs: [{source}]\nlabels: [{{name: A, displayName: Of A}}]")
    until(lambda: service.kubeflow.names() == ["acme/granite", "acme/granite-draft"])
    assert service.kubeflow.listed("labels")["items"] == [{"name": "A", "displayName": "Of A"}]
    assert service.management.get("sources/filed").json["origin"] == str(sources)
    sources.write_text("model_catalogs: [{id: filed, type: nothing}]")
    until(lambda: service.management.get("sources").json["error"] != "")
    assert service.management.get("sources").json["error"].startswith(f"{sources}, line 1: type must be one of yaml")
    assert len(service.kubeflow.names()) == 2
    sources.write_text("model_catalogs: []")
    until(lambda: service.kubeflow.names() == [])
    assert service.management.get("sources").json == {"items": [], "error": ""}


# Search


@pytest.fixture
def models(api: Api) -> Api:
    """Five models of two sources."""
    quick, slow = point("H100", ttft=20.0, e2e_mean=100.0), point("A100", ttft=90.0, e2e_mean=900.0, use_case="rag")
    api.give(
        "red",
        entry(
            "acme/granite-8b-FP8",
            weights(),
            quick,
            metrics("accuracy", overall_average=60.0),
            provider="Acme",
            license="apache-2.0",
            tasks=["chat"],
            custom={
                "quantization": "fp8",
                "average_recovery": 99.5,
                "variant_group_id": "granite",
                "parameters_b": 8.0,
            },
        ),
        entry(
            "acme/granite-8b",
            slow,
            provider="Acme",
            license="mit",
            tasks=["chat", "code"],
            custom={"parameters_b": 8.0, "variant_group_id": "granite", "validated": ""},
        ),
        entry("acme/llama", quick, slow, provider="Meta", license="llama3", description="Next to granite."),
    )
    api.give("blue", entry("acme/llama", provider="Meta"), entry("tiny", provider="Acme", custom={"parameters_b": 0.1}))
    return api


def found(api: Api, **query: Any) -> list[str]:
    status, page = api.management.get("search", query)
    assert status == 200, page
    assert page["total"] == len(page["items"])
    return [f"{one['source']}: {one['name']}" for one in page["items"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["red: acme/granite-8b", "red: acme/granite-8b-FP8", "blue: acme/llama", "red: acme/llama", "blue: tiny"]),
        ({"q": "fp8 GRANITE"}, ["red: acme/granite-8b-FP8"]),
        ({"q": "granite", "provider": "Meta"}, ["red: acme/llama"]),
        ({"provider": "Acme", "sort": "-name"}, ["blue: tiny", "red: acme/granite-8b-FP8", "red: acme/granite-8b"]),
        ({"license": "permissive"}, ["red: acme/granite-8b", "red: acme/granite-8b-FP8"]),
        ({"license": ["mit", "llama3"]}, ["red: acme/granite-8b", "red: acme/llama"]),
        ({"task": "code"}, ["red: acme/granite-8b"]),
        ({"source": "blue"}, ["blue: acme/llama", "blue: tiny"]),
        ({"quantization": "fp8"}, ["red: acme/granite-8b-FP8"]),
        ({"min-recovery": "99.5"}, ["red: acme/granite-8b-FP8"]),
        ({"max-parameters": "1"}, ["blue: tiny"]),
        ({"hardware": "H100", "max-latency": "150"}, ["red: acme/granite-8b-FP8", "red: acme/llama"]),
        ({"hardware": "A100", "max-latency": "150"}, []),
        (
            {"hardware": "A100", "max-latency": "95", "latency-metric": "ttft_p90"},
            ["red: acme/granite-8b", "red: acme/llama"],
        ),
        ({"workload": "rag", "provider": "Acme"}, ["red: acme/granite-8b"]),
        ({"filterQuery": "provider = 'Meta' AND source_id = 'blue'"}, ["blue: acme/llama"]),
        ({"provider": "Acme", "filterQuery": "parameters_b < 1"}, ["blue: tiny"]),
        ({"provider": "' OR 1=1 --"}, []),
        ({"q": "\0%_"}, []),
    ],
)
def test_search_finds_what_it_is_asked_for(models: Api, query: dict[str, Any], names: list[str]) -> None:
    assert found(models, **query) == names


def test_a_search_is_said_as_a_sentence_and_as_a_filter_that_finds_the_same(models: Api) -> None:
    query = {"provider": "Acme", "license": "permissive", "min-recovery": "99"}
    page = models.management.get("search", query).json
    assert page["sentence"] == (
        "models by Acme, under a licence that is permissive, with at least 99 % average recovery"
    )
    assert models.names(filterQuery=page["filterQuery"]) == [one["name"] for one in page["items"]]
    assert models.names(filterQuery=page["filterQuery"]) == ["acme/granite-8b-FP8"]


def test_a_search_goes_page_by_page(models: Api) -> None:
    for query in ({"sort": "name"}, {"sort": "-parameters_b"}, {"q": "acme"}):
        whole = [one["id"] for one in models.management.get("search", query).json["items"]]
        pages, after = [], ""
        while True:
            page = models.management.get("search", query | {"pageSize": 2, "nextPageToken": after}).json
            assert page["total"] == len(whole)
            pages += [one["id"] for one in page["items"]]
            after = page["nextPageToken"]
            if not after:
                break
        assert pages == whole


def test_facets_count_what_each_choice_would_find(models: Api) -> None:
    page = models.management.get("search", {"provider": "Acme", "facets": "true"}).json
    facets = {one["name"]: {each["value"]: each["count"] for each in one["values"]} for one in page["facets"]}
    assert facets["provider"] == {"Acme": 3, "Meta": 2}  # its own choice aside
    assert facets["license"] == {"permissive": 2, "apache-2.0": 1, "mit": 1}
    assert facets["source"] == {"red": 2, "blue": 1}
    assert facets["hardware"] == {"A100": 1, "H100": 1}
    assert facets["validated"] == {"true": 1}
    for name, values in facets.items():
        for value, count in values.items():
            chosen = {"provider": "Acme"} | {name: value}
            assert len(found(models, **chosen)) == count, (name, value)
    assert "facets" not in models.management.get("search").json


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"colour": "red"}, "There is nothing called colour to search by."),
        ({"pageSize": "0"}, "pageSize '0' is no number from 1 to 100."),
        ({"pageSize": "101"}, "pageSize '101' is no number from 1 to 100."),
        ({"pageSize": "٣"}, "pageSize '٣' is no number from 1 to 100."),
        ({"nextPageToken": "x"}, "That token is none that this server gave."),
        ({"nextPageToken": "\0"}, "That token is none that this server gave."),
        ({"sort": "a\0"}, "That is nothing to sort by."),
        ({"min-recovery": "most"}, "Average recovery, at least: 'most' is no number."),
        ({"min-recovery": "inf"}, "Average recovery, at least: 'inf' is no number that one can compare with."),
        ({"validated": "maybe"}, "validated is true or false, not 'maybe'."),
        ({"facets": "2"}, "facets is true or false, not '2'."),
        ({"latency-metric": "speed"}, "speed is no latency that is measured."),
        ({"filterQuery": "provider ="}, "invalid filterQuery at column 11"),
        ({"filterQuery": "x; DROP TABLE catalog_models"}, "invalid filterQuery at column 2"),
        ({"provider": "a\0"}, "invalid filterQuery at column"),
    ],
)
def test_what_is_wrong_with_a_search_is_told(models: Api, query: dict[str, str], message: str) -> None:
    assert told(models.management.get("search", query), 400, "BadRequest")[0].startswith(message)


def test_the_filters_are_told_as_a_form_shows_them(models: Api) -> None:
    said = models.management.get("filters").json
    by_name = {one["name"]: one for one in said["items"]}
    assert by_name["max-parameters"] == {
        "name": "max-parameters",
        "title": "Parameters, at most",
        "kind": "most",
        "property": "parameters_b.double_value",
        "unit": "B",
        "help": "",
        "every": False,
        "performance": False,
        "groups": {},
    }
    assert by_name["license"]["groups"]["permissive"][:2] == ["apache-2.0", "mit"]
    for sort in said["sorts"]:
        assert len(found(models, sort=sort)) == 5
    for metric in said["latencies"]:
        assert models.management.get("search", {"max-latency": "1", "latency-metric": metric}).status == 200


# Models


def test_a_model_is_shown_with_all_that_is_known_of_it(models: Api) -> None:
    model = models.management.get("models", {"name": "acme/granite-8b-FP8"}).json
    assert model["source"] == "red"
    assert model["quantization"] == "fp8"
    assert model["accuracy"] == 60.0
    assert model["variants"] == ["acme/granite-8b"]
    assert model["performance"] == [
        {"hardware_type": "H100", "hardware_count": 1, "ttft_p90": 20.0, "requests_per_second": 1.0, "e2e_mean": 100.0}
    ]
    assert model["artifacts"] == [{"artifactType": "model-artifact", "uri": "oci://registry.example.com/m:1"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"name": "GRANITE-8B"}, ("red", "acme/granite-8b")),
        ({"name": "catalog://blue/tiny"}, ("blue", "tiny")),
        ({"name": "red/acme/llama"}, ("red", "acme/llama")),
        ({"name": "acme/llama"}, ("red", "acme/llama")),  # the source that was defined first
        ({"name": "acme/llama", "source": "blue"}, ("blue", "acme/llama")),
        ({"name": "llama", "source": "blue"}, ("blue", "acme/llama")),
    ],
)
def test_a_model_is_found_by_what_people_call_it(models: Api, query: dict[str, str], expected: tuple[str, str]) -> None:
    model = models.management.get("models", query).json
    assert (model["source"], model["name"]) == expected


def test_a_name_that_may_be_several_models_is_refused(api: Api) -> None:
    api.give("s", entry("acme/llama"), entry("meta/llama"))
    assert told(api.management.get("models", {"name": "llama"}), 400, "BadRequest")[0] == (
        "llama may be acme/llama or meta/llama."
    )


@pytest.mark.parametrize("query", [{"name": "granit"}, {"name": "x", "source": "none"}, {"name": "\0"}, {"name": ""}])
def test_a_model_that_is_not_there_is_not_found(models: Api, query: dict[str, str]) -> None:
    message, hint = told(models.management.get("models", query), 404, "NotFound")
    assert message.startswith("The catalog has no model")
    assert hint


TASK = "OpenLLM V1 / GSM8K (Strict-Match, 5-shot)"
LIED = row(model="acme/b", baseline="80.00", score="40.00", recovery="99.9", task="MMLU (5-shot)")
TRUE = row(model="acme/b", baseline="80.00", score="40.00", recovery="50.0")


def test_models_are_compared_by_their_scores_and_on_the_same_hardware(api: Api) -> None:
    api.give(
        "s",
        with_evidence(entry("acme/original", point("H100", e2e_mean=200.0))),
        with_evidence(
            entry("acme/b", point("H100", e2e_mean=100.0), point("A100", e2e_mean=300.0)),
            row(model="acme/b", baseline="80.00", score="40.00", columns=["acme/original", "acme/b"]),
        ),
    )
    compared = api.management.get("compare", {"model": ["acme/original", "acme/b"]}).json
    assert [one["name"] for one in compared["models"]] == ["acme/original", "acme/b"]
    assert not any("readme" in one for one in compared["models"])
    (score,) = compared["scores"]
    assert (score["suite"], score["task"]) == ("OpenLLM V1", "gsm8k")
    assert score["values"][0] == {"score": "80.00", "source": "https://huggingface.co/acme/model"}
    assert (score["values"][1]["score"], score["values"][1]["recovery"]) == ("40.00", 50.0)
    on = {
        one["hardware_type"]: [each and each["e2e_mean"] for each in one["values"]] for one in compared["performance"]
    }
    assert on == {"H100": [200.0, 100.0], "A100": [None, 300.0]}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["tiny"], "Two to 4 models are compared, not 1."),
        (["tiny", "blue/tiny"], "Two to 4 models are compared, not 1."),
        (
            ["tiny", "acme/granite-8b", "acme/granite-8b-FP8", "red/acme/llama", "blue/acme/llama"],
            "Two to 4 models are compared, not 5.",
        ),
        ([], "model: Field required"),
    ],
)
def test_two_to_four_models_are_compared(models: Api, names: list[str], message: str) -> None:
    assert told(models.management.get("compare", {"model": names}), 400, "BadRequest")[0] == message


def test_a_comparison_with_what_is_not_there_is_not_found(models: Api) -> None:
    told(models.management.get("compare", {"model": ["tiny", "none"]}), 404, "NotFound")


def test_claims_that_their_own_scores_contradict_are_listed(api: Api) -> None:
    api.give("s", with_evidence(entry("acme/a")), with_evidence(entry("acme/b"), TRUE, LIED))
    said = api.management.get("contradictions").json
    assert (said["rows"], said["verdicts"]["agrees"], said["verdicts"]["contradicts"]) == (2, 1, 1)
    (one,) = said["contradictions"]
    assert (one["model"], one["task"], one["claim"], one["recovery"]) == ("acme/b", "mmlu", "99.9", 50.0)
    assert one["sentence"] == "The card says 99.9 %, its own scores give 50.0 %."
    assert api.management.get("models", {"name": "acme/b"}).json["evidence"]["scores"][1]["verdict"] == "contradicts"


def test_a_claim_counts_once_and_only_where_its_model_is_in_sight(api: Api) -> None:
    api.give("s", with_evidence(entry("acme/b"), LIED))
    api.give("t", with_evidence(entry("acme/b"), LIED))
    assert api.management.get("contradictions").json["rows"] == 1
    for source in ("s", "t"):
        api.management.patch(f"sources/{source}", {"enabled": False})
    said = api.management.get("contradictions").json
    assert (said["rows"], said["contradictions"]) == (0, [])


def test_evidence_of_models_that_went_out_of_sight_is_not_counted(api: Api) -> None:
    api.give("s", with_evidence(entry("acme/b"), LIED))
    api.give("s", with_evidence(entry("acme/b"), TRUE))
    assert api.management.get("contradictions").json["verdicts"]["contradicts"] == 0


# What is given along with a source

TOKEN = "hf_a-secret-token"


def test_a_source_may_bring_its_models_and_lose_them_with_it(service: Service) -> None:
    wanted = {"id": "brought", "type": "yaml", "catalogData": CATALOG}
    preview = service.management.post("sources/preview", wanted | {"excludedModels": ["*-draft"]}).json
    assert (preview["total"], preview["included"]) == (2, 1)
    added = service.management.post("sources", wanted)
    assert (added.status, added.json["uploaded"]) == (201, True)
    assert service.loaded("brought")["models"] == 2
    assert service.management.get("sources/brought/data").json == {"catalogData": CATALOG}

    kept = {"type": "yaml", "properties": added.json["properties"], "name": "Brought", "excludedModels": ["*-draft"]}
    assert service.management.send("PUT", "sources/brought", json=kept).json["name"] == "Brought"
    until(lambda: service.kubeflow.names() == ["acme/granite"])
    service.management.send("PUT", "sources/brought", json=kept | {"catalogData": "models: [{name: other}]"})
    until(lambda: service.kubeflow.names() == ["other"])

    file = Path(added.json["properties"]["yamlCatalogPath"])
    assert file.exists()
    service.management.delete("sources/brought")
    assert not file.exists()


def test_a_token_is_kept_encrypted_and_shown_to_nobody(service: Service) -> None:
    wanted = {"id": "theirs", "type": "hf", "includedModels": ["acme/*"], "accessToken": TOKEN, "enabled": False}
    added = service.management.post("sources", wanted)
    assert added.status == 201
    assert added.json["tokenKept"]
    variable = added.json["properties"]["apiKeyEnvVar"]
    for path in ("sources", "sources/theirs", "sources/theirs/data"):
        assert TOKEN not in str(service.management.get(path).json)
    kept = list((service.settings.home / "catalog" / "uploaded").glob("*.token"))
    assert len(kept) == 1
    assert TOKEN not in kept[0].read_text()
    assert kept[0].stat().st_mode & 0o077 == 0
    assert service.service.catalog.context().environment.get(variable) == TOKEN

    without = {"type": "hf", "includedModels": ["acme/*"], "enabled": False}
    assert not service.management.send("PUT", "sources/theirs", json=without).json["tokenKept"]
    assert service.service.catalog.context().environment.get(variable) is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"catalogData": 7}, "catalogData must be a text."),
        ({"catalogData": "models: []", "type": "hf", "includedModels": ["a/*"]}, "goes with a source of type yaml"),
        ({"type": "yaml", "accessToken": "t", "properties": {"yamlCatalogPath": "a"}}, "has no token"),
        ({"type": "hf", "includedModels": ["a/*"], "accessToken": "two words"}, "must be one word"),
    ],
)
def test_what_is_given_along_with_the_wrong_source_is_refused(
    service: Service, more: dict[str, Any], said: str
) -> None:
    message, _ = told(service.management.post("sources", {"id": "wrong"} | more), 400, "BadRequest")
    assert said in message
    assert not list((service.settings.home / "catalog" / "uploaded").glob("*"))


def test_a_source_that_a_file_defines_is_not_changed(api: Api) -> None:
    api.sources.define(defined("filed", origin=Path("/etc/forecourt/sources.yaml")))
    message, _ = told(api.management.send("PUT", "sources/filed", json=YAML), 409, "Conflict")
    assert "is defined in" in message


def test_who_listens_is_told_what_changes(service: Service) -> None:
    heard: list[str] = []
    service.service.listen(heard.append)
    service.management.post("sources", {"id": "heard", "type": "yaml", "catalogData": CATALOG})
    service.loaded("heard")
    until(lambda: heard.count("heard") >= 3)  # added, being loaded, loaded
