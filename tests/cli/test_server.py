"""Running a server: up, status, down, and what stands in the way."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from forecourt.cli import server
from forecourt.cli.client import Client
from forecourt.cli.connection import Record, gone

FREE = ("--port", "0", "--registry-port", "0")


@pytest.fixture
def home(tmp_path, run):
    """This test's home, whose server is gone at the end."""
    yield tmp_path / "home"
    assert run("down").exit_code == 0


def record(home: Path) -> Record:
    found = Record.read(home / "server.json")
    assert found
    return found


def test_a_server_is_started_looked_at_and_stopped(run, shell, home):
    up = shell("up", "-d", *FREE)
    assert up.returncode == 0, up.stderr
    url, registry = (line.split()[-1] for line in up.stdout.splitlines())
    assert url.startswith("http://127.0.0.1:")
    assert registry.startswith("localhost:")

    status = json.loads(run("status", "--json").stdout)
    assert status["running"] is True
    assert (status["url"], status["registry"], status["home"]) == (url, registry, str(home))
    assert status["deployments"] == []
    shown = run("status").stdout
    assert f"Home       {home}\n" in shown
    assert "Memory     " in shown

    again = run("up", "-d", *FREE)
    assert again.exit_code == 0
    assert again.stdout.startswith("A server runs already")
    foreground = run("up", *FREE)
    assert foreground.exit_code == 4
    assert "A server runs already" in foreground.stderr

    assert f"Forecourt 0.1.0 is ready: {url}" in run("logs", "--server").stdout
    running = record(home)
    down = run("down")
    assert down.stdout == f"Stopped the server (pid {running.pid}) and its deployments.\n"
    assert not running.alive()
    assert run("status").exit_code == 4


def test_two_homes_do_not_meet(run, shell, home, tmp_path):
    other = str(tmp_path / "other")
    assert shell("up", "-d", *FREE).returncode == 0
    assert shell("--home", other, "status").returncode == 4
    assert shell("--home", other, "up", "-d", *FREE).returncode == 0
    theirs = record(Path(other))
    assert theirs.pid != record(home).pid

    # Even a record that leads to the other home's server does not make them meet.
    ours = (home / "server.json").read_text()
    (home / "server.json").write_text(json.dumps(json.loads(ours) | {"url": theirs.url}))
    assert run("status").exit_code == 4
    (home / "server.json").write_text(ours)

    assert shell("--home", other, "down").returncode == 0
    assert run("status").exit_code == 0


def test_a_port_that_is_taken_is_told(run, shell, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        foreground = run("up", "--port", port, "--registry-port", "0")
        assert foreground.exit_code == 4
        assert f"Another program already listens on 127.0.0.1:{port}" in foreground.stderr
        assert "--port" in foreground.stderr
        detached = shell("up", "-d", "--port", "0", "--registry-port", port)
        assert detached.returncode == 1
        assert "The server ended before it was ready." in detached.stderr
        assert f"  | error: Another program already listens on 127.0.0.1:{port}" in detached.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(run, port):
    assert run("up", "--port", port).exit_code == 2


def test_a_server_that_was_killed_is_not_running_and_another_can_start(run, shell, home):
    assert shell("up", "-d", *FREE).returncode == 0
    first = record(home)
    os.kill(first.pid, signal.SIGKILL)
    assert gone(first, 10)
    assert run("status").exit_code == 4
    assert run("down").stdout == f"No server runs for {home}.\n"
    assert shell("up", "-d", *FREE).returncode == 0
    assert record(home).pid != first.pid


def test_a_server_that_hangs_is_told_and_ended_by_signals(run, shell, home, monkeypatch):
    assert shell("up", "-d", *FREE).returncode == 0
    hanging = record(home)
    os.kill(hanging.pid, signal.SIGSTOP)
    monkeypatch.setattr(Client.about, "__kwdefaults__", {"within": 0.3})
    told = run("get", "isvc")
    assert told.exit_code == 4
    assert "does not answer" in told.stderr
    monkeypatch.setattr(server, "_SIGNALS", {"SIGTERM": 0.1, "SIGKILL": 5.0})
    assert run("down").stdout == f"Stopped the server (pid {hanging.pid}) by SIGKILL; its deployments go on.\n"


def test_down_can_leave_the_deployments(run, shell, home, serving_home):
    model = serving_home.parent / "model"
    assert shell("up", "-d", *FREE).returncode == 0
    assert run("apply", "-f", str(serving_home.parent / "runtime.yaml")).exit_code == 0
    assert run("deploy", f"file://{model}", "--name", "m", "--model-format", "answers").exit_code == 0
    down = run("down", "--keep-deployments")
    assert down.stdout.endswith(", its deployments go on.\n")
    assert shell("up", "-d", *FREE).returncode == 0
    assert run("chat", "m", "still there").stdout == "STILL THERE\n"
    assert run("logs", "m").stdout.count("answering") == 1
