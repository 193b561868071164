"""Caikit with SmolLM2, as Hugging Face lays it out; its own API, through the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from runtimes.place import Deployment, deployed, only_loopback
from servers import Server

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("torch_wheels")]

TASK = "/api/v1/task/text-generation"
PROMPT = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def served(server: Server, smollm2_hf: Path) -> Iterator[Deployment]:
    with deployed(server, "ck", smollm2_hf, "caikit", cpu="1") as deployment:
        yield deployment.until_ready()


def test_it_answers_in_its_own_way(served: Deployment) -> None:
    parameters = {"max_new_tokens": 24, "preserve_input_text": False}
    answer = served.post(TASK, {"model_id": "ck", "inputs": PROMPT, "parameters": parameters})
    assert answer.status_code == 200, answer.text
    assert "Paris" in answer.json()["generated_text"]
    assert answer.json()["input_token_count"] > 10
    assert served.status()["servingRuntimeName"] == "caikit-standalone-runtime"


def test_it_is_kept_from_listening_to_others(served: Deployment) -> None:
    assert only_loopback(served), "Caikit asks for 0.0.0.0, for its API and for its metrics"


def test_a_model_that_is_not_there_and_a_bad_body_are_said(served: Deployment) -> None:
    unknown = served.post(TASK, {"model_id": "nope", "inputs": "x"})
    assert unknown.status_code == 404
    assert "nope" in unknown.text
    assert served.post(TASK, {"model_id": "ck"}).status_code in (400, 422)
    assert served.get("/info/models").status_code == 200


def test_the_model_is_left_as_it_was(served: Deployment, smollm2_hf: Path) -> None:
    assert sorted(path.name for path in smollm2_hf.iterdir()) == [
        *("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    ]


def last_words(server: Server, name: str, model: Path) -> str:
    with deployed(server, name, model, "caikit") as deployment:
        failed = deployment.until_failed()
    assert failed["reason"] == "ModelLoadFailed"
    assert failed["exitCode"] == 1
    return str(failed["message"]).splitlines()[-1]


def test_a_directory_without_a_model_is_said(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    assert "neither a config.yml nor a config.json" in last_words(server, "ck-none", tmp_path)


def test_weights_that_are_cut_off_are_said(server: Server, smollm2_hf: Path, tmp_path: Path) -> None:
    for path in smollm2_hf.iterdir():
        if path.suffix == ".json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with (smollm2_hf / "model.safetensors").open("rb") as whole:
        (tmp_path / "model.safetensors").write_bytes(whole.read(1_000_000))
    last = last_words(server, "ck-half", tmp_path)
    assert last.startswith("caikit_server: ")
    assert "cannot be served: " in last
