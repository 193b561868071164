"""A real Forecourt server with the runtimes that ship, and what a test asks of one deployment on it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from servers import SERVICES, Server

from forecourt.serving.compose import compose

PATIENCE = 240.0  # seconds; an environment that nobody has made yet takes most of it


@dataclass
class Deployment:
    """A deployment that was asked for; its API is reached through the gateway, as a client's requests are."""

    server: Server
    name: str

    @property
    def url(self) -> str:
        return f"{self.server.record['url']}/serving/default/{self.name}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, timeout=60)

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers=headers, timeout=120)

    def status(self) -> dict[str, Any]:
        code, document = self.server.call("GET", f"{SERVICES}/{self.name}")
        assert code == 200, document
        status: dict[str, Any] = document.get("status") or {}
        return status

    def until_ready(self) -> Deployment:
        """Wait until it answers; fails at once where it failed, with what its runtime said."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status = self.status()
            failure = status.get("modelStatus", {}).get("lastFailureInfo")
            assert not failure, failure["message"]
            if any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", [])):
                return self
            time.sleep(0.1)
        raise AssertionError(f"{self.status()}\n{self.log()}")

    def until_failed(self) -> dict[str, Any]:
        """Wait until it has failed, and return what its status says of that."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if failure := self.status().get("modelStatus", {}).get("lastFailureInfo"):
                return dict(failure)
            time.sleep(0.1)
        raise AssertionError(f"{self.status()}\n{self.log()}")

    def log(self) -> str:
        return "".join(path.read_text() for path in self.server.home.glob(f"processes/{self.name}-*/log"))

    def processes(self) -> list[psutil.Process]:
        """Everything that runs of it, whoever started it.

        It carries the deployment's mark in its environment, or is in a session with what does: a program that gives
        itself a title writes over its environment.
        """
        sessions: dict[int, list[psutil.Process]] = {}
        ours = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                session = os.getsid(process.pid)
                sessions.setdefault(session, []).append(process)
                if process.environ().get("FORECOURT_PROCESS", "").startswith(f"{self.name}-"):
                    ours.add(session)
        return [process for session in ours for process in sessions[session]]

    def delete(self) -> None:
        """Delete it, and wait until nothing of it runs."""
        self.server.call("DELETE", f"{SERVICES}/{self.name}")
        deadline = time.monotonic() + 60
        while self.server.call("GET", f"{SERVICES}/{self.name}")[0] == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def deploy(
    server: Server,
    name: str,
    model: Path,
    model_format: str,
    *,
    runtime: str | None = None,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cpu: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Deployment:
    """Ask for a deployment of the model in a directory, as `forecourt deploy` does."""
    service = compose(
        name,
        f"file://{model}",
        model_format=model_format,
        runtime=runtime,
        args=args,
        env=env,
        cpu=cpu,
        annotations=annotations,
    )
    code, document = server.call("POST", SERVICES, service.to_dict())
    assert code == 201, document
    return Deployment(server, name)


@contextlib.contextmanager
def deployed(server: Server, name: str, model: Path, model_format: str, **more: Any) -> Iterator[Deployment]:
    """A deployment that is deleted at the end."""
    deployment = deploy(server, name, model, model_format, **more)
    try:
        yield deployment
    finally:
        deployment.delete()


def only_loopback(deployment: Deployment) -> bool:
    """Say whether nothing of a deployment listens to other machines."""
    found = [
        connection.laddr.ip
        for process in deployment.processes()
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert found, "it listens somewhere"
    return all(ip in ("127.0.0.1", "::1", "::ffff:127.0.0.1") for ip in found)
