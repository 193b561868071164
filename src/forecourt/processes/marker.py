"""The mark that every program we start carries in its environment, and passes on to what it starts in turn.

It finds what no record knows of: a program that was started just before the server was killed, a worker that
outlived its parent or left its process group. The mark names the home, so that two homes never touch each other's.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from forecourt.durable import write_once
from forecourt.processes.sighting import is_running, sight

HOME_ID = "FORECOURT_HOME_ID"
PROCESS = "FORECOURT_PROCESS"
OWNER = "FORECOURT_OWNER"
ENVIRONMENT = "FORECOURT_ENVIRONMENT"

_HAS_PROC = Path("/proc/self/environ").exists()
_KEPT_BACK = (
    *("FORECOURT_", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__"),
    # The environments are ours to write byte code into. Without it, large programs take three times as long to start.
    "PYTHONDONTWRITEBYTECODE",
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A running process that carries the mark of a home."""

    pid: int
    id: str
    """Which of our programs it is, or belongs to; empty for a step on the way to one (uv)."""
    owner: str
    """The server or command it works for, where it must not outlive that: pid and birth."""
    environment: str
    """The environment it is making; empty where it makes none."""

    def orphaned(self) -> bool:
        """Say whether it works for somebody who is gone."""
        pid, _, birth = self.owner.partition("@")
        return not (pid.isdigit() and is_running(int(pid), birth))


def home_id(home: Path) -> str:
    """Return the random id of a FORECOURT_HOME, which is made up the first time someone asks."""
    return write_once(home / "id", secrets.token_hex(16)).strip()


def process_marks(home: str, process: str) -> dict[str, str]:
    """Return the variables that mark a program of a home (its id), which is on record under an id."""
    return {HOME_ID: home, PROCESS: process}


def environment_marks(home: str, key: str) -> dict[str, str]:
    """Return the variables that mark what makes an environment of a home (its id) for us, and must not outlive us."""
    me = sight(os.getpid())
    assert me is not None
    return {HOME_ID: home, ENVIRONMENT: key, OWNER: f"{os.getpid()}@{me.birth}"}


def inherited() -> dict[str, str]:
    """Return the environment that a program gets from us: ours, without our own settings and our own Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_BACK)}


def marked(home: str) -> Iterator[Marked]:
    """Find every running process of this user that carries the mark of a home (its id), other than ourselves."""
    for pid, variables in _carrying({HOME_ID: home}):
        yield Marked(pid, *(variables.get(name, "") for name in (PROCESS, OWNER, ENVIRONMENT)))


def carriers(marks: Mapping[str, str]) -> set[int]:
    """Return the pids of the running processes of this user that carry all of these marks, other than ourselves."""
    return {pid for pid, _ in _carrying(marks)}


def environment_of(pid: int) -> Mapping[str, str]:
    """Return the environment a process of this user was started with; empty where it cannot be known."""
    try:
        # psutil looks at much besides; there are hundreds of processes to ask, and a server that waits.
        directory = Path(f"/proc/{pid}")
        if directory.stat().st_uid != os.getuid():
            return {}
        block = (directory / "environ").read_bytes()
    except OSError:
        return {} if _HAS_PROC else _environment_by_psutil(pid)
    pairs = (entry.partition(b"=") for entry in block.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _carrying(marks: Mapping[str, str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    for pid in psutil.pids():
        variables = environment_of(pid)
        if marks.items() <= variables.items() and pid != os.getpid() and (seen := sight(pid)) and seen.running:
            yield pid, variables


def _environment_by_psutil(pid: int) -> Mapping[str, str]:
    try:
        process = psutil.Process(pid)
        return process.environ() if process.uids().real == os.getuid() else {}
    except (psutil.Error, OSError):
        return {}
