"""Which accelerators a machine has, by the names of their resources on a cluster.

Which there are is seen in what their drivers put into the file system, so that looking costs nothing and needs no
library: NVIDIA's ``/proc/driver/nvidia``; AMD's ``/dev/kfd`` (which is there with an APU's driver, too, so the topology
must name a GPU); Gaudi's ``/dev/accel``, of Habana Labs. ``nvidia-smi``, where it is, knows names and memory as well.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NVIDIA = "nvidia.com/gpu"
AMD = "amd.com/gpu"
GAUDI = "habana.ai/gaudi"
_HABANA_LABS = "0x1da3"  # its PCI vendor id
_SECONDS = 10.0  # nvidia-smi can take seconds to wake a driver
_HERE = Path("/")


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A device, by the name of its resource on a cluster. `memory` is in bytes; 0 where that is not known."""

    identifier: str
    index: int
    name: str
    memory: int = 0


def accelerators(root: Path = _HERE) -> Iterator[Accelerator]:
    """Yield those whose drivers show them in the file system at `root`, which is this machine's unless said."""
    yield from _nvidia(root)
    yield from _amd(root)
    yield from _gaudi(root)


def device_memory() -> dict[int, int]:
    """Return how many bytes are free on each NVIDIA GPU, by its index; nothing where that cannot be asked."""
    return {index: free for index, _, free in _ask_nvidia("memory.free")}


def _nvidia(root: Path) -> Iterator[Accelerator]:
    asked = list(_ask_nvidia("memory.total")) if root == _HERE else []
    for index, name, memory in asked:
        yield Accelerator(NVIDIA, index, name, memory)
    if not asked:
        for index, file in enumerate(sorted(root.glob("proc/driver/nvidia/gpus/*/information"))):
            model = next((line for line in _read(file).splitlines() if line.startswith("Model:")), "")
            yield Accelerator(NVIDIA, index, model.removeprefix("Model:").strip() or "NVIDIA GPU")


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


def _amd(root: Path) -> Iterator[Accelerator]:
    if not (root / "dev/kfd").exists():
        return
    nodes = root.glob("sys/class/kfd/kfd/topology/nodes/*/gpu_id")
    count = sum(_read(node).strip() not in ("", "0") for node in nodes)  # a processor's id is 0
    cards = sorted(root.glob("sys/class/drm/card*/device/mem_info_vram_total"))
    for index in range(count):
        card = cards[index] if index < len(cards) else None
        memory = _read(card).strip() if card else ""
        name = _read(card.with_name("product_name")).strip() if card else ""
        yield Accelerator(AMD, index, name or "AMD GPU", int(memory) if memory.isdigit() else 0)


def _gaudi(root: Path) -> Iterator[Accelerator]:
    vendors = map(_read, sorted(root.glob("sys/class/accel/accel*/device/vendor")))
    for index, _ in enumerate(one for one in vendors if one.strip() == _HABANA_LABS):
        yield Accelerator(GAUDI, index, "Intel Gaudi")


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
