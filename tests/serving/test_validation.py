"""Objects that Kubernetes or KServe would refuse are refused here, with the field's name."""

from __future__ import annotations

import pytest
from serving.objects import runtime, service

from forecourt.errors import InvalidObject
from forecourt.serving.model import InferenceService
from forecourt.serving.validation import validate_runtime, validate_service


def said(document, before=None):
    validate = validate_service if isinstance(document, InferenceService) else validate_runtime
    with pytest.raises(InvalidObject) as failure:
        validate(document, before)
    return failure.value.message


@pytest.mark.parametrize("name", ["a", "a-b", "a1", "a" * 53])
def test_names_that_kserve_takes_are_taken(name):
    validate_service(service(name))


@pytest.mark.parametrize("name", ["A", "1a", "-a", "a-", "a.b", "a_b", "a b", "ä", "a" * 54, "a\n"])
def test_names_against_kserves_rules_are_refused(name):
    assert said(service(name)).startswith("metadata.name: Invalid value: ")


def test_an_object_needs_a_name():
    assert said(service("")) == "metadata.name: Required value"


def test_the_name_and_the_namespace_fit_in_one_label():
    validate_service(service("a" * 30, "b" * 30))
    assert said(service("a" * 33, "b" * 33)).startswith("metadata.name: ")


@pytest.mark.parametrize("namespace", ["A", "a.b", "-a", "a" * 64])
def test_namespaces_are_dns_labels(namespace):
    wanted = runtime("r", namespace=namespace)
    assert said(wanted).startswith("metadata.namespace: Invalid value: ")


@pytest.mark.parametrize(
    "labels", [{"a b": ""}, {"": "x"}, {"a": "b c"}, {"a": "x" * 64}, {"A_/b": "x"}, {"a/b/c": ""}]
)
def test_labels_have_kubernetes_syntax(labels):
    assert said(service().with_metadata(labels=labels)).startswith("metadata.labels")


def test_annotations_may_say_anything_under_a_proper_key():
    validate_service(service().with_metadata(annotations={"a.b/c_d": "any thing\n at all"}))
    assert said(service().with_metadata(annotations={"a b": ""})).startswith("metadata.annotations")


def test_a_service_needs_a_model_and_its_format():
    assert said(InferenceService().with_metadata(name="a")).startswith("spec.predictor.model: Required value")
    assert said(service(modelFormat=None)).startswith("spec.predictor.model.modelFormat: Required value")


@pytest.mark.parametrize(
    ("predictor", "field"),
    [
        ({"minReplicas": -1}, "minReplicas"),
        ({"maxReplicas": -1}, "maxReplicas"),
        ({"minReplicas": 3, "maxReplicas": 2}, "minReplicas"),
        ({"storageUris": [{"uri": "hf://a/b"}]}, "storageUris"),
    ],
)
def test_replicas_and_sources_make_sense(predictor, field):
    document = service().to_dict()
    document["spec"]["predictor"] |= predictor
    assert said(InferenceService.from_dict(document)).startswith(f"spec.predictor.{field}: Invalid value: ")


@pytest.mark.parametrize("uri", ["nonsense://x", "oci://", "oci://host/UPPER", "oci://host/a:b:c"])
def test_a_uri_that_names_no_model_is_refused(uri):
    assert said(service(storageUri=uri)).startswith("spec.predictor.model.storageUri: Invalid value: ")


def test_a_variable_has_a_variables_name():
    assert said(service(env=[{"name": "A=B", "value": ""}])).startswith("spec.predictor.model.env[0].name")


def test_the_deployment_mode_stays_and_its_old_names_mean_the_same():
    def of(mode):
        return service().with_metadata(annotations={"serving.kserve.io/deploymentMode": mode})

    validate_service(of("Standard"), of("RawDeployment"))
    assert "must not be changed" in said(of("Knative"), of("Standard"))


def test_a_priority_is_at_least_one():
    assert "priority" in said(runtime("r", {"name": "gguf", "priority": 0}))
