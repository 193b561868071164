"""KServe's objects are read, kept whole, and written as KServe has them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from serving.kserve_schemas import conforms
from serving.objects import service

from forecourt.errors import InvalidObject
from forecourt.serving.model import ClusterServingRuntime, InferenceService, ServingRuntime, load, load_all

ISVC = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: chat
  creationTimestamp: 2026-01-01T00:00:00Z
  annotations: {serving.kserve.io/stop: "true"}
spec:
  predictor:
    minReplicas: 2
    tolerations: [{key: gpu, operator: Exists}]
    deploymentStrategy: {type: Recreate}
    model:
      modelFormat: {name: gguf}
      storageUri: oci://localhost:5000/demo/model:1
      args: ["--ctx-size=4096"]
      securityContext: {runAsUser: 1000}
"""
RUNTIME = """
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: mine}
spec:
  supportedModelFormats: [{name: gguf, autoSelect: true, priority: 2}]
  containers:
  - {name: kserve-container, image: a, args: [--port=8080], ports: [{containerPort: 8080}]}
"""


def test_what_the_object_says_can_be_asked_in_plain_words():
    (isvc,) = load_all(ISVC)
    assert isinstance(isvc, InferenceService)
    assert (isvc.name, isvc.replicas, isvc.stopped, isvc.recreates) == ("chat", 2, True, True)
    assert isvc.storage_uri == "oci://localhost:5000/demo/model:1"
    assert isvc.model.args == ["--ctx-size=4096"]
    assert InferenceService().replicas == 1
    assert not InferenceService().stopped


def test_a_text_of_several_documents_and_lists_holds_all_their_objects():
    listed = yaml.safe_dump({"kind": "List", "apiVersion": "v1", "items": [yaml.safe_load(RUNTIME)]})
    kinds = [type(one) for one in load_all(f"---\n{ISVC}\n---\n{RUNTIME}\n---\n# nothing\n---\n{listed}")]
    assert kinds == [InferenceService, ServingRuntime, ServingRuntime]


def test_yaml_that_is_written_reads_well_and_reads_back():
    (isvc,) = load_all(ISVC)
    text = isvc.to_yaml()
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [
        "apiVersion: serving.kserve.io/v1beta1",
        "kind: InferenceService",
        "metadata:",
        "spec:",
    ]
    assert "creationTimestamp: '2026-01-01T00:00:00Z'" in text
    assert load_all(text) == [isvc]


def test_yaml_that_is_written_keeps_letters_and_signs_of_all_languages():
    described = service().with_metadata(annotations={"description": "Für Zoë, 東京 \N{ROCKET}", "path": "C:\\Users"})
    text = described.to_yaml()
    assert "description: Für Zoë, 東京 \N{ROCKET}\n" in text and "path: C:\\Users\n" in text
    assert load_all(text) == [described]


def test_times_stay_the_text_they_were_written_as():
    assert load_all(ISVC)[0].metadata.creation_timestamp == "2026-01-01T00:00:00Z"


_KEYS = st.from_regex(r"x[A-Za-z0-9]{0,8}", fullmatch=True)
_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_EXTRA = st.dictionaries(_KEYS, _VALUES, max_size=3)


@settings(max_examples=150, deadline=None)
@given(top=_EXTRA, meta=_EXTRA, predictor=_EXTRA, model=_EXTRA, env=_EXTRA)
def test_fields_that_are_not_known_survive(top, meta, predictor, model, env):
    document: dict[str, Any] = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "a", **meta},
        "spec": {
            "predictor": {
                "model": {"modelFormat": {"name": "gguf"}, "env": [{"name": "A", **env}], **model},
                **predictor,
            }
        },
        **top,
    }
    isvc = load(document)
    assert isvc.to_dict() == document
    assert [one.to_dict() for one in load_all(isvc.to_yaml())] == [document]


def test_objects_do_not_change_but_have_changed_copies():
    isvc = service()
    with pytest.raises(ValidationError):
        isvc.kind = "InferenceService"
    assert isvc.with_metadata(labels={"a": "b"}).metadata.labels == {"a": "b"}
    assert isvc.metadata.labels is None


def test_what_is_read_conforms_to_kserves_schema():
    for one in load_all(f"{ISVC}\n---\n{RUNTIME}"):
        conforms(one.to_dict())


def test_a_cluster_serving_runtime_is_one_too():
    (runtime,) = load_all(RUNTIME.replace("kind: ServingRuntime", "kind: ClusterServingRuntime"))
    assert isinstance(runtime, ClusterServingRuntime)
    assert runtime.container.image == "a"
    conforms(runtime.to_dict())


def test_a_runtime_without_the_container_that_kserve_wants_says_so():
    (runtime,) = load_all(RUNTIME.replace("kserve-container", "other"))
    with pytest.raises(InvalidObject, match='no container named "kserve-container"'):
        _ = runtime.container


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: chat", "name: 3"), "metadata.name: Invalid value: 3: must be a string"),
        (("minReplicas: 2", 'minReplicas: "2"'), 'spec.predictor.minReplicas: Invalid value: "2": must be an integer'),
        (("minReplicas: 2", "minReplicas: true"), "spec.predictor.minReplicas: Invalid value: True: must be an int"),
        (('stop: "true"', "stop: true"), "metadata.annotations.serving.kserve.io/stop: Invalid value: True: must be a"),
        (("--ctx-size=4096", "a"), None),
        (('["--ctx-size=4096"]', "[4096]"), "spec.predictor.model.args[0]: Invalid value: 4096: must be a string"),
        (('["--ctx-size=4096"]', "x"), 'spec.predictor.model.args: Invalid value: "x": must be a list'),
        (("{name: gguf}", "{}"), "spec.predictor.model.modelFormat.name: Required value"),
        (("{name: gguf}", "gguf"), 'spec.predictor.model.modelFormat: Invalid value: "gguf": must be a map'),
        (("kind: InferenceService", "kind: Pod"), "kind: Unsupported value: Pod (serving.kserve.io/v1beta1)"),
        (("kind: InferenceService", ""), "kind: Required value"),
        (("/v1beta1", "/v1"), 'apiVersion: Unsupported value: "serving.kserve.io/v1": supported values: '),
        (("  name: chat", "  name: [a"), "This is not YAML: line 6"),
    ],
)
def test_a_wrong_field_is_named(change, message):
    text = ISVC.replace(*change)
    assert text != ISVC
    if message is None:
        load_all(text)
        return
    with pytest.raises(InvalidObject) as failure:
        load_all(text)
    assert failure.value.message.startswith(message)


@pytest.mark.parametrize("text", ["- a", "just text", "3"])
def test_what_is_no_map_is_no_object(text):
    with pytest.raises(InvalidObject, match="no Kubernetes object"):
        load_all(text)


@pytest.mark.parametrize("text", ["\x00", b"\xff\xfe\xff", "a: &a [*a]", "!!python/object:os.system {}", "[" * 5000])
def test_yaml_that_is_none_or_would_harm_is_refused(text):
    with pytest.raises(InvalidObject):
        load_all(text)


def test_aliases_of_aliases_do_not_explode():
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(InvalidObject, match="too large"):
        load_all("\n".join(["l0: &l0 [a, a]", *levels]))
