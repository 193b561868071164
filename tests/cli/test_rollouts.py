"""New revisions, canaries, going back, bounds and tokens, against a runtime that is a process of its own."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

NAME = "inferenceservice.serving.kserve.io/answers"


@pytest.fixture
def other(serving):
    """Another model."""
    directory = serving.with_name("other-model")
    directory.mkdir(exist_ok=True)
    (directory / "answers.txt").write_text("no\n")
    return directory


def found(run, *words):
    shown = run(*words, "--json")
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)


def history(run):
    return [
        (one["revision"], one["percent"], one["changeCause"])
        for one in found(run, "rollout", "history", "answers")["items"]
    ]


def deploy(run, model, *words):
    return run("deploy", f"file://{model}", "--name", "answers", "--model-format", "answers", *words)


def test_an_update_is_a_revision_and_keeps_what_was_not_said(run, answers, other):
    run("scale", answers, "--replicas", "2")
    done = deploy(run, other, "--update", "--change-cause", "it says no", "--env", "A=1")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("answers is updated, and ready at ")
    spec = found(run, "get", "isvc", answers)["spec"]["predictor"]
    assert (spec["minReplicas"], spec["model"]["storageUri"]) == (2, f"file://{other}")
    assert spec["model"]["env"] == [{"name": "A", "value": "1"}]
    assert history(run) == [(1, None, ""), (2, 100, "it says no")]
    table = run("rollout", "history", answers).stdout.splitlines()
    assert table[0].split() == ["REVISION", "AGE", "MODEL", "RUNTIME", "STATE", "SHARE", "CAUSE"]
    assert table[1].split()[0] == "2"
    assert "current" in table[1]
    assert deploy(run, other, "--update").stdout.startswith("answers is unchanged")


def test_settings_are_changed_without_a_model(run, answers):
    done = run("deploy", "--name", answers, "--update", "--strategy", "recreate", "--scale-target", "4")
    assert done.exit_code == 0, done.output
    spec = found(run, "get", "isvc", answers)["spec"]["predictor"]
    assert spec["deploymentStrategy"] == {"type": "Recreate"}
    assert spec["scaleTarget"] == 4
    assert len(history(run)) == 1


def test_what_was_said_is_taken_back(run, answers):
    update = ("deploy", "--name", answers, "--update", "--no-wait")
    given = run(*update, "--expose", "--require-token", "--arg=--much", "--env", "A=1", "--env", "B=2")
    assert given.exit_code == 0, given.output
    taken = run(*update, "--no-expose", "--no-require-token", "--no-args", "--env", "A-", "--env", "C-")
    assert taken.exit_code == 0, taken.output
    found_now = found(run, "get", "isvc", answers)
    assert "networking.kserve.io/visibility" not in (found_now["metadata"].get("labels") or {})
    assert found_now["metadata"]["annotations"]["security.opendatahub.io/enable-auth"] == "false"
    assert "args" not in found_now["spec"]["predictor"]["model"]
    assert found_now["spec"]["predictor"]["model"]["env"] == [{"name": "B", "value": "2"}]
    assert run(*update, "--env", "B-").exit_code == 0
    assert "env" not in found(run, "get", "isvc", answers)["spec"]["predictor"]["model"]
    both = run(*update, "--token", "mine", "--no-require-token")
    assert both.exit_code == 2
    assert "do not go together" in both.stderr


def test_a_canary_has_its_share_until_it_is_promoted(run, answers, other):
    begun = deploy(run, other, "--canary", "20", "--change-cause", "try it")
    assert begun.stdout == "answers is a canary: the new revision has 20 % of the requests\n", begun.output
    assert history(run) == [(1, 80, ""), (2, 20, "try it")]
    assert run("rollout", "status", answers).stdout == (
        "answers is a canary: revision 2 has 20 % of the requests, revision 1 has 80 % of the requests\n"
    )
    described = run("describe", answers).stdout
    assert "2    canary" in described
    assert "1    stable" in described
    assert run("rollout", "promote", answers).stdout == f"{NAME} promoted\n"
    assert [share for _, share, _ in history(run)] == [None, 100]
    refused = run("rollout", "promote", answers)
    assert refused.exit_code == 1
    assert "is no canary" in refused.stderr


def test_from_a_canary_it_goes_back_to_the_stable_one(run, answers, other, serving):
    deploy(run, other, "--canary", "20")
    back = run("rollback", answers)
    assert back.stdout == f"{NAME} rolled back to revision 1\n", back.output
    assert f"model.storageUri: file://{other} → file://{serving}" in back.stderr
    assert "canaryTrafficPercent: 20 → nothing" in back.stderr
    assert history(run)[-1] == (3, 100, "back to revision 1")


def test_it_goes_back_to_a_revision_that_is_said(run, answers, other):
    deploy(run, other, "--update")
    planned = json.loads(run("rollback", answers, "--dry-run", "--json").stdout)
    assert planned["revision"] == 1
    assert len(history(run)) == 2
    back = run("rollback", answers, "--to", "1", "--change-cause", "no was wrong")
    assert back.exit_code == 0, back.output
    assert history(run)[-1] == (3, 100, "no was wrong")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["rollback", "answers"], 1, "has not been anything else yet"),
        (["rollback", "answers", "--to", "9"], 3, "answers has no revision 9"),
        (["rollback", "answers", "--to", "1"], 1, "at revision 1 already"),
        (["rollback", "absent"], 3, "absent"),
        (["scale", "answers"], 2, "Say how many"),
        (["scale", "answers", "--min", "3", "--max", "1"], 2, "at least 3 and at most 1"),
        (["scale", "answers", "--replicas", "2", "--max", "3"], 2, "do not go together"),
        (["scale", "answers", "--max", "3", "--window", "soon"], 2, "'soon' is no time"),
        (["rollout", "status", "absent"], 3, "absent"),
        (["rollout", "history", "absent"], 3, "absent"),
        (["tokens", "list", "absent"], 3, "absent"),
        (["tokens", "revoke", "answers", "absent"], 3, "answers has no token absent"),
        (["tokens", "create", "answers", " "], 2, "A token needs a name"),
        (["deploy", "--name", "absent", "--update", "--expose"], 3, "There is no deployment absent to update"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(run, answers, words, code, message):
    before = found(run, "get", "isvc", answers)["spec"]
    refused = run(*words)
    assert refused.exit_code == code, refused.output
    assert message in refused.stderr
    assert refused.stdout == ""
    assert found(run, "get", "isvc", answers)["spec"] == before


def test_a_status_that_fails_is_told_by_the_exit_code(run, answers, serving):
    assert run("rollout", "status", answers, "--no-wait").exit_code == 0
    failed = deploy(run, serving, "--update", "--arg=--fail")
    assert failed.exit_code == 1
    assert run("rollout", "status", answers).exit_code == 1
    assert found(run, "get", "isvc", answers)["spec"]["predictor"]["model"]["args"] == ["--fail"]
    assert run("rollback", answers).exit_code == 0
    assert run("rollout", "status", answers).exit_code == 0


def test_a_deployment_sleeps_and_the_next_request_wakes_it(run, answers):
    scaled = run("scale", answers, "--min", "0", "--max", "2", "--target", "2", "--window", "1s")
    assert scaled.exit_code == 0, scaled.output
    row = ""
    for _ in range(100):
        row = run("get", "isvc", answers).stdout.splitlines()[1]
        if "Asleep" in row:
            break
    assert row.split()[3:5] == ["Asleep", "0/0-2"]
    assert "0 to 2 replicas, 2 requests at a time each, over 1s; sleeps" in run("describe", answers).stdout
    assert run("chat", answers, "hi").stdout == "HI\n"


def asked(url, token=""):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    body = json.dumps({"model": "guarded", "messages": [{"role": "user", "content": "hi"}]}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/chat/completions", body, headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture
def url(serving):
    return json.loads((serving.parent / "home" / "server.json").read_text())["url"]


def test_a_token_is_made_with_the_deployment_shown_once_and_revoked(run, serving, url, monkeypatch):
    words = ["--name", "guarded", "--model-format", "answers", "--token", "ci", "--expose"]
    try:
        made = run("deploy", f"file://{serving}", *words)
        assert made.exit_code == 0, made.output
        assert "asks for no token" not in made.stderr
        last = made.stdout.splitlines()[-1]
        assert last.startswith("Token ci, shown this once: fct-")
        token = last.split()[-1]
        assert (asked(url), asked(url, "fct-wrong"), asked(url, token)) == (401, 401, 200)
        assert run("chat", "guarded", "hi").exit_code == 1
        monkeypatch.setenv("FORECOURT_TOKEN", token)
        assert run("chat", "guarded", "hi").stdout == "HI\n"
        listed = run("tokens", "list", "guarded")
        assert listed.stdout.splitlines()[1].split()[0] == "ci"
        assert (
            token not in listed.output + run("describe", "guarded").output + run("get", "secrets", "-o", "yaml").output
        )
        assert "exposed to other machines; asks for a token (ci)" in run("describe", "guarded").stdout
        assert run("get", "isvc", "guarded", "-o", "wide").stdout.splitlines()[1].split()[-2:] == ["yes", "token"]
        taken = run("deploy", "--name", "guarded", "--update", "--token", "ci")
        assert taken.exit_code == 1
        assert "has a token ci already" in taken.stderr
        assert run("tokens", "create", "guarded", "ci").exit_code == 1
        assert run("tokens", "revoke", "guarded", "ci").stdout == "token ci of guarded revoked\n"
        assert asked(url, token) == 401
    finally:
        run("delete", "guarded")


def test_a_token_is_the_only_thing_on_standard_output(run, answers):
    made = run("tokens", "create", answers, "notebook")
    assert made.stdout.startswith("fct-")
    assert "asks for no token yet" in made.stderr
    again = found(run, "tokens", "create", answers, "partner", "--require")
    assert again["required"] is True
    assert run("chat", answers, "hi", "--token", again["token"]).stdout == "HI\n"
    assert [one["name"] for one in found(run, "tokens", "list", answers)["items"]] == ["notebook", "partner"]


def test_what_is_open_to_everybody_is_warned_of(run, serving):
    words = ["--name", "open", "--model-format", "answers", "--expose"]
    try:
        made = run("deploy", f"file://{serving}", *words)
        assert "open is exposed and asks for no token" in made.stderr
        applied = run("apply", "-f", "-", stdin=run("get", "isvc", "open", "-o", "yaml").stdout)
        assert "unchanged" in applied.stdout
        assert "open is exposed and asks for no token" in applied.stderr
    finally:
        run("delete", "open")
