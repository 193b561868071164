"""uv, run for us: what it says as it goes, what its failures mean, and its end when nobody wants it any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from uv import find_uv_bin

from forecourt.errors import ForecourtError, ProgramFailed, StorageFull
from forecourt.processes import group
from forecourt.processes.marker import inherited

Tell = Callable[[str], None]
"""Told in a few words what is being done, each time that changes."""

_LAST_LINES = 30
_LONGEST_LINE = 1024 * 1024

# What says where uv installs, with what Python, and how it talks: that is ours to say.
_OURS = re.compile(
    r"UV_(PYTHON|SYSTEM_PYTHON|BREAK_SYSTEM_PACKAGES|PROJECT.*|WORKING_DIR.*|TARGET|PREFIX|QUIET|VERBOSE)"
)

_SAYS_WHERE = re.compile(r"UV_(TORCH_BACKEND|FIND_LINKS|.*INDEX.*|OFFLINE)")

_DONE = re.compile(r"(Resolved|Prepared|Installed|Uninstalled) (\d+ packages?) in ")
_DOWNLOADING = re.compile(r"Downloading (\S+) \(([\d.]+)([KMGT]?i?B)\)")
_STEP = re.compile(r"(Building|Built|Downloaded) (\S+)")

_MEANINGS = (
    (
        re.compile(r"network was disabled|error sending request|Request failed|dns error|timed out|Failed to fetch"),
        "The package index cannot be reached. Check the network and HTTPS_PROXY, or name a mirror or a directory "
        "of wheels: UV_INDEX_URL, UV_FIND_LINKS.",
    ),
    (
        re.compile(r"not found in the package registry|there is no version of|there are no versions of"),
        "Check how the package's name and version are spelled, and that the package index has them (UV_INDEX_URL).",
    ),
    (
        re.compile(
            r"has no wheels with a matching|requires-python|Requires-Python|doesn't have a wheel|current Python version"
        ),
        "The package is not offered for this machine or this version of Python; choose another version of either.",
    ),
    (re.compile(r"No solution found"), "The requirements contradict each other; loosen one of them."),
    (re.compile(r"Failed to parse|unexpected argument|invalid value"), "Check how the requirements are written."),
    (
        re.compile(r"Failed to build|build backend"),
        "A package has to be compiled for this machine, and that failed: install what it needs, or choose a version "
        "that is offered as a wheel.",
    ),
)


async def run_uv(
    *arguments: str, directory: Path, cache: Path, marks: Mapping[str, str], tell: Tell, doing: str
) -> None:
    """Run uv in a directory, in a session of its own, of which nothing is left when this is cancelled or has failed.

    Settings of uv in the environment hold (UV_INDEX_URL, UV_FIND_LINKS, UV_CACHE_DIR ...). Raises `ProgramFailed`
    with uv's last lines, saying that what was being done (`doing`) failed.
    """
    process = await asyncio.create_subprocess_exec(
        find_uv_bin(),
        *arguments,
        cwd=directory,
        env=settings_of(cache) | dict(marks),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=_LONGEST_LINE,
    )
    assert process.stderr
    last: deque[str] = deque(maxlen=_LAST_LINES)
    try:
        while line := await process.stderr.readline():
            text = line.decode(errors="replace").rstrip()
            if text:
                last.append(text)
            if said := message(text):
                tell(said)
        code = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        if process.returncode:  # uv that was killed ends nothing of what it had started
            group.end(lambda: group.survivors(process.pid, marks))
    if code:
        raise failure(doing, code, tuple(last))


def message(line: str) -> str:
    """Say a line of uv's in plain words; empty where it is nothing to tell."""
    line = line.strip()
    if done := _DONE.match(line):
        return f"{done[1].lower()} {done[2]}"
    if downloading := _DOWNLOADING.match(line):
        name, size, unit = downloading.groups()
        return f"downloading {name} ({size} {unit})"
    if step := _STEP.match(line):
        return f"{step[1].lower()} {step[2]}"
    return ""


def failure(doing: str, code: int, last: tuple[str, ...]) -> ForecourtError:
    """Make of uv's last lines an error that says what to do next."""
    said = "\n".join(last)
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return StorageFull(
            f"No space is left: {doing} failed.", hint="Free some space, or set FORECOURT_HOME to a larger disk."
        )
    hint = next((hint for pattern, hint in _MEANINGS if pattern.search(said)), "")
    reason = next((line.removeprefix("error: ") for line in last if line.startswith("error: ")), "")
    causes = [line.strip().removeprefix("cause: ") for line in last if line.strip().startswith("cause: ")]
    why = ": ".join([reason, *causes[:1]]) if reason else f"uv ended with exit code {code}"
    return ProgramFailed(f"{doing} failed: {why.rstrip('.')}.", exit_code_of_program=code, last_lines=last, hint=hint)


def settings_of(cache: Path) -> dict[str, str]:
    """Return the environment that uv runs in: a person's own settings, and ours."""
    environment = {name: value for name, value in inherited().items() if not _OURS.fullmatch(name)}
    # PyPI's PyTorch is for CUDA. Where nobody says where packages come from, uv takes the build for what is here.
    torch = {} if any(map(_SAYS_WHERE.fullmatch, environment)) else {"UV_TORCH_BACKEND": "auto"}
    return {"UV_CACHE_DIR": str(cache)} | torch | environment | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1"}
