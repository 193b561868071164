"""A real Forecourt server in a process of its own, as a person starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FORECOURT = (sys.executable, "-m", "forecourt")
TINY = Path(__file__).parent / "serving" / "local" / "tiny_runtime.py"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
RUNTIMES = "/apis/serving.kserve.io/v1alpha1/namespaces/default/servingruntimes"

TINY_RUNTIME = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ServingRuntime",
    "metadata": {
        "name": "tiny",
        "annotations": {"forecourt.dev/local-command": f"python {TINY}", "forecourt.dev/local-requirements": ""},
    },
    "spec": {
        "supportedModelFormats": [{"name": "tiny", "autoSelect": True}],
        "containers": [
            {
                "name": "kserve-container",
                "image": "example.com/tiny:1",
                "args": ["--host=$(HOST)", "--port=$(PORT)", "--model=/mnt/models"],
                "env": [{"name": "HOST", "value": "0.0.0.0"}, {"name": "PORT", "value": "8080"}],
                "readinessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1},
            }
        ],
    },
}


def tiny_service(name: str, model: Path, *args: str, replicas: int = 1) -> dict[str, Any]:
    """An `InferenceService` of the tiny runtime."""
    spec = {"modelFormat": {"name": "tiny"}, "storageUri": f"file://{model}", "args": list(args)}
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name},
        "spec": {"predictor": {"minReplicas": replicas, "model": spec}},
    }


class Server:
    """``forecourt up`` on free ports; `kill` ends it as a power cut would."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.environment = os.environ | {"FORECOURT_HOME": str(home)} | environment
        self.process: subprocess.Popen[bytes] | None = None
        self.record: dict[str, Any] = {}

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it, and do not wait."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "output.log").open("ab") as output:
            words = [*FORECOURT, "up", "--port", "0", "--registry-port", "0"]
            self.process = subprocess.Popen(words, env=self.environment, stdout=output, stderr=output)
        return self.process

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        process = self.spawn()
        self.record = {}
        wait(lambda: self._ready(process), 30, "the server is ready")

    def kill(self) -> None:
        """End it at once."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it by a signal, and return its exit code."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(60)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a request; return the status and what the JSON of the answer says."""
        data = None if body is None else json.dumps(body).encode()
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        request = urllib.request.Request(self.record["url"] + path, data, {"Content-Type": kind}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def run(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a forecourt command against this home."""
        return subprocess.run(
            [*FORECOURT, *words], env=self.environment, capture_output=True, text=True, input=text, timeout=240
        )

    def _ready(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, (self.home / "output.log").read_text()[-3000:]
        with contextlib.suppress(FileNotFoundError, ValueError):
            record = json.loads((self.home / "server.json").read_text())
            if record["pid"] == process.pid:
                self.record = record
        return bool(self.record)


def wait(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)


@contextlib.contextmanager
def serving(home: Path, **environment: str) -> Iterator[Server]:
    """A server that is ready, ended with all that it serves."""
    server = Server(home, **environment)
    server.start()
    try:
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.stop()
