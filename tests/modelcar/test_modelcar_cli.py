"""``forecourt modelcar``, as a person and as a program use it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import needs
from docker_registries import DockerRegistry
from tiny_models import write_gguf, write_safetensors
from typer.testing import CliRunner, Result

from forecourt.cli import app
from forecourt.settings import Settings

Run = Callable[..., Result]
HERE = "localhost:5000/demo/tiny:1.0"


@pytest.fixture
def run() -> Run:
    def run(*words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, ["modelcar", *map(str, words)], prog_name="forecourt")
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.fixture
def ask(run: Run) -> Callable[..., Any]:
    """Run a command with `--json`, and read what it prints."""
    return lambda *words: json.loads(run(*words, "--json").stdout)


def test_pack_says_what_it_packed_and_what_comes_next(run: Run, model: Path) -> None:
    result = run("pack", model, "-t", HERE)
    assert result.stdout.startswith(f"Packed {HERE}\n")
    for line in ("Format:       safetensors", "Parameters:   83", "License:      Apache-2.0", "Layers:       5"):
        assert line in result.stdout
    assert "model.safetensors" in result.stderr and "packed" in result.stderr
    assert f"Push it: forecourt modelcar push {HERE}" in result.stderr


def test_what_is_known_better_can_be_said(ask: Callable[..., Any], model: Path) -> None:
    said = ("--title", "Mine", "--source", "https://x.org", "--revision", "abc", "--license", "MIT")
    found = ask("pack", model, "-t", HERE, *said, "--annotation", "org.example.a=b=c")
    assert (
        found["model"] | {"title": "Mine", "source": "https://x.org", "revision": "abc", "license": "MIT"}
        == (found["model"])
    )
    assert found["annotations"]["org.example.a"] == "b=c"
    assert ask("inspect", HERE) == found | {"attachments": [], "deployments": []}
    assert ask("ls") == [found]


def test_the_whole_road(
    run: Run, ask: Callable[..., Any], model: Path, tmp_path: Path, plain_registry: DockerRegistry, settings: Settings
) -> None:
    one, two = (f"{plain_registry.host}/cli/tiny:{version}" for version in (1, 2))
    packed = ask("pack", model, "-t", one, "--copy")
    assert ask("push", one) == {"reference": one, "digest": packed["digest"]}
    (model / "model.safetensors").unlink()
    write_safetensors(model / "model.safetensors", seed=1)
    run("pack", model, "-t", two, "--copy")
    run("push", two)
    difference = run("diff", one, two).stdout
    assert "~ model.safetensors\n    ~ lm_head.bias\n" in difference and "would move." in difference
    assert ask("diff", one, two)["changed"] == ["model.safetensors"]
    copied = f"{plain_registry.host}/cli/copied:1"
    assert ask("copy", one, copied)["digest"] == packed["digest"]

    shutil.rmtree(settings.home)
    assert run("ls").stdout == "" and "No images on this machine yet." in run("ls").stderr
    assert ask("ls") == []
    listed = ask("ls", copied)
    assert [file["path"] for file in listed][:2] == ["README.md", "config.json"] and listed[1]["size"] > 0
    assert "which tensors is not known" in run("diff", one, two).stdout
    out = tmp_path / "out"
    assert f"Pulled {copied} into {out}" in run("pull", copied, out).stdout
    assert (out / "config.json").read_bytes() == (model / "config.json").read_bytes()
    assert copied in run("ls").stdout
    run("tag", copied, HERE)
    assert {image["reference"] for image in ask("ls")} == {copied, HERE}
    assert run("rm", copied, HERE, "--yes").stdout == f"Forgot {copied}\nForgot {HERE}\n"
    assert ask("ls") == []
    assert ask("prune", "--yes") == {"freedBytes": 0}, "what just came stays"


def test_files_are_listed_with_size_and_layer(run: Run, model: Path) -> None:
    run("pack", model, "-t", HERE)
    lines = run("ls", HERE).stdout.splitlines()
    assert lines[0].split() == ["PATH", "SIZE", "LAYER"]
    assert any(line.startswith("tokenizer/tokenizer.json   2 B ") for line in lines)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("pack", "{none}", "-t", HERE), 3, "does not exist"),
        (("pack", "{model}", "-t", "no-reference"), 2, "does not say its registry"),
        (("pack", "{pickle}", "-t", HERE), 2, "--allow 'pytorch_model.bin'"),
        (("pack", "{cut}", "-t", HERE), 2, "cut.gguf is not a sound GGUF file"),
        (("pack", "{model}", "-t", HERE, "--annotation", "novalue"), 2, "key=value"),
        (("pack", "{model}", "-t", HERE, "--platform", "amd64"), 2, "linux/amd64"),
        (("pull", HERE, "{model}"), 1, "not empty"),
        (("push", HERE), 3, "has no manifest"),
        (("tag", HERE, "localhost:5000/x:1"), 3, "has no manifest"),
        (("rm", HERE), 3, "has no manifest"),
    ],
)
def test_errors_say_what_and_what_next(
    run: Run, tmp_path: Path, model: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    (tmp_path / "pickle").mkdir()
    (tmp_path / "pickle" / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    cut = write_gguf(tmp_path / "cut.gguf")
    cut.write_bytes(cut.read_bytes()[:300])
    places = {"none": tmp_path / "none", "model": model, "pickle": tmp_path / "pickle", "cut": cut}
    result = run(*(word.format(**places) for word in words), code=code)
    assert result.stderr.splitlines()[-1].startswith(("error: ", "hint: ")) and says in result.stderr
    assert "Traceback" not in result.output


def test_nothing_is_removed_when_one_of_several_is_not_there(run: Run, ask: Callable[..., Any], model: Path) -> None:
    run("pack", model, "-t", HERE)
    run("rm", HERE, "localhost:5000/no/such:1", "--yes", code=3)
    assert len(ask("ls")) == 1


CARD = {"model": "acme/tiny", "source": "https://huggingface.co/acme/tiny"}
SCORED = CARD | {
    "suite": "",
    "task": "MMLU",
    "baseline": "80.0",
    "score": "79.2",
    "columns": ["acme/base", "acme/tiny"],
}
POINT = CARD | {"hardware_type": "H100", "hardware_count": 1, "input_tokens": 256, "output_tokens": 128}


@pytest.fixture
def measured(tmp_path: Path) -> tuple[Path, Path]:
    """Files with what a model scored, and how fast it is."""
    scores, points = tmp_path / "scores.ndjson", tmp_path / "points.ndjson"
    scores.write_text(json.dumps(SCORED) + "\n")
    points.write_text(json.dumps(POINT | {"metric": "request_latency", "value": "1.5"}) + "\n")
    return scores, points


@needs("docker-registry")
def test_evidence_is_attached_shown_and_copied_along(
    run: Run, ask: Callable[..., Any], model: Path, measured: tuple[Path, Path], plain_registry: DockerRegistry
) -> None:
    scores, points = measured
    name, copied = (f"{plain_registry.host}/cli/{word}:1" for word in ("measured", "moved"))
    digest = ask("pack", model, "-t", name)["digest"]
    here = run("attach", name, "--evaluations", scores)
    assert here.stdout.startswith("Attached evaluations sha256:")
    assert "On this machine only." in here.stderr and f"forecourt modelcar push {name}" in here.stderr
    run("push", name)
    done = ask("attach", name, "--evaluations", scores, "--performance", points)
    assert (done["subject"], done["onThisMachine"], done["inRegistry"]) == (digest, True, True)
    assert [(one["kind"], one["new"]) for one in done["attachments"]] == [("evaluations", False), ("performance", True)]
    assert run("attach", name, "--performance", points).stdout.startswith("There already: performance sha256:")
    run("copy", name, copied)
    there = ask("inspect", copied)["attachments"]
    assert {one["kind"]: one["digest"] for one in there} == {one["kind"]: one["digest"] for one in done["attachments"]}
    assert "Attached:     " in run("inspect", copied).stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "scores.ndjson is empty."),
        (b"\n\xff", "scores.ndjson: Row 2: it is no UTF-8."),
        (b"{}\n", "scores.ndjson: Row 1: "),
        (b" " * (4 * 1024 * 1024) + b"{}", "scores.ndjson has more than 4194304 bytes."),
        (
            json.dumps(SCORED).encode() + b"\n" + json.dumps(SCORED | {"model": "b"}).encode(),
            "about 2 models: acme/tiny,",
        ),
        (json.dumps(SCORED | {"score": 79.2}).encode(), "scores.ndjson: Row 1: score is"),
        (None, "There is no file"),
    ],
)
def test_evidence_that_is_wrong_is_not_attached(
    run: Run, ask: Callable[..., Any], model: Path, measured: tuple[Path, Path], content: bytes | None, says: str
) -> None:
    scores, points = measured
    scores.unlink()
    if content is not None:
        scores.write_bytes(content)
    run("pack", model, "-t", HERE)
    refused = run("attach", HERE, "--performance", points, "--evaluations", scores, code=3 if content is None else 2)
    assert says in refused.stderr and "Traceback" not in refused.output
    assert ask("inspect", HERE)["attachments"] == []


def test_what_is_measured_again_wants_a_time(
    run: Run, ask: Callable[..., Any], model: Path, measured: tuple[Path, Path]
) -> None:
    scores, _ = measured
    run("pack", model, "-t", HERE)
    run("attach", HERE, "--evaluations", scores)
    scores.write_text(json.dumps(SCORED | {"score": "79.3"}) + "\n")
    refused = run("attach", HERE, "--evaluations", scores, code=1)
    assert "nothing says which are newer" in refused.stderr and "--created 2026-05-31" in refused.stderr
    for wrong in ("yesterday", "", "0001-01-01T00:00+14:00"):
        assert (
            f"{wrong!r} is no time." in run("attach", HERE, "--evaluations", scores, "--created", wrong, code=2).stderr
        )
    run("attach", HERE, "--evaluations", scores, "--created", "2026-05-31T12:00+02:00")
    assert [one["created"] for one in ask("inspect", HERE)["attachments"]] == ["2026-05-31T10:00:00Z", ""]


@needs("docker-registry")
def test_an_image_is_shown_where_what_is_attached_to_it_cannot_be_read(
    run: Run, ask: Callable[..., Any], model: Path, plain_registry: DockerRegistry
) -> None:
    name = f"{plain_registry.host}/cli/garbled:1"
    digest = ask("pack", model, "-t", name)["digest"]
    run("push", name)
    run("push", name, f"{plain_registry.host}/cli/garbled:{digest.replace(':', '-')}")
    run("rm", name, "--yes")
    shown = run("inspect", name)
    assert digest in shown.stdout
    assert "What is attached to it is not known." in shown.stderr
    assert "attachments" not in ask("inspect", name)


def test_nothing_to_attach_and_nothing_to_attach_it_to_are_told(run: Run, measured: tuple[Path, Path]) -> None:
    assert "--evaluations FILE" in run("attach", HERE, code=2).stderr
    run("attach", HERE, "--evaluations", measured[0], code=4)
