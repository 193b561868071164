"""What a program may use, and what it does use: processors and memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from processes.conftest import eventually, python

from forecourt.errors import InvalidInput
from forecourt.processes import CAN_PIN, Processes, Program

MIB = 1024 * 1024
SLEEP = "import time; time.sleep(60)"

needs_pinning = pytest.mark.skipif(not CAN_PIN, reason="this system cannot hold programs to processors")


@needs_pinning
async def test_a_program_runs_on_its_processors_only_and_so_does_what_it_starts(processes: Processes) -> None:
    mine = os.sched_getaffinity(0)
    last = max(mine)
    inner = "import os; print(os.sched_getaffinity(0))"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{inner}'])"
    program = python(script)
    process = processes.start("pinned", Program(program.argv, cpus=(last,)))
    await process.wait()
    assert process.tail(1) == (f"{{{last}}}",)
    assert os.sched_getaffinity(0) == mine


@needs_pinning
def test_processors_that_are_not_there_are_refused_and_nothing_is_started(processes: Processes) -> None:
    mine = os.sched_getaffinity(0)
    with pytest.raises(InvalidInput, match="There are no CPUs 4000"):
        processes.start("nowhere", Program(python(SLEEP).argv, cpus=(4000,)))
    assert os.sched_getaffinity(0) == mine
    assert not [process for process in processes.adopt() if process.alive()]


async def test_memory_that_is_written_is_kept_and_that_of_a_mapped_file_is_not(
    processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "weights").write_bytes(bytes(64 * MIB))
    script = (
        "import mmap, sys, time; own = bytearray(32 * 2**20); own[::4096] = b'x' * len(own[::4096])\n"
        "file = open(sys.argv[1], 'rb'); mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)\n"
        "sum(mapped[::4096]); print('there', flush=True); time.sleep(60)"
    )
    process = processes.start("big", python(script, str(tmp_path / "weights")))
    eventually(lambda: process.tail(1) == ("there",))
    used = process.footprint()
    await process.stop(1)
    assert used.total >= 96 * MIB
    if Path("/proc/self/smaps_rollup").exists():
        assert 32 * MIB <= used.kept < 64 * MIB


def test_a_program_that_has_ended_uses_nothing(processes: Processes) -> None:
    process = processes.start("short", python("pass"))
    eventually(lambda: not process.alive())
    assert process.footprint().total == 0
