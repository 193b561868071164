"""A process: its end, its exit code, its group."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from processes.conftest import eventually, marked_pids, python

from forecourt.errors import Conflict
from forecourt.processes import Process, Processes
from forecourt.settings import Settings

READY = "import time; print('ready', flush=True); time.sleep(60)"

STUBBORN_FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
depth = int(sys.argv[1])
if depth:
    subprocess.Popen([sys.executable, sys.argv[2], str(depth - 1), sys.argv[2]])
else:
    print("ready", flush=True)
time.sleep(60)
"""


async def test_its_exit_code_is_known_once_it_has_ended(processes: Processes) -> None:
    process = processes.start("a", python("raise SystemExit(7)"))
    assert await process.wait() == 7
    assert process.exit_code == 7
    assert not process.alive()


async def test_a_signal_that_ended_it_is_a_negative_exit_code(processes: Processes) -> None:
    process = processes.start("a", python("import time; time.sleep(60)"))
    assert process.alive()
    assert process.exit_code is None
    os.kill(process.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL


async def test_waiting_can_be_given_up_and_taken_up_again(processes: Processes) -> None:
    process = processes.start("a", python("import time; time.sleep(60)"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(process.wait(), 0.05)
    waiting = [asyncio.create_task(process.wait()) for _ in range(3)]
    process.terminate()
    assert await asyncio.gather(*waiting) == [-signal.SIGTERM] * 3


async def test_it_leaves_no_zombie(processes: Processes) -> None:
    process = processes.start("a", python("pass"))
    await process.wait()
    assert not psutil.pid_exists(process.pid)


async def test_it_has_a_session_of_its_own_and_no_input(processes: Processes) -> None:
    process = processes.start("a", python("import os, sys; print(os.getsid(0), os.getpgid(0), sys.stdin.read() == '')"))
    await process.wait()
    assert process.tail(5) == (f"{process.pid} {process.pid} True",)


async def test_it_inherits_no_file_of_ours(processes: Processes, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "secret", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(descriptor, True)
    script = f"import os\ntry: os.fstat({descriptor}); print('open')\nexcept OSError: print('closed')"
    process = processes.start("a", python(script))
    await process.wait()
    os.close(descriptor)
    assert process.tail(1) == ("closed",)


async def test_what_it_prints_on_both_streams_is_in_its_log(processes: Processes) -> None:
    script = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    process = processes.start("a", python(script))
    await process.wait()
    assert process.log.read_text() == "out\nerr\n"


async def test_stopping_ends_a_program_that_obeys(processes: Processes) -> None:
    script = f"import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); {READY}"
    process = processes.start("a", python(script))
    eventually(lambda: process.tail(1) == ("ready",))
    await process.stop(grace=10)
    assert process.exit_code == 0


async def test_stopping_ends_children_and_grandchildren_that_do_not_obey(
    processes: Processes, settings: Settings, tmp_path: Path
) -> None:
    script = tmp_path / "family.py"
    script.write_text(STUBBORN_FAMILY)
    process = processes.start("a", python(STUBBORN_FAMILY, "2", str(script)))
    eventually(lambda: process.tail(1) == ("ready",))
    assert len(marked_pids(settings.home)) == 3
    started = time.monotonic()
    await process.stop(grace=0.2)
    assert not marked_pids(settings.home)
    assert process.exit_code == -signal.SIGKILL
    assert 0.2 <= time.monotonic() - started < 5


async def test_a_child_has_its_grace_when_the_leader_ends_first(processes: Processes, tmp_path: Path) -> None:
    child = tmp_path / "child.py"
    child.write_text(
        "import signal, sys, time\n"
        "def end(*_): time.sleep(0.3); print('child is done', flush=True); sys.exit()\n"
        "signal.signal(15, end); print('ready', flush=True); time.sleep(60)"
    )
    process = processes.start(
        "a", python("import subprocess, sys; subprocess.run([sys.executable, sys.argv[1]])", str(child))
    )
    eventually(lambda: process.tail(1) == ("ready",))
    await process.stop(grace=10)
    assert process.tail(1) == ("child is done",)


async def test_what_a_program_leaves_behind_ends_with_it(processes: Processes, settings: Settings) -> None:
    script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    process = processes.start("a", python(script))
    assert await process.wait() == 0
    eventually(lambda: not marked_pids(settings.home))


async def test_a_daemon_that_left_the_group_is_found_by_its_mark(processes: Processes, settings: Settings) -> None:
    script = """
import subprocess, sys, time
worker = "import time; print('ready', flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", worker], start_new_session=True)
time.sleep(60)
"""
    process = processes.start("a", python(script))
    eventually(lambda: process.tail(1) == ("ready",))
    assert len(marked_pids(settings.home)) == 2
    await process.stop(grace=5)
    assert not marked_pids(settings.home)


async def test_stopping_what_has_ended_does_nothing(processes: Processes) -> None:
    process = processes.start("a", python("pass"))
    await process.wait()
    await process.stop(grace=5)
    process.terminate()
    process.kill()
    assert process.exit_code == 0


async def test_its_memory_is_that_of_the_whole_group(processes: Processes) -> None:
    eat = "x = bytearray(40_000_000); print('ready', flush=True); time.sleep(60)"
    script = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', \"import time; {eat}\"])\n{eat}"
    process = processes.start("a", python(script))
    eventually(lambda: process.tail(2) == ("ready", "ready"))
    assert 80_000_000 < process.memory() < 160_000_000
    process.kill()
    await process.wait()
    assert process.memory() == 0


async def test_it_is_forgotten_only_when_it_has_ended(processes: Processes) -> None:
    process = processes.start("a", python("import time; time.sleep(60)"))
    with pytest.raises(Conflict):
        process.forget()
    await process.stop(grace=0)
    process.forget()
    assert not process.log.parent.exists()
    assert processes.adopt() == []


async def test_only_its_owner_can_read_its_record_and_log(processes: Processes) -> None:
    process = processes.start("a", python("pass", "--api-key=secret"))
    await process.wait()
    assert process.log.parent.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in process.log.parent.iterdir())


def test_it_is_told_apart_in_messages(processes: Processes) -> None:
    process: Process = processes.start("a", python("pass"))
    assert repr(process) == f"<Process a pid={process.pid}>"
