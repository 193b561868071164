"""``forecourt runtimes``: custom runtimes, what is offered, and their environments, with a real server."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from cli.conftest import RUNTIME, Run

MINE = RUNTIME.replace("name: answering\n", "name: mine\n", 1)
WITH_SIX = MINE.replace("  annotations:\n", "  annotations:\n    forecourt.dev/local-requirements: six==1.17.0\n")

TEMPLATE = """\
apiVersion: template.openshift.io/v1
kind: Template
metadata:
  name: templated
  annotations:
    opendatahub.io/apiProtocol: gRPC
objects:
- apiVersion: serving.kserve.io/v1alpha1
  kind: ServingRuntime
  metadata:
    name: mine
  spec:
    supportedModelFormats: [{name: answers}]
    containers: [{name: kserve-container, image: "example.com/mine:1"}]
"""

Done = Callable[..., str]


@pytest.fixture
def runtimes(run: Run, serving: Path) -> Iterator[Done]:
    """Run a command of ``runtimes`` that has to go well, and return what it prints; leaves no ``mine`` behind."""

    def runtimes(*words: str, stdin: str | None = None) -> str:
        done = run("runtimes", *words, stdin=stdin)
        assert done.exit_code == 0, done.output
        return done.stdout

    yield runtimes
    for name in ("mine", "yours", "llamacpp"):
        run("runtimes", "remove", name, "--force")
        run("runtimes", "enable", name)
    run("delete", "odd", "--ignore-not-found")


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Have an editor make replacements, one pair a time it is opened; returns where what it was shown is kept."""

    def editor(*replacements: tuple[str, str]) -> Path:
        seen = tmp_path / "seen"
        seen.mkdir(exist_ok=True)
        script = tmp_path / "editor.py"
        script.write_text(
            "import sys, pathlib\n"
            f"seen = pathlib.Path({str(seen)!r})\n"
            f"replacements = {replacements!r}\n"
            "file = pathlib.Path(sys.argv[1])\n"
            "times = len(list(seen.iterdir()))\n"
            "(seen / str(times)).write_text(file.read_text())\n"
            "if times < len(replacements):\n"
            "    old, new = replacements[times]\n"
            "    assert old in file.read_text(), old\n"
            "    file.write_text(file.read_text().replace(old, new))\n"
        )
        monkeypatch.setenv("VISUAL", shlex.join([sys.executable, str(script)]))
        return seen

    return editor


def about(runtimes: Done, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(runtimes("show", name, "--json"))
    return found


def test_the_list_says_what_is_offered_and_what_runs_here(runtimes):
    lines = runtimes("list").splitlines()
    assert lines[0].split("   ")[0] == "NAME"
    assert [word for word in ("DISPLAY NAME", "ENABLED", "API PROTOCOL", "FORMATS", "RUNS HERE") if word in lines[0]]
    [llamacpp] = [line for line in lines if line.startswith("llamacpp ")]
    cells = [cell for cell in llamacpp.split("  ") if cell]
    assert [cell.strip() for cell in cells] == [
        *("llamacpp", "llama.cpp ServingRuntime for KServe", "yes", "REST", "gguf", "yes"),
    ]
    [gaudi] = [line for line in lines if line.startswith("vllm-gaudi")]
    assert gaudi.endswith("and this machine has none.")
    assert {one["name"] for one in json.loads(runtimes("list", "--json"))["items"]} >= {"llamacpp", "answering"}


def test_show_has_the_predefined_arguments_and_variables(runtimes):
    shown = runtimes("show", "llamacpp")
    assert "Arguments:" in shown and "--ctx-size=8192" in shown
    assert "PORT=8080" in shown
    assert "Comes from:" in shown and "Forecourt" in shown


def test_a_runtime_is_added_from_yaml_and_serves(runtimes, serving, tmp_path, run):
    file = tmp_path / "mine.yaml"
    file.write_text(MINE)
    assert runtimes("add", "-f", str(file)) == "mine added\n"
    assert about(runtimes, "mine")["runsHere"] is True
    deployed = run("deploy", f"file://{serving}", "--name", "odd", "--model-format", "answers", "--runtime", "mine")
    assert deployed.exit_code == 0, deployed.output
    refused = run("runtimes", "remove", "mine")
    assert refused.exit_code == 1
    assert "in use by default/odd" in refused.stderr and "--force" in refused.stderr
    run("delete", "odd")
    assert runtimes("remove", "mine") == "mine removed\n"


def test_a_template_of_openshift_is_added_and_for_all_projects(runtimes):
    runtimes("add", "-f", "-", "--all-projects", stdin=TEMPLATE)
    mine = about(runtimes, "mine")
    assert (mine["kind"], mine["namespace"], mine["apiProtocol"]) == ("ClusterServingRuntime", "", "gRPC")
    runtimes("remove", "mine")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", "standard input: This is not YAML: line 1, column 6"),
        ("kind: Deployment\n", 'line 1, column 7: kind: Unsupported value: "Deployment"'),
        (
            MINE.replace("autoSelect: true", "autoSelect: 3"),
            "line 10, column 17: spec.supportedModelFormats[0].autoSelect",
        ),
        (MINE.replace("kserve-container", "server"), "line 13, column 11: spec.containers[0].name: No container"),
        (TEMPLATE.replace("ServingRuntime", "Pod"), "line 7, column 1: objects: This template has no ServingRuntime"),
        ("", "There is nothing in it"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_nothing_is_added(run, runtimes, text, says):
    refused = run("runtimes", "add", "-f", "-", stdin=text)
    assert refused.exit_code == 2
    assert says in refused.stderr
    assert "Traceback" not in refused.output
    assert "mine" not in [one["name"] for one in json.loads(runtimes("list", "--json"))["items"]]


def test_an_unknown_field_warns_or_is_refused(run, runtimes):
    text = MINE.replace("spec:\n", "spec:\n  replica: 2\n")
    refused = run("runtimes", "add", "-f", "-", "--strict", stdin=text)
    assert refused.exit_code == 2
    assert 'line 8, column 3: unknown field "spec.replica": did you mean replicas?' in refused.stderr
    added = run("runtimes", "add", "-f", "-", stdin=text)
    assert added.exit_code == 0
    assert 'warning: standard input: line 8, column 3: unknown field "spec.replica"' in added.stderr


def test_one_wrong_document_keeps_all_from_being_added(run, runtimes):
    both = f"{MINE}---\n{MINE.replace('name: mine', 'name: yours').replace('image: ', 'imag: 3 #')}"
    assert run("runtimes", "add", "-f", "-", "--strict", stdin=both).exit_code == 2
    assert "mine" not in runtimes("list")


def test_a_name_that_is_taken_is_refused(run, runtimes):
    runtimes("add", "-f", "-", stdin=MINE)
    again = run("runtimes", "add", "-f", "-", stdin=MINE)
    assert again.exit_code == 1
    assert "There is a serving runtime mine already" in again.stderr
    ships = run("runtimes", "add", "-f", "-", stdin=MINE.replace("name: mine", "name: llamacpp"))
    assert "ships with Forecourt" in ships.stderr and "runtimes edit llamacpp" in ships.stderr
    assert run("runtimes", "duplicate", "mine", "llamacpp").exit_code == 1


def test_a_dry_run_needs_no_server(shell, tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE)
    done = shell("runtimes", "add", "-f", "mine.yaml", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "mine can be added (dry run)\n"), done.stderr


def test_without_a_server_it_says_so(shell):
    for words in (("list",), ("env", "list"), ("env", "create", "llamacpp")):
        done = shell("runtimes", *words)
        assert done.returncode == 4
        assert "No server runs" in done.stderr and "forecourt up" in done.stderr


def test_a_file_that_is_not_there(run, runtimes):
    assert run("runtimes", "add", "-f", "nowhere.yaml").exit_code == 3


def test_a_copy_has_another_name_for_programs_and_people(runtimes):
    runtimes("duplicate", "llamacpp", "mine")
    mine = about(runtimes, "mine")
    assert mine["displayName"] == "Copy of llama.cpp ServingRuntime for KServe"
    assert (mine["shipped"], mine["predefinedArgs"]) == (False, about(runtimes, "llamacpp")["predefinedArgs"])
    runtimes("duplicate", "llamacpp", "yours", "--display-name", "Yours")
    assert about(runtimes, "yours")["displayName"] == "Yours"


def test_a_runtime_is_edited(runtimes, editor):
    runtimes("add", "-f", "-", stdin=MINE)
    editor(("example.com/answering:1", "example.com/answering:2"))
    assert runtimes("edit", "mine") == "mine edited\n"
    assert about(runtimes, "mine")["image"] == "example.com/answering:2"


def test_what_an_edit_breaks_is_shown_at_its_line_in_the_editor(runtimes, editor):
    runtimes("add", "-f", "-", stdin=MINE)
    seen = editor(("image: example.com/answering:1", "image: 2"), ("image: 2", "image: two"))
    assert runtimes("edit", "mine") == "mine edited\n"
    second = (seen / "1").read_text().splitlines()
    [error] = [line for line in second if line.startswith("# error: ")]
    assert "spec.containers[0].image: Invalid value: 2: must be a string" in error
    number = int(error.split("line ")[1].split(",")[0])
    assert second[number - 1].strip() == "image: 2"


def test_an_edit_that_stays_wrong_changes_nothing(run, runtimes, editor):
    runtimes("add", "-f", "-", stdin=MINE)
    seen = editor(("- name: kserve-container", "- name: ["))
    failed = run("runtimes", "edit", "mine")
    assert failed.exit_code == 2
    assert "mine was not changed" in failed.stderr and "not YAML" in failed.stderr
    assert len(list(seen.iterdir())) == 2
    assert "Nothing was changed" in runtimes("edit", "mine")


def test_an_edit_cannot_make_it_another(run, runtimes, editor):
    runtimes("add", "-f", "-", stdin=MINE)
    editor(("name: mine", "name: yours"))
    assert "This must stay the one ServingRuntime mine" in run("runtimes", "edit", "mine").stderr


def test_editing_one_that_ships_makes_ones_own_in_its_place(run, runtimes, editor):
    seen = editor(("--ctx-size=8192", "--ctx-size=4096"))
    done = run("runtimes", "edit", "llamacpp")
    assert done.exit_code == 0, done.output
    assert "forecourt runtimes remove llamacpp" in done.stderr
    assert "ships with Forecourt and stays as it is" in (seen / "0").read_text()
    mine = about(runtimes, "llamacpp")
    assert (mine["shipped"], mine["replacesShipped"]) == (False, True)
    assert "--ctx-size=4096" in str(mine["predefinedArgs"])
    runtimes("remove", "llamacpp")
    assert about(runtimes, "llamacpp")["shipped"] is True


def test_one_that_ships_is_disabled_and_enabled(run, runtimes, serving):
    assert runtimes("disable", "llamacpp") == "llamacpp disabled\n"
    assert about(runtimes, "llamacpp")["enabled"] is False
    [line] = [line for line in run("get", "servingruntimes").stdout.splitlines() if line.startswith("llamacpp ")]
    assert line.split()[1] == "true"
    refused = run(
        *("deploy", f"file://{serving}", "--name", "odd", "--model-format", "gguf", "--runtime", "llamacpp"),
        *("--timeout", "20"),
    )
    assert refused.exit_code != 0
    assert "is disabled" in refused.stderr and "runtimes enable llamacpp" in refused.stderr
    assert runtimes("enable", "llamacpp") == "llamacpp enabled\n"
    assert run("runtimes", "disable", "nothing").exit_code == 3


def test_runtimes_are_put_in_order(run, runtimes):
    assert runtimes("order", "vllm-cpu-runtime", "answering").split()[:2] == ["vllm-cpu-runtime", "answering"]
    assert runtimes("order", "llamacpp", "--before", "answering").split()[:3] == [
        *("vllm-cpu-runtime", "llamacpp", "answering"),
    ]
    assert runtimes("list").splitlines()[1].startswith("vllm-cpu-runtime ")
    assert run("get", "servingruntimes").stdout.splitlines()[1].startswith("vllm-cpu-runtime ")
    assert run("runtimes", "order", "llamacpp", "kserve-ovms", "--before", "answering").exit_code == 2
    assert run("runtimes", "order", "nothing").exit_code == 3


def test_what_is_exported_is_what_a_cluster_takes_and_can_be_added_again(runtimes):
    runtimes("add", "-f", "-", stdin=WITH_SIX)
    exported = runtimes("export", "mine")
    assert yaml.safe_load(exported) == yaml.safe_load(WITH_SIX)
    runtimes("remove", "mine")
    runtimes("add", "-f", "-", stdin=exported)


def test_one_that_ships_cannot_be_removed(run, runtimes):
    refused = run("runtimes", "remove", "llamacpp")
    assert refused.exit_code == 2
    assert "forecourt runtimes disable llamacpp" in refused.stderr


def test_a_hardware_profile_chooses_the_runtime(run, runtimes):
    words = ("deploy", "file:///model", "--name", "odd", "--dry-run", "--model-format")
    made = run(*words, "gguf", "--hardware-profile", "small")
    assert made.exit_code == 0, made.output
    document = yaml.safe_load(made.stdout)
    assert document["spec"]["predictor"]["model"]["runtime"] == "llamacpp"
    assert document["metadata"]["annotations"]["opendatahub.io/hardware-profile-name"] == "small"
    none = run(*words, "clay-tablet", "--hardware-profile", "small")
    assert none.exit_code == 2
    assert "No serving runtime serves clay-tablet on the hardware profile small" in none.stderr
    runtimes("duplicate", "llamacpp", "mine")
    several = run(*words, "gguf", "--hardware-profile", "small")
    assert several.exit_code == 2
    assert "Several serving runtimes serve gguf" in several.stderr and "--runtime" in several.stderr
    assert run(*words, "gguf", "--hardware-profile", "nothing").exit_code == 3


# Environments


def test_an_environment_is_made_listed_held_and_removed(run, runtimes, serving):
    runtimes("add", "-f", "-", stdin=WITH_SIX)
    made = json.loads(runtimes("env", "create", "mine", "--json"))
    assert (made["state"], made["runtimes"], made["usedBy"]) == ("ready", ["mine"], [])
    assert made["sizeBytes"] > made["ownBytes"] > 0 or made["sizeBytes"] == made["ownBytes"]
    assert Path(made["path"], "bin", "python").exists()
    assert made["key"] in runtimes("env", "list")
    assert "six==1.17.0" in runtimes("env", "show", "mine")
    deployed = run("deploy", f"file://{serving}", "--name", "odd", "--model-format", "answers", "--runtime", "mine")
    assert deployed.exit_code == 0, deployed.output
    for what in ("mine", made["key"]):
        refused = run("runtimes", "env", "remove", what)
        assert refused.exit_code == 1
        assert "in use by default/odd" in refused.stderr
    assert made["key"] not in runtimes("env", "remove", "--unused")
    assert json.loads(runtimes("env", "show", "mine", "--json"))["usedBy"] == ["default/odd"]
    # A deployment that is stopped makes it anew when it starts.
    assert run("stop", "odd").exit_code == 0
    assert f"{made['key']} removed" in runtimes("env", "remove", "mine")
    assert not Path(made["path"]).exists()
    started = run("start", "odd")
    assert started.exit_code == 0, started.output
    assert Path(made["path"], "bin", "python").exists()
    run("delete", "odd")
    assert made["key"] in runtimes("env", "remove", "--unused")
    again = run("runtimes", "env", "remove", "mine")
    assert again.exit_code == 3
    assert "forecourt runtimes env create mine" in again.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("create", "nothing"), 3, "no environment and no serving runtime nothing"),
        (("create", "vllm-gaudi-runtime"), 2, "does not run on this machine"),
        (("remove",), 2, "Name one"),
        (("remove", "mine", "--unused"), 2, "Name one"),
        (("show", "0123456789"), 3, "no environment"),
        (("remove", ".."), 3, ""),
    ],
)
def test_environments_that_cannot_be(run, runtimes, words, code, says):
    done = run("runtimes", "env", *words)
    assert done.exit_code == code, done.output
    assert says in done.stderr


def test_a_requirement_that_does_not_exist_is_said_and_nothing_is_left(run, runtimes):
    runtimes("add", "-f", "-", stdin=WITH_SIX.replace("six==1.17.0", "forecourt-no-such-package"))
    failed = run("runtimes", "env", "create", "mine")
    assert failed.exit_code == 1
    assert "forecourt-no-such-package was not found" in failed.stderr
    assert "spelled" in failed.stderr
    assert not [one for one in json.loads(runtimes("env", "list", "--json"))["items"] if one["state"] != "ready"]


def slow_project(directory: Path) -> Path:
    """A project whose build takes a minute."""
    project = directory / "slow"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "1"\n'
    )
    (project / "backend.py").write_text("import time\ntime.sleep(60)\n")
    return project


def test_ctrl_c_leaves_nothing_half_made(runtimes, tmp_path, serving_home):
    runtimes("add", "-f", "-", stdin=WITH_SIX.replace("six==1.17.0", str(slow_project(tmp_path))))
    command = [sys.executable, "-m", "forecourt", "--home", str(serving_home), "runtimes", "env", "create", "mine"]
    maker = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)

    def states() -> list[str]:
        return [one["state"] for one in json.loads(runtimes("env", "list", "--json"))["items"]]

    wait_until(lambda: "making" in states())
    refused_while_made = json.loads(runtimes("env", "list", "--json"))["items"]
    assert [one["runtimes"] for one in refused_while_made if one["state"] == "making"] == [["mine"]]
    maker.send_signal(signal.SIGINT)
    assert maker.wait(timeout=20) == 130
    assert maker.stderr
    assert "Traceback" not in maker.stderr.read()
    maker.stderr.close()
    wait_until(lambda: "making" not in states() and "unfinished" not in states())


BUILDS_AT_ONCE = """
import zipfile
def get_requires_for_build_wheel(config_settings=None): return []
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "slow-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.writestr("slow.py", "")
        wheel.writestr("slow-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: slow\\nVersion: 1\\n")
        wheel.writestr("slow-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("slow-1.dist-info/RECORD", "")
    return name
"""


def test_what_a_killed_server_left_half_made_is_made_anew_by_the_next(tmp_path, tmp_path_factory):
    home, project = tmp_path / "home", slow_project(tmp_path)
    command = [sys.executable, "-m", "forecourt", "--home", str(home)]
    cache = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "uv"))}

    def start() -> subprocess.Popen[bytes]:
        words = [*command, "up", "--port", "0", "--registry-port", "0"]
        (home / "server.json").unlink(missing_ok=True)
        with (tmp_path / "server.out").open("ab") as log:
            server = subprocess.Popen(words, stdout=log, stderr=log, env=os.environ | cache)
        wait_until((home / "server.json").exists)
        return server

    def ask(method: str, path: str, **more: str) -> dict[str, list[dict[str, object]]]:
        url = json.loads((home / "server.json").read_bytes())["url"]
        answer = httpx.request(method, f"{url}{path}", trust_env=False, **more)
        assert answer.is_success, answer.text
        found: dict[str, list[dict[str, object]]] = answer.json()
        return found

    def states() -> list[object]:
        return [one["state"] for one in ask("GET", "/api/forecourt/v1/environments")["items"]]

    def create() -> subprocess.Popen[str]:
        words = [*command, "runtimes", "env", "create", "mine"]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    server = start()
    try:
        text = WITH_SIX.replace("six==1.17.0", str(project))
        ask("POST", "/apis/serving.kserve.io/v1alpha1/namespaces/default/servingruntimes", content=text)
        maker = create()
        wait_until(lambda: states() == ["making"])
        server.kill()
        server.wait()
        _, told = maker.communicate(timeout=20)
        assert maker.returncode == 4, told
        assert "Traceback" not in told
        (project / "backend.py").write_text(BUILDS_AT_ONCE)
        server = start()
        assert states() == ["unfinished"]
        maker = create()
        made, told = maker.communicate(timeout=30)
        assert maker.returncode == 0, told
        assert "is ready" in made
        assert states() == ["ready"]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
