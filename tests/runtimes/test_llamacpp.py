"""The llama.cpp runtime's YAML: right on a cluster, and right on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import forecourt
from forecourt.serving.definitions import schema_of

FILE = Path(forecourt.__file__).parent / "runtimes" / "llamacpp.yaml"


@pytest.fixture
def runtime() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return document


@pytest.fixture
def container(runtime: dict[str, Any]) -> dict[str, Any]:
    [container] = runtime["spec"]["containers"]
    return dict(container)


def as_a_cluster_runs_it(container: dict[str, Any], root: Path, *more: str) -> list[str]:
    """Run the container's command as a kubelet does, with a stand-in for llama-server; return what that was given."""
    server = root / "llama-server"
    server.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\n')
    server.chmod(0o755)
    models = root / "models"
    environment = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    words = [*container["command"], *container["args"], *more]
    for name, value in environment.items():
        words = [word.replace(f"$({name})", value) for word in words]
    words = [word.replace("$$", "$").replace("/app/llama-server", str(server)) for word in words]
    words = [word.replace("/mnt/models/", f"{models}/").replace("{{.Name}}", "demo") for word in words]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
    return said.stdout.splitlines()


def test_it_is_what_kserve_takes(runtime: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(schema_of("servingruntimes")).validate(runtime)
    [version] = [found for found in runtime["spec"]["supportedModelFormats"] if found["name"] == "gguf"]
    assert version["autoSelect"]
    assert "protocolVersions" not in runtime["spec"], "it answers OpenAI's protocol, whatever a service asks for"


def test_on_a_cluster_the_model_is_found_and_options_are_taken_apart(container: dict[str, Any], tmp_path: Path) -> None:
    # As a ModelCar's sidecar has it: the model's directory is a link.
    (tmp_path / "image").mkdir()
    (tmp_path / "models").symlink_to("image")
    for name in ("mmproj-a.gguf", "a-00002-of-00002.gguf", "a-00001-of-00002.gguf", "README.md"):
        (tmp_path / "image" / name).touch()
    given = as_a_cluster_runs_it(container, tmp_path, "--temp=0.5", "-t", "3", '--chat-template-kwargs={"a": "b=c d"}')
    assert given[:2] == ["--model", f"{tmp_path}/models/a-00001-of-00002.gguf"]
    assert given[2:8] == ["--host", "0.0.0.0", "--port", "8080", "--alias", "demo"]
    assert given[-6:] == ["--temp", "0.5", "-t", "3", "--chat-template-kwargs", '{"a": "b=c d"}']
    assert not any(word.startswith("--") and "=" in word for word in given), "llama-server knows no --option=value"


def test_on_this_machine_the_server_knows_every_argument(runtime: dict[str, Any], container: dict[str, Any]) -> None:
    from forecourt.serving.availability import COMMAND
    from forecourt.serving.local.annotations import REQUIREMENTS

    annotations = runtime["metadata"]["annotations"]
    words = annotations[COMMAND].split()
    assert words[:2] == ["python", "$(FORECOURT_RUNTIMES)/llamacpp_server.py"]
    assert (FILE.parent / "llamacpp_server.py").exists()
    assert annotations[REQUIREMENTS].startswith("xllamacpp==")
    arguments = [word.replace("$(PORT)", "8080") for word in (*words[2:], *container["args"])]
    subprocess.run(
        ["python3", FILE.parent / "llamacpp_server.py", *arguments, "--help"], check=True, capture_output=True
    )
