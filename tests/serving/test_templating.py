"""A runtime and a service make one container as KServe merges them, and a process as the kubelet expands it."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving.objects import runtime, service

from forecourt.errors import InvalidObject
from forecourt.serving.model import Container, ObjectMeta
from forecourt.serving.templating import expand, fill_in, merge

META = ObjectMeta(
    name="chat", namespace="team", labels={"modelClass": "x.Y"}, annotations={"a/b": "slash", "plain": "note"}
)


def merged(container, **model):
    containers = [{"name": "kserve-container"} | container]
    return merge(runtime("r", containers=containers), service(**model)).to_dict()


def expanded(args=(), env=(), overrides=None, model="/models/m"):
    container = Container.from_dict({"args": list(args), "env": list(env)})
    return expand(container, overrides or {}, Path(model))


def test_arguments_follow_one_another():
    assert merged({"args": ["--a", "--b=1"]}, args=["--b=2"])["args"] == ["--a", "--b=1", "--b=2"]
    assert merged({"args": ["--a"]})["args"] == ["--a"]
    assert merged({}, args=["--b"])["args"] == ["--b"]


def test_the_environment_is_merged_by_name():
    ours = [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]
    env = merged({"env": ours}, env=[{"name": "B", "value": "2"}, {"name": "C", "value": "3"}])["env"]
    assert env == [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": "3"}]


def test_resources_probes_and_ports_are_merged_and_commands_replaced():
    ours = {
        "command": ["a", "b"],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 5},
        "ports": [{"containerPort": 8080, "name": "http"}],
        "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
        "securityContext": {"runAsUser": 1},
    }
    both = merged(
        ours,
        command=["c"],
        resources={"requests": {"cpu": "2"}, "limits": {"cpu": "2"}},
        readinessProbe={"periodSeconds": 1},
        ports=[{"containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9000}],
        securityContext={"runAsGroup": 2},
    )
    assert both["command"] == ["c"]
    assert both["resources"] == {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"cpu": "2"}}
    assert both["readinessProbe"] == {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1}
    assert [(p["containerPort"], p.get("name"), p.get("protocol")) for p in both["ports"]] == [
        (8080, "http", "TCP"),
        (9000, None, None),
    ]
    assert both["volumeMounts"] == ours["volumeMounts"]
    assert both["securityContext"] == {"runAsUser": 1, "runAsGroup": 2}


@pytest.mark.parametrize(
    ("image", "model", "expected"),
    [
        ("r/a:1", {}, "r/a:1"),
        ("r/a:1", {"image": "s/b:2"}, "s/b:2"),
        ("r:5000/a:1", {"runtimeVersion": "2"}, "r:5000/a:2"),
        ("r:5000/a", {"runtimeVersion": "2"}, "r:5000/a:2"),
        ("r/a@sha256:00", {"runtimeVersion": "2"}, "r/a@sha256:00"),
    ],
)
def test_the_service_may_say_another_image_or_its_version(image, model, expected):
    assert merged({"image": image}, **model)["image"] == expected


def test_what_is_about_the_model_is_not_the_containers():
    assert set(merged({"image": "a"}, runtime="r", protocolVersion="v2")) == {"name", "image"}


def test_placeholders_are_filled_in_everywhere():
    both = merged(
        {"args": ["--name={{.Name}}"], "readinessProbe": {"httpGet": {"path": "/v2/models/{{.Name}}/ready"}}},
        env=[{"name": "N", "value": "{{ .Namespace }}"}],
    )
    assert both["args"] == ["--name=chat"]
    assert both["readinessProbe"]["httpGet"]["path"] == "/v2/models/chat/ready"
    assert both["env"] == [{"name": "N", "value": "default"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{.Name}}-{{ .Namespace }}", "chat-team"),
        ("{{.Labels.modelClass}}", "x.Y"),
        ("{{ .Annotations.plain }}!", "note!"),
        ('{{index .Annotations "a/b"}}', "slash"),
        ("{{ index .Annotations `a/b` }}", "slash"),
        ('{{index .Labels "missing"}}', ""),
        ("{not} $(A) {{.Name}}", "{not} $(A) chat"),
        ("no placeholder", "no placeholder"),
    ],
)
def test_a_placeholder_takes_what_the_metadata_says(text, expected):
    assert fill_in(text, META) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{.Labels.missing}}", "metadata.labels: Required value: the serving runtime asks for the label missing"),
        ("{{.Annotations.missing}}", "metadata.annotations: Required value"),
        ("{{.Spec.x}}", "{{.Spec.x}}, which is not understood"),
        ("{{if .Name}}a{{end}}", "not understood"),
        ("{{.Labels}}", "not understood"),
        ("{{}}", "not understood"),
    ],
)
def test_a_placeholder_without_a_value_is_refused(text, message):
    with pytest.raises(InvalidObject) as failure:
        fill_in(text, META)
    assert message in failure.value.message
    assert failure.value.hint


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(A)", "x1y1"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(UNDEFINED)", "$(UNDEFINED)"),
        ("$A $ $( )", "$A $ $( )"),
        ("$(A", "$(A"),
        ("a$$b", "a$b"),
    ],
)
def test_variables_are_expanded_as_kubernetes_does(argument, expected):
    assert expanded([argument], [{"name": "A", "value": "1"}])[0] == (expected,)


def test_variables_see_those_before_them():
    env = [{"name": "A", "value": "$(B)"}, {"name": "B", "value": "2"}, {"name": "C", "value": "$(B)$(B)"}]
    assert expanded(env=env)[1] == {"A": "$(B)", "B": "2", "C": "22"}


def test_overrides_hold_whatever_the_container_says():
    env = [{"name": "PORT", "value": "8080"}, {"name": "URL", "value": "http://$(HOST):$(PORT)"}]
    args, environment = expanded(["--port=$(PORT)"], env, {"HOST": "127.0.0.1", "PORT": "41234"})
    assert args == ("--port=41234",)
    assert environment == {"HOST": "127.0.0.1", "PORT": "41234", "URL": "http://127.0.0.1:41234"}


def test_variables_that_only_a_cluster_can_look_up_are_left_out():
    env = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]
    assert expanded(["$(TOKEN)"], env) == (("$(TOKEN)",), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/mnt/models", "/models/m"),
        ("--model=/mnt/models", "--model=/models/m"),
        ("/mnt/models/a.gguf", "/models/m/a.gguf"),
        ("-m/mnt/models", "-m/models/m"),
        ("file:///mnt/models", "file:///models/m"),
        ('{"path": "/mnt/models"}', '{"path": "/models/m"}'),
        ("/mnt/models:/mnt/models/b", "/models/m:/models/m/b"),
        ("/mnt/models-cache", "/mnt/models-cache"),
        ("/mnt/models2", "/mnt/models2"),
        ("/mnt/models.bak", "/mnt/models.bak"),
        ("/data/mnt/models", "/data/mnt/models"),
        ("./mnt/models", "./mnt/models"),
    ],
)
def test_the_models_directory_takes_the_place_of_the_mount(text, expected):
    args, env = expanded([text], [{"name": "DIR", "value": text}])
    assert (args, env["DIR"]) == ((expected,), expected)


def test_a_directory_is_put_in_as_it_is():
    assert expanded(["/mnt/models/x"], model=r"/a $(A)\1/g")[0] == (r"/a $(A)\1/g/x",)
