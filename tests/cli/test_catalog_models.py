"""A model of the catalog is registered and deployed, with all that the catalog knows of it."""

from __future__ import annotations

import json
from itertools import count

import pytest
import yaml
from tiny_models import write_transformers

NUMBERS = count(1)
QUANTIZED = "RedHatAI/Llama-3.3-70B-Instruct-quantized.w8a8"


@pytest.fixture
def talkers(run, serving):
    """A source with models that the answering runtime serves, and others that only say how; its id."""
    source = f"talkers-{next(NUMBERS)}"
    tools = {"toolCallParser": "openai", "enableAutoToolChoice": True, "chatTemplate": "opt/app-root/template/t.jinja"}
    text = {"metadataType": "MetadataStringValue"}
    answers = {"format": text | {"string_value": "answers"}}
    models = [
        {"name": "acme/talker", "artifacts": [{"uri": f"file://{serving}", "customProperties": answers}]},
        {
            "name": "acme/caller-FP8",
            "provider": "ACME",
            "license": "mit",
            "language": ["en", "fr"],
            "tasks": ["text-generation"],
            "servingConfig": {
                "toolCalling": tools | {"requiredArgs": ["--tool_call_parser qwen3_coder --n 1", "--trust-remote-code"]}
            },
            "customProperties": {
                "base_model": text | {"string_value": "acme/caller"},
                "base_model_relation": text | {"string_value": "finetune"},
            },
            "artifacts": [
                {
                    "uri": "oci://localhost:1/acme/caller:2.0",
                    "customProperties": {"digest": text | {"string_value": "sha256:" + "a" * 64}},
                }
            ],
        },
        {
            "name": "acme/caller-GGUF",
            "servingConfig": {"toolCalling": tools},
            "customProperties": {"format": text | {"string_value": "gguf"}},
            "artifacts": [{"uri": "hf://acme/caller"}],
        },
        {"name": "acme/fileless"},
    ]
    (serving.parent / f"{source}.yaml").write_text(yaml.safe_dump({"source": "Talkers", "models": models}))
    added = run("catalog", "sources", "add", source, "--path", str(serving.parent / f"{source}.yaml"))
    assert added.stdout == f"Added {source} has 4 models\n", added.output
    yield source
    run("catalog", "sources", "remove", source, "--yes")


@pytest.fixture
def car(run, serving, serving_home, tmp_path, monkeypatch):
    """A ModelCar in the server's own registry, and a source of it: the source's id, the image, its digest."""
    name = f"cars-{next(NUMBERS)}"
    registry = json.loads((serving_home / "server.json").read_text())["registry"]
    write_transformers(tmp_path / "tiny", quantization_config={"quant_method": "gptq", "bits": 4})
    reference = f"{registry}/{name}/tiny:1.0"
    packed = run("modelcar", "pack", str(tmp_path / "tiny"), "-t", reference, "--copy", "--json")
    assert packed.exit_code == 0, packed.output
    assert run("modelcar", "push", reference).exit_code == 0
    added = run("catalog", "sources", "add", name, "--registry", registry, "--repository", f"{name}/*")
    assert added.stdout == f"Added {name} has 1 model\n", added.output
    yield name, reference, json.loads(packed.stdout)["digest"]
    run("catalog", "sources", "remove", name, "--yes")


def deployment(run, *words):
    made = run(*words, "--dry-run")
    assert made.exit_code == 0, made.output
    return yaml.safe_load(made.stdout)


# Deployed


def test_a_model_is_deployed_and_answers(run, talkers):
    made = run("catalog", "deploy", "talker", "--name", "talks")
    try:
        assert made.exit_code == 0, made.output
        assert made.stdout.startswith("talks is ready at http://")
        assert run("chat", "talks", "hello").stdout == "HELLO\n"
    finally:
        run("delete", "talks")


@pytest.mark.parametrize("words", [("catalog", "deploy", "caller-fp8"), ("deploy", "catalog://acme/caller-FP8")])
def test_a_deployment_has_the_pinned_image_and_the_arguments_for_tool_calling(run, talkers, words):
    made = deployment(run, *words)
    assert made["metadata"]["name"] == "caller-fp8"
    assert made["metadata"]["annotations"]["openshift.io/display-name"] == "caller-FP8"
    model = made["spec"]["predictor"]["model"]
    assert model["storageUri"] == f"oci://localhost:1/acme/caller:2.0@sha256:{'a' * 64}"
    assert model["modelFormat"]["name"] == "vLLM"
    assert model["args"] == [
        "--enable-auto-tool-choice",
        "--chat-template=/opt/app-root/template/t.jinja",
        "--tool_call_parser=qwen3_coder",
        "--n=1",
        "--trust-remote-code",
    ]


def test_what_a_person_says_of_the_deployment_comes_first(run, talkers):
    words = ["--arg=--tool-call-parser=mine", "--arg=--max-model-len=9", "--name", "c", "--cpu", "2", "-n", "lab"]
    done = run("catalog", "deploy", f"{talkers}/acme/caller-FP8", *words, "--model-format", "x", "--dry-run")
    made = yaml.safe_load(done.stdout)
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("c", "lab")
    model = made["spec"]["predictor"]["model"]
    assert model["modelFormat"]["name"] == "x"
    assert model["resources"]["requests"] == {"cpu": "2"}
    assert "--tool_call_parser=qwen3_coder" not in model["args"]
    assert model["args"][-2:] == ["--tool-call-parser=mine", "--max-model-len=9"]
    assert "The model asks for --enable-auto-tool-choice --chat-template=" in done.stderr


def test_arguments_of_vllm_are_not_for_a_runtime_of_gguf(run, talkers):
    model = deployment(run, "catalog", "deploy", "caller-GGUF")["spec"]["predictor"]["model"]
    assert (model["modelFormat"]["name"], model["storageUri"]) == ("gguf", "hf://acme/caller")
    assert "args" not in model


def test_a_model_that_was_validated_on_vllm_is_of_its_format(run, serving):
    model = deployment(run, "catalog", "deploy", QUANTIZED)["spec"]["predictor"]["model"]
    assert model["modelFormat"]["name"] == "vLLM"


@pytest.mark.parametrize("command", ["deploy", "register"])
def test_a_model_without_files_is_told(run, talkers, command):
    done = run("catalog", command, "fileless")
    assert done.exit_code == 3
    assert "The catalog does not say where the files of acme/fileless are." in done.stderr
    assert "forecourt modelcar pack" in done.stderr


@pytest.mark.parametrize("words", [("catalog", "deploy", "nobody"), ("deploy", "catalog://nobody")])
def test_a_model_that_is_not_there_is_told(run, talkers, words):
    done = run(*words)
    assert done.exit_code == 3
    assert "The catalog has no model" in done.stderr


# Registered


@pytest.fixture
def register(run, serving):
    """Register a model, and return what the API made of it; the registry forgets it in the end."""
    names = []

    def register(*words: str):
        done = run("catalog", "register", *words, "--json")
        assert done.exit_code == 0, done.output
        names.append(json.loads(done.stdout)["registeredModel"]["name"])
        return json.loads(done.stdout)

    yield register
    for name in names:
        run("registry", "delete", name, "--yes", "--cascade")


def lineage(ask, version):
    return json.loads(ask("lineage", version, "--json"))


def test_a_model_is_registered_with_what_the_catalog_knows(register, talkers, ask):
    made = register("caller-FP8", "--alias", "champion", "--alias", "best", "--stage", "staging", "--label", "ours")
    model, version, artifact = made["registeredModel"], made["modelVersion"], made["modelArtifact"]
    assert (model["name"], model["provider"], model["license"]) == ("caller-FP8", "ACME", "mit")
    assert (model["language"], model["tasks"]) == (["en", "fr"], ["text-generation"])
    assert version["name"] == "2.0"
    assert version["customProperties"]["quantization"]["string_value"] == "fp8"
    assert version["customProperties"]["ours"]["string_value"] == ""
    assert artifact["uri"] == f"oci://localhost:1/acme/caller:2.0@sha256:{'a' * 64}"
    assert artifact["modelFormatName"] == "vLLM"
    found = lineage(ask, "caller-FP8/champion")
    assert sorted(found["aliases"]) == ["best", "champion"]
    assert [one["uri"] for one in found["sources"]] == [f"catalog://{talkers}/acme/caller-FP8"]
    assert [(one["relation"], one["uri"]) for one in found["parents"]] == [("finetuned-from", "hf://acme/caller")]
    assert found["evidence"] == []


def test_lineage_leads_to_the_base_and_the_evidence_and_back(register, ask):
    register(QUANTIZED, "--name", "llama", "--version", "w8a8")
    found = lineage(ask, "llama/w8a8")
    parents = [(one["relation"], one["uri"]) for one in found["parents"]]
    assert parents == [("quantized-from", "hf://meta-llama/Llama-3.3-70B-Instruct")]
    (evidence,) = found["evidence"]
    assert evidence["uri"] == f"https://huggingface.co/{QUANTIZED}"
    assert evidence["detail"] == (
        "average recovery 99.7 % over 21 tasks, 3 of the card's claims contradict its own scores"
    )
    assert ask("lineage", f"catalog://validated/{QUANTIZED}", "-o", "name") == "llama/w8a8\n"


def test_a_version_that_is_there_is_not_registered_again(register, run, ask):
    register("gpt-oss-20b", "--name", "oss")
    done = run("catalog", "register", "gpt-oss-20b", "--name", "oss")
    assert done.exit_code == 1
    assert "--version" in done.stderr
    assert ask("versions", "oss", "-o", "name") == "oss/1.5\n"


def test_registering_ends_with_what_to_do_next(register, run, talkers):
    register("caller-GGUF")
    done = run("catalog", "register", "caller-GGUF")
    assert done.stdout.startswith("Registered caller-GGUF/v2\n")
    assert f"  source:         catalog://{talkers}/acme/caller-GGUF\n" in done.stdout
    assert "forecourt deploy model-registry://caller-GGUF/v2\n" in done.stderr


def test_the_registrys_own_command_registers_it_the_same_way(run, talkers):
    done = run("registry", "register", f"catalog://{talkers}/acme/caller-FP8", "--name", talkers, "--json")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert (made["registeredModel"]["license"], made["modelVersion"]["name"]) == ("mit", "2.0")
    run("registry", "delete", talkers, "--yes", "--cascade")


# From a registry


def test_a_modelcar_in_our_registry_is_shown_registered_and_deployed_by_its_digest(run, car, register):
    name, reference, digest = car
    shown = run("catalog", "show", f"{name}/tiny").stdout
    assert f"  oci://{reference}  {digest}  " in shown
    made = register(f"{name}/tiny", "--name", name)
    assert made["modelVersion"]["name"] == "1.0"
    assert made["modelArtifact"]["uri"] == f"oci://{reference}@{digest}"
    assert made["modelArtifact"]["customProperties"]["digest"]["string_value"] == digest
    model = deployment(run, "catalog", "deploy", f"{name}/tiny")["spec"]["predictor"]["model"]
    assert model["storageUri"] == f"oci://{reference}@{digest}"
    assert model["modelFormat"]["name"] == "vLLM", "what runtimes call safetensors"


# Completion


def test_models_sources_and_values_are_completed(shell, talkers):
    def tab(line: str, place: int) -> list[str]:
        done = shell(_FORECOURT_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(place))
        assert done.stderr == ""
        return done.stdout.split()

    assert tab("forecourt catalog show caller-F", 3) == ["caller-FP8"]
    assert tab("forecourt catalog show acme/caller-F", 3) == ["acme/caller-FP8"]
    assert tab(f"forecourt catalog sources show {talkers[:-1]}", 4).count(talkers) == 1
    assert tab("forecourt catalog search --quantization w4", 4) == ["w4a16"]
    assert tab("forecourt catalog search --min-rec", 3) == ["--min-recovery"]
