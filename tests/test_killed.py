"""Kill -9 of server and runtimes at random moments: the next start finds what runs, and leaves no orphan."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from servers import RUNTIMES, SERVICES, TINY, TINY_RUNTIME, Server, tiny_service, wait


def tiny_processes(model: Path) -> set[int]:
    """Every process of the tiny runtime that serves `model`."""
    found = set()
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            words = set(process.info["cmdline"] or ())
            if {str(TINY), f"--model={model}"} <= words and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "weights.tiny").write_text("weights")
    return directory


def answers(server: Server, name: str) -> bool:
    with contextlib.suppress(OSError):
        return server.call("GET", f"/serving/default/{name}/")[0] == 200
    return False


def test_kill_9_at_random_moments_loses_nothing_and_leaves_no_orphan(tmp_path: Path, model: Path) -> None:
    chance = random.Random(20)
    server = Server(tmp_path / "home", FORECOURT_STOP_SECONDS="1", FORECOURT_DRAIN_SECONDS="1")
    server.start()
    assert server.call("POST", RUNTIMES, TINY_RUNTIME)[0] == 201
    assert server.call("POST", SERVICES, tiny_service("a", model, replicas=2))[0] == 201
    wait(lambda: answers(server, "a"), 60, "the first answer")
    for turn in range(8):
        if chance.random() < 0.5:
            server.call("POST", SERVICES, tiny_service(f"b-{turn}", model))
        if chance.random() < 0.6:
            running = sorted(tiny_processes(model))  # none, where all were killed and none is started again yet
            for pid in chance.sample(running, k=min(1, len(running))):
                os.kill(pid, signal.SIGKILL)
        time.sleep(chance.random() * 0.3)
        server.kill()
        if chance.random() < 0.4:  # killed again while it is starting
            server.spawn()
            time.sleep(chance.random() * 1.5)
            server.kill()
        server.start()
    _, listed = server.call("GET", SERVICES)
    names = {item["metadata"]["name"] for item in listed["items"]}
    assert "a" in names
    assert len(names) > 1
    wait(lambda: all(answers(server, name) for name in names), 90, "every deployment answers")
    wait(lambda: len(tiny_processes(model)) == len(names) + 1, 30, "as many processes as replicas")
    for name in names:
        assert server.call("DELETE", f"{SERVICES}/{name}")[0] in (200, 202)
    wait(lambda: not tiny_processes(model), 30, "no process is left")
    server.stop()


def says(server: Server, name: str, token: str = "") -> tuple[int, str]:
    """Ask a deployment; return the status and what it says."""
    request = urllib.request.Request(f"{server.record['url']}/serving/default/{name}/")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)["say"]
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_what_was_ready_comes_back_as_it_was_canaries_sleepers_and_tokens_too(tmp_path: Path, model: Path) -> None:
    server = Server(tmp_path / "home", FORECOURT_STOP_SECONDS="1", FORECOURT_DRAIN_SECONDS="1")
    server.start()
    server.call("POST", RUNTIMES, TINY_RUNTIME)
    for name in ("canary", "asleep", "guarded"):
        assert server.call("POST", SERVICES, tiny_service(name, model, "--say=old"))[0] == 201
    for name in ("canary", "asleep", "guarded"):
        wait(lambda name=name: says(server, name) == (200, "old"), 60, f"{name} answers")
    rolled_out = f"{SERVICES}/canary"
    wait(
        lambda: "latestRolledoutRevision" in server.call("GET", rolled_out)[1]["status"]["components"]["predictor"],
        30,
        "the first revision is rolled out",
    )
    new = tiny_service("canary", model, "--say=new")["spec"]
    server.call("PATCH", rolled_out, {"spec": {"predictor": new["predictor"] | {"canaryTrafficPercent": 50}}})
    sleepy = {"metadata": {"annotations": {"autoscaling.knative.dev/window": "2s"}}}
    server.call("PATCH", f"{SERVICES}/asleep", sleepy | {"spec": {"predictor": {"minReplicas": 0, "maxReplicas": 1}}})
    auth = {"metadata": {"annotations": {"security.opendatahub.io/enable-auth": "true"}}}
    server.call("PATCH", f"{SERVICES}/guarded", auth)
    token = server.call("POST", f"{SERVICES}/guarded/tokens", {"name": "test"})[1]["token"]

    def both() -> bool:
        return {says(server, "canary")[1] for _ in range(20)} == {"old", "new"}

    wait(both, 30, "both revisions of the canary answer")
    wait(lambda: len(tiny_processes(model)) == 3, 30, "one sleeps, of the canary there are two")
    for pid in tiny_processes(model):
        os.kill(pid, signal.SIGKILL)
    server.kill()
    server.start()
    wait(both, 60, "both revisions of the canary answer again")
    wait(lambda: says(server, "guarded", token) == (200, "old"), 30, "the token opens")
    assert says(server, "guarded")[0] == 401
    assert len(tiny_processes(model)) == 3, "the one that slept was not woken"
    assert says(server, "asleep") == (200, "old")
    server.stop()
    assert not tiny_processes(model)


def test_a_server_that_ends_with_sigterm_leaves_its_deployments_running_for_the_next(
    tmp_path: Path, model: Path
) -> None:
    server = Server(tmp_path / "home")
    server.start()
    server.call("POST", RUNTIMES, TINY_RUNTIME)
    server.call("POST", SERVICES, tiny_service("a", model))
    wait(lambda: answers(server, "a"), 60, "the first answer")
    before = tiny_processes(model)
    assert server.stop(signal.SIGTERM) == 0
    assert tiny_processes(model) == before
    server.start()
    wait(lambda: answers(server, "a"), 30, "an answer from the same process")
    assert tiny_processes(model) == before
    assert server.stop(signal.SIGINT) == 0
    assert not tiny_processes(model)


def test_two_homes_on_one_machine_do_not_meet(tmp_path: Path, model: Path) -> None:
    one, other = Server(tmp_path / "one"), Server(tmp_path / "other")
    one.start()
    one.call("POST", RUNTIMES, TINY_RUNTIME)
    one.call("POST", SERVICES, tiny_service("a", model))
    wait(lambda: answers(one, "a"), 60, "the first answer")
    other.start()
    assert other.call("GET", SERVICES)[1]["items"] == []
    other.stop()
    assert answers(one, "a")
    one.stop()


def test_a_second_server_for_a_home_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    first = Server(tmp_path / "home")
    first.start()
    second = first.run("up", "--port", "0", "--registry-port", "0")
    assert second.returncode == 4
    assert "A server runs already" in second.stderr
    assert "forecourt down" in second.stderr
    assert first.call("GET", SERVICES)[0] == 200
    first.stop()


def test_a_port_that_is_taken_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    first = Server(tmp_path / "home")
    first.start()
    port = first.record["url"].rpartition(":")[2]
    other = Server(tmp_path / "other")
    refused = other.run("up", "--port", port, "--registry-port", "0")
    assert refused.returncode == 4
    assert f"127.0.0.1:{port}" in refused.stderr
    assert "--port" in refused.stderr
    assert not (other.home / "server.json").exists()
    first.stop()
