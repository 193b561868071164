"""The command line, in this process and in one of its own, and a server to talk to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from forecourt.cli import app

Run = Callable[..., Result]
Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run() -> Run:
    """Run a command in this process."""

    def run(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(words), input=stdin, prog_name="forecourt")

    return run


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Run a command as a person does: a process of its own."""

    def shell(*words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "forecourt", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=os.environ | environment,
            cwd=tmp_path,
            timeout=60,
        )

    return shell


@pytest.fixture
def stale_server(tmp_path: Path, free_port: int) -> Path:
    """A home whose server ended without taking its record away."""
    record = tmp_path / "home" / "server.json"
    record.parent.mkdir()
    url = f"http://127.0.0.1:{free_port}"
    record.write_text(json.dumps({"pid": 2**22 - 1, "started": 1.0, "url": url, "registry": "localhost:1"}))
    return record


RUNTIME = f"""\
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: answering
  annotations:
    forecourt.dev/local-command: python {Path(__file__).with_name("answering_runtime.py")}
spec:
  supportedModelFormats:
  - name: answers
    autoSelect: true
  protocolVersions: [v1]
  containers:
  - name: kserve-container
    image: example.com/answering:1
    args: [--host=$(HOST), --port=$(PORT), --model=/mnt/models]
    env:
    - {{name: HOST, value: 0.0.0.0}}
    - {{name: PORT, value: "8080"}}
    readinessProbe:
      httpGet: {{path: /health, port: 8080}}
      periodSeconds: 1
"""


@pytest.fixture(scope="session")
def serving_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a server that runs for all tests, with a runtime that needs no model, and a model for it."""
    home = tmp_path_factory.mktemp("serving") / "home"
    (home.parent / "model").mkdir()
    (home.parent / "model" / "answers.txt").write_text("yes\n")
    (home.parent / "runtime.yaml").write_text(RUNTIME)
    command = [sys.executable, "-m", "forecourt", "--home", str(home), "up", "--port", "0", "--registry-port", "0"]
    sources = {"FORECOURT_CATALOG_FOLDERS": str(home.parent), "FORECOURT_CATALOG_PRIVATE_ADDRESSES": "true"}
    with (
        (home.parent / "server.out").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | sources) as server,
    ):
        try:
            while not (home / "server.json").exists():
                assert server.poll() is None, (home.parent / "server.out").read_text()
                time.sleep(0.02)
            applied = [sys.executable, "-m", "forecourt", "--home", str(home), "apply", "-f"]
            subprocess.run([*applied, str(home.parent / "runtime.yaml")], check=True, capture_output=True)
            yield home
        finally:
            server.send_signal(2)  # Ctrl-C ends the deployments too
            server.wait(timeout=60)


@pytest.fixture
def serving(serving_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this test's commands find the server; returns the directory with the model."""
    monkeypatch.setenv("FORECOURT_HOME", str(serving_home))
    return serving_home.parent / "model"


@pytest.fixture
def ask(run: Run, serving: Path) -> Callable[..., str]:
    """Run a command of the registry that has to go well, and return what it prints."""

    def ask(*words: str) -> str:
        done = run("registry", *words)
        assert done.exit_code == 0, done.output
        return done.stdout

    return ask


@pytest.fixture
def answers(serving: Path, run: Run) -> Iterator[str]:
    """A deployment that answers; its name."""
    name = "answers"
    made = run("deploy", f"file://{serving}", "--name", name, "--model-format", "answers")
    assert made.exit_code == 0, made.output
    yield name
    run("delete", name, "--ignore-not-found")
