"""The programs that run beside a server: started in groups of their own, and found again by the next server.

Layout, below the root::

    <id>/record.json     who it is: pid, birth, command, labels
    <id>/log             what it prints; log.1, log.2 ... what it printed before

A server can be killed at any moment. A program that was started but not recorded yet is found by its mark and killed;
so is what outlived a program that has ended. A directory without a record is one that was being made or removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from forecourt.errors import AlreadyExists, ForecourtError, InvalidInput, ProgramFailed, from_os_error
from forecourt.processes import group, marker
from forecourt.processes.log import open_log, rotate
from forecourt.processes.process import LOG, Process
from forecourt.processes.record import Record
from forecourt.processes.sighting import is_running, sight

CAN_PIN = hasattr(os, "sched_setaffinity")
"""Whether programs can be held to some processors on this system: Linux can, macOS cannot."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True)
class Program:
    """What to run: the command, what it finds in its environment beside ours, and where it runs.

    Our own settings (``FORECOURT_...``) and what points at our own Python are not passed on. `cpus` are the numbers of
    the only processors that it, and all it starts, may run on; empty for all. `CAN_PIN` says whether a system has that.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    cpus: tuple[int, ...] = ()


class Processes:
    """The programs of one FORECOURT_HOME, below `root` in it. One server at a time uses them."""

    def __init__(self, root: Path, *, log_bytes: int, log_files: int) -> None:
        self.root = root
        self.log_bytes = log_bytes
        self.log_files = log_files
        self._children: dict[str, Process] = {}

    def start(self, id: str, program: Program, labels: Mapping[str, str] | None = None) -> Process:  # noqa: A002
        """Start a program, which goes on when we end, and record it under `id`.

        Under the id of a program that has ended, its log is continued. Raises `AlreadyExists` where one runs under
        this id, and `ProgramFailed` where it cannot be started.
        """
        if not _ID.fullmatch(id):
            raise InvalidInput(f"{id!r} cannot name a process.", hint="Use letters, digits, '.', '_' and '-'.")
        directory = self.root / id
        if (old := Record.read(directory)) and is_running(old.pid, old.birth):
            raise AlreadyExists(f"A process {id} is running already (pid {old.pid}).", hint="Stop it first.")
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            home = self._home()
            Record.remove(directory)
            pid = _spawn(program, directory / LOG, marker.process_marks(home, id))
            seen = sight(pid)
            birth = seen.birth if seen else ""
            record = Record(id, pid, birth, datetime.now(UTC), program.argv, dict(labels or {}))
            process = Process(record, directory, home=home, child=True)
        except OSError as error:
            raise from_os_error(error, directory) or error from error
        try:
            record.write(directory)
        except OSError as error:  # a process that nobody would find again must not be
            process.kill()
            raise from_os_error(error, directory) or error from error
        self._children[id] = process
        return process

    def adopt(self) -> list[Process]:
        """Find what an earlier server started: what still runs, and what has ended meanwhile (its log is kept).

        Everything else that carries this home's mark is killed: programs that were started but not recorded, what
        outlived its program, environments in the making whose maker is gone.
        """
        if not self.root.is_dir():
            return []
        home = self._home()
        found: dict[str, Process] = {}
        unrecorded: list[Path] = []
        for directory in sorted(path for path in self.root.iterdir() if path.is_dir()):
            if record := Record.read(directory):
                found[record.id] = self._known(record) or Process(record, directory, home=home, child=False)
            else:
                unrecorded.append(directory)
        running = {name for name, process in found.items() if process.alive()}
        _sweep(home, running, unrecorded)
        for directory in unrecorded:
            shutil.rmtree(directory, ignore_errors=True)
        return list(found.values())

    def rotate(self) -> None:
        """Move every log that is longer than `log_bytes` to ``log.1``, and keep `log_files` of these."""
        for log in self.root.glob(f"*/{LOG}"):
            rotate(log, self.log_bytes, self.log_files)

    def logs(self, prefix: str = "") -> dict[str, Path]:
        """Return the logs of all processes whose id begins with `prefix`, by id: those that run, and those that did."""
        found = sorted(self.root.glob(f"*/{LOG}"))
        return {log.parent.name: log for log in found if log.parent.name.startswith(prefix)}

    def runs(self, id: str) -> bool:  # noqa: A002
        """Say whether the program that was started under an id runs."""
        record = Record.read(self.root / id)
        return record is not None and is_running(record.pid, record.birth)

    def labels(self, id: str) -> Mapping[str, str]:  # noqa: A002
        """Return the labels that a program was started with; none where no such one is on record."""
        record = Record.read(self.root / id)
        return record.labels if record else {}

    def _home(self) -> str:
        return marker.home_id(self.root.parent)

    def _known(self, record: Record) -> Process | None:
        """Return the process where we are its parent, and so must ask for its exit code."""
        process = self._children.get(record.id)
        return process if process and process.pid == record.pid else None


def _spawn(program: Program, log: Path, marks: Mapping[str, str]) -> int:
    if not program.argv:
        raise InvalidInput("There is no command to run.", hint="Give at least the name of a program.")
    output = open_log(log)
    try:
        with _held_to(program.cpus):
            child = subprocess.Popen(
                program.argv,
                env={**marker.inherited(), **program.env, **marks},
                cwd=program.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise _cannot_start(program, error) from error
    finally:
        os.close(output)
    child.returncode = 0  # the exit code is ours to ask for: without this Popen complains that it runs on without us
    return child.pid


@contextlib.contextmanager
def _held_to(cpus: tuple[int, ...]) -> Iterator[None]:
    """Hold this thread to some processors for a moment: what it starts meanwhile inherits that, and stays there.

    Nothing is run in the child before it is the program itself, which would not be safe with threads (`preexec_fn`).
    """
    if not cpus:
        yield
        return
    if not CAN_PIN:
        raise InvalidInput("Programs cannot be held to some processors on this system.", hint="Leave the CPUs out.")
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cpus)
    except (OSError, ValueError, OverflowError):
        raise InvalidInput(
            f"There are no CPUs {', '.join(map(str, cpus))} to run on.",
            hint=f"This machine has {', '.join(map(str, sorted(mine)))}.",
        ) from None
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def _cannot_start(program: Program, error: OSError | ValueError) -> ForecourtError:
    name = program.argv[0]
    if isinstance(error, ValueError):
        return InvalidInput(f"The command {name!r} cannot be run: {error}.")
    if program.cwd and not program.cwd.is_dir():
        return ProgramFailed(f"{name} cannot be started in {program.cwd}: there is no such directory.")
    return ProgramFailed(
        f"{name} cannot be started: {error.strerror}.",
        hint="Check that it is installed, that it can be executed, and how its name is spelled.",
    )


def _sweep(home: str, running: set[str], unrecorded: list[Path]) -> None:
    """Kill what carries the mark and belongs to nothing that runs.

    A program that was being started may not carry the mark yet, between fork and exec, but it holds its log.
    """
    spared = {os.getpid(), os.getppid()}

    def orphans() -> set[int]:
        found = {
            process.pid
            for process in marker.marked(home)
            if (process.id not in running if process.id else process.orphaned())
        }
        return found.union(*(group.writers(directory / LOG) for directory in unrecorded)) - spared

    group.end(orphans)
