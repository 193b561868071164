"""All that a program of ours consists of: its process group, its session, and what left both but carries its mark.

A group is signalled by its number only while its leader is there, alive or as a zombie that nobody has reaped: until
then the number cannot mean another group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from forecourt.processes.marker import carriers, environment_of
from forecourt.processes.sighting import sight


@dataclass(frozen=True, slots=True)
class Footprint:
    """The memory of some processes, in bytes; pages that several share count once (Linux: proportional set size).

    `kept` is the part that the system cannot take back: what they wrote (anonymous memory and shared memory). The rest
    of `total` are pages of mapped files, which are read again when they are needed; where the system does not tell the
    two apart (it is not Linux) all of it counts as kept.
    """

    total: int = 0
    kept: int = 0


def members(leader: int, marks: Mapping[str, str]) -> set[int]:
    """Return the pids of all that runs of a program, by the marks it carries. Its leader must not be reaped yet."""
    return carriers(marks) | members_of_group(leader) | _running_where(lambda pid: os.getsid(pid) == leader)


def members_of_group(leader: int) -> set[int]:
    """Return the pids of what runs in a process group."""
    return _running_where(lambda pid: os.getpgid(pid) == leader)


def survivors(leader: int, marks: Mapping[str, str]) -> set[int]:
    """Return what is still running of a program, by the marks it carries, whose leader has ended and been reaped.

    By now its pid may belong to another process, and then a group or session of this number is another one: nobody
    can take the number while one of its members lives. Where nobody has it, what is in the *session* is ours, unless
    its environment says otherwise. One that says nothing is ours: some programs wipe theirs, and none has one for the
    moment in which it takes the place of what started it.
    """
    found = carriers(marks)
    if sight(leader) is not None:
        return found
    for pid in _running_where(lambda pid: os.getsid(pid) == leader):
        variables = environment_of(pid)
        if not variables or marks.items() <= variables.items():
            found.add(pid)
    return found


def writers(log: Path) -> set[int]:
    """Return the pids of what has a log open to write to it."""
    found = set()
    path = str(log.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            # psutil says "r", "w" or "a" on Linux, and nothing elsewhere.
            if any(file.path == path and getattr(file, "mode", "a") != "r" for file in process.open_files()):
                found.add(process.pid)
    return found


def send(pids: set[int], sent: signal.Signals) -> None:
    """Send a signal to each of some processes; one that has ended meanwhile is passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, sent)


def send_group(leader: int, sent: signal.Signals) -> None:
    """Send a signal to a whole group at once. The leader must not have been reaped yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, sent)


def end(find: Callable[[], set[int]], seconds: float = 5.0) -> None:
    """Kill what `find` finds until it finds nothing more (it may start others meanwhile), or the time is over."""
    deadline = time.monotonic() + seconds
    while (pids := find()) and time.monotonic() < deadline:
        send(pids, signal.SIGKILL)
        time.sleep(0.005)


def memory(pids: set[int]) -> int:
    """Return the bytes of memory that some processes use together; pages they share count once where that is known."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            try:
                total += process.memory_full_info().pss
            except (AttributeError, psutil.AccessDenied):
                total += process.memory_info().rss
    return total


def footprint(pids: set[int]) -> Footprint:
    """Return the memory of some processes together; those that have ended meanwhile are left out.

    https://docs.kernel.org/filesystems/proc.html (smaps_rollup); kernels before 5.9 do not tell Pss_Anon.
    """
    total = kept = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:  # no Linux, another user's, or gone
            whole = memory({pid})
            total, kept = total + whole, kept + whole
            continue
        sizes = {key: int(value.split()[0]) * 1024 for key, _, value in (line.partition(":") for line in lines[1:])}
        pss = sizes.get("Pss", 0)
        total += pss
        kept += sizes["Pss_Anon"] + sizes.get("Pss_Shmem", 0) if "Pss_Anon" in sizes else pss
    return Footprint(total, kept)


def listening(pids: set[int]) -> frozenset[tuple[str, int]]:
    """Return the addresses and TCP ports that some processes listen on; those of a process that has ended are left out.

    An address that stands for all of the machine's is ``0.0.0.0`` or ``::``.
    """
    found = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error, OSError):
            for connection in psutil.Process(pid).net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr:
                    found.add((connection.laddr.ip, connection.laddr.port))
    return frozenset(found)


def _running_where(belongs: Callable[[int], bool]) -> set[int]:
    found = set()
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if belongs(pid) and (seen := sight(pid)) and seen.running:
                found.add(pid)
    return found
