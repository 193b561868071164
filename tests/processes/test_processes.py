"""The programs of a home: started, recorded, found again, swept."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from processes.conftest import eventually, marked_pids, python

from forecourt.errors import AlreadyExists, InvalidInput, ProgramFailed, StorageFull
from forecourt.processes import Processes, Program
from forecourt.settings import Settings

SLEEP = "import time; time.sleep(60)"

WITH_A_WORKER = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", sys.argv[1]]).pid, flush=True)
time.sleep(60)
"""

SERVER = """
import random, sys, time
from pathlib import Path
from forecourt.processes import Processes, Program

processes = Processes(Path(sys.argv[1]), log_bytes=4096, log_files=1)
print("ready", flush=True)
grandchild = "import time; time.sleep(60)"
child = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {grandchild!r}]); time.sleep(60)"
for number in range(1000):
    processes.start(f"p{number}", Program((sys.executable, "-c", child), {}), {"number": str(number)})
    print(number, flush=True)
"""


def second(processes: Processes) -> Processes:
    """The same home in the hands of a later server."""
    return Processes(processes.root, log_bytes=processes.log_bytes, log_files=processes.log_files)


async def test_a_later_server_finds_what_runs(processes: Processes) -> None:
    process = processes.start("a", python(SLEEP), {"name": "demo", "port": "4000"})
    [found] = second(processes).adopt()
    assert (found.id, found.pid, found.started, found.argv) == ("a", process.pid, process.started, process.argv)
    assert found.labels == {"name": "demo", "port": "4000"}
    assert found.alive()
    assert found.exit_code is None
    await found.stop(grace=5)
    assert not found.alive()
    assert found.exit_code is None
    assert process.exit_code == -signal.SIGTERM


async def test_what_was_found_is_waited_for(processes: Processes) -> None:
    process = processes.start("a", python("import time; time.sleep(0.2)"))
    [found] = second(processes).adopt()
    started = time.monotonic()
    assert await found.wait() is None
    assert time.monotonic() - started < 5
    assert await process.wait() == 0


async def test_what_was_found_is_waited_for_where_the_system_does_not_tell(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    process = processes.start("a", python("import time; time.sleep(0.2); raise SystemExit(3)"))
    [found] = second(processes).adopt()
    assert await found.wait() is None
    assert await process.wait() == 3


async def test_processes_are_known_by_psutil_where_there_is_no_proc(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forecourt.processes.sighting._boot", lambda: "")
    process = processes.start("a", python(SLEEP))
    [found] = second(processes).adopt()
    assert found.alive()
    await found.stop(grace=5)
    assert not found.alive()
    assert await process.wait() == -signal.SIGTERM


async def test_what_has_ended_meanwhile_comes_with_its_log(processes: Processes) -> None:
    process = processes.start("a", python("print('the reason')"))
    await process.wait()
    [found] = second(processes).adopt()
    assert not found.alive()
    assert found.exit_code is None
    assert found.tail(10) == ("the reason",)


async def test_our_own_children_stay_ours_when_we_look_again(processes: Processes) -> None:
    process = processes.start("a", python("raise SystemExit(5)"))
    assert processes.adopt() == [process]
    assert await process.wait() == 5


def test_a_process_that_was_given_a_pid_again_is_left_alone(processes: Processes) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    try:
        time.sleep(0.03)  # births are told apart by the clock's tick, 10 ms
        process = processes.start("a", python(SLEEP))
        os.kill(process.pid, signal.SIGKILL)
        eventually(lambda: not process.alive())
        record = process.log.with_name("record.json")
        record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": stranger.pid}))
        [found] = second(processes).adopt()
        assert not found.alive()
        found.terminate()
        found.kill()
        found.forget()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_record_of_an_earlier_start_of_the_machine_is_of_nothing_that_runs(processes: Processes) -> None:
    process = processes.start("a", python(SLEEP))
    record = process.log.with_name("record.json")
    document = json.loads(record.read_text())
    boot, _, ticks = document["birth"].rpartition("/")
    record.write_text(json.dumps(document | {"birth": f"{boot[::-1]}x/{ticks}"}))
    [found] = second(processes).adopt()
    assert not found.alive()


def test_a_program_that_was_not_recorded_is_killed(processes: Processes, settings: Settings) -> None:
    process = processes.start("a", python(SLEEP))
    process.log.with_name("record.json").unlink()
    assert second(processes).adopt() == []
    assert not marked_pids(settings.home)
    assert not process.log.parent.exists()


def test_workers_that_outlived_their_leader_are_killed(processes: Processes, settings: Settings) -> None:
    process = processes.start("a", python(WITH_A_WORKER, SLEEP))
    eventually(lambda: process.tail(1))
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    assert len(marked_pids(settings.home)) == 1
    [found] = second(processes).adopt()
    assert not found.alive()
    assert not marked_pids(settings.home)


def test_workers_that_wiped_their_environment_are_killed_too(processes: Processes, tmp_path: Path) -> None:
    # As setproctitle does, which writes a program's title over it.
    bare = "import time; print('ready', flush=True); time.sleep(60)"
    worker = f"import os, sys; os.execve(sys.executable, [sys.executable, '-c', {bare!r}], {{}})"
    process = processes.start("a", python(WITH_A_WORKER, worker))
    eventually(lambda: "ready" in process.tail(2))
    survivor = int(process.tail(2)[0])
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    assert psutil.pid_exists(survivor)
    second(processes).adopt()
    eventually(lambda: not psutil.pid_exists(survivor) or psutil.Process(survivor).status() == psutil.STATUS_ZOMBIE)


def test_another_home_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    other = Processes(tmp_path / "other" / "processes", log_bytes=4096, log_files=1)
    theirs = other.start("a", python(SLEEP))
    theirs.log.with_name("record.json").unlink()
    processes.start("b", python("pass"))
    second(processes).adopt()
    assert theirs.alive()
    theirs.kill()
    eventually(lambda: not theirs.alive())


def test_a_home_without_processes_has_none(processes: Processes) -> None:
    assert processes.adopt() == []
    assert processes.logs() == {}
    processes.rotate()


async def test_an_id_is_taken_while_its_process_runs_and_its_log_continues_after(processes: Processes) -> None:
    first = processes.start("a", python("print('one', flush=True); import time; time.sleep(60)"))
    eventually(lambda: first.tail(1) == ("one",))
    with pytest.raises(AlreadyExists):
        processes.start("a", python("pass"))
    with pytest.raises(AlreadyExists):
        second(processes).start("a", python("pass"))
    await first.stop(grace=5)
    again = processes.start("a", python("print('two')"))
    await again.wait()
    assert again.tail(5) == ("one", "two")
    assert again.exit_code == 0


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "-a", "a b", "a\n", "ä", "a" * 201])
def test_an_id_that_is_no_name_is_refused(processes: Processes, name: str) -> None:
    with pytest.raises(InvalidInput):
        processes.start(name, python("pass"))
    assert not processes.root.exists()


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (Program(("/nowhere/program",), {}), "No such file"),
        (Program(("no-such-program-anywhere",), {}), "No such file"),
        (Program(("/etc/passwd",), {}), "ermission denied"),
        (Program((sys.executable,), {}, Path("/nowhere")), "no such directory"),
    ],
)
def test_a_program_that_cannot_be_started_says_why(processes: Processes, program: Program, says: str) -> None:
    with pytest.raises(ProgramFailed, match=says):
        processes.start("a", program)
    assert processes.adopt() == []
    assert list(processes.root.iterdir()) == []


@pytest.mark.parametrize("argv", [(), ("a\0b",)])
def test_a_command_that_is_none_is_refused(processes: Processes, argv: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        processes.start("a", Program(argv, {}))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_no_process_behind(
    processes: Processes, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes.start("first", python("pass"))
    directory = processes.root / "a"
    monkeypatch.setattr(
        "forecourt.processes.record.durable.write", lambda path, text: Path("/dev/full").write_text(text)
    )
    with pytest.raises(StorageFull):
        processes.start("a", python(SLEEP))
    eventually(lambda: not marked_pids(settings.home))
    assert not (directory / "record.json").exists()


async def test_our_own_settings_and_python_are_not_passed_on(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FORECOURT_DATABASE_URL", "postgresql://user:secret@host/db")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    monkeypatch.setenv("SOME_PROXY", "kept")
    process = processes.start("a", python("import os; print(*sorted(os.environ), sep='\\n')", EXTRA="1"))
    await process.wait()
    names = set(process.tail(200))
    assert {"SOME_PROXY", "EXTRA", "FORECOURT_HOME_ID", "FORECOURT_PROCESS"} <= names
    assert not {"FORECOURT_DATABASE_URL", "FORECOURT_HOME", "PYTHONPATH", "VIRTUAL_ENV"} & names


async def test_logs_are_found_by_the_beginning_of_their_ids(processes: Processes) -> None:
    for name in ("demo-1", "demo-2", "other"):
        await processes.start(name, python("print('x')")).wait()
    assert list(processes.logs("demo-")) == ["demo-1", "demo-2"]
    assert processes.logs("other")["other"].read_text() == "x\n"


@pytest.mark.parametrize("seed", range(8))
def test_a_server_killed_at_any_moment_leaves_no_orphan(processes: Processes, settings: Settings, seed: int) -> None:
    chance = random.Random(seed)
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(processes.root)], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    server.stdout.readline()
    time.sleep(chance.uniform(0.0, 0.08))
    server.kill()
    server.wait()
    told = [int(line) for line in server.stdout.read().split()]
    server.stdout.close()

    found = processes.adopt()
    numbers = {int(process.labels["number"]) for process in found}
    assert numbers >= set(told), "what start() returned from is found again"
    assert len(numbers) <= len(told) + 1
    running = {process.pid for process in found if process.alive()}
    assert len(running) == len(found), "nothing that was recorded was killed"
    known = {pid for process in found for pid in process._members()}
    eventually(lambda: marked_pids(settings.home) <= known | {p for process in found for p in process._members()})
    for process in found:
        process.kill()
    eventually(lambda: not marked_pids(settings.home))
    assert {path.name for path in processes.root.glob("*")} == {process.id for process in found}
