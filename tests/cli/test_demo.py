"""The demo: a real model, a real runtime, an answer."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import pytest


@pytest.fixture
def start(tmp_path):
    started = []

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "forecourt", "demo", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_demo_answers_and_takes_down_what_it_started(start, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = start("--exit", "--port", str(port), "--registry-port", "0")
        out, err = demo.communicate(timeout=280)
    assert demo.returncode == 0, err
    assert f"Port {port} is taken; using a free one." in err
    assert "What is the capital of France?" in out
    assert "Paris" in out
    for step in ("Model", "Server", "Pack", "Push", "Register", "Deploy", "Answer"):
        assert f"\n{step} " in f"\n{err}"
    assert "98.4 MB" in err
    assert not (tmp_path / "home" / "server.json").exists()


def test_the_demo_goes_on_until_ctrl_c_and_leaves_a_server_that_was_there(start, serving, run):
    demo = start()
    assert demo.stdout
    lines = []
    for line in demo.stdout:
        lines.append(line)
        if "print(answer" in line:
            break
    text = "".join(lines)
    assert "Paris" in text
    (url,) = {word for word in text.split() if word.endswith("/v1") and word.startswith("http")}
    with urllib.request.urlopen(f"{url}/models") as models:
        assert b"smollm2" in models.read()
    curl, program = text[text.index("\ncurl ") :].split("\nfrom openai")
    for shown in (["bash", "-c", curl], [sys.executable, "-c", f"from openai{program}"]):
        assert "Paris" in subprocess.run(shown, capture_output=True, text=True, timeout=60, check=True).stdout
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=60) == 0
    assert run("get", "isvc", "smollm2").exit_code == 3
    assert run("status").exit_code == 0
