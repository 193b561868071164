"""What this machine has: processors, memory, accelerators. Nothing is loaded to ask; a question takes milliseconds."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from forecourt.projects.accelerators import Accelerator, accelerators


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` that programs may use, `memory` in bytes (both as a container limits them), and the accelerators."""

    cores: int
    memory: int
    accelerators: tuple[Accelerator, ...] = ()

    def count(self, identifier: str) -> int:
        """Return how many accelerators of a kind there are."""
        return sum(one.identifier == identifier for one in self.accelerators)


@cache
def this_machine() -> Machine:
    """Return what there is; asked once."""
    return Machine(_cores(), _memory(), tuple(accelerators()))


def free_memory() -> int:
    """Return how many bytes programs can take now without others having to give any up."""
    free = psutil.virtual_memory().available
    limit, used = _cgroup("memory.max"), _cgroup("memory.current")
    return min(free, limit - used) if limit is not None and used is not None else free


def _cores() -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # Linux only
        cores = os.cpu_count() or 1
    with contextlib.suppress(OSError, ValueError, IndexError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def _memory() -> int:
    total = psutil.virtual_memory().total
    limit = _cgroup("memory.max")
    return total if limit is None else min(total, limit)


def _cgroup(name: str) -> int | None:
    """Return a number of the container that we are in; None where there is no such limit."""
    with contextlib.suppress(OSError, ValueError):
        return int(Path(f"/sys/fs/cgroup/{name}").read_text())
    return None
