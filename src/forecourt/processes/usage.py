"""How much processor time programs have taken, all of them in one look."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path

import psutil

_PROC = Path("/proc")
_SESSION, _USER, _SYSTEM = 3, 11, 12  # proc_pid_stat(5): fields 6, 14 and 15, counted after the name in brackets


def cpu_seconds(leaders: Collection[int]) -> Mapping[int, float]:
    """Return the seconds of processor time that what runs in the sessions of some leaders has taken so far.

    One look at each process of the machine tells it for all leaders. What has ended takes its time along; what has
    left its session (few programs do) is not counted. A leader of whose session nothing is left is not in the answer.
    """
    if not (_PROC / "self" / "stat").exists():
        return _by_psutil(leaders)
    wanted, found, ticks = set(leaders), dict[int, float](), os.sysconf("SC_CLK_TCK")
    for pid in psutil.pids():
        try:
            descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        except OSError:  # it has ended meanwhile
            continue
        try:
            stat = os.read(descriptor, 1024)
        except OSError:
            continue
        finally:
            os.close(descriptor)
        fields = stat[stat.rindex(b")") + 2 :].split(None, _SYSTEM + 1)  # the name may hold spaces and brackets
        session = int(fields[_SESSION])
        if session in wanted:
            found[session] = found.get(session, 0.0) + (int(fields[_USER]) + int(fields[_SYSTEM])) / ticks
    return found


def _by_psutil(leaders: Collection[int]) -> Mapping[int, float]:
    found: dict[int, float] = {}
    for leader in leaders:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(leader)
            found[leader] = 0.0
            for each in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = each.cpu_times()
                    found[leader] += times.user + times.system
    return found
