"""Models and versions in the registry: found by name, listed, searched, described, changed, deleted."""

from __future__ import annotations

import json
from itertools import count

import pytest

from forecourt.cli.output import Console

NUMBERS = count(1)


@pytest.fixture
def model(ask) -> str:
    """A model with the versions v1, which is in production, and v2, which is the champion; its name."""
    name = f"model-{next(NUMBERS)}"
    ask("register", "hf://acme/granite@abc", "--name", name, "--description", "Granite speaks 100% French")
    ask("register", "s3://bucket/granite.gguf", "--name", name, "--alias", "champion", "--owner", "nobody")
    ask("set", f"{name}/v1", "--stage", "production")
    return name


@pytest.fixture
def deployed(model):
    """The same model, its version v2 being served."""
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import API, target

    client = connect()
    of = target(client, f"{model}/v2")
    environment = client.post(f"{API}/serving_environments", {"name": f"env-{model}"})
    service = {"name": f"serves-{model}", "registeredModelId": of.model["id"], "modelVersionId": of.id}
    client.post(f"{API}/inference_services", service | {"servingEnvironmentId": environment["id"]})
    return model


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


# Names


@pytest.mark.parametrize(
    ("written", "version"),
    [("/v1", "v1"), ("/champion", "v2"), ("/production", "v1")],
)
def test_a_version_is_named_by_its_name_an_alias_or_a_stage(ask, model, written, version):
    assert ask("describe", model + written, "-o", "name") == f"{model}/{version}\n"
    assert ask("describe", f"model-registry://{model}{written}", "-o", "name") == f"{model}/{version}\n"


@pytest.mark.parametrize("written", ["{0}/granite", "{0}%2Fgranite", "model-registry://{0}%2Fgranite"])
@pytest.mark.parametrize(("word", "shown"), [("", ""), ("/v1", "/v1")])
def test_the_name_of_a_model_may_have_a_slash(ask, written, word, shown):
    name = f"acme-{next(NUMBERS)}"
    ask("register", "hf://acme/granite", "--name", f"{name}/granite")
    assert ask("describe", written.format(name) + word, "-o", "name") == f"{name}/granite{shown}\n"


@pytest.mark.parametrize("words", [("describe", "nothing"), ("lineage", "nothing/v1"), ("delete", "nothing", "--yes")])
def test_a_model_that_is_not_there_is_told_with_where_to_look(run, serving, words):
    done = run("registry", *words)
    assert done.exit_code == 3
    assert "error: The registry has no model nothing.\nhint: See: forecourt registry models" in done.stderr


def test_a_version_that_is_not_there_is_told_with_where_to_look(run, model):
    done = run("registry", "describe", f"{model}/v9")
    assert done.exit_code == 3
    assert f"error: {model} has no version, alias or stage v9.\n" in done.stderr
    assert f"hint: See: forecourt registry versions {model}" in done.stderr


def test_where_a_version_is_wanted_a_model_is_not_enough(run, model):
    done = run("registry", "alias", model, "champion")
    assert done.exit_code == 2
    assert f"{model} is a model: say which version of it" in done.stderr


def test_without_a_server_that_is_said(run):
    done = run("registry", "models")
    assert done.exit_code == 4
    assert "forecourt up -d" in done.stderr


# Lists


def test_models_are_listed_with_their_newest_version(ask, model):
    heading, *rows = table(ask("models"))
    assert heading == ["NAME", "LATEST", "OWNER", "LABELS", "MODIFIED"]
    assert next(row[:2] for row in rows if row[0] == model) == [model, "v2"]


def test_models_can_be_chosen(ask, model):
    ask("set", model, "--owner", "Zoë's team", "--property", f"of={model}")
    assert ask("models", "--owner", "Zoë's team", "--filter", f"of = '{model}'", "-o", "name") == f"{model}\n"
    assert json.loads(ask("models", "--filter", f"name = '{model}' OR name = 'x'", "--json"))["size"] == 1


def test_labels_and_short_properties_are_in_the_table(ask, model):
    ask("set", model, "--label", "chat", "--property", "accuracy=0.5", "--property", f"text={'long' * 20}")
    assert "chat,accuracy=0.5,+1" in ask("models", "--filter", f"name = '{model}'")


def test_a_list_that_was_cut_says_so(run, ask, model):
    cut = run("registry", "versions", model, "--limit", "1", "-o", "name")
    assert cut.stdout == f"{model}/v2\n"
    assert "There are more than these 1: see them with --limit 0." in cut.stderr


def test_versions_are_listed_with_aliases_and_stages(ask, model):
    heading, *rows = table(ask("versions", model, "-o", "wide"))
    assert heading == ["NAME", "ALIASES", "STAGE", "STATE", "AUTHOR", "MODIFIED", "ID", "FORMAT", "URI", "DESCRIPTION"]
    assert [row[:4] for row in rows] == [
        ["v2", "champion", "<none>", "LIVE"],
        ["v1", "<none>", "production", "LIVE"],
    ]
    assert "s3://bucket/granite.gguf" in rows[0]
    assert [item["name"] for item in json.loads(ask("versions", model, "--json"))["items"]] == ["v2", "v1"]


def test_a_filter_that_is_wrong_is_told_with_the_place_in_it(run, serving):
    done = run("registry", "models", "--filter", "accuracy >")
    assert done.exit_code == 2
    assert "column 11" in done.stderr


def test_an_empty_registry_says_how_to_begin(run, shell, tmp_path):
    assert shell("up", "-d", "--port", "0", "--registry-port", "0").returncode == 0
    try:
        assert "No models yet. Register one: forecourt registry register oci://…" in run("registry", "models").stderr
        assert "No changes yet." in run("registry", "history").stderr
    finally:
        shell("down")


def test_words_are_searched_in_names_and_descriptions_as_they_are(ask, model):
    found = table(ask("search", "FRENCH", "100%", model))
    assert ["model", model, "LIVE"] == found[1][:3]
    assert len(found) == 2
    assert json.loads(ask("search", "10_%", model, "--json"))["items"] == []
    assert json.loads(ask("search", "it's", "\\", "--json"))["items"] == []


def test_search_knows_kinds_and_filters(ask, model):
    assert ask("search", "granite.gguf", "--kind", "artifacts", "--filter", f"name = '{model}'", "-o", "name") == (
        f"{model}\n"
    )
    ask("set", f"{model}/v1", "--property", f"score={next(NUMBERS)}.25", "--property", f"of={model}")
    assert ask("search", "--filter", f"score > 0.5 AND of = '{model}'", "-o", "name") == f"{model}/v1\n"


def test_search_wants_to_know_what(run, serving):
    assert run("registry", "search").exit_code == 2


# One


def test_a_model_is_described(ask, model):
    shown = ask("describe", model)
    assert f"Name:         {model}\n" in shown
    assert "Granite speaks 100% French" in shown
    assert "Aliases:      champion -> v2\n" in shown
    assert "v1     <none>     production   LIVE" in shown
    assert "champion: none -> v2" in shown


def test_a_version_is_described(ask, model):
    shown = ask("describe", f"{model}/champion")
    assert f"model-registry://{model}/v2\n" in shown
    assert "Aliases:      champion\n" in shown
    assert "    URI:          s3://bucket/granite.gguf\n" in shown
    assert "  source          s3://bucket/granite.gguf\n" in shown
    document = json.loads(ask("describe", f"{model}/champion", "--json"))
    assert document["modelVersion"]["name"] == "v2"
    assert document["lineage"]["aliases"] == ["champion"]
    assert document["artifacts"][0]["uri"] == "s3://bucket/granite.gguf"
    assert document["changes"][0]["action"] == "link"


def test_what_serves_it_is_described(ask, deployed):
    assert f"serves-{deployed} (env-{deployed})  DEPLOYED" in ask("describe", f"{deployed}/v2")
    assert f"serves-{deployed}  DEPLOYED" in ask("describe", deployed)


# Changes


def test_set_changes_what_is_said_and_keeps_the_rest(ask, model, tmp_path):
    (tmp_path / "README.md").write_text("# Granite\n")
    ask("set", model, "--property", "a=1", "--label", "old", "--owner", "me")
    words = ["--property", "b=x", "--remove-property", "old", "--readme", str(tmp_path / "README.md"), "--task", "chat"]
    made = json.loads(ask("set", model, *words, "--json"))
    assert made["owner"] == "me"
    assert made["readme"] == "# Granite\n"
    assert made["tasks"] == ["chat"]
    assert {key: value["metadataType"] for key, value in made["customProperties"].items()} == {
        "a": "MetadataIntValue",
        "b": "MetadataStringValue",
    }


def test_a_stage_can_be_left(ask, model):
    ask("set", f"{model}/v1", "--stage", "none", "--author", "Zoë")
    made = json.loads(ask("describe", f"{model}/v1", "--json"))
    assert made["lineage"]["stage"] is None
    assert made["modelVersion"]["author"] == "Zoë"


@pytest.mark.parametrize(
    ("word", "options", "code", "said"),
    [
        ("/v1", ["--owner", "me"], 2, "owner is said of a model"),
        ("", ["--stage", "staging"], 2, "A stage is said of a version"),
        ("/v1", ["--stage", "heaven"], 2, "Stages are development, staging, production."),
        ("/v1", ["--property", "stage=x"], 2, "Use --stage."),
        ("", ["--remove-property", "x"], 3, "has no property x"),
        ("", ["--property", "x"], 2, "Write it as KEY=VALUE."),
        ("", [], 2, "Say what to change"),
    ],
)
def test_what_cannot_be_set_is_told(run, model, word, options, code, said):
    done = run("registry", "set", model + word, *options)
    assert done.exit_code == code
    assert said in done.stderr


def test_an_alias_moves_and_says_from_where(ask, model):
    assert ask("alias", f"{model}/v1", "champion", "best") == (
        f"{model}/champion is v1 (it was v2)\n{model}/best is v1\n"
    )
    assert ask("describe", f"{model}/champion", "-o", "name") == f"{model}/v1\n"
    assert json.loads(ask("alias", f"{model}/v2", "best", "--json"))["items"][0]["alias"] == "best"


def test_an_alias_is_removed(run, ask, model):
    assert ask("alias", "--remove", model, "champion") == f"{model} has no alias champion any more\n"
    assert run("registry", "alias", "--remove", model, "champion").exit_code == 3


def test_an_alias_of_another_version_is_not_removed(run, model):
    assert run("registry", "alias", "--remove", f"{model}/v1", "champion").exit_code == 3


def test_the_archive_hides_and_gives_back(ask, model):
    assert ask("archive", f"{model}/v1", model) == f"version {model}/v1 archived\nmodel {model} archived\n"
    assert ask("models", "--filter", f"name = '{model}'", "-o", "name") == ""
    assert ask("models", "--filter", f"name = '{model}'", "--archived", "-o", "name") == f"{model}\n"
    assert ask("versions", model, "-o", "name") == f"{model}/v2\n"
    assert json.loads(ask("restore", model, "--json"))["state"] == "LIVE"
    assert ask("models", "--filter", f"name = '{model}'", "-o", "name") == f"{model}\n"


def test_who_archives_what_is_deployed_is_warned(run, deployed):
    done = run("registry", "archive", deployed)
    assert done.exit_code == 0
    assert f"warning: {deployed} is deployed, and goes on to be: serves-{deployed}" in done.stderr


def test_a_script_says_that_it_means_to_delete_and_what_depends_on_it(run, ask, model):
    assert run("registry", "delete", model).exit_code == 2
    refused = run("registry", "delete", model, "--yes")
    assert refused.exit_code == 1
    assert "  version v1\n" in refused.stderr
    assert "Say --cascade to delete them too." in refused.stderr
    assert f'model "{model}" deleted, with 4 that depended on it' in ask("delete", model, "--yes", "--cascade")
    assert run("registry", "describe", model).exit_code == 3


def test_a_versions_own_artifacts_go_with_it(ask, model):
    gone = json.loads(ask("delete", f"{model}/v1", "--yes", "--json"))["deleted"]
    assert [one["kind"] for one in gone] == ["ModelArtifact", "ModelVersion"]
    assert ask("versions", model, "-o", "name") == f"{model}/v2\n"


def test_on_a_terminal_what_is_lost_is_shown_and_confirmed(run, ask, model, monkeypatch):
    monkeypatch.setattr(Console, "can_ask", True)
    asked = run("registry", "delete", model, stdin="n\n")
    assert asked.exit_code == 1
    assert f"Delete model {model} and 4 that go with it for good?" in asked.stderr
    assert "Nothing was deleted." in asked.stderr
    done = run("registry", "delete", model, stdin="y\n")
    assert done.exit_code == 0, done.output


def test_what_is_deployed_is_not_deleted(run, deployed):
    done = run("registry", "delete", deployed, "--yes", "--cascade")
    assert done.exit_code == 1
    assert f"serves-{deployed}" in done.stderr
    assert "Delete the deployment first" in done.stderr


def test_the_audit_trail_says_who_changed_what(ask, model, monkeypatch):
    monkeypatch.setenv("LOGNAME", f"zoë-{model}")
    ask("set", model, "--description", "new", "--property", "a=1")
    ask("alias", f"{model}/v1", "champion")
    heading, *rows = ask("history", model, "--limit", "2").splitlines()
    assert heading.split() == ["WHEN", "WHO", "WHAT", "RESOURCE", "CHANGES"]
    assert rows[0].endswith("champion: v2 -> v1")
    assert "description: Granite speaks 100% French -> new; a: none -> 1" in rows[1]
    assert f"   zoë-{model}   update   model {model}   " in rows[1]
    entries = json.loads(ask("history", "--actor", f"zoë-{model}", "--json"))["items"]
    assert [entry["action"] for entry in entries] == ["alias", "update"]
    assert entries[0]["agent"].startswith("forecourt/")


def test_the_audit_trail_keeps_what_is_gone(ask, model):
    ask("delete", f"{model}/v1", "--yes")
    assert f"version {model}/v1" in next(row for row in ask("history").splitlines() if " delete " in row)
    assert "forecourt/" in ask("history", "-o", "wide", "--limit", "1")


# Completion


def test_models_and_versions_are_completed(ask, model, shell):
    def tab(line: str) -> list[str]:
        done = shell(_FORECOURT_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD="3")
        assert done.stderr == ""
        return done.stdout.split()

    assert tab(f"forecourt registry describe {model[:-1]}").count(model) == 1
    assert tab(f"forecourt registry describe {model}/") == [f"{model}/v1", f"{model}/v2", f"{model}/champion"]
    assert tab("forecourt registry describe nothing/") == []
