"""llama.cpp's server as a local process: a real model, real requests, real failures."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from runtimes.scripts import DIRECTORY, load_script

from forecourt.processes import Environment, Environments

SCRIPT = DIRECTORY / "llamacpp_server.py"
SYSTEM = {"role": "system", "content": "You answer questions in one short sentence."}
USER = {"role": "user", "content": "What is the capital of France?"}
QUESTION = {"messages": [SYSTEM, USER], "max_tokens": 24}
SMALL = ("--ctx-size", "1024", "--threads", "1")


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=30)

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=headers, timeout=60)

    def until_ready(self) -> Running:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(httpx.TransportError):
                if self.get("/health").status_code == 200:
                    return self
            time.sleep(0.02)
        raise AssertionError(self.log.read_text())


Serve = Callable[..., Running]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with xllamacpp, made once, as the shipped runtime asks for it."""
    home = tmp_path_factory.mktemp("runtimes")
    return asyncio.run(Environments(home / "environments", home / "cache").ensure(["xllamacpp==2026.10.11549"]))


@pytest.fixture(scope="module")
def serve_in_module(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    yield from _serving(environment, tmp_path_factory.mktemp("log"))


@pytest.fixture
def serve(environment: Environment, tmp_path: Path) -> Iterator[Serve]:
    yield from _serving(environment, tmp_path)


def _serving(environment: Environment, directory: Path) -> Iterator[Serve]:
    started: list[subprocess.Popen[bytes]] = []

    def start(model: Path, port: int, *options: str) -> Running:
        log = directory / f"log-{len(started)}"
        words = [environment.python, SCRIPT, "--model", model, "--port", str(port), *options]
        with log.open("ab") as output:
            process = subprocess.Popen(words, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        started.append(process)
        return Running(process, f"http://127.0.0.1:{port}", log)

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def served(serve_in_module: Serve, smollm2: Path) -> Running:
    """SmolLM2, served with the arguments of the shipped runtime."""
    port = _free_port()
    options = ("--host=127.0.0.1", "--alias=demo", "--ctx-size=8192", "--parallel=8", "--kv-unified", "--metrics")
    return serve_in_module(smollm2, port, *options, "--threads=1").until_ready()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Serving


def test_it_answers(served: Running) -> None:
    answer = served.post("/v1/chat/completions", QUESTION | {"model": "demo", "temperature": 0}).json()
    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert answer["model"] == "demo"
    assert answer["usage"]["completion_tokens"] > 0


def test_it_answers_as_a_stream(served: Running) -> None:
    body = QUESTION | {"stream": True, "temperature": 0, "stream_options": {"include_usage": True}}
    with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=body, timeout=60) as response:
        events = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    said = [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]]
    assert "Paris" in "".join(filter(None, said))
    assert len([text for text in said if text]) > 3, "it comes in pieces"
    assert chunks[-1]["usage"]["completion_tokens"] > 0


def test_it_goes_by_its_alias(served: Running) -> None:
    assert [model["id"] for model in served.get("/v1/models").json()["data"]] == ["demo"]


def test_it_has_metrics_health_and_slots(served: Running) -> None:
    assert served.get("/health").json() == {"status": "ok"}
    assert "llamacpp:prompt_tokens_total" in served.get("/metrics").text
    slots = served.get("/slots").json()
    assert len(slots) == 8
    assert {slot["n_ctx"] for slot in slots} == {8192}, "each may use the whole context"


def test_its_log_says_what_it_serves(served: Running, smollm2: Path) -> None:
    assert f"llamacpp_server: serving {smollm2} on {served.url}" in served.log.read_text()


def test_a_key_is_asked_for_where_one_was_given(serve: Serve, smollm2: Path, free_port: int, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("three\n\n")
    running = serve(smollm2, free_port, *SMALL, "--api-key", "one,two", "--api-key-file", str(keys)).until_ready()
    assert running.get("/v1/models").status_code == 401
    assert running.get("/v1/models", Authorization="Bearer wrong").status_code == 401
    for key in ("one", "two", "three"):
        assert running.get("/v1/models", Authorization=f"Bearer {key}").status_code == 200


def test_it_embeds(serve: Serve, smollm2: Path, free_port: int) -> None:
    running = serve(smollm2, free_port, *SMALL, "--embeddings", "--pooling", "mean").until_ready()
    data = running.post("/v1/embeddings", {"input": ["one", "two"]}).json()["data"]
    assert [len(item["embedding"]) for item in data] == [576, 576]


def test_a_full_context_is_shifted_where_that_was_asked_for(serve: Serve, smollm2: Path, free_port: int) -> None:
    options = ("-c", "256", "-np", "1", "-t", "1", "--context-shift")
    running = serve(smollm2, free_port, *options).until_ready()
    body = {"prompt": "Once upon a time", "max_tokens": 300, "ignore_eos": True}
    assert running.post("/v1/completions", body).json()["usage"]["completion_tokens"] == 300


def test_remembered_prompts_stay_within_the_memory_that_is_spare(
    serve: Serve, smollm2: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORECOURT_SPARE_MEMORY", str(8 * 2**20))
    served = serve(smollm2, free_port, "--ctx-size=1024", "--parallel=1", "--threads=1").until_ready()
    for number in range(3):  # each takes more than half of that
        served.post("/v1/completions", {"prompt": f"word{number} " * 100, "max_tokens": 1})
    assert "making room for prompt cache entry" in served.log.read_text()


def test_options_of_every_kind_reach_the_server(serve: Serve, smollm2: Path, free_port: int) -> None:
    options = (
        *("-c", "512", "-np", "2", "-tb", "1", "-t", "1", "-b", "128", "-ub", "64", "-ngl", "all", "-fa", "on"),
        *("-ctk", "q8_0", "-ctv", "q8_0", "--temp", "0.25", "--top-k", "7", "--seed", "5", "--no-slots", "--props"),
        *("--no-mmap", "--cache-ram", "0", "--no-warmup", "--jinja", "--no-webui", "--timeout", "60", "-kvu"),
        *("--reasoning-format", "none", "--chat-template-kwargs", '{"enable_thinking": false}', "--numa", "distribute"),
        *("--chat-template", "{% for m in messages %}{{ m.content }}{% endfor %}", "--api-prefix", "/llm"),
    )
    running = serve(smollm2, free_port, *options)
    running.url += "/llm"
    running.until_ready()
    props = running.get("/props").json()
    sampling = props["default_generation_settings"]["params"]
    assert (sampling["temperature"], sampling["top_k"], sampling["seed"]) == (0.25, 7, 5)
    assert props["total_slots"] == 2
    assert props["chat_template"].startswith("{% for m in messages %}")
    assert running.get("/slots").status_code == 501
    assert running.post("/v1/chat/completions", QUESTION).status_code == 200


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told_to(serve: Serve, smollm2: Path, free_port: int, number: signal.Signals) -> None:
    running = serve(smollm2, free_port, *SMALL).until_ready()
    running.process.send_signal(number)
    assert running.process.wait(5) == 0


def test_it_ends_at_once_in_the_middle_of_an_answer(serve: Serve, smollm2: Path, free_port: int) -> None:
    running = serve(smollm2, free_port, *SMALL).until_ready()
    body = {"prompt": "Once upon a time", "max_tokens": 900, "ignore_eos": True, "stream": True}
    with httpx.stream("POST", f"{running.url}/v1/completions", json=body, timeout=60) as response:
        lines = response.iter_lines()
        next(lines)
        running.process.terminate()
        assert running.process.wait(5) == 0
        with contextlib.suppress(httpx.TransportError):
            list(lines)


def test_it_ends_at_once_while_it_loads(serve: Serve, smollm2: Path, free_port: int) -> None:
    running = serve(smollm2, free_port, *SMALL)
    deadline = time.monotonic() + 30
    while "loading model" not in running.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    running.process.terminate()
    assert running.process.wait(5) in (0, -signal.SIGTERM)


# What cannot be served


def fails(running: Running) -> str:
    """Wait until it has given up, and return its last line."""
    assert running.process.wait(30) == 1
    log = running.log.read_text()
    assert "Traceback" not in log
    return log.splitlines()[-1]


def test_junk_is_no_model(serve: Serve, tmp_path: Path, free_port: int) -> None:
    junk = tmp_path / "junk.gguf"
    junk.write_bytes(b"not a model at all" * 100)
    said = fails(serve(junk, free_port, *SMALL))
    assert said.startswith(f"llamacpp_server: {junk} cannot be served: invalid magic characters")


def test_a_truncated_model_is_refused(serve: Serve, tmp_path: Path, smollm2: Path, free_port: int) -> None:
    half = tmp_path / "half.gguf"
    with smollm2.open("rb") as whole:
        half.write_bytes(whole.read(40_000_000))
    said = fails(serve(half, free_port, *SMALL))
    assert "not within the file bounds, model is corrupted or incomplete" in said


def test_a_port_that_is_taken_is_said(serve: Serve, served: Running, smollm2: Path) -> None:
    port = served.url.rpartition(":")[2]
    several = [serve(smollm2, int(port), *SMALL) for _ in range(8)]  # what each printed came in time nevertheless
    assert all(fails(one).endswith(f"port: {port}") for one in several)
    assert served.get("/health").status_code == 200


def test_a_model_that_is_not_there_is_said(serve: Serve, tmp_path: Path, free_port: int) -> None:
    assert fails(serve(tmp_path / "none.gguf", free_port)).endswith(f"there is no model at {tmp_path / 'none.gguf'}")


def test_a_reason_that_cannot_be_looked_up_is_pointed_to(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "junk.gguf").write_bytes(b"junk")
    words = [environment.python, SCRIPT, "--model", tmp_path, "--port", "0"]
    ended = subprocess.run(words, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "The reason is in the lines above." in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--no-such-option", "1"), "unrecognized arguments: --no-such-option"),
        (("--ctx-size", "many"), "invalid int value: 'many'"),
        (("--ctx",), "unrecognized arguments: --ctx"),
        (("--pooling", "most"), "invalid choice: 'most'"),
        (("--port", "70000"), "no port"),
        (("--n-gpu-layers", "some"), "invalid _layers value: 'some'"),
        (("--api-key-file", "/nowhere"), "cannot be read"),
        (("--chat-template-kwargs", "{"), "invalid loads value"),
    ],
)
def test_options_that_cannot_be_right_are_said(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], says: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        load_script("llamacpp_server").parse(["--model", "x", *options])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert "--help" in said


def test_a_model_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load_script("llamacpp_server").parse([])
    assert "--model" in capsys.readouterr().err


# Which model, how many threads


@pytest.mark.parametrize(
    ("files", "model"),
    [
        (["a.gguf"], "a.gguf"),
        (["deep/er/a.gguf", "README.md"], "deep/er/a.gguf"),
        (["a.gguf", "mmproj-a.gguf", ".hidden.gguf"], "a.gguf"),
        (["a-00002-of-00002.gguf", "a-00001-of-00002.gguf"], "a-00001-of-00002.gguf"),
    ],
)
def test_the_model_in_a_directory_is_found(tmp_path: Path, files: list[str], model: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert load_script("llamacpp_server").find_model(tmp_path) == tmp_path / model
    assert load_script("llamacpp_server").find_model(tmp_path / model) == tmp_path / model


def test_a_directory_without_a_model_or_with_several_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="there is no GGUF model"):
        load_script("llamacpp_server").find_model(tmp_path)
    (tmp_path / "a.gguf").touch()
    (tmp_path / "b.gguf").touch()
    with pytest.raises(LookupError, match=r"several models .*: a\.gguf, b\.gguf; choose one with --model="):
        load_script("llamacpp_server").find_model(tmp_path)


def test_a_core_is_left_to_everything_else() -> None:
    script = load_script("llamacpp_server")
    assert 1 <= script.default_threads() <= max(1, (os.cpu_count() or 1) - 1)
    assert script._physical_cores() <= script._allowed_processors()


def test_help_needs_no_environment() -> None:
    python = shutil.which("python3")
    assert python
    ended = subprocess.run([python, SCRIPT, "--help"], capture_output=True, text=True)
    assert ended.returncode == 0
    assert "--ctx-size" in ended.stdout
