"""Every kind in one file, in any order, again and again."""

from __future__ import annotations

import json

import pytest

# The deployment first, the project last: the order in which they can be made is another.
EVERYTHING = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: m
  namespace: lab
  annotations:
    serving.kserve.io/stop: "true"
    opendatahub.io/connections: place
    opendatahub.io/hardware-profile-name: tiny
spec:
  predictor:
    model: {modelFormat: {name: answers}}
---
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: answering, namespace: lab}
spec:
  supportedModelFormats: [{name: answers, autoSelect: true}]
  containers: [{name: kserve-container, image: example.com/answering:1}]
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: answering-everywhere}
spec:
  supportedModelFormats: [{name: answers}]
  containers: [{name: kserve-container, image: example.com/answering:1}]
---
apiVersion: infrastructure.opendatahub.io/v1
kind: HardwareProfile
metadata: {name: tiny, namespace: lab}
spec:
  identifiers:
  - {displayName: CPU, identifier: cpu, minCount: 1, defaultCount: 1, maxCount: 1, resourceType: CPU}
---
apiVersion: v1
kind: Secret
metadata:
  name: place
  namespace: lab
  annotations: {opendatahub.io/connection-type-ref: keyed}
stringData: {URI: "file:///nowhere", KEY: never-to-be-seen}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: keyed, namespace: lab, labels: {opendatahub.io/connection-type: "true"}}
data:
  fields: |
    [{"type": "uri", "name": "URI", "envVar": "URI", "required": true},
     {"type": "hidden", "name": "Key", "envVar": "KEY", "required": true}]
---
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {opendatahub.io/dashboard: "true"}}
"""

ORDER = [
    "namespace/lab",
    "configmap/keyed",
    "secret/place",
    "hardwareprofile.infrastructure.opendatahub.io/tiny",
    "clusterservingruntime.serving.kserve.io/answering-everywhere",
    "servingruntime.serving.kserve.io/answering",
    "inferenceservice.serving.kserve.io/m",
]


@pytest.fixture
def file(run, serving, tmp_path):
    path = tmp_path / "everything.yaml"
    path.write_text(EVERYTHING)
    yield str(path)
    run("projects", "delete", "lab", "--yes")
    run("delete", "clusterservingruntime/answering-everywhere", "--ignore-not-found")


def test_the_second_time_nothing_is_changed(run, file):
    first = run("apply", "-f", file)
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines() == [f"{name} created" for name in ORDER]
    second = run("apply", "-f", file)
    assert second.stdout.splitlines() == [f"{name} unchanged" for name in ORDER], second.output
    found = json.loads(run("get", "isvc", "m", "-n", "lab", "--json").stdout)["spec"]["predictor"]["model"]
    assert found["storageUri"] == "file:///nowhere"
    assert found["resources"]["limits"] == {"cpu": 1}


def test_what_is_printed_applies_without_what_is_hidden(run, file):
    run("apply", "-f", file)
    shown = run("get", "secret", "place", "-n", "lab", "-o", "yaml").stdout
    assert "never-to-be-seen" not in shown
    assert run("apply", "-f", "-", stdin=shown).stdout == "secret/place unchanged\n"


def test_a_wrong_document_holds_up_no_other_and_the_exit_code_tells(run, file):
    wrong = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n---\nkind: Secret\napiVersion: v1\nmetadata: {}\n"
    applied = run("apply", "-f", "-", stdin=EVERYTHING.replace('URI: "file:///nowhere", ', "") + wrong)
    assert applied.exit_code == 2
    assert "no kind 'Pod' in version 'v1'" in applied.stderr
    assert "object 9 has no name" in applied.stderr
    assert "secret place (standard input, object 5): data[URI]: Required value" in applied.stderr
    assert "There is no connection place" in applied.stderr
    made = [line.split()[0] for line in applied.stdout.splitlines()]
    assert made == [name for name in ORDER if name.partition("/")[2] not in ("place", "m")]


def test_the_same_file_deletes_it_all(run, file):
    run("apply", "-f", file)
    assert run("delete", "-f", file).exit_code == 2  # the project takes what else is in it along
    deleted = run("delete", "-f", file, "--yes")
    assert deleted.exit_code == 0, deleted.output
    assert deleted.stdout.splitlines() == [
        f'{name.partition("/")[0]} "{name.partition("/")[2]}" deleted' for name in reversed(ORDER)
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ns", "lab"], "Active"),
        (["cm", "-n", "lab"], "keyed"),
        (["secrets", "-n", "lab", "-o", "wide"], "KEY"),
        (["hardwareprofiles", "-A"], "lab "),
        (["clusterservingruntimes"], "answering-everywhere"),
        (["controllerrevisions", "-n", "lab", "-o", "wide"], "file:///nowhere"),
    ],
)
def test_each_kind_is_listed(run, file, words, said):
    run("apply", "-f", file)
    shown = run("get", *words)
    assert shown.exit_code == 0
    assert said in shown.stdout


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("configmap/keyed", "Kind:       ConfigMap"),
        ("hardwareprofile/tiny", "the project lab"),
        ("ns/lab", "Deployments:"),
        ("connection/place", "••••••"),
        ("servingruntime/answering", "kserve-container"),
    ],
)
def test_each_kind_is_described(run, file, what, said):
    run("apply", "-f", file)
    shown = run("describe", what, "-n", "lab")
    assert shown.exit_code == 0, shown.output
    assert said in shown.stdout


def test_an_empty_list_says_where_others_are(run, serving):
    assert "forecourt connections types" in run("get", "cm").stderr
    assert "forecourt hardware-profiles list" in run("get", "hardwareprofiles").stderr
