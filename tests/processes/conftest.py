"""Programs for the tests to run, and a home whose programs are all ended afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from forecourt.processes import Processes, Program
from forecourt.settings import Settings


def python(script: str, *arguments: str, **env: str) -> Program:
    """A program that is a few lines of Python."""
    return Program((sys.executable, "-c", script, *arguments), env)


def eventually(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def marked_pids(home: Path) -> set[int]:
    """Every process that carries the mark of a home, found without the code under test."""
    identifier = (home / "id").read_text() if (home / "id").exists() else "none"
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("FORECOURT_HOME_ID") == identifier and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


@pytest.fixture
def processes(settings: Settings) -> Iterator[Processes]:
    yield Processes(settings.processes, log_bytes=64 * 1024, log_files=2)
    for pid in marked_pids(settings.home):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
