"""What a person says to deploy becomes fields of the object."""

from __future__ import annotations

import json

import pytest
import yaml

from forecourt.cli.model_formats import format_of
from forecourt.errors import InvalidInput
from forecourt.serving.deployable import guessed

URI = "oci://localhost:5000/demo/m:1"


def made(run, *words):
    shown = run("deploy", *words, "--dry-run")
    assert shown.exit_code == 0, shown.output
    return yaml.safe_load(shown.stdout)


def test_everything_that_is_said_is_in_the_object(run):
    words = ["--min-replicas", "0", "--max-replicas", "3", "--scale-target", "4", "--scale-window", "30s"]
    words += ["--strategy", "recreate", "--expose", "--require-token", "--hardware-profile", "small"]
    words += ["--allow", "*.gguf", "--ignore", "onnx/*", "--change-cause", "the first"]
    document = made(run, URI, "--model-format", "gguf", *words)
    predictor, metadata = document["spec"]["predictor"], document["metadata"]
    assert (predictor["minReplicas"], predictor["maxReplicas"], predictor["scaleTarget"]) == (0, 3, 4)
    assert predictor["deploymentStrategy"] == {"type": "Recreate"}
    env = {one["name"]: json.loads(one["value"]) for one in predictor["model"]["env"]}
    assert env == {"STORAGE_ALLOW_PATTERNS": ["*.gguf"], "STORAGE_IGNORE_PATTERNS": ["onnx/*"]}
    assert metadata["labels"]["networking.kserve.io/visibility"] == "exposed"
    annotations = metadata["annotations"]
    assert annotations["security.opendatahub.io/enable-auth"] == "true"
    assert annotations["opendatahub.io/hardware-profile-name"] == "small"
    assert annotations["autoscaling.knative.dev/window"] == "30s"
    assert annotations["kubernetes.io/change-cause"] == "the first"


def test_a_path_in_the_bucket_of_a_connection_is_a_model(run):
    document = made(run, "--connection", "store", "--path", "models/granite-3.1.gguf")
    assert document["metadata"]["name"] == "granite-3-1-gguf"
    annotations = document["metadata"]["annotations"]
    assert annotations["opendatahub.io/connections"] == "store"
    assert annotations["opendatahub.io/connection-path"] == "models/granite-3.1.gguf"
    model = document["spec"]["predictor"]["model"]
    assert model["modelFormat"] == {"name": "gguf"}
    assert "storageUri" not in model


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "There is no model to deploy"),
        (["--path", "models/m"], "A path needs the bucket"),
        ([URI, "--path", "models/m"], "do not go together"),
        ([URI, "--min-replicas", "3", "--max-replicas", "2"], "at least 3 and at most 2"),
        ([URI, "--replicas", "2", "--max-replicas", "2"], "do not go together"),
        ([URI, "--scale-window", "0s"], "is no time"),
        ([URI, "--strategy", "blue-green"], "Say rolling or recreate"),
        (["hf://ibm-granite/granite-4.0-micro"], "--model-format vLLM"),
        (["s3://models/granite"], "--model-format vLLM"),
        ([URI, "--canary", "101"], "less than or equal to 100"),
    ],
)
def test_what_cannot_be_is_refused_without_a_server(run, words, message):
    refused = run("deploy", *words, "--dry-run")
    assert refused.exit_code == 2, refused.output
    assert message in refused.output


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("https://example.org/models/m.Q4_K_M.gguf?download=true", "gguf"),
        ("s3://models/m/model.safetensors", "vLLM"),
        ("file:///models/iris.joblib", "sklearn"),
        ("hf://unsloth/granite-4.0-micro-GGUF:main", "gguf"),
        ("hf://ibm-granite/granite-4.0-micro", ""),
        ("s3://models/gguf", ""),
    ],
)
def test_a_uri_says_its_format_or_does_not(uri, known):
    assert guessed(uri) == known


def test_what_says_no_format_is_asked_for_it():
    with pytest.raises(InvalidInput, match="is not known") as refused:
        format_of("hf://ibm-granite/granite-4.0-micro")
    assert "--model-format" in refused.value.hint


def test_a_connection_that_is_not_there_is_told_with_those_that_are(run, serving):
    refused = run("deploy", "--connection", "absent", "--name", "m")
    assert refused.exit_code == 3
    assert "forecourt connections list -n default" in refused.stderr
    refused = run("deploy", "--connection", "absent", "--path", "m.gguf", "--name", "m")
    assert refused.exit_code == 2
    assert "There is no connection absent" in refused.stderr
