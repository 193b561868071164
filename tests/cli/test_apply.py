"""Objects from files and from an editor."""

from __future__ import annotations

import stat

import pytest
import yaml

ISVC = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: %s
  annotations: {serving.kserve.io/stop: "true"}
spec:
  predictor:
    model:
      modelFormat: {name: answers}
      storageUri: file:///nowhere
"""


@pytest.fixture
def clean(serving, run):
    yield
    run("delete", "--all", "--yes")


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """Have a shell script be the editor."""

    def editor(script: str) -> None:
        file = tmp_path / "editor"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", str(file))

    return editor


def test_an_object_is_created_then_unchanged_then_configured(run, clean, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(ISVC % "a")
    name = "inferenceservice.serving.kserve.io/a"
    assert run("apply", "-f", str(file)).stdout == f"{name} created\n"
    assert run("apply", "-f", str(file)).stdout == f"{name} unchanged\n"
    file.write_text((ISVC % "a").replace("nowhere", "elsewhere"))
    assert run("apply", "-f", str(file)).stdout == f"{name} configured\n"
    found = yaml.safe_load(run("get", "isvc", "a", "-o", "yaml").stdout)
    assert found["spec"]["predictor"]["model"]["storageUri"] == "file:///elsewhere"


def test_several_objects_come_from_standard_input(run, clean):
    applied = run("apply", "-f", "-", stdin=f"{ISVC % 'a'}---\n{ISVC % 'b'}")
    assert [line.split("/")[1] for line in applied.stdout.splitlines()] == ["a created", "b created"]


def test_a_dry_run_changes_nothing(run, clean):
    applied = run("apply", "-f", "-", "--dry-run", stdin=ISVC % "a")
    assert applied.stdout == "inferenceservice.serving.kserve.io/a created (dry run)\n"
    assert run("get", "isvc", "a").exit_code == 3


def test_a_dry_run_finds_what_the_server_would_refuse(run, clean):
    assert run("apply", "-f", "-", "--dry-run", stdin=ISVC % "Not_A_Name").exit_code == 2


def test_the_result_can_be_printed(run, clean):
    applied = run("apply", "-f", "-", "-o", "yaml", stdin=ISVC % "a")
    assert yaml.safe_load(applied.stdout)["metadata"]["uid"]


def test_one_that_is_refused_does_not_hold_up_the_others(run, clean):
    applied = run("apply", "-f", "-", stdin=f"{ISVC % 'Not_A_Name'}---\n{ISVC % 'b'}")
    assert applied.exit_code == 2
    assert applied.stdout == "inferenceservice.serving.kserve.io/b created\n"
    assert "Not_A_Name" in applied.stderr


def test_a_misspelled_field_is_refused_unless_it_may_pass(run, clean):
    misspelled = (ISVC % "a").replace("storageUri", "storageUrl")
    refused = run("apply", "-f", "-", stdin=misspelled)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert 'unknown field "spec.predictor.model.storageUrl": did you mean storageUri?' in refused.stderr
    assert "--validate=warn" in refused.stderr
    passed = run("apply", "-f", "-", "--validate", "warn", stdin=misspelled)
    assert passed.stdout == "inferenceservice.serving.kserve.io/a created\n"
    assert "warning: unknown field" in passed.stderr
    silent = run("apply", "-f", "-", "--validate", "ignore", stdin=misspelled)
    assert (silent.exit_code, "warning" in silent.stderr) == (0, False)


def test_a_file_that_cannot_be_read_changes_nothing(run, clean, tmp_path):
    (tmp_path / "a.yaml").write_text(ISVC % "a")
    (tmp_path / "b.yaml").write_text("kind: [")
    assert run("apply", "-f", str(tmp_path)).exit_code == 2
    assert run("get", "isvc", "a").exit_code == 3


def test_delete_takes_the_same_files(run, clean):
    text = f"{ISVC % 'a'}---\n{ISVC % 'b'}"
    run("apply", "-f", "-", stdin=text)
    assert run("delete", "-f", "-", stdin=text).stdout.count("deleted") == 2


def test_an_object_is_edited(run, clean, editor):
    run("apply", "-f", "-", stdin=ISVC % "a")
    editor("sed -i s/nowhere/elsewhere/ $1")
    assert run("edit", "a").stdout == "inferenceservice.serving.kserve.io/a edited\n"
    found = yaml.safe_load(run("get", "isvc", "a", "-o", "yaml").stdout)
    assert found["spec"]["predictor"]["model"]["storageUri"] == "file:///elsewhere"


def test_an_edit_without_a_change_changes_nothing(run, clean, editor):
    run("apply", "-f", "-", stdin=ISVC % "a")
    editor("true")
    assert run("edit", "a").stdout == "Nothing was changed.\n"


def test_an_edit_that_is_refused_comes_back_with_the_reason(run, clean, editor, tmp_path):
    run("apply", "-f", "-", stdin=ISVC % "a")
    editor(f"cp $1 {tmp_path}/seen; sed -i 's/kind: InferenceService/kind: Pod/' $1")
    refused = run("edit", "a")
    assert refused.exit_code == 2
    assert "# error: " in (tmp_path / "seen").read_text()


def test_an_edit_that_misspells_a_field_is_refused(run, clean, editor, tmp_path):
    run("apply", "-f", "-", stdin=ISVC % "a")
    editor(f"cp $1 {tmp_path}/seen; sed -i s/storageUri:/storageUrl:/ $1")
    assert run("edit", "a").exit_code == 2
    assert 'unknown field "spec.predictor.model.storageUrl"' in (tmp_path / "seen").read_text()
    editor("sed -i s/storageUri:/storageUrl:/ $1")
    assert run("edit", "a", "--validate", "warn").exit_code == 0


def test_an_editor_that_fails_changes_nothing(run, clean, editor):
    run("apply", "-f", "-", stdin=ISVC % "a")
    editor("exit 1")
    refused = run("edit", "a")
    assert refused.exit_code == 2
    assert "nothing was changed" in refused.stderr


def test_a_runtime_that_ships_is_replaced_and_comes_back(run, serving):
    ships = run("get", "servingruntime", "llamacpp", "-o", "yaml").stdout
    changed = ships.replace("--ctx-size=8192", "--ctx-size=4096")
    assert changed != ships
    name = "servingruntime.serving.kserve.io/llamacpp"
    assert run("apply", "-f", "-", stdin=changed).stdout == f"{name} created\n"
    assert "--ctx-size=4096" in run("get", "servingruntime", "llamacpp", "-o", "yaml").stdout
    assert run("delete", "servingruntime/llamacpp").stdout.endswith('"llamacpp" deleted\n')
    assert run("get", "servingruntime", "llamacpp", "-o", "yaml").stdout == ships
