"""A registered version is deployed by its name, and the registry knows of it."""

from __future__ import annotations

import json
import time

import pytest


@pytest.fixture
def registered(run, serving):
    """A version in the registry, of the model that the answering runtime serves."""
    made = run(
        "registry",
        "register",
        f"file://{serving}",
        "--name",
        "talker",
        "--version",
        "1.0",
        "--format",
        "answers",
        "--alias",
        "champion",
        "--stage",
        "production",
        "--json",
    )
    assert made.exit_code == 0, made.output
    yield json.loads(made.stdout)
    run("registry", "delete", "talker", "--yes", "--cascade")


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("version", ["1.0", "champion", "production"])
def test_a_version_is_deployed_by_its_name_its_alias_or_its_stage(run, registered, version):
    made = run("deploy", f"model-registry://talker/{version}", "--dry-run", "-o", "json")
    assert made.exit_code == 0, made.output
    document = json.loads(made.stdout)
    assert document["metadata"]["name"] == "talker-1-0"
    assert (
        document["metadata"]["labels"]["modelregistry.opendatahub.io/model-version-id"]
        == (registered["modelVersion"]["id"])
    )
    model = document["spec"]["predictor"]["model"]
    assert model["storageUri"] == registered["modelArtifact"]["uri"]
    assert model["modelFormat"]["name"] == "answers"


def test_what_is_deployed_is_in_the_registry(run, registered):
    made = run("deploy", "model-registry://talker", "--name", "talking")
    try:
        assert made.exit_code == 0, made.output
        until(lambda: "RUNNING" in run("registry", "lineage", "talker/1.0").stdout)
        assert "talking" in run("registry", "lineage", "talker/1.0").stdout
        refused = run("registry", "delete", "talker", "--yes", "--cascade")
        assert refused.exit_code != 0
        assert "is deployed" in refused.stderr
    finally:
        run("delete", "talking", "--yes")


def test_a_service_may_name_the_registry_itself(run, registered, tmp_path):
    manifest = tmp_path / "service.yaml"
    model = "{modelFormat: {name: answers}, storageUri: 'model-registry://talker/champion'}"
    manifest.write_text(
        "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: applied}\n"
        f"spec:\n  predictor:\n    model: {model}\n"
    )
    try:
        applied = run("apply", "-f", str(manifest))
        assert applied.exit_code == 0, applied.output
        until(lambda: "True" in run("get", "isvc", "applied").stdout)
        until(lambda: "applied" in run("registry", "lineage", "talker/1.0").stdout)
    finally:
        run("delete", "applied", "--yes")


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("model-registry://nobody", "The registry has no model nobody."),
        ("model-registry://talker/9", "talker has no version, alias or stage 9."),
        ("model-registry://registry.example.com:8080/talker/1.0", "is another registry than this one"),
    ],
)
def test_what_is_not_registered_is_told(run, registered, uri, problem):
    made = run("deploy", uri)
    assert made.exit_code in (2, 3)
    assert problem in made.stderr
