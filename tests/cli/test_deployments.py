"""Deployments by hand, against a server and a runtime that are processes of their own."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml


def document(shown):
    assert shown.exit_code == 0, shown.output
    return yaml.safe_load(shown.stdout)


def test_deploy_waits_until_the_model_answers_and_says_how_to_ask_it(run, serving):
    made = run("deploy", f"file://{serving}", "--name", "fresh", "--model-format", "answers")
    try:
        assert made.exit_code == 0, made.output
        assert re.match(r"fresh is ready at http://[\w.]+:\d+/serving/default/fresh\n", made.stdout)
        assert "forecourt chat fresh" in made.stderr
        assert '"model": "fresh"' in made.stderr
    finally:
        run("delete", "fresh")


def test_deploy_without_waiting_returns_at_once(run, serving):
    made = run("deploy", f"file://{serving}", "--name", "later", "--model-format", "answers", "--no-wait", "-o", "name")
    try:
        assert made.stdout == "inferenceservice.serving.kserve.io/later\n"
    finally:
        run("delete", "later")


def test_deploy_shows_the_object_without_a_server(run, tmp_path):
    words = ["--name", "m", "-n", "lab", "--model-format", "answers", "--runtime", "answering", "--replicas", "2"]
    words += ["--arg=--pause=1", "--arg=--x", "--env", "A=b=c", "--cpu", "2", "--memory", "4Gi"]
    made = document(run("deploy", "oci://localhost:5000/demo/m:1.0", *words, "--dry-run"))
    assert (made["apiVersion"], made["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == ("m", "lab")
    predictor = made["spec"]["predictor"]
    assert predictor["minReplicas"] == 2
    model = predictor["model"]
    assert model["storageUri"] == "oci://localhost:5000/demo/m:1.0"
    assert model["runtime"] == "answering"
    assert model["modelFormat"]["name"] == "answers"
    assert model["args"] == ["--pause=1", "--x"]
    assert model["env"] == [{"name": "A", "value": "b=c"}]
    assert model["resources"]["requests"] == {"cpu": "2", "memory": "4Gi"}


def test_a_deployment_is_named_after_the_image(run):
    made = document(
        run("deploy", "oci://localhost:5000/demo/my_model.q4:1.0", "--model-format", "answers", "--dry-run")
    )
    assert made["metadata"]["name"] == "my-model-q4"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["oci://localhost:5000/demo/m", "--env", "A"], "--env 'A' is no KEY=VALUE"),
        (["oci://nowhere/demo/m"], "does not say its registry"),
        (["oci://localhost:5000/demo/m", "--name", "My_Model"], "My_Model"),
        (["oci://localhost:5000/demo/m", "--name", "9lives"], "9lives"),
        (["oci://localhost:5000/demo/m", "--cpu", "many"], "many"),
        (["gopher://x"], "gopher"),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_anything_is_done(run, serving, words, message):
    refused = run("deploy", *words, "--model-format", "answers")
    assert refused.exit_code == 2, refused.output
    assert message in refused.stderr
    assert refused.stdout == ""


def test_a_failed_deployment_is_told_with_the_runtimes_last_lines(run, serving):
    words = ["--name", "broken", "--model-format", "answers", "--arg=--fail"]
    try:
        failed = run("deploy", f"file://{serving}", *words)
        assert failed.exit_code == 1
        assert "the tensors are upside down" in failed.stderr
        assert "forecourt logs broken" in failed.stderr
        assert "the tensors are upside down" in run("describe", "broken").output
        assert "FailedToLoad" in run("get", "isvc", "broken").output
    finally:
        run("delete", "broken")


def test_a_wait_that_takes_too_long_says_what_it_waited_for(run, serving):
    words = ["--name", "slow", "--model-format", "answers", "--arg=--never-ready", "--timeout", "1"]
    try:
        failed = run("deploy", f"file://{serving}", *words)
        assert failed.exit_code == 4
        assert "slow is not ready after 1 s" in failed.stderr
    finally:
        run("delete", "slow")


def test_a_name_that_is_taken_is_told(run, answers, serving):
    again = run("deploy", f"file://{serving}", "--name", answers, "--model-format", "answers")
    assert again.exit_code == 1
    assert "There is a deployment answers already" in again.stderr
    assert "--update" in again.stderr


def test_get_prints_tables_documents_and_names(run, answers):
    table = run("get", "isvc").stdout.splitlines()
    assert table[0].split() == ["NAME", "URL", "READY", "STATUS", "REPLICAS", "AGE"]
    assert table[1].split()[0] == answers
    assert table[1].split()[2:5] == ["True", "Ready", "1/1"]
    wide = run("get", "inferenceservices", "-o", "wide").stdout.splitlines()
    assert wide[0].split()[-3:] == ["STORAGE-URI", "EXPOSED", "AUTH"]
    assert wide[1].split()[-2:] == ["no", "none"]
    assert run("get", "isvc", "-o", "name").stdout == f"inferenceservice.serving.kserve.io/{answers}\n"
    found = json.loads(run("get", "isvc", "--json").stdout)
    assert found["kind"] == "InferenceServiceList"
    assert [item["metadata"]["name"] for item in found["items"]] == [answers]
    assert json.loads(run("get", "isvc", answers, "-o", "json").stdout) == document(
        run("get", "isvc", answers, "-o", "yaml")
    )
    assert run("get", "isvc/" + answers, "--no-headers").stdout.split()[0] == answers
    assert run("get", "isvc", "-A").stdout.splitlines()[1].split()[:2] == ["default", answers]
    assert "answering" in run("get", "servingruntimes").stdout


def test_get_of_what_is_not_there(run, serving):
    absent = run("get", "isvc", "absent")
    assert (absent.exit_code, absent.stdout) == (3, "")
    assert "absent" in absent.stderr
    none = run("get", "isvc", "-n", "empty")
    assert (none.exit_code, none.stdout) == (0, "")
    assert none.stderr.startswith("No resources found in the project empty.\nDeploy a model: ")


def test_get_chooses_by_label(run, answers):
    assert run("get", "isvc", "-l", "tier=none", "-o", "name").stdout == ""
    assert run("get", "isvc", "-l", "tier!=none", "-o", "name").stdout.endswith(f"/{answers}\n")


def test_get_watches_changes(answers, run):
    command = [sys.executable, "-m", "forecourt", "get", "isvc", answers, "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        assert watching.stdout.readline().startswith("NAME")
        assert "Ready" in watching.stdout.readline()
        run("stop", answers)
        lines = iter(watching.stdout.readline, "")
        assert any("Stopped" in line for line in lines)
        watching.send_signal(2)
        assert watching.wait(timeout=10) == 130


def test_describe_tells_the_whole_story(run, answers):
    told = run("describe", answers).stdout
    assert re.search(rf"^Name: +{answers}$", told, re.MULTILINE)
    assert re.search(r"^Runtime: +answering$", told, re.MULTILINE)
    assert re.search(r"^Model state: +Loaded \(target Loaded, UpToDate\)$", told, re.MULTILINE)
    assert re.search(r"^  Ready +True ", told, re.MULTILINE)
    assert "Log:\n" in told
    assert "  answering " in told.partition("Log:\n")[2]


def test_logs_are_what_the_runtime_printed(run, answers):
    assert "answering " in run("logs", answers).stdout
    run("chat", answers, "hello")
    assert run("logs", answers, "--tail", "1").stdout == "asked 1\n"
    assert run("logs", "absent").exit_code == 3


def test_logs_are_followed(run, answers):
    command = [sys.executable, "-m", "forecourt", "logs", "-f", answers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout
        assert "answering" in following.stdout.readline()
        run("chat", answers, "hello")
        assert following.stdout.readline() == "asked 1\n"
        following.send_signal(2)
        assert following.wait(timeout=10) == 130


def test_chat_streams_an_answer(run, answers):
    answered = run("chat", answers, "good morning", "--verbose")
    assert answered.stdout == "GOOD MORNING\n"
    assert re.match(r"2 tokens in [\d.]+ s(, [\d.]+ tokens/s)?, first token after \d+ ms\n", answered.stderr)


def test_chat_takes_a_system_prompt_and_options(run, answers):
    answered = run("chat", answers, "hi", "--system", "be kind", "--temperature", "0")
    assert answered.stdout == "HI (be kind) coldly, after 1\n"


@pytest.mark.parametrize("words", [[], ["-"]])
def test_chat_reads_a_pipe(run, answers, words):
    assert run("chat", answers, *words, stdin="from a pipe\n").stdout == "FROM A PIPE\n"


def test_chat_gives_the_whole_response_as_json(run, answers):
    answered = json.loads(run("chat", answers, "hi", "--json").stdout)
    assert answered["choices"][0]["message"]["content"] == "HI"


def test_chat_with_nobody_is_told(run, serving):
    answered = run("chat", "absent", "hi")
    assert answered.exit_code == 3, answered.output
    assert "absent" in answered.stderr


def test_stop_and_start(run, answers):
    assert run("stop", answers).stdout == f"inferenceservice.serving.kserve.io/{answers} stopped\n"
    assert "Stopped" in run("get", "isvc", answers).stdout
    assert run("start", answers).stdout == f"inferenceservice.serving.kserve.io/{answers} started\n"
    assert run("chat", answers, "hi").stdout == "HI\n"


def test_scale_changes_how_many_answer(run, answers):
    assert run("scale", answers, "--replicas", "2").exit_code == 0
    found = document(run("get", "isvc", answers, "-o", "yaml"))
    assert found["status"]["modelStatus"]["copies"]["totalCopies"] == 2
    assert run("logs", answers, "--replica", "1").stdout.startswith("answering")


def test_restart_runs_it_anew(run, answers):
    run("chat", answers, "hi")
    assert run("restart", answers).exit_code == 0
    assert run("chat", answers, "hi").stdout == "HI\n"


@pytest.mark.parametrize("command", ["start", "stop", "restart"])
def test_a_change_to_what_is_not_there_is_told(run, serving, command):
    assert run(command, "absent").exit_code == 3


def test_what_get_printed_applies_again_after_a_delete(run, answers, tmp_path):
    printed = run("get", "isvc", answers, "-o", "yaml").stdout
    (tmp_path / "isvc.yaml").write_text(printed)
    assert run("delete", answers).stdout == f'inferenceservice.serving.kserve.io "{answers}" deleted\n'
    assert run("get", "isvc", answers).exit_code == 3
    applied = run("apply", "-f", str(tmp_path / "isvc.yaml"))
    assert applied.stdout == f"inferenceservice.serving.kserve.io/{answers} created\n", applied.output
    assert run("start", answers).exit_code == 0
    assert run("chat", answers, "hi").stdout == "HI\n"
    before, after = yaml.safe_load(printed), document(run("get", "isvc", answers, "-o", "yaml"))
    assert before["spec"] == after["spec"]
    assert before["metadata"]["uid"] != after["metadata"]["uid"]


def test_delete_of_what_is_not_there(run, serving):
    assert run("delete", "absent").exit_code == 3
    assert run("delete", "absent", "--ignore-not-found").exit_code == 0


def test_deleting_everything_must_be_meant(run, answers):
    assert run("delete", "--all").exit_code == 2
    assert run("delete", "--all", "--yes").stdout.count("deleted") == 1
    assert run("delete", "--all", "--yes").stderr == "No resources found.\n"


def test_delete_says_what_it_needs(run, serving):
    assert run("delete").exit_code == 2
    assert run("delete", "a", "--all").exit_code == 2


def test_names_are_completed(shell, answers):
    done = shell(_FORECOURT_COMPLETE="complete_bash", COMP_WORDS="forecourt chat a", COMP_CWORD="2")
    assert (done.stdout, done.stderr) == (f"{answers}\n", "")
    done = shell(_FORECOURT_COMPLETE="complete_bash", COMP_WORDS="forecourt get servingruntime an", COMP_CWORD="3")
    assert (done.stdout, done.stderr) == ("answering\n", "")
