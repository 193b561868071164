"""What is wrong with a serving runtime is said with its line, before anybody runs it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from serving.kserve_schemas import conforms

from forecourt.errors import InvalidObject
from forecourt.objects import structural_problems
from forecourt.serving.definitions import schema_of
from forecourt.serving.runtime_text import Reading, read_runtimes
from forecourt.serving.runtimes import DIRECTORY

DATA = Path(__file__).parents[1] / "data" / "kserve"

RUNTIME = """\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: mine
  annotations:
    openshift.io/display-name: Mine
    forecourt.dev/local-command: python -m mine
    forecourt.dev/local-requirements: |
      six==1.17.0
spec:
  supportedModelFormats:
    - name: mine
      autoSelect: true
  containers:
    - name: kserve-container
      image: example.com/mine:1
      args:
        - --port=$(PORT)
      env:
        - name: PORT
          value: "8080"
      ports:
        - containerPort: 8080
"""

TEMPLATE = """\
apiVersion: template.openshift.io/v1
kind: Template
metadata:
  name: mine-template
  annotations:
    opendatahub.io/apiProtocol: REST
    openshift.io/display-name: The template
parameters:
  - name: TAG
    value: "2"
objects:
  - apiVersion: serving.kserve.io/v1alpha1
    kind: ServingRuntime
    metadata:
      name: mine
      annotations:
        openshift.io/display-name: The runtime
    spec:
      supportedModelFormats:
        - name: mine
      containers:
        - name: kserve-container
          image: example.com/mine:${TAG}
"""


def said(text: str) -> list[str]:
    return [str(finding) for finding in read_runtimes(text).errors]


def changed(old: str, new: str) -> str:
    assert old in RUNTIME
    return RUNTIME.replace(old, new)


def warned(reading: Reading) -> list[str]:
    return [str(finding) for finding in reading.warnings]


@pytest.mark.parametrize("file", sorted(DIRECTORY.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_ships_has_nothing_wrong(file):
    reading = read_runtimes(file.read_text())
    assert not reading.errors
    assert all("only on a cluster" in line for line in warned(reading))


def test_a_runtime_that_is_right_is_read():
    reading = read_runtimes(RUNTIME)
    assert not reading.findings
    [runtime] = reading.checked()
    assert (runtime.name, runtime.display_name) == ("mine", "Mine")
    conforms(runtime.to_dict())


def test_the_schema_is_kserves_and_the_same_for_the_whole_cluster():
    cluster = json.loads(gzip.decompress((DATA / "serving.kserve.io_clusterservingruntimes.json.gz").read_bytes()))
    assert schema_of("servingruntimes") == cluster["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "containerPort: 8080",
            'containerPort: "8080"',
            'line 23, column 26: spec.containers[0].ports[0].containerPort: Invalid value: "8080": '
            "must be an integer, without quotes: 8080",
        ),
        (
            'value: "8080"',
            "value: 8080",
            "line 21, column 18: spec.containers[0].env[0].value: Invalid value: 8080: "
            'must be a string, in quotes: "8080"',
        ),
        (
            "supportedModelFormats:",
            "supportedModelFormat:",
            'line 11, column 3: unknown field "spec.supportedModelFormat": did you mean supportedModelFormats?',
        ),
        (
            "autoSelect: true",
            "autoSelect: yes please",
            'line 13, column 19: spec.supportedModelFormats[0].autoSelect: Invalid value: "yes please": '
            "must be a boolean",
        ),
        (
            "- name: mine",
            "- version: mine",
            "line 12, column 7: spec.supportedModelFormats[0].name: Required value",
        ),
        (
            "name: kserve-container",
            "name: server",
            'line 15, column 13: spec.containers[0].name: No container is named kserve-container: there is "server": '
            "the one that serves must be kserve-container",
        ),
        (
            "containerPort: 8080",
            "containerPort: 80800",
            "line 23, column 26: spec.containers[0].ports[0].containerPort: Invalid value: 80800: "
            "must be between 1 and 65535",
        ),
        (
            "--port=$(PORT)",
            "--name={{.Nmae}}",
            "line 18, column 11: spec.containers[0].args[0]: The placeholder {{.Nmae}} is not understood: "
            'known are {{.Name}}, {{.Namespace}}, {{.Labels.x}}, {{.Annotations.x}} and {{index .Annotations "a/b"}}',
        ),
        (
            "python -m mine",
            "python -m 'mine",
            "line 7, column 34: metadata.annotations[forecourt.dev/local-command]: "
            "The command cannot be read: No closing quotation: close the quotes",
        ),
        (
            "six==1.17.0",
            "=1.17.0",
            "line 8, column 39: metadata.annotations[forecourt.dev/local-requirements]: "
            "'=1.17.0' is no requirement: Write a package's name, such as 'six' or 'six==1.17.0', or a '--' option",
        ),
        (
            "    forecourt.dev/local-requirements: |\n",
            "    forecourt.dev/local-ready-seconds: soon\n    forecourt.dev/local-requirements: |\n",
            "line 8, column 40: metadata.annotations[forecourt.dev/local-ready-seconds]: "
            "Invalid value: 'soon' is no number of seconds up to a day",
        ),
        (
            "kind: ServingRuntime",
            "kind: Deployment",
            'line 2, column 7: kind: Unsupported value: "Deployment": '
            "write ServingRuntime or ClusterServingRuntime, or an OpenShift Template with one in it",
        ),
        (
            "v1alpha1",
            "v1",
            'line 1, column 13: apiVersion: Unsupported value: "serving.kserve.io/v1": '
            "write serving.kserve.io/v1alpha1",
        ),
        (
            "  name: mine\n  annotations",
            "  name: My Runtime\n  annotations",
            'line 4, column 9: metadata.name: Invalid value: "My Runtime": '
            "must be lower-case letters, digits, '-' and '.', a letter or digit at each end",
        ),
        (
            "  name: mine\n  annotations",
            "  name: mine\n  name: mine\n  annotations",
            "line 5, column 3: metadata.name: This field is there twice: write it once",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_field_line_and_what_would_be_right(old, new, says):
    assert said(changed(old, new)) == [says]


def test_everything_that_is_wrong_is_said_at_once():
    text = changed("autoSelect: true", "autoSelect: 1").replace("containerPort: 8080", "containerPort: http")
    with pytest.raises(InvalidObject, match=r"^2 things are wrong:\nline 13, .*\nline 23, ") as refused:
        read_runtimes(text).checked()
    assert len(refused.value.message.splitlines()) == 3
    assert read_runtimes(text).runtimes == ()


@pytest.mark.parametrize("text", ["a: [1", "\tx", "{", "a: &a [*a]"])
def test_what_is_no_yaml_is_said_to_be_none(text):
    with pytest.raises(InvalidObject, match=r"YAML"):
        read_runtimes(text)


@pytest.mark.parametrize("text", ["just text", "- a", "", "# nothing\n", "kind: List\nitems: 3\n", "42"])
def test_text_that_is_no_runtime_is_refused_or_empty(text):
    assert read_runtimes(text).runtimes == ()


def test_an_unknown_field_may_be_let_pass_with_a_warning():
    reading = read_runtimes(
        changed("supportedModelFormats:", "newInKServe: {}\n  supportedModelFormats:"), unknown_fields=True
    )
    assert warned(reading) == ['line 11, column 3: unknown field "spec.newInKServe"']
    assert reading.checked()[0].to_dict()["spec"]["newInKServe"] == {}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("--port=$(PORT)", "--port=8080", "line 18, column 11: spec.containers[0].args[0]: Every process"),
        ("--port=$(PORT)", "--host=0.0.0.0", "not made ready here: write $(HOST)"),
        ("      image: example.com/mine:1\n", "", "line 15, column 7: spec.containers[0].image: It has no image"),
        ("local-command", "local-comand", "did you mean forecourt.dev/local-command?"),
        ("    forecourt.dev/local-command: python -m mine\n", "", "only on a cluster: add the annotation"),
        (
            "      ports:",
            "      readinessProbe: {tcpSocket: {port: 9}}\n      ports:",
            "It asks at port 9, which is none of the container's: they are 8080",
        ),
    ],
)
def test_what_works_but_not_as_it_may_be_meant_is_a_warning(old, new, says):
    reading = read_runtimes(changed(old, new))
    assert not reading.errors
    assert any(says in line for line in warned(reading)), warned(reading)


def test_a_template_of_openshift_gives_the_runtime_in_it():
    [runtime] = read_runtimes(TEMPLATE).checked()
    assert runtime.container.image == "example.com/mine:2"
    assert runtime.display_name == "The runtime"
    assert runtime.metadata.annotation("opendatahub.io/apiProtocol") == "REST"
    conforms(runtime.to_dict())


def test_what_is_wrong_inside_a_template_is_said_with_its_line():
    assert said(TEMPLATE.replace("image: example.com/mine:${TAG}", "image: 3")) == [
        'line 23, column 18: objects[0].spec.containers[0].image: Invalid value: 3: must be a string, in quotes: "3"'
    ]
    assert said(TEMPLATE.replace("kind: ServingRuntime", "kind: Pod")) == [
        "line 11, column 1: objects: This template has no ServingRuntime in it"
    ]


def test_several_runtimes_may_be_in_one_text_but_not_of_one_name():
    other = RUNTIME.replace("name: mine\n  annotations", "name: other\n  annotations")
    assert [one.name for one in read_runtimes(f"{RUNTIME}---\n{other}").checked()] == ["mine", "other"]
    assert any("Two are named" in line for line in said(f"{RUNTIME}---\n{RUNTIME}"))


@pytest.mark.parametrize(
    "document",
    [
        {"spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": value}}}]}}
        for value in ("1", 1, "500m", "two", 0.5, True, [])
    ]
    + [
        {"spec": {"containers": value}}
        for value in ([], {}, None, "x", [{}], [{"name": None}], [{"name": "a", "env": 3}])
    ]
    + [{"spec": value} for value in (None, 3, {}, {"containers": [{"name": "a"}], "multiModel": "no"})],
)
def test_it_refuses_what_a_validator_of_json_schema_refuses(document):
    whole = {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ServingRuntime", "metadata": {"name": "a"}} | document
    without_null = json.loads(json.dumps(whole), object_hook=lambda d: {k: v for k, v in d.items() if v is not None})
    right = jsonschema.Draft202012Validator(schema_of("servingruntimes")).is_valid(without_null)
    assert (not structural_problems(schema_of("servingruntimes"), whole)) == right


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["{{.X}}", "yes", "'"])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.none() | st.integers() | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from places(child, (*place, step))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_is_written_at_any_place_is_read_or_refused_in_words(data):
    document = yaml.safe_load(data.draw(st.sampled_from([RUNTIME, TEMPLATE])))
    *path, last = data.draw(st.sampled_from([place for place in places(document) if place]))
    around: Any = document
    for step in path:
        around = around[step]
    around[last] = data.draw(ANYTHING)
    text = yaml.safe_dump(document)
    try:
        reading = read_runtimes(text)
    except InvalidObject:
        return
    lines = text.splitlines()
    assert all(1 <= finding.position.line <= len(lines) and str(finding) for finding in reading.findings)
    assert all(runtime.container for runtime in reading.runtimes)
