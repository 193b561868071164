"""Which process a pid means: pids are used again, so a process is known by its pid and the moment it was born.

On Linux that moment is counted in clock ticks since the machine started, which no change of the clock moves (what
`psutil.Process.create_time` gives is moved by it), together with the id of that start. Elsewhere it is psutil's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_STATE, _START_TIME = 0, 19  # proc_pid_stat(5): fields 3 and 22, counted after the name in brackets


@dataclass(frozen=True, slots=True)
class Sighting:
    """A process that was seen under a pid. Two sightings of one pid with the same `birth` are of the same process."""

    birth: str
    running: bool
    """False for a zombie: it has ended, and nobody has asked for its exit code yet."""


def sight(pid: int) -> Sighting | None:
    """Look at the process that has this pid now; None where none has."""
    boot = _boot()
    if not boot:
        return _sight_by_psutil(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(b")") + 2 :].split()  # the name itself may hold spaces and brackets
    return Sighting(f"{boot}/{int(fields[_START_TIME])}", fields[_STATE] not in (b"Z", b"X"))


def is_running(pid: int, birth: str) -> bool:
    """Say whether the process born then still runs under this pid."""
    seen = sight(pid)
    return seen is not None and seen.running and seen.birth == birth


def _sight_by_psutil(pid: int) -> Sighting | None:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return Sighting(f"{process.create_time():.6f}", process.status() != psutil.STATUS_ZOMBIE)
    except psutil.ZombieProcess:
        return Sighting("", running=False)
    except psutil.NoSuchProcess:
        return None


@cache
def _boot() -> str:
    """Name this start of the machine; empty where there is no /proc."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        Path("/proc/self/stat").read_bytes()
    except OSError:
        return ""
    return boot
