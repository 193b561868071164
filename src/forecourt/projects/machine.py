"""What this machine has: processors, memory, accelerators. Nothing is loaded to ask; a question takes milliseconds."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

NVIDIA = "nvidia.com/gpu"
AMD = "amd.com/gpu"
GAUDI = "habana.ai/gaudi"
_HABANA_LABS = "0x1da3"  # its PCI vendor id
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A device, by the name of its resource on a cluster. `memory` is in bytes; 0 where that is not known."""

    identifier: str
    index: int
    name: str
    memory: int = 0


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
    return Machine(_cores(), _memory(), (*_nvidia(), *_amd(), *_gaudi()))


def free_memory() -> int:
    """Return how many bytes programs can take now without others having to give any up."""
    free = psutil.virtual_memory().available
    limit, used = _cgroup("memory.max"), _cgroup("memory.current")
    return min(free, limit - used) if limit is not None and used is not None else free


def device_memory() -> dict[int, int]:
    """Return how many bytes are free on each NVIDIA GPU, by its index; nothing where that cannot be asked."""
    return {index: free for index, _, free in _ask_nvidia("memory.free")}


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


def _nvidia() -> Iterator[Accelerator]:
    for index, name, memory in _ask_nvidia("memory.total"):
        yield Accelerator(NVIDIA, index, name, memory)


def _ask_nvidia(memory: str) -> Iterator[tuple[int, str, int]]:
    """Yield each GPU's index, its name and one of its amounts of memory, in bytes."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        told = subprocess.run(
            (program, f"--query-gpu=index,name,{memory}", "--format=csv,noheader,nounits"),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
        for line in told.stdout.splitlines():
            index, name, amount = line.split(", ")
            yield int(index), name, int(amount) * 1024 * 1024


def _amd() -> Iterator[Accelerator]:
    if not Path("/dev/kfd").exists():
        return
    cards = sorted(Path("/sys/class/drm").glob("card*/device/mem_info_vram_total"))
    for index, card in enumerate(cards):
        with contextlib.suppress(OSError, ValueError):
            name = card.with_name("product_name")
            yield Accelerator(
                AMD, index, name.read_text().strip() if name.exists() else "AMD GPU", int(card.read_text())
            )


def _gaudi() -> Iterator[Accelerator]:
    for index, vendor in enumerate(sorted(Path("/sys/class/accel").glob("accel*/device/vendor"))):
        with contextlib.suppress(OSError):
            if vendor.read_text().strip() == _HABANA_LABS:
                yield Accelerator(GAUDI, index, "Intel Gaudi")
