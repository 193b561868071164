"""Projects by hand."""

from __future__ import annotations

import json

import pytest
from cli.terminal import Terminal


@pytest.fixture
def lab(run, serving):
    made = run("projects", "create", "lab", "--display-name", "The lab", "--description", "For trying")
    assert made.exit_code == 0, made.output
    yield "lab"
    run("projects", "delete", "lab", "--yes")


@pytest.fixture
def full(run, lab):
    """A project with a connection and a deployment that is stopped, which has a token."""
    run("connections", "create", "store", "--type", "uri-v1", "--set", "URI=https://example.org/m.gguf", "-n", lab)
    isvc = f"""\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: m, namespace: {lab}, annotations: {{serving.kserve.io/stop: "true"}}}}
spec: {{predictor: {{model: {{modelFormat: {{name: answers}}, storageUri: file:///nowhere}}}}}}
"""
    assert run("apply", "-f", "-", stdin=isvc).exit_code == 0
    assert run("tokens", "create", "m", "ci", "-n", lab).exit_code == 0
    return lab


def test_a_project_is_created_listed_and_shown(run, lab):
    table = run("projects", "list").stdout.splitlines()
    assert table[0].split() == ["NAME", "DISPLAY", "NAME", "STATUS", "DEPLOYMENTS", "CONNECTIONS", "AGE"]
    (row,) = (line for line in table if line.startswith("lab "))
    assert row.split()[1:6] == ["The", "lab", "Active", "0", "0"]
    names = [one["metadata"]["name"] for one in json.loads(run("projects", "list", "--json").stdout)["items"]]
    assert {"default", "lab"} <= set(names)
    shown = run("projects", "show", lab)
    assert "For trying" in shown.stdout
    assert "forecourt deploy URI -n lab" in shown.stderr
    assert run("get", "ns", lab, "-o", "name").stdout == "namespace/lab\n"


def test_what_is_in_a_project_is_counted_and_named(run, full):
    shown = json.loads(run("projects", "show", full, "--json").stdout)["contents"]
    assert shown == {
        "deployments": ["m"],
        "connections": ["store"],
        "tokens": ["m/ci"],
        "runtimes": [],
        "profiles": [],
        "secrets": [],
    }
    assert "Tokens:" in run("describe", f"ns/{full}").stdout


def test_a_project_that_is_not_empty_is_not_deleted_by_a_script_without_yes(run, full):
    refused = run("projects", "delete", full)
    assert refused.exit_code == 2
    assert "1 deployment: m\n  1 connection: store\n  1 token: m/ci" in refused.stderr
    assert "--yes" in refused.stderr
    assert run("delete", f"namespace/{full}").exit_code == 2
    assert run("projects", "show", full).exit_code == 0


def test_a_project_goes_with_all_that_is_in_it(run, full):
    gone = run("projects", "delete", full, "--yes", "--timeout", "20")
    assert (gone.exit_code, gone.stdout) == (0, "project lab deleted\n"), gone.output
    assert run("projects", "show", full).exit_code == 3
    assert run("get", "isvc", "-n", full, "-o", "name").stdout == ""


def test_an_empty_one_needs_no_yes(run, lab):
    assert run("projects", "delete", lab, "--json").exit_code == 0


def test_on_a_terminal_its_name_is_asked_for(run, full):
    terminal = Terminal("projects", "delete", full)
    terminal.until("1 deployment: m")
    terminal.until("Type the project's name to delete it")
    terminal.type("yes\r")
    terminal.until("Nothing was deleted")
    assert terminal.close() == 1
    assert run("projects", "show", full).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["create", "default"], 1, "The project default is there already"),
        (["create", "Not_A_Name"], 2, "metadata.name"),
        (["create", "kube-system"], 2, "clusters keep for themselves"),
        (["show", "absent"], 3, "absent"),
        (["delete", "absent", "--yes"], 3, "absent"),
    ],
)
def test_what_cannot_be_is_told(run, serving, words, code, message):
    refused = run("projects", *words)
    assert refused.exit_code == code
    assert message in refused.stderr


def test_nothing_is_deployed_into_a_project_that_is_not_there(run, serving):
    refused = run("deploy", f"file://{serving}", "--name", "m", "--model-format", "answers", "-n", "absent")
    assert refused.exit_code == 3
    assert "forecourt projects create absent" in refused.stderr
