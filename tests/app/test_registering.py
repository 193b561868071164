"""What would be registered of a model: all that is known of it by its URI, and what there is of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from servers import Server, serving
from tiny_models import write_gguf, write_transformers

OURS = "/api/forecourt/v1/registry"
QUERY = urlencode({"filterQuery": "name = 'tried'"})
Propose = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose catalog has a model with all that can be known of one."""
    home = tmp_path_factory.mktemp("proposals")
    model = {
        "name": "acme/talker-FP8",
        "description": "It talks <script>",
        "provider": "ACME",
        "license": "mit",
        "language": ["en"],
        "customProperties": {
            "base_model": {"metadataType": "MetadataStringValue", "string_value": "acme/talker"},
            "base_model_relation": {"metadataType": "MetadataStringValue", "string_value": "quantized"},
        },
        "artifacts": [{"uri": "oci://localhost:1/acme/talker:2.0"}],
    }
    (home / "models.yaml").write_text(yaml.safe_dump({"source": "Ours", "models": [model, {"name": "acme/nowhere"}]}))
    with serving(home, FORECOURT_CATALOG_FOLDERS=str(home)) as running:
        done = running.run("catalog", "sources", "add", "ours", "--path", str(home / "models.yaml"))
        assert done.returncode == 0, done.stderr
        yield running


@pytest.fixture
def propose(server: Server) -> Propose:
    def propose(**query: str) -> tuple[int, dict[str, Any]]:
        return server.call("GET", f"{OURS}/proposal?{urlencode(query)}")

    return propose


def test_a_model_of_the_catalog_comes_with_all_that_the_catalog_knows(propose: Propose) -> None:
    status, found = propose(uri="catalog://ours/acme/talker-FP8")
    assert status == 200, found
    wanted = found["registration"]
    assert wanted["registeredModel"]["name"] == "talker-FP8"
    assert wanted["registeredModel"]["license"] == "mit"
    assert wanted["modelVersion"]["name"] == "2.0"
    assert wanted["modelVersion"]["description"] == "It talks <script>"
    assert wanted["modelArtifact"]["uri"] == "oci://localhost:1/acme/talker:2.0"
    assert wanted["links"] == [
        {"relation": "source", "uri": "catalog://ours/acme/talker-FP8"},
        {"relation": "quantized-from", "uri": "hf://acme/talker"},
    ]
    assert (found["registeredModel"], found["modelVersion"], found["sameFiles"]) == (None, None, [])


def test_what_is_proposed_is_what_registering_takes(server: Server, propose: Propose) -> None:
    wanted = propose(uri="catalog://ours/acme/talker-FP8", name="taken")[1]["registration"]
    status, made = server.call("POST", f"{OURS}/register", wanted)
    assert status == 201, made
    found = propose(uri="catalog://ours/acme/talker-FP8", name="taken", version="2.0")[1]
    assert found["registeredModel"] == {"id": made["registeredModel"]["id"], "name": "taken", "state": "LIVE"}
    assert found["modelVersion"]["id"] == made["modelVersion"]["id"]
    assert found["nextVersion"] == "v1"
    assert [one["modelVersion"] for one in found["sameFiles"]] == ["2.0"]


def test_an_image_says_what_it_is_and_is_pinned(server: Server, propose: Propose, tmp_path: Any) -> None:
    write_transformers(tmp_path / "tiny", quantization_config={"quant_method": "gptq", "bits": 4})
    image = f"{server.record['registry']}/acme/tiny:1.5"
    for words in (("pack", str(tmp_path / "tiny"), "-t", image, "--copy"), ("push", image)):
        done = server.run("modelcar", *words)
        assert done.returncode == 0, done.stderr
    wanted = propose(uri=f"oci://{image}")[1]["registration"]
    assert wanted["modelVersion"]["name"] == "1.5"
    assert wanted["modelArtifact"]["uri"].startswith(f"oci://{image}@sha256:")
    assert wanted["modelArtifact"]["modelFormatName"] == "safetensors"
    assert wanted["modelVersion"]["customProperties"]["architecture"]["string_value"] == "LlamaForCausalLM"
    assert propose(uri=f"oci://{image}", pin="false")[1]["registration"]["modelArtifact"]["uri"] == f"oci://{image}"


def test_files_on_this_machine_are_read(propose: Propose, tmp_path: Any) -> None:
    path = write_gguf(tmp_path / "talks.gguf")
    wanted = propose(uri=path.as_uri())[1]["registration"]
    assert (wanted["registeredModel"]["name"], wanted["modelVersion"]["name"]) == ("talks", "v1")
    assert wanted["modelArtifact"]["modelFormatName"] == "gguf"


def test_versions_are_numbered_where_nothing_names_them(server: Server, propose: Propose) -> None:
    for number in (1, 2):
        wanted = propose(uri="s3://bucket/numbered?endpoint=http://localhost:9", name="numbered")[1]["registration"]
        assert wanted["modelVersion"]["name"] == f"v{number}"
        assert server.call("POST", f"{OURS}/register", wanted)[0] == 201
    assert propose(name="numbered", version="v2")[1]["modelVersion"]["name"] == "v2"


@pytest.mark.parametrize(
    ("uri", "status", "said"),
    [
        ("catalog://ours/acme/gone", 404, "The catalog has no model"),
        ("catalog://ours/acme/nowhere", 404, "does not say where the files"),
        ("model-registry://a/b", 400, "in the registry already"),
        ("nothing", 400, "is no URI"),
        ("hf://", 400, "is no URI"),
        ("oci://UPPER/case", 400, ""),
        ("oci://127.0.0.1:1/a/b:1", 503, ""),
        ("file:///nowhere/at/all", 404, "does not exist"),
        ("a://b\0", 400, "null bytes"),
        ("hf://" + "x" * 5000, 400, ""),
    ],
)
def test_what_cannot_be_registered_is_told(propose: Propose, uri: str, status: int, said: str) -> None:
    answered, found = propose(uri=uri)
    assert (answered, said in found["message"]) == (status, True), found


def test_a_scheme_that_nothing_fetches_by_is_told_of(propose: Propose) -> None:
    status, found = propose(uri="gopher://a/model")
    assert status == 200
    assert "gopher://" in found["warnings"][0]


def test_nothing_is_kept_of_what_is_only_tried(server: Server) -> None:
    body = {
        "registeredModel": {"name": "tried"},
        "modelVersion": {"name": "1"},
        "modelArtifact": {"uri": "hf://a/b"},
        "aliases": ["best"],
    }
    status, made = server.call("POST", f"{OURS}/register?dryRun=All", body)
    assert (status, made["modelVersion"]["name"]) == (201, "1")
    there = f"/api/model_registry/v1/registered_models?{QUERY}"
    assert server.call("GET", there)[1]["items"] == []
    assert server.call("POST", f"{OURS}/register?dryRun=perhaps", body)[0] == 400
    assert server.call("POST", f"{OURS}/register", body)[0] == 201


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"registeredModel": {"name": "x" * 300}}, "registeredModel: "),
        ({"modelVersion": {}}, "modelVersion: "),
        ({"modelArtifact": {"uri": 5}}, "modelArtifact: "),
        ({"aliases": ["latest"]}, "aliases: "),
        ({"stage": "canary"}, "stage: "),
        ({"links": [{"relation": "source", "uri": "u"}, {"relation": "cousin", "uri": "u"}]}, "links[1]: "),
    ],
)
def test_an_error_says_of_which_part_it_is(server: Server, change: dict[str, Any], said: str) -> None:
    body = {"registeredModel": {"name": "wrong"}, "modelVersion": {"name": "1"}, "modelArtifact": {"uri": "hf://a/b"}}
    status, answer = server.call("POST", f"{OURS}/register?dryRun=All", body | change)
    assert status in (400, 422)
    assert answer["message"].startswith(said)
