"""What the kinds are called, and where they are."""

from __future__ import annotations

import pytest

from forecourt.cli.resources import INFERENCE_SERVICE, SERVING_RUNTIME, named, resource, resource_of
from forecourt.errors import InvalidInput


@pytest.mark.parametrize(
    "word", ["inferenceservices", "inferenceservice", "isvc", "InferenceService", "inferenceservices.serving.kserve.io"]
)
def test_a_deployment_has_the_names_kubectl_knows(word):
    assert resource(word) is INFERENCE_SERVICE


@pytest.mark.parametrize("word", ["servingruntimes", "servingruntime"])
def test_a_runtime_has_the_names_kubectl_knows(word):
    assert resource(word) is SERVING_RUNTIME


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("ns", "Namespace"),
        ("project", "Namespace"),
        ("secrets", "Secret"),
        ("connection", "Secret"),
        ("cm", "ConfigMap"),
        ("hardwareprofiles.infrastructure.opendatahub.io", "HardwareProfile"),
        ("controllerrevisions.apps", "ControllerRevision"),
        ("clusterservingruntime", "ClusterServingRuntime"),
    ],
)
def test_each_kind_has_its_words(word, kind):
    assert resource(word).kind == kind


def test_a_type_of_another_group_is_unknown():
    with pytest.raises(InvalidInput, match=r"no type 'isvc\.apps'"):
        resource("isvc.apps")


def test_an_unknown_type_is_refused_with_those_that_there_are():
    with pytest.raises(InvalidInput, match="no type 'pods'") as refused:
        resource("pods")
    assert "servingruntimes, inferenceservices" in refused.value.hint


def test_a_name_alone_is_a_deployments():
    assert named("my-model") == (INFERENCE_SERVICE, "my-model")
    assert named("servingruntime/llamacpp") == (SERVING_RUNTIME, "llamacpp")


def test_paths_are_kubernetes_own():
    base = "/apis/serving.kserve.io/v1beta1"
    assert INFERENCE_SERVICE.path("demo", "my-model") == f"{base}/namespaces/demo/inferenceservices/my-model"
    assert INFERENCE_SERVICE.path(None) == f"{base}/inferenceservices"
    assert resource("secrets").path("demo", "store") == "/api/v1/namespaces/demo/secrets/store"
    assert resource("ns").path("demo", "lab") == "/api/v1/namespaces/lab"
    assert resource("ns").qualified("lab") == "namespace/lab"


def test_an_object_says_its_kind_and_version():
    assert resource_of({"kind": "ServingRuntime", "apiVersion": "serving.kserve.io/v1alpha1"}, "x") is SERVING_RUNTIME
    with pytest.raises(InvalidInput, match="no kind 'ServingRuntime' in version 'v1'"):
        resource_of({"kind": "ServingRuntime", "apiVersion": "v1"}, "x")
