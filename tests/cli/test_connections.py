"""Connections by hand: what is hidden is asked for, and never shown."""

from __future__ import annotations

import json

import pytest
from cli.terminal import Terminal

SECRET = "never-to-be-seen"
S3 = ["--type", "s3", "--set", "AWS_ACCESS_KEY_ID=id", "--set", "AWS_S3_ENDPOINT=http://127.0.0.1:9"]
S3 += ["--set", "AWS_S3_BUCKET=models"]


@pytest.fixture
def clean(run, serving, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    yield
    for name in ("store", "hub", "registry"):
        run("connections", "delete", name, "--yes")


@pytest.fixture
def store(run, clean):
    made = run("connections", "create", "store", *S3, stdin=f"{SECRET}\n")
    assert made.exit_code == 0, made.output
    assert SECRET not in made.output
    return "store"


def test_the_types_say_what_they_ask_for(run, serving):
    table = run("connections", "types").stdout
    assert "AWS_SECRET_ACCESS_KEY*" in table
    shown = run("connections", "types", "oci")
    assert "Registry host" in shown.stdout
    known = json.loads(run("connections", "types", "s3", "--json").stdout)
    assert [one["variable"] for one in known["fields"] if one["hidden"]] == ["AWS_SECRET_ACCESS_KEY"]


def test_an_empty_project_teaches_how_to_make_one(run, clean):
    listed = run("connections", "list")
    assert listed.stdout == ""
    assert "forecourt connections create store --type s3" in listed.stderr


def test_a_connection_is_shown_without_what_is_hidden(run, store):
    row = run("connections", "list").stdout.splitlines()[1].split()
    assert row[:3] == [store, "s3", "http://127.0.0.1:9/models"]
    for words in (["connections", "show"], ["connections", "show", "--json"], ["connections", "show", "-o", "yaml"]):
        shown = run(*words, store)
        assert shown.exit_code == 0
        assert SECRET not in shown.output
    assert "AWS_SECRET_ACCESS_KEY:  ••••••" in run("describe", f"secret/{store}").stdout
    assert SECRET not in run("get", "secret", store, "-o", "yaml").stdout


def test_a_hidden_value_comes_from_the_environment(run, clean, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    made = run("connections", "create", "store", *S3)
    assert (made.exit_code, made.stdout) == (0, "connection store created\n")
    assert "AWS_SECRET_ACCESS_KEY is taken from the environment" in made.stderr


def test_a_value_comes_from_a_file(run, clean, tmp_path):
    (tmp_path / "config.json").write_text('{"auths": {"quay.io": {"auth": "dTpw"}}}\n')
    words = ["--type", "oci-v1", "--set", "OCI_HOST=quay.io"]
    file = f"--from-file=.dockerconfigjson={tmp_path / 'config.json'}"
    assert run("connections", "create", "registry", *words, file).exit_code == 0
    assert run("connections", "create", "registry", *words, file).exit_code == 1


def test_on_a_terminal_a_hidden_value_is_asked_for_and_not_echoed(run, clean):
    terminal = Terminal("connections", "create", "store", *S3)
    terminal.until(r"Secret key \(AWS_SECRET_ACCESS_KEY\): ")  # the space comes once nothing is echoed any more
    terminal.type(f"{SECRET}\r")
    assert SECRET not in terminal.until("connection store created")
    assert terminal.close() == 0
    assert run("connections", "show", "store").exit_code == 0


def test_a_hidden_value_among_the_arguments_is_taken_with_a_warning(run, clean):
    made = run("connections", "create", "store", *S3, "--set", f"AWS_SECRET_ACCESS_KEY={SECRET}")
    assert made.exit_code == 0
    assert "in the shell's history" in made.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--type", "ftp"], 2, "There is no connection type 'ftp'"),
        (S3, 2, "There is no value for AWS_SECRET_ACCESS_KEY"),
        ([*S3, "--set", "BUCKET=x"], 2, "the connection type s3 has no 'BUCKET'"),
        ([*S3, "--from-file", "AWS_SECRET_ACCESS_KEY=/nowhere"], 3, "There is no file /nowhere"),
        ([*S3, "--from-file", "AWS_SECRET_ACCESS_KEY"], 2, "is no KEY=PATH"),
        (["--type", "uri-v1", "--set", "URI=nothing"], 2, "must be a URI"),
        (["--type", "uri-v1"], 2, "Required value: URI"),
    ],
)
def test_what_cannot_be_a_connection_is_refused(run, clean, words, code, message):
    refused = run("connections", "create", "store", *words)
    assert refused.exit_code == code, refused.output
    assert message in refused.stderr
    assert run("connections", "show", "store").exit_code == 3


def test_a_change_keeps_what_it_does_not_name(run, store):
    before = json.loads(run("connections", "show", store, "--json").stdout)
    changed = run("connections", "set", store, "--set", "AWS_DEFAULT_REGION=eu", "--unset", "AWS_S3_BUCKET")
    assert (changed.exit_code, changed.stdout) == (0, "connection store changed\n"), changed.output
    after = json.loads(run("connections", "show", store, "--json").stdout)
    assert set(after["data"]) == set(before["data"]) - {"AWS_S3_BUCKET"} | {"AWS_DEFAULT_REGION"}
    hidden = "forecourt.dev/hidden-keys"
    assert after["metadata"]["annotations"][hidden] == before["metadata"]["annotations"][hidden]
    assert run("connections", "set", store, "--set", "AWS_SECRET_ACCESS_KEY", stdin="another\n").exit_code == 0
    assert run("connections", "set", store, "--unset", "AWS_SECRET_ACCESS_KEY").exit_code == 2
    assert run("connections", "set", store).exit_code == 2
    assert run("connections", "set", store, "--unset", "NOTHING").exit_code == 2


def test_one_is_tried_and_what_fails_is_not_kept(run, clean, serving):
    refused = run("connections", "create", "store", *S3, "--test", stdin=SECRET)
    assert refused.exit_code == 4, refused.output
    assert "127.0.0.1:9" in refused.stderr
    assert SECRET not in refused.output
    assert run("connections", "show", "store").exit_code == 3
    run("connections", "create", "store", *S3, stdin=SECRET)
    assert run("connections", "test", "store").exit_code == 4
    assert run("connections", "test", "absent").exit_code == 3


def test_one_that_a_deployment_uses_goes_only_if_that_is_meant(run, clean, serving):
    run("connections", "create", "hub", "--type", "uri", "--set", f"URI=file://{serving}")
    deployed = run("deploy", "--connection", "hub", "--name", "m", "--model-format", "answers")
    try:
        assert deployed.exit_code == 0, deployed.output
        assert run("connections", "list").stdout.splitlines()[1].split()[3] == "m"
        refused = run("connections", "delete", "hub")
        assert refused.exit_code == 2
        assert "used by m" in refused.stderr
        assert run("connections", "delete", "hub", "--yes").stdout == "connection hub deleted\n"
    finally:
        run("delete", "m")


def test_delete_of_what_is_not_there(run, serving):
    assert run("connections", "delete", "absent", "--yes").exit_code == 3
