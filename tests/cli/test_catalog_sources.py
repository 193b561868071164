"""Sources of the catalog on the command line: added, previewed, refreshed, hidden, removed, exported."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from itertools import count

import pytest

from forecourt.cli.catalog.defining import definition
from forecourt.cli.output import Console

NUMBERS = count(1)

MODELS = """\
source: Mine
models:
- name: acme/talker-8B
  license: mit
  artifacts: [{{uri: "oci://localhost:1/acme/talker-8b:1.0"}}]
{more}"""
VARIANTS = "".join(
    f"- name: acme/talker-8B-{scheme}\n  description: Talks.\n" for scheme in ("FP8", "w4a16", "w8a8", "NVFP4")
)
BROKEN = "- name: acme/broken\n  license: [mit]\n"


@pytest.fixture
def sources(run, serving):
    """Run a command of sources that has to go well, and return what it prints."""

    def sources(*words: str, stdin: str | None = None) -> str:
        done = run("catalog", "sources", *words, stdin=stdin)
        assert done.exit_code == 0, done.output
        return done.stdout

    return sources


@pytest.fixture
def folder(serving):
    """A folder that sources may read from."""
    made = serving.parent / f"models-{next(NUMBERS)}"
    made.mkdir()
    return made


@pytest.fixture
def source(run, serving):
    """An id that no other test has; whatever is added under it is removed in the end."""
    name = f"source-{next(NUMBERS)}"
    yield name
    run("catalog", "sources", "remove", name, "--yes")


@pytest.fixture
def models(folder):
    """A file with one model."""
    path = folder / "models.yaml"
    path.write_text(MODELS.format(more=""))
    return path


@pytest.fixture
def mine(sources, source, models):
    """A source of one model; its id."""
    assert sources("add", source, "--path", str(models), "--label", "Own") == f"Added {source} has 1 model\n"
    return source


@pytest.fixture
def silent():
    """A server that takes a connection and says nothing; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = []

        def take() -> None:
            try:
                while True:
                    taken.append(listening.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for each in taken:
            each.close()


def table(text):
    return [line.split() for line in text.splitlines()]


# Listed and shown


def test_sources_are_listed_with_how_many_models_they_give(sources, mine):
    heading, *rows = table(sources())
    assert heading == ["ID", "NAME", "TYPE", "STATUS", "MODELS", "LOADED", "ERROR"]
    assert next(row[:5] for row in rows if row[0] == mine) == [mine, mine, "yaml", "available", "1"]
    assert mine in sources("-o", "name").splitlines()
    assert mine in [one["id"] for one in json.loads(sources("--json"))["items"]]
    assert next(row[-2:] for row in table(sources("-o", "wide")) if row[0] == mine) == ["Own", "added"]


def test_a_source_is_shown_with_what_had_to_be_left_out(sources, source, folder):
    (folder / "m.yaml").write_text(MODELS.format(more=BROKEN))
    made = sources("add", source, "--path", str(folder / "m.yaml"), "--name", "My models", "--exclude", "*x")
    assert made == f"Added {source} has 1 model, 1 left out\n"
    shown = " ".join(sources("show", source).split())
    assert "Name: My models Type: yaml Status: partially-available Models: 1" in shown
    assert "Excluded: *x" in shown
    assert f"(1): acme/broken: {folder / 'm.yaml'}, line 6: license must be a text, not a list." in shown


def test_a_source_that_is_not_there_is_told(run, serving):
    done = run("catalog", "sources", "show", "nothing")
    assert done.exit_code == 3
    assert "hint: List them: forecourt catalog sources" in done.stderr


# Added


def test_what_a_source_gives_is_searched_at_once(run, mine):
    found = run("catalog", "search", "--source", mine, "-o", "name")
    assert found.stdout == "acme/talker-8B\n"


def test_patterns_say_which_models_are_shown(sources, run, source, folder):
    (folder / "m.yaml").write_text(MODELS.format(more=VARIANTS))
    words = ["--path", str(folder / "m.yaml"), "--include", "acme/*8", "--exclude", "*w8A8"]
    sources("add", source, *words)
    assert run("catalog", "search", "--source", source, "-o", "name").stdout == "acme/talker-8B-FP8\n"


def test_of_more_than_four_variants_those_left_out_are_named(sources, run, source, folder):
    (folder / "m.yaml").write_text(MODELS.format(more=VARIANTS))
    sources("add", source, "--path", str(folder / "m.yaml"))
    done = run("catalog", "compare", "talker-8B", "--variants", "-o", "name")
    assert done.stdout.splitlines() == [f"acme/talker-8B{scheme}" for scheme in ("", "-FP8", "-NVFP4", "-w4a16")]
    assert "Four are compared; left out: acme/talker-8B-w8a8" in done.stderr


def test_a_card_is_printed_as_it_is(sources, run, source, folder):
    (folder / "m.yaml").write_text(MODELS.format(more='- name: acme/carded\n  readme: "# Hello\\n\\nworld \\e[31m"\n'))
    sources("add", source, "--path", str(folder / "m.yaml"))
    assert run("catalog", "show", "carded", "--readme").stdout == "# Hello\n\nworld [31m\n"


def test_another_catalog_is_a_source(sources, run, source, serving_home):
    url = json.loads((serving_home / "server.json").read_text())["url"]
    sources("add", source, "--type", "catalog", "--url", url, "--source", "other", "--include", "*bge*")
    assert run("catalog", "search", "--source", source, "-o", "name").stdout == "RedHatAI/bge-m3\n"


def test_a_source_in_a_file_is_added_as_it_stands_there(sources, source, models, folder):
    (folder / "sources.yaml").write_text(
        f"model_catalogs:\n- id: {source}\n  type: yaml\n  name: From a file\n"
        "  properties: {yamlCatalogPath: models.yaml}\n"
    )
    made = json.loads(sources("add", "-f", str(folder / "sources.yaml"), "--label", "Own", "--json"))
    assert (made["id"], made["name"], made["labels"], made["models"]) == (source, "From a file", ["Own"], 1)
    assert made["properties"] == {"yamlCatalogPath": str(models)}


def test_what_was_exported_can_be_added_again(sources, run, mine):
    text = sources("export", mine)
    assert text.startswith("model_catalogs:\n")
    sources("remove", mine, "--yes")
    sources("add", "-f", "-", stdin=text)
    assert sources("export", mine) == text


def test_a_source_of_a_file_is_exported_with_the_paths_of_this_machine(sources):
    assert "yamlCatalogPath: /" in sources("export", "validated")


def test_a_file_that_may_not_be_read_is_told_with_the_setting_and_the_source_stays(run, sources, source, tmp_path):
    (tmp_path / "m.yaml").write_text(MODELS.format(more=""))
    done = run("catalog", "sources", "add", source, "--path", str(tmp_path / "m.yaml"))
    assert done.exit_code == 4
    assert f"error: {source} could not be loaded: Source '{source}' may not read {tmp_path}" in done.stderr
    assert "FORECOURT_CATALOG_FOLDERS" in done.stderr
    assert f"forecourt catalog sources remove {source}" in done.stderr
    assert next(row[3] for row in table(sources()) if row[0] == source) == "error"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["x"], 2, "What kind of source it is was not said."),
        (["--path", "m.yaml"], 2, "The source has no ID."),
        (["validated", "--path", "m.yaml"], 1, "There is a catalog source validated already."),
        (["x", "--type", "yaml", "--registry", "quay.io", "--path", "m"], 2, "'registry' is no property of a source"),
        (["x", "--type", "hf"], 4, "x could not be loaded"),
        (["x", "--type", "catalog", "--url", "ftp://x"], 2, "url must be a URL"),
        (["x", "--organization", "acme", "--token-env", "PATH"], 2, "must be HF_API_KEY or HF_API_KEY_"),
        (["x", "-f", "nothing.yaml"], 3, "nothing.yaml is no file."),
    ],
)
def test_what_cannot_be_a_source_is_told(run, serving, words, code, said):
    done = run("catalog", "sources", "add", *words)
    run("catalog", "sources", "remove", "x", "--yes")
    assert done.exit_code == code
    assert said in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: []", "has no source in it"),
        ("- 1", "has no source in it"),
        ("model_catalogs: [{id: a, type: hf}, {id: b, type: hf}]", "has 2 sources in it, and one is added at a time."),
        ("model_catalogs: [{id: a", "s.yaml, line 2"),
        ("{id: a, typo: hf, type: hf}", "'typo' is no key of a source."),
    ],
)
def test_a_file_that_has_no_source_is_told(run, serving, tmp_path, text, said):
    (tmp_path / "s.yaml").write_text(text)
    done = run("catalog", "sources", "add", "-f", str(tmp_path / "s.yaml"))
    assert done.exit_code == 2
    assert said in done.stderr


def test_without_waiting_it_is_said_where_to_look(run, source, models):
    done = run("catalog", "sources", "add", source, "--path", str(models), "--no-wait")
    assert done.stdout == f"Added {source}\n"
    assert f"forecourt catalog sources show {source}" in done.stderr


def test_a_wait_that_is_over_leaves_the_source_being_loaded(run, sources, source, silent):
    done = run("catalog", "sources", "add", source, "--type", "catalog", "--url", silent, "--timeout", "0.3")
    assert done.exit_code == 4
    assert f"error: {source} is not loaded after 0 s." in done.stderr
    assert "It goes on in the server" in done.stderr
    assert next(row[3] for row in table(sources()) if row[0] == source) == "loading"


def test_ctrl_c_leaves_the_source_being_loaded_and_says_so(sources, source, silent, serving_home):
    words = ["catalog", "sources", "add", source, "--type", "catalog", "--url", silent]
    command = [sys.executable, "-m", "forecourt", "--home", str(serving_home), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as adding:
        until(lambda: any(row[0] == source and row[3] == "loading" for row in table(sources())))
        time.sleep(0.5)  # the command looks at it a few times
        adding.send_signal(signal.SIGINT)
        _, said = adding.communicate(timeout=20)
    assert adding.returncode == 130
    assert f"{source} goes on being loaded in the server: forecourt catalog sources show {source}" in said
    assert "Traceback" not in said
    assert next(row[3] for row in table(sources()) if row[0] == source) == "loading"


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("options", "kind", "properties"),
    [
        ({"path": "/models.yaml", "benchmarks": ""}, "yaml", {"yamlCatalogPath": "/models.yaml"}),
        ({"registry": "quay.io"}, "oci-modelcars", {"registry": "quay.io", "repositories": ["*"]}),
        (
            {"registry": "quay.io", "repository": ["acme/*"], "insecure": False},
            "oci-modelcars",
            {"registry": "quay.io", "repositories": ["acme/*"]},
        ),
        ({"organization": "acme", "max_models": 0}, "hf", {"allowedOrganization": "acme", "maxModels": 0}),
    ],
)
def test_the_type_of_a_source_is_what_its_options_tell(options, kind, properties):
    assert definition("mine", **options) == {"id": "mine", "type": kind, "properties": properties}


def test_sources_of_a_file_come_and_go_with_it_and_what_is_wrong_in_it_is_told(run, sources, models, serving_home):
    file = serving_home / "catalog" / "sources.yaml"
    file.parent.mkdir(exist_ok=True)
    entry = f"model_catalogs:\n- {{id: filed, type: yaml, properties: {{yamlCatalogPath: {models}}}}}\n"
    try:
        file.write_text(entry)
        until(lambda: ["filed", "filed", "yaml", "available", "1"] in [row[:5] for row in table(sources())])
        file.write_text(entry + "typo: 1\n")
        until(lambda: "warning: The sources are not as their files say." in run("catalog", "sources").stderr)
        assert "'typo' is no key" in run("catalog", "sources").stderr
        assert "filed" in sources("-o", "name").splitlines()
    finally:
        file.unlink()
    until(lambda: "filed" not in sources("-o", "name").splitlines())


# Previewed


def test_a_preview_says_which_models_would_be_shown_and_adds_nothing(run, sources, folder):
    (folder / "m.yaml").write_text(MODELS.format(more=VARIANTS))
    words = ["--path", str(folder / "m.yaml"), "--exclude", "*-*-*", "--include", "acme/talker*"]
    done = run("catalog", "sources", "preview", *words)
    assert done.exit_code == 0, done.output
    assert table(done.stdout)[:3] == [["NAME", "INCLUDED"], ["acme/talker-8B", "yes"], ["acme/talker-8B-FP8", "no"]]
    assert "1 of 5 models would be shown." in done.stderr
    only = run("catalog", "sources", "preview", *words, "--included", "-o", "name")
    assert only.stdout == "acme/talker-8B\n"
    assert "preview" not in sources("-o", "name").splitlines()


# Changed


def test_refresh_loads_what_has_changed_and_says_what_it_had(sources, mine, models):
    models.write_text(MODELS.format(more=VARIANTS))
    assert sources("refresh", mine).startswith(f"{mine} has 5 models")
    assert sources("refresh", mine) == f"{mine} has 5 models\n"
    assert json.loads(sources("refresh", mine, "--no-wait", "--json"))["id"] == mine


def test_where_a_refresh_fails_what_was_there_stays(run, sources, mine, models):
    models.write_text("models: nothing")
    done = run("catalog", "sources", "refresh", mine)
    assert done.exit_code == 4
    assert "models must be a list" in done.stderr
    assert run("catalog", "search", "--source", mine, "-o", "name").stdout == "acme/talker-8B\n"


def test_what_is_disabled_is_hidden_and_is_there_again(run, sources, mine):
    assert sources("disable", mine) == f"source {mine} disabled\n"
    assert run("catalog", "search", "--source", mine, "-o", "name").stdout == ""
    refused = run("catalog", "sources", "refresh", mine)
    assert refused.exit_code == 1
    assert f"hint: forecourt catalog sources enable {mine}" in refused.stderr
    assert json.loads(sources("enable", mine, "--json"))["enabled"]
    assert run("catalog", "search", "--source", mine, "-o", "name").stdout == "acme/talker-8B\n"


def test_a_script_says_that_it_means_to_remove_and_what_is_lost(run, sources, mine):
    refused = run("catalog", "sources", "remove", mine)
    assert refused.exit_code == 2
    assert f"This removes the source {mine} ({mine}) and its 1 models" not in refused.stderr
    assert f"This removes the source {mine} ({mine}) and its 1 model from the catalog." in refused.stderr
    assert sources("remove", mine, "--yes") == f"source {mine} removed\n"
    assert mine not in sources("-o", "name").splitlines()


def test_on_a_terminal_removing_is_confirmed(run, sources, mine, monkeypatch):
    monkeypatch.setattr(Console, "can_ask", True)
    asked = run("catalog", "sources", "remove", mine, stdin="n\n")
    assert asked.exit_code == 1
    assert "Nothing was removed." in asked.stderr
    assert run("catalog", "sources", "remove", mine, stdin="y\n").exit_code == 0


def test_a_source_that_a_file_defines_is_not_removed(run, serving):
    done = run("catalog", "sources", "remove", "validated")
    assert done.exit_code == 1
    assert "forecourt catalog sources disable validated" in done.stderr
