"""A program that runs beside us in a process group of its own, and goes on when we end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from forecourt.errors import Conflict
from forecourt.processes import group
from forecourt.processes.group import Footprint
from forecourt.processes.log import tail
from forecourt.processes.marker import process_marks
from forecourt.processes.record import Record
from forecourt.processes.sighting import is_running, sight

LOG = "log"

_POLL_SECONDS = 0.1
_STOPPING_POLL_SECONDS = 0.02


class Process:
    """A program that `Processes` started, or found again.

    It consists of a leader, the process that was started, and of all that the leader started in turn. It is alive as
    long as the leader is: once that has ended, what is left of it is killed, as in a container.
    """

    def __init__(self, record: Record, directory: Path, *, home: str, child: bool) -> None:
        self._record = record
        self._directory = directory
        self._marks = process_marks(home, record.id)
        self._child = child
        self._gone = False
        self._exit_code: int | None = None
        self._grace_ends = 0.0
        self._looking = threading.Lock()

    def __repr__(self) -> str:
        return f"<Process {self.id} pid={self.pid}>"

    @property
    def id(self) -> str:
        """The name it was started under."""
        return self._record.id

    @property
    def pid(self) -> int:
        """The leader's pid, which is its group's and session's number too."""
        return self._record.pid

    @property
    def started(self) -> datetime:
        """When it was started, in UTC."""
        return self._record.started

    @property
    def argv(self) -> tuple[str, ...]:
        """The command it was started with."""
        return self._record.argv

    @property
    def labels(self) -> Mapping[str, str]:
        """What whoever started it wants to know when it is found again."""
        return self._record.labels

    @property
    def log(self) -> Path:
        """The file that its standard output and error are appended to."""
        return self._directory / LOG

    def alive(self) -> bool:
        """Say whether it still runs."""
        with self._looking:
            if not self._gone and self._ended() and not self._still_stopping():
                if self._child:
                    self._reap()
                self._gone = True
                group.send(group.survivors(self.pid, self._marks), signal.SIGKILL)
            return not self._gone

    @property
    def exit_code(self) -> int | None:
        """The exit code, or minus the signal that ended it.

        None while it is alive, and where it is not known: an earlier server started it.
        """
        self.alive()
        return self._exit_code

    async def wait(self) -> int | None:
        """Wait until it has ended, and return `exit_code`."""
        while self.alive():
            await self._until_something_happens()
        return self._exit_code

    def terminate(self) -> None:
        """Ask it to end: SIGTERM to its group, and to what has left that."""
        if self.alive():
            elsewhere = self._members() - group.members_of_group(self.pid)
            group.send_group(self.pid, signal.SIGTERM)
            group.send(elsewhere, signal.SIGTERM)

    def kill(self) -> None:
        """End it: SIGKILL to everything that belongs to it."""
        if self.alive():
            group.send_group(self.pid, signal.SIGKILL)
        group.send(self._members(), signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """End it: SIGTERM to its group, and SIGKILL after `grace` seconds; return when nothing of it is left.

        Here the leader's end is not the end of the others: they have the same grace.
        """
        self._grace_ends = time.monotonic() + grace
        self.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self.wait()
        self._grace_ends = 0.0
        while self._members():
            self.kill()
            await asyncio.sleep(_STOPPING_POLL_SECONDS)

    def tail(self, lines: int) -> tuple[str, ...]:
        """Return the last lines that it printed."""
        return tail(self.log, lines)

    def memory(self) -> int:
        """Return the bytes of memory that it uses, all its processes together."""
        return group.memory(self._members())

    def footprint(self) -> Footprint:
        """Return the memory that it uses, and what it keeps of that whatever happens; all its processes together."""
        return group.footprint(self._members())

    def listening(self) -> frozenset[tuple[str, int]]:
        """Return the addresses and TCP ports that its processes listen on."""
        return group.listening(self._members())

    def forget(self) -> None:
        """Remove its record and its logs. Raises `Conflict` while it is alive."""
        if self.alive():
            raise Conflict(f"The process {self.id} is still running.", hint="Stop it first.")
        Record.remove(self._directory)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _members(self) -> set[int]:
        if self.alive():
            return group.members(self.pid, self._marks)
        return group.survivors(self.pid, self._marks)

    def _ended(self) -> bool:
        """Say whether the leader has ended; a child's exit code is not asked for yet."""
        if not self._child:
            return not is_running(self.pid, self._record.birth)
        seen = sight(self.pid)
        return seen is None or not seen.running

    def _still_stopping(self) -> bool:
        return time.monotonic() < self._grace_ends and bool(group.members(self.pid, self._marks))

    def _reap(self) -> None:
        """Ask for the exit code of a child that has ended, after what is left of its group was killed.

        That is only safe before: until a child is reaped nobody else can be given its pid, and so its group's number.
        """
        group.send_group(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # someone else has asked for it
            self._exit_code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    async def _until_something_happens(self) -> None:
        """Return once the leader has ended, or after a moment where the system cannot tell us (or not of this pid)."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # Linux only
            await asyncio.sleep(_POLL_SECONDS)
            return
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        try:
            if self.alive():  # so that the descriptor is of this process, not of one that was given its pid
                loop.add_reader(descriptor, ended.set)
                await ended.wait()
                if self._grace_ends:  # it has ended, and others of its group may take their time
                    await asyncio.sleep(_STOPPING_POLL_SECONDS)
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
