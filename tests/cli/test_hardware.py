"""Hardware profiles by hand."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def clean(run, serving):
    yield
    for name in ("mine", "small"):
        run("hardware-profiles", "delete", name, "--yes")


def one(run, name):
    return json.loads(run("hardware-profiles", "show", name, "--json").stdout)


def row(run, name):
    lines = run("hardware-profiles", "list").stdout.splitlines()
    return next(line for line in lines if line.startswith(f"{name} "))


def test_what_this_machine_has_is_proposed(run, clean):
    assert row(run, "small").endswith("this machine")
    assert "proposed" in run("hardware-profiles", "show", "small").stdout
    refused = run("hardware-profiles", "delete", "small")
    assert refused.exit_code == 2
    assert "ships with Forecourt" in refused.stderr


def test_a_profile_is_created_with_everything(run, clean):
    words = ["--cpu", "1:2:4", "--memory", "1Gi:2Gi:", "--accelerator", "nvidia.com/gpu=1:1:2"]
    words += ["--node-selector", "gpu=a100", "--toleration", "gpu=yes:NoSchedule", "--toleration", "spot"]
    words += ["--cpu-affinity", "0-1", "--devices", "0", "--display-name", "Mine"]
    made = run("hardware-profiles", "create", "mine", *words)
    assert (made.exit_code, made.stdout) == (0, "hardware profile mine created\n"), made.output
    spec = one(run, "mine")["spec"]
    assert [tuple(each.get(f"{kind}Count") for kind in ("min", "default", "max")) for each in spec["identifiers"]] == [
        (1, 2, 4),
        ("1Gi", "2Gi", None),
        (1, 1, 2),
    ]
    assert spec["scheduling"]["node"] == {
        "nodeSelector": {"gpu": "a100"},
        "tolerations": [
            {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
            {"key": "spot", "operator": "Exists"},
        ],
    }
    shown = run("hardware-profiles", "show", "mine").stdout
    assert "gpu=yes:NoSchedule" in shown
    assert "nvidia.com/gpu=1:1:2" in row(run, "mine")
    assert run("hardware-profiles", "create", "mine").exit_code == 1


def test_a_change_of_a_proposed_one_takes_its_place_until_that_is_deleted(run, clean):
    assert run("hardware-profiles", "set", "small", "--cpu", "1:1:1").exit_code == 0
    assert row(run, "small").endswith("created")
    assert [each["identifier"] for each in one(run, "small")["spec"]["identifiers"]] == ["cpu", "memory"]
    assert run("hardware-profiles", "delete", "small").exit_code == 0
    assert row(run, "small").endswith("this machine")


def test_a_profile_is_hidden_and_offered_again(run, clean):
    run("hardware-profiles", "create", "mine")
    assert run("hardware-profiles", "disable", "mine").stdout == "hardware profile mine disabled\n"
    assert " no " in row(run, "mine")
    run("hardware-profiles", "enable", "mine")
    assert " yes " in row(run, "mine")


def test_a_profile_of_one_project_is_listed_there_only(run, clean):
    run("hardware-profiles", "create", "mine", "-n", "default")
    assert "mine" not in run("hardware-profiles", "list").stdout
    assert "project default" in run("hardware-profiles", "list", "-n", "default").stdout
    assert run("hardware-profiles", "delete", "mine", "-n", "default").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cpu", "1:2"], "is no MIN:DEFAULT:MAX"),
        (["--cpu", "4:2:1"], "minCount"),
        (["--memory", "lots"], "must be a quantity"),
        (["--accelerator", "nvidia.com/gpu"], "is no NAME=MIN:DEFAULT:MAX"),
        (["--toleration", "a=b:Never"], "is no KEY[=VALUE][:EFFECT]"),
        (["--node-selector", "gpu"], "is no KEY=VALUE"),
        (["--cpu-affinity", "all"], "must be numbers and ranges"),
    ],
)
def test_what_cannot_be_a_profile_is_refused(run, clean, words, message):
    refused = run("hardware-profiles", "create", "mine", *words)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert run("hardware-profiles", "show", "mine").exit_code == 3


def test_a_deployment_gets_what_its_profile_says_and_no_more(run, clean, serving):
    run("hardware-profiles", "create", "mine", "--cpu", "1:2:2", "--memory", "1Gi")
    words = [f"file://{serving}", "--name", "m", "--model-format", "answers", "--hardware-profile", "mine"]
    refused = run("deploy", *words, "--cpu", "3")
    assert refused.exit_code == 2
    assert "CPU: 3 is more than 2, the most of mine" in refused.stderr
    try:
        made = run("deploy", *words, "--no-wait", "-o", "json")
        resources = json.loads(made.stdout)["spec"]["predictor"]["model"]["resources"]
        assert resources["limits"] == {"cpu": 2, "memory": "1Gi"}
        refused = run("hardware-profiles", "delete", "mine")
        assert (refused.exit_code, "default/m" in refused.stderr) == (2, True)
    finally:
        run("delete", "m")
