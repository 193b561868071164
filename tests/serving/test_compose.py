"""What a person says becomes the object that the dashboard's form would make, which KServe takes."""

from __future__ import annotations

import pytest
from serving.kserve_schemas import conforms

from forecourt.errors import InvalidObject
from forecourt.serving.compose import compose, resource_name
from forecourt.serving.model import load_all

URI = "oci://localhost:5000/demo/model:1"


def test_it_has_what_the_dashboard_writes():
    document = compose("chat", URI, model_format="gguf", display_name="Chat!").to_dict()
    conforms(document)
    assert document["metadata"]["namespace"] == "default"
    assert document["metadata"]["labels"]["opendatahub.io/dashboard"] == "true"
    assert document["metadata"]["annotations"]["openshift.io/display-name"] == "Chat!"
    assert document["spec"]["predictor"] == {
        "model": {"modelFormat": {"name": "gguf"}, "storageUri": URI},
        "minReplicas": 1,
        "maxReplicas": 1,
    }


def test_it_has_everything_that_was_said():
    isvc = compose(
        "chat",
        URI,
        model_format="gguf",
        namespace="team",
        runtime="llamacpp",
        replicas=3,
        args=["--ctx-size=4096"],
        env={"A": "1"},
        cpu="2",
        memory="4Gi",
        gpus=1,
        labels={"a": "b"},
        annotations={"c": "d"},
    )
    conforms(isvc.to_dict())
    assert (isvc.namespace, isvc.replicas, isvc.model.runtime) == ("team", 3, "llamacpp")
    assert isvc.model.resources is not None
    resources = {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": 1}
    assert isvc.model.resources.to_dict() == {"requests": resources, "limits": resources}
    assert load_all(isvc.to_yaml()) == [isvc]


@pytest.mark.parametrize(
    ("said", "named", "protocol", "kind"),
    [
        ("safetensors", "vLLM", None, "generative"),
        ("openvino", "openvino_ir", "v2", "predictive"),
        ("onnx", "onnx", "v2", "predictive"),
        ("gguf", "gguf", None, "generative"),
    ],
)
def test_a_format_is_called_what_runtimes_call_it_and_its_protocol_is_asked_for(said, named, protocol, kind):
    isvc = compose("m", URI, model_format=said)
    assert isvc.model.model_format.name == named
    assert isvc.model.protocol_version == protocol
    assert isvc.metadata.annotation("opendatahub.io/model-type") == kind
    assert compose("m", URI, model_format=said, runtime="mine").model.protocol_version is None


def test_a_model_for_mlserver_says_what_loads_it():
    isvc = compose("m", URI, model_format="sklearn")
    conforms(isvc.to_dict())
    assert isvc.metadata.labels["modelClass"] == "mlserver_sklearn.SKLearnModel"
    assert "modelClass" not in compose("m", URI, model_format="gguf").metadata.labels


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "9lives"},
        {"name": "Chat"},
        {"name": ""},
        {"uri": "oci://UPPER CASE"},
        {"cpu": "lots"},
        {"replicas": -1},
    ],
)
def test_what_cannot_be_a_deployment_is_refused(wrong):
    given = {"name": "chat", "uri": URI, "model_format": "gguf"} | wrong
    with pytest.raises(InvalidObject):
        compose(**given)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Model", "my-model"),
        ("  Qwen 2.5 / 0.5B  ", "qwen-25-05b"),
        ("-a--b-", "a-b"),
        ("7B chat", "m-7b-chat"),
        ("x" * 80, "x" * 30),
    ],
)
def test_a_name_is_made_of_what_people_call_it(text, name):
    assert resource_name(text) == name
    compose(name, URI, model_format="gguf")


def test_a_name_is_found_where_no_letter_is_left():
    compose(resource_name("日本語"), URI, model_format="gguf")
