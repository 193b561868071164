"""What the parts of serving.py share: deployments made and asked through the API, and the same servers started bare."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from running import Running

ISVCS = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
RUNTIMES = "/apis/serving.kserve.io/v1alpha1/namespaces/default/servingruntimes"
STREAMS = 8
_OURS = ("FORECOURT_OWNER", "FORECOURT_ENVIRONMENT", "FORECOURT_PROCESS")


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def call(server: Running, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the API, and return its answer; an error ends the run."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.record["url"] + path, data, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.status} {error.read().decode()}") from None


@dataclass
class Deployment:
    """A deployment on a server, by its name."""

    server: Running
    name: str

    @property
    def path(self) -> str:
        return f"{ISVCS}/{self.name}"

    def create(self, model: dict[str, Any], annotations: dict[str, str] | None = None, **predictor: Any) -> float:
        """Deploy, and return the seconds until it is ready."""
        began = time.perf_counter()
        document = {
            "metadata": {"name": self.name, "annotations": annotations or {}},
            "spec": {"predictor": {"model": model} | predictor},
        }
        call(self.server, "POST", ISVCS, document)
        self.until_ready()
        return time.perf_counter() - began

    def patch(self, change: dict[str, Any]) -> dict[str, Any]:
        return call(self.server, "PATCH", self.path, change)

    def stop(self) -> None:
        """Stop it, and wait until nothing of it runs."""
        self.patch({"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}})
        while self.replicas():
            time.sleep(0.05)

    def start(self, path: str) -> float:
        """Start it again, and return the seconds until `path` is answered through the gateway."""
        began = time.perf_counter()
        self.patch({"metadata": {"annotations": {"serving.kserve.io/stop": "false"}}})
        while not answers(self.url + path):
            time.sleep(0.02)
        took = time.perf_counter() - began
        self.until_ready(stopped_before=True)
        return took

    def delete(self) -> None:
        call(self.server, "DELETE", self.path)
        while True:
            try:
                with urllib.request.urlopen(self.server.record["url"] + self.path, timeout=60):
                    time.sleep(0.05)
            except urllib.error.HTTPError:
                return

    def until_ready(self, *, stopped_before: bool = False, seconds: float = 900) -> None:
        """Wait until the status says that all is as it is asked for."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            one = call(self.server, "GET", self.path)
            status = one.get("status") or {}
            conditions = {each["type"]: each for each in status.get("conditions", [])}
            seen = status.get("observedGeneration") == one["metadata"]["generation"]
            stopped = "Stopped" in conditions and stopped_before
            if seen and not stopped and conditions.get("Ready", {}).get("status") == "True":
                return
            failure = (status.get("modelStatus") or {}).get("lastFailureInfo")
            if failure and (status["modelStatus"]["transitionStatus"] in ("InvalidSpec", "BlockedByFailedLoad")):
                raise SystemExit(f"{self.name}: {failure['message']}")
            time.sleep(0.02)
        raise SystemExit(f"{self.name} was not ready after {seconds:g} s: {status}")

    def replicas(self) -> list[psutil.Process]:
        """The processes that serve it."""
        found = []
        for record in (self.server.home / "processes").glob("*/record.json"):
            said = json.loads(record.read_text())
            if said["labels"].get("name") == self.name and psutil.pid_exists(said["pid"]):
                found.append(psutil.Process(said["pid"]))
        return found

    @property
    def url(self) -> str:
        return f"{self.server.record['url']}/serving/default/{self.name}"


@dataclass(frozen=True)
class Bare:
    """A server as a replica was started, to be started by hand on another port."""

    argv: tuple[str, ...]
    env: dict[str, str]
    port: str

    @classmethod
    def of(cls, deployment: Deployment) -> Bare:
        """Read it from a replica that runs."""
        (replica,) = deployment.replicas()
        for record in (deployment.server.home / "processes").glob("*/record.json"):
            said = json.loads(record.read_text())
            if said["pid"] == replica.pid:
                env = {key: value for key, value in replica.environ().items() if key not in _OURS}
                return cls(tuple(said["argv"]), env, said["labels"]["port"])
        raise SystemExit("the replica has no record")

    @contextlib.contextmanager
    def running(self, path: str) -> Iterator[tuple[str, float]]:
        """Start it; yield its URL and the seconds until it answered `path` with a status below 400."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        argv = [word.replace(self.port, port) for word in self.argv]
        env = {key: value.replace(self.port, port) for key, value in self.env.items()}
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        url = f"http://127.0.0.1:{port}"
        try:
            while not answers(url + path):
                if process.poll() is not None:
                    raise SystemExit(f"{argv[:3]} ended with {process.returncode}")
                time.sleep(0.02)
            yield url, time.perf_counter() - began
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(60)
                os.killpg(process.pid, signal.SIGKILL)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return bool(answer.status < 400)
    except (urllib.error.URLError, OSError):
        return False


# Streams


async def stream(url: str, model: str, number: int, tokens: int) -> tuple[int, float]:
    """Read one chat; return how many pieces came, and the seconds until the first; raises where it breaks."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, port = host.split(":")
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection(name, int(port))
    body = json.dumps(
        {
            "model": model,
            "messages": [{"role": "user", "content": f"Chapter {number}. Tell me a long story about the sea."}],
            "max_tokens": tokens,
            "ignore_eos": True,
            "temperature": 0,
            "stream": True,
        }
    ).encode()
    prefix = f"/{path}" if path else ""
    writer.write(
        b"POST %s/v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (prefix.encode(), len(body), body)
    )
    first, data = 0.0, b""
    while chunk := await reader.read(65536):
        data += chunk
        if not first and b'"content":"' in data.replace(b'"content": "', b'"content":"'):
            first = time.perf_counter() - began
    writer.close()
    if not data.startswith(b"HTTP/1.1 200") or b"data: [DONE]" not in data:
        raise RuntimeError(f"a stream broke: {data[:300]!r} … {data[-200:]!r}")
    return data.count(b"data: {"), first


async def rate(url: str, model: str, count: int, tokens: int) -> float:
    """Return tokens/s over so many streams at a time."""
    began = time.perf_counter()
    await asyncio.gather(*(stream(url, model, number, tokens) for number in range(count)))
    return count * tokens / (time.perf_counter() - began)


def fill(path: Path, size: int) -> None:
    """Write a safetensors file with one tensor of so many random bytes."""
    header = json.dumps({"weight": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _ in range(size // (1024 * 1024)):
            file.write(os.urandom(1024 * 1024))


class Counting:
    """Passes connections on to a server on loopback, and counts the bytes that come back from it."""

    def __init__(self, to: str) -> None:
        host, _, port = to.removeprefix("http://").partition(":")
        self._to = (host, int(port))
        self.came = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to)
                for one, other, counts in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass, args=(one, other, counts), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1024 * 1024):
                if counts:
                    self.came += len(data)
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
