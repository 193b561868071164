"""A model's URI becomes a version in the registry; where it comes from is drawn as a tree."""

from __future__ import annotations

import json
from itertools import count

import pytest
from tiny_models import write_gguf, write_transformers

from forecourt.cli.machine import inspect
from forecourt.errors import InvalidInput, NotFound
from forecourt.importing import look

NUMBERS = count(1)


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"registered-{next(NUMBERS)}"


@pytest.fixture
def car(run, serving, name, tmp_path) -> tuple[str, str]:
    """A quantised model, packed as an image of this machine: its reference and its digest."""
    write_transformers(tmp_path / "tiny", quantization_config={"quant_method": "gptq", "bits": 4})
    reference = f"localhost:1/demo/{name}:1.0"
    words = ["--source", "https://huggingface.co/acme/tiny", "--revision", "abc"]
    packed = run("modelcar", "pack", str(tmp_path / "tiny"), "-t", reference, "--copy", *words, "--json")
    assert packed.exit_code == 0, packed.output
    return reference, json.loads(packed.stdout)["digest"]


def test_an_image_says_what_it_is(ask, car, name):
    reference, digest = car
    made = json.loads(ask("register", f"oci://{reference}", "--alias", "champion", "--stage", "staging", "--json"))
    assert made["registeredModel"]["name"] == name
    assert made["registeredModel"]["license"] == "Apache-2.0"
    assert made["registeredModel"]["language"] == ["en"]
    assert made["modelVersion"]["name"] == "1.0"
    properties = made["modelVersion"]["customProperties"]
    assert properties["architecture"]["string_value"] == "LlamaForCausalLM"
    assert properties["context_length"]["int_value"] == "4096"
    assert {"parameters", "quantization", "size", "stage"} <= set(properties)
    assert made["modelArtifact"]["uri"] == f"oci://{reference}@{digest}"
    assert made["modelArtifact"]["modelFormatName"] == "safetensors"
    lineage = json.loads(ask("lineage", f"{name}/champion", "--json"))
    assert [one["uri"] for one in lineage["sources"]] == ["hf://acme/tiny@abc"]
    assert [(one["relation"], one["uri"]) for one in lineage["parents"]] == [
        ("quantized-from", "hf://HuggingFaceTB/SmolLM2-135M")
    ]


def test_registering_ends_with_what_to_do_next(run, car, name):
    done = run("registry", "register", f"oci://{car[0]}", "--no-pin")
    assert done.stdout.startswith(f"Registered {name}/1.0 (a new model)\n")
    assert f"oci://{car[0]}\n" in done.stdout
    assert f"forecourt deploy model-registry://{name}/1.0\n" in done.stderr


def test_a_version_that_is_there_is_not_registered_again(run, ask, car, name):
    ask("register", f"oci://{car[0]}")
    done = run("registry", "register", f"oci://{car[0]}")
    assert done.exit_code == 1
    assert "--version" in done.stderr
    assert ask("versions", name, "-o", "name") == f"{name}/1.0\n"


def test_an_image_that_cannot_be_asked_is_registered_only_as_it_is_named(run, name, serving):
    uri = f"oci://127.0.0.1:1/demo/{name}:2"
    refused = run("registry", "register", uri)
    assert refused.exit_code == 4
    done = run("registry", "register", uri, "--no-pin", "--format", "gguf")
    assert done.exit_code == 0, done.output
    assert "warning: " in done.stderr
    assert f"URI:            {uri}\n" in done.stdout


def test_files_on_this_machine_are_read_for_their_format(ask, name, tmp_path, monkeypatch):
    write_gguf(tmp_path / f"{name}.gguf")
    monkeypatch.chdir(tmp_path)
    made = json.loads(ask("register", f"{name}.gguf", "--json"))
    assert made["registeredModel"]["name"] == name
    assert made["modelVersion"]["name"] == "v1"
    assert made["modelArtifact"]["uri"] == (tmp_path / f"{name}.gguf").as_uri()
    assert made["modelArtifact"]["modelFormatName"] == "gguf"
    assert made["modelVersion"]["customProperties"]["architecture"]["string_value"] == "llama"


def test_what_is_said_comes_before_what_the_files_say(ask, name, tmp_path):
    write_gguf(tmp_path / "tiny.gguf")
    words = ["--name", name, "--version", "q4", "--format", "ggml", "--format-version", "3", "--author", "Zoë"]
    words += ["--property", "architecture=mine", "--label", "chat", "--description", "D", "--version-description", "V"]
    made = json.loads(ask("register", str(tmp_path / "tiny.gguf"), *words, "--json"))
    assert made["registeredModel"]["description"] == "D"
    assert made["modelVersion"]["description"] == "V"
    assert made["modelVersion"]["author"] == "Zoë"
    assert made["modelVersion"]["customProperties"]["architecture"]["string_value"] == "mine"
    assert made["modelVersion"]["customProperties"]["chat"]["string_value"] == ""
    assert (made["modelArtifact"]["modelFormatName"], made["modelArtifact"]["modelFormatVersion"]) == ("ggml", "3")


def test_versions_without_a_tag_are_numbered(run, ask, name):
    for number in (1, 2):
        made = ask("register", "hf://acme/granite:abc", "--name", name, "-o", "name")
        assert made == f"{name}/v{number}\n"
    done = run("registry", "register", "hf://acme/granite", "--name", name, "--description", "new")
    assert f"warning: {name} is there already, and stays as it is" in done.stderr


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("hf://acme/granite-3.1@abc", "granite-3.1"),
        ("hf://acme/granite:abc", "granite"),
        ("s3://bucket/models/granite.gguf", "granite"),
        ("s3://bucket/models/granite-3.1/", "granite-3.1"),
        ("https://example.com/a%20b.onnx?token=1", "a b"),
        ("pvc://claim/model", "model"),
    ],
)
def test_a_model_is_named_after_its_uri(uri, name):
    origin = look(uri, inspect)
    assert (origin.name, origin.uri, origin.source) == (name, uri, uri)


def test_what_is_nothing_to_register_is_told():
    with pytest.raises(NotFound) as told:
        look("localhost:5000/demo/my-model:1.0", inspect)
    assert told.value.hint == "If it is an image, write oci://localhost:5000/demo/my-model:1.0."
    with pytest.raises(InvalidInput, match="in the registry already"):
        look("model-registry://granite/v1", inspect)
    with pytest.raises(InvalidInput, match="is no URI"):
        look("hf://", inspect)


def test_files_of_no_known_format_are_registered_as_they_are(tmp_path):
    (tmp_path / "weights.xyz").write_text("x")
    origin = look(str(tmp_path), inspect)
    assert (origin.uri, origin.format, origin.name) == (tmp_path.as_uri(), "", tmp_path.name)


def test_a_damaged_model_is_refused(tmp_path):
    whole = write_gguf(tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "tiny.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInput):
        look(str(tmp_path / "tiny.gguf"), inspect)


@pytest.fixture
def family(ask, name) -> str:
    """Three generations of a model."""
    ask("register", "hf://acme/base", "--name", name, "--trained-by", "run://7", "--evidence", "https://acme/report")
    ask("register", "s3://acme/tuned", "--name", name, "--parent", f"{name}/v1", "--relation", "finetuned-from")
    words = ["--parent", f"model-registry://{name}/v2", "--relation", "quantized-from", "--alias", "champion"]
    ask("register", "s3://acme/q4", "--name", name, *words)
    return name


def test_lineage_is_drawn_as_a_tree(ask, family):
    assert (
        ask("lineage", f"{family}/champion")
        == f"""\
{family}/v3 (champion)
├── Files
│   └── {family}  s3://acme/q4
├── Source
│   └── s3://acme/q4
└── Made from
    └── quantized-from {family}/v2
        ├── Files
        │   └── {family}  s3://acme/tuned
        ├── Source
        │   └── s3://acme/tuned
        └── Made from
            └── finetuned-from {family}/v1
                ├── Files
                │   └── {family}  hf://acme/base
                ├── Source
                │   └── hf://acme/base
                ├── Trained by
                │   └── run://7
                └── Evidence
                    └── https://acme/report
"""
    )


def test_lineage_shows_what_was_made_from_a_version(ask, family):
    assert ask("lineage", f"{family}/v1").endswith(f"└── Made into\n    └── finetuned-from {family}/v2\n")


def test_a_parent_has_its_own_lineage_in_json(ask, family):
    document = json.loads(ask("lineage", family, "--json"))
    parent = document["parents"][0]["lineage"]
    assert parent["modelVersion"] == "v2"
    assert parent["parents"][0]["lineage"]["trainedBy"][0]["uri"] == "run://7"
    assert "lineage" not in json.loads(ask("lineage", family, "--depth", "0", "--json"))["parents"][0]
    assert ask("lineage", family, "--depth", "0").endswith(f"quantized-from {family}/v2 …\n")


def test_a_parent_that_comes_twice_is_drawn_once(ask, family):
    ask("link", f"{family}/v3", "merged-from", f"{family}/v1")
    shown = ask("lineage", f"{family}/v3")
    assert shown.count("run://7") == 1
    assert shown.endswith(f"└── merged-from {family}/v1 (above)\n")


def test_a_terminal_without_box_characters_gets_ascii(ask, shell, family, serving_home):
    done = shell("registry", "lineage", f"{family}/v1", PYTHONIOENCODING="ascii", FORECOURT_HOME=str(serving_home))
    assert f"|-- Files\n|   `-- {family}  hf://acme/base\n" in done.stdout


def test_an_image_leads_back_to_its_version(ask, car, name):
    reference, digest = car
    ask("register", f"oci://{reference}")
    for word in (
        digest,
        f"oci://{reference}",
        f"oci://{reference}@{digest}",
        f"oci://localhost:1/demo/{name}@{digest}",
    ):
        assert f"{name}/1.0\n" in ask("lineage", word, "-o", "name")
    assert f"ModelCar\n│   └── {digest[:19]}  oci://{reference}\n" in ask("lineage", digest)
    assert name in [one["registeredModel"] for one in json.loads(ask("lineage", digest, "--json"))["items"]]


def test_what_leads_nowhere_is_told(run, serving):
    done = run("registry", "lineage", "hf://acme/nothing")
    assert done.exit_code == 3
    assert "No version leads to hf://acme/nothing." in done.stderr


def test_lineage_can_be_added_and_taken_away(run, ask, family):
    assert ask("link", f"{family}/v3", "evidence", "https://acme/q4", "--detail", "MMLU 0.5") == (
        f"Linked {family}/v3: evidence https://acme/q4\n"
    )
    assert "https://acme/q4  MMLU 0.5\n" in ask("lineage", f"{family}/v3")
    ask("unlink", f"{family}/v3", "evidence", "https://acme/q4")
    assert json.loads(ask("unlink", f"{family}/v3", "quantized-from", f"{family}/v2", "--json"))["status"] == "removed"
    document = json.loads(ask("lineage", f"{family}/v3", "--json"))
    assert (document["evidence"], document["parents"]) == ([], [])
    assert run("registry", "unlink", f"{family}/v3", "evidence", "https://acme/q4").exit_code == 3


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["likes", "https://x"], 2, "Known are source"),
        (["derived-from", "{0}/v3"], 2, "no circles"),
        (["derived-from", "nothing/v1"], 3, "no model nothing"),
        (["source", "hf://acme/base"], 1, "already"),
    ],
)
def test_lineage_that_cannot_be_is_refused(run, family, words, code, said):
    done = run("registry", "link", f"{family}/v1", *(word.format(family) for word in words))
    assert done.exit_code == code
    assert said in done.stderr
