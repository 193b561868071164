"""From a runtime's annotations and a deployment to what a replica runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving.objects import service

from forecourt.errors import InvalidObject
from forecourt.processes import Environment, Program
from forecourt.serving.local.plan import Plan, Recipe
from forecourt.serving.model import ServingRuntime


def runtime(*, container: dict[str, object] | None = None, **annotations: str) -> ServingRuntime:
    named = {f"forecourt.dev/local-{name.replace('_', '-')}": text for name, text in annotations.items()}
    own = {
        "name": "kserve-container",
        "image": "example.com/r:1",
        "command": ["serve-on-a-cluster"],
        "args": ["--port=$(PORT)", "--name={{.Name}}", "--model=/mnt/models"],
        "env": [{"name": "PORT", "value": "8080"}, {"name": "HF_HOME", "value": "/tmp/hf_home"}],
    }
    return ServingRuntime.from_dict(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ClusterServingRuntime",
            "metadata": {"name": "r", "annotations": {"forecourt.dev/local-command": "python serve.py"} | named},
            "spec": {
                "supportedModelFormats": [{"name": "gguf", "autoSelect": True}],
                "containers": [own | (container or {})],
            },
        }
    )


def program(runtime: ServingRuntime, **model: object) -> Program:
    environment = Environment(Path("/e"), Path("/e/bin/python"), Path("/e/bin"))
    return Plan(Recipe.of(service(**model), runtime), Path("/m"), environment).program(1234)


def test_the_local_command_replaces_the_containers_and_all_arguments_follow() -> None:
    argv = program(runtime(), args=["--mine"]).argv
    assert argv == ("python", "serve.py", "--port=1234", "--name=chat", "--model=/m", "--mine")


def test_local_variables_replace_the_runtimes_and_give_way_to_the_deployments() -> None:
    local = runtime(env="HF_HOME=\nLEVEL=$(PORT)=x\n")
    assert program(local).env["HF_HOME"] == ""
    assert program(local).env["LEVEL"] == "1234=x"
    assert program(local, env=[{"name": "HF_HOME", "value": "/mine"}]).env["HF_HOME"] == "/mine"


@pytest.mark.parametrize(
    ("cpu", "told"), [("2", "2"), ("1500m", "2"), (4, "4"), ("0.5", "1"), (None, None), ("many", None)]
)
def test_a_limit_of_cpus_is_told_in_whole_ones(cpu: object, told: str | None) -> None:
    limits = {"resources": {"limits": {"cpu": cpu}}} if cpu is not None else {}
    assert program(runtime(container=limits)).env.get("FORECOURT_CPUS") == told


def test_overrides_and_leave_to_listen_everywhere_make_another_revision() -> None:
    plain = Recipe.of(service(), runtime())
    over = Recipe.of(service(), runtime(overrides="torch==2\n\n"))
    assert over.overrides == ("torch==2",)
    assert plain.revision != over.revision
    everywhere = service()
    annotations = {"forecourt.dev/listens-everywhere": "allowed"}
    metadata = everywhere.metadata.model_copy(update={"annotations": annotations})
    allowed = Recipe.of(everywhere.model_copy(update={"metadata": metadata}), runtime())
    assert allowed.may_listen_everywhere
    assert allowed.revision != plain.revision


def test_where_the_probe_is_a_command_the_start_up_probes_path_is_asked() -> None:
    probes = {"readinessProbe": {"exec": {"command": ["true"]}}, "startupProbe": {"httpGet": {"path": "/health"}}}
    assert Recipe.of(service(), runtime(container=probes)).probe.path == "/health"


@pytest.mark.parametrize(
    ("annotation", "text", "says"),
    [
        ("env", "no variable", "'no variable' is no variable"),
        ("env", "1A=b", "is no variable"),
        ("ready_seconds", "soon", "is no number of seconds"),
        ("ready_seconds", "-1", "is no number of seconds"),
        ("ready_seconds", "nan", "is no number of seconds"),
        ("command", "python 'serve.py", "cannot be read"),
    ],
)
def test_an_annotation_that_cannot_be_right_is_told_by_its_name(annotation: str, text: str, says: str) -> None:
    with pytest.raises(InvalidObject, match=says) as refused:
        Recipe.of(service(), runtime(**{annotation: text}))
    assert f"forecourt.dev/local-{annotation.replace('_', '-')}" in refused.value.message
