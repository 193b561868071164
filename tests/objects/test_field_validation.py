"""``fieldValidation`` as Kubernetes has it: fields that nobody knows warn, are refused or pass; wrong ones never do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from objects.served import Api

from forecourt.objects.fieldvalidation import header
from forecourt.objects.located import load_located
from forecourt.serving.model import InferenceService

RUNTIMES = "/apis/serving.kserve.io/v1alpha1/namespaces/default/servingruntimes"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
YAML = {"content-type": "application/yaml"}
MERGE = {"content-type": "application/merge-patch+json"}

RUNTIME = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: mine
  annotations:
    forecourt.dev/local-command: mine
spec:
  supportedModelFormats:
  - name: mine
  containers:
  - name: kserve-container
    image: example.com/mine:1
"""
UNKNOWN = RUNTIME.replace("spec:\n", "spec:\n  replica: 1\n")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with closing(Api(tmp_path_factory.mktemp("api"))) as api:
        yield api


@pytest.fixture
def http(served: Api) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, trust_env=False, timeout=10) as client:
        yield client
        client.delete(f"{RUNTIMES}/mine")
    for one in served.objects.list(InferenceService):
        marked = served.objects.mark_deleted(InferenceService, one.namespace, one.name)
        served.objects.purge(InferenceService, one.namespace, one.name, marked.metadata.uid or "")


def test_what_is_right_has_no_warning(http):
    made = http.post(RUNTIMES, content=RUNTIME, headers=YAML)
    assert made.status_code == 201
    assert "warning" not in made.headers


def test_an_unknown_field_is_warned_of_and_kept(http):
    made = http.post(RUNTIMES, content=UNKNOWN, headers=YAML)
    assert made.status_code == 201
    assert made.headers["warning"] == (
        '299 - "unknown field \\"spec.replica\\": did you mean replicas? (line 8, column 3)"'
    )
    assert made.json()["spec"]["replica"] == 1


def test_strict_refuses_it_and_ignore_says_nothing(http):
    refused = http.post(RUNTIMES, content=UNKNOWN, headers=YAML, params={"fieldValidation": "Strict"})
    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
    assert 'strict decoding error: unknown field "spec.replica"' in refused.json()["message"]
    ignored = http.post(RUNTIMES, content=UNKNOWN, headers=YAML, params={"fieldValidation": "Ignore"})
    assert (ignored.status_code, "warning" in ignored.headers) == (201, False)


def test_a_field_that_is_there_twice_is_warned_of(http):
    text = RUNTIME.replace("  name: mine\n  anno", "  name: mine\n  name: mine\n  anno")
    assert (
        'duplicate field \\"metadata.name\\" (line 5'
        in http.post(RUNTIMES, content=text, headers=YAML).headers["warning"]
    )
    refused = http.put(f"{RUNTIMES}/mine", content=text, headers=YAML, params={"fieldValidation": "Strict"})
    assert refused.status_code == 400


def test_a_level_that_is_none_is_refused(http):
    refused = http.post(RUNTIMES, content=RUNTIME, headers=YAML, params={"fieldValidation": "Harsh"})
    assert refused.status_code == 400
    assert "Strict" in str(refused.json()["details"])


@pytest.mark.parametrize("level", ["Ignore", "Warn", "Strict"])
def test_a_wrong_type_is_refused_with_its_line_whatever_the_level(http, level):
    text = RUNTIME.replace("example.com/mine:1", "1")
    refused = http.post(RUNTIMES, content=text, headers=YAML, params={"fieldValidation": level})
    assert (refused.status_code, refused.json()["reason"]) == (422, "Invalid")
    assert "spec.containers[0].image: Invalid value: 1: must be a string" in refused.json()["message"]
    assert "(line 12, column 12)" in refused.json()["message"]


def test_json_has_no_lines_and_is_refused_all_the_same(http):
    document = {"metadata": {"name": "mine"}, "spec": {"containers": [{"name": "other"}]}}
    refused = http.post(RUNTIMES, json=document)
    assert refused.status_code == 422
    assert "No container is named kserve-container" in refused.json()["message"]
    assert "line" not in refused.json()["message"]


def test_a_patch_is_checked_as_what_comes_of_it(http):
    http.post(RUNTIMES, content=RUNTIME, headers=YAML)
    known = http.patch(f"{RUNTIMES}/mine", json={"spec": {"replicas": 2}}, headers=MERGE)
    assert (known.status_code, "warning" in known.headers) == (200, False)
    unknown = http.patch(f"{RUNTIMES}/mine", json={"spec": {"replica": 2}}, headers=MERGE)
    assert (unknown.status_code, "warning" in unknown.headers) == (200, True)
    wrong = http.patch(f"{RUNTIMES}/mine", json={"spec": {"disabled": "no"}}, headers=MERGE)
    assert wrong.status_code == 422
    assert http.get(f"{RUNTIMES}/mine").json()["spec"].get("disabled") is None


SERVICE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: mine
spec:
  predictor:
    minReplica: 2
    model:
      modelFormat:
        name: mine
      storageUri: oci://example.com/m:1
"""


def test_a_misspelled_field_of_a_deployment_is_warned_of_with_its_line_and_refused_by_strict(http):
    made = http.post(SERVICES, content=SERVICE, headers=YAML)
    assert made.status_code == 201
    assert made.headers["warning"] == (
        '299 - "unknown field \\"spec.predictor.minReplica\\": did you mean minReplicas? (line 7, column 5)"'
    )
    assert made.json()["spec"]["predictor"]["minReplica"] == 2
    refused = http.put(f"{SERVICES}/mine", content=SERVICE, headers=YAML, params={"fieldValidation": "Strict"})
    assert (refused.status_code, refused.json()["reason"]) == (400, "BadRequest")
    assert 'unknown field "spec.predictor.minReplica": did you mean minReplicas? (line 7' in refused.json()["message"]
    assert "--validate=warn" in str(refused.json()["details"])


def test_what_only_a_cluster_would_refuse_of_a_deployment_is_a_warning(http):
    text = SERVICE.replace("minReplica: 2", "terminationGracePeriodSeconds: soon")
    made = http.post(SERVICES, content=text, headers=YAML)
    assert made.status_code == 201
    assert "spec.predictor.terminationGracePeriodSeconds: Invalid value" in made.headers["warning"]
    wrong = http.put(f"{SERVICES}/mine", content=SERVICE.replace("minReplica: 2", "minReplicas: two"), headers=YAML)
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "Invalid")
    assert 'spec.predictor.minReplicas: Invalid value: "two"' in wrong.json()["message"]
    assert "(line 7, column 18)" in wrong.json()["message"]


def test_the_status_of_a_deployment_is_the_servers_affair(http):
    document = http.post(SERVICES, content=SERVICE.replace("    minReplica: 2\n", ""), headers=YAML).json()
    document["status"] = {"whatever": 1}
    again = http.put(f"{SERVICES}/mine", json=document, params={"fieldValidation": "Strict"})
    assert (again.status_code, "warning" in again.headers) == (200, False)


def test_a_warning_fits_a_header():
    assert header('a "b"\nünknown \\') == '299 - "a \\"b\\" ?nknown \\\\"'


def test_places_are_found_through_lists_maps_and_merge_keys():
    [one] = load_located("a: &a\n  x: 1\nb:\n  <<: *a\n  y: [1,\n    2]\n")
    assert str(one.value(("b", "y", 1))) == "line 6, column 5"
    assert str(one.key(("b", "y"))) == "line 5, column 3"
    assert str(one.value(("b", "x"))) == "line 2, column 6"
    assert str(one.value(("b", "nothing", 3))) == "line 4, column 3"
    assert one.repeated == ()
