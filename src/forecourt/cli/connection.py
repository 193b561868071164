"""Finding the server of this FORECOURT_HOME, starting one, and ending it.

A running server writes ``server.json`` into its home. That record alone proves nothing: the process may be gone, its
pid taken, its port another home's. So a server counts as found only if it answers at the recorded URL and says the
recorded pid itself; a signal goes only to a process that has the recorded start time too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forecourt.cli.client import TOKEN_PREFIX, Client
from forecourt.cli.output import console
from forecourt.errors import ForecourtError, ProgramFailed, ServerNotRunning, Unavailable

if TYPE_CHECKING:
    from forecourt.settings import Settings

_STARTS_WITHIN = 60.0  # seconds; the first start of a home also makes its database


@dataclass(frozen=True, slots=True)
class Record:
    """What a running server says of itself: its process, when that began (seconds since 1970) and its addresses."""

    pid: int
    started: float
    url: str
    registry: str

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """Read a home's record; None where there is none, or none that can be read."""
        try:
            document = json.loads(path.read_bytes())
            return cls(document["pid"], document["started"], document["url"], document["registry"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def alive(self) -> bool:
        """Say whether the process is there: the pid, with the same start time."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def find(settings: Settings) -> tuple[Client, Record] | None:
    """Return this home's server, or None where none runs.

    Raises `Unavailable` where its process is there but does not answer.
    """
    record = Record.read(settings.server_record)
    if record is None:
        return None
    client = Client(record.url, key=key(settings))
    try:
        about = client.about()
    except ForecourtError as error:
        if record.alive():
            raise Unavailable(
                f"The server of {settings.home} (pid {record.pid}) does not answer at {record.url}.",
                hint="See `forecourt logs --server`; `forecourt down` ends it.",
            ) from error
        return None
    if about.get("pid") != record.pid:
        return None
    return client, record


def key(settings: Settings) -> str:
    """Return what opens the server's API: a user's token from the environment, else what it left for its own user."""
    said = os.environ.get("FORECOURT_TOKEN", "")
    if said.startswith(TOKEN_PREFIX):
        return said
    try:
        return settings.local_key_file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def connect() -> Client:
    """Return a client of this home's server; on a terminal, offer to start one where none runs.

    Raises `ServerNotRunning`.
    """
    from forecourt.cli.invocation import settings

    mine = settings()
    if found := find(mine):
        return found[0]
    if console.can_ask:
        console.note(f"No server runs for {mine.home}.")
        if console.confirm("Start one now?", default=True):
            client, record = start(mine)
            console.note(f"The server listens on {record.url}, its registry on {record.registry}.")
            return client
    raise ServerNotRunning(f"No server runs for {mine.home}.", hint="Start one: forecourt up -d")


def start(settings: Settings) -> tuple[Client, Record]:
    """Start a server that goes on when we end, and return it once it answers.

    Raises `ProgramFailed` with the last lines of its log where it ends instead.
    """
    command = [sys.executable, "-m", "forecourt", "--home", str(settings.home), "up"]
    command += ["--host", settings.host, "--port", str(settings.port), "--registry-port", str(settings.registry_port)]
    log = settings.server_log
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        began = output.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/"
        )
    deadline = time.monotonic() + _STARTS_WITHIN
    while process.poll() is None and time.monotonic() < deadline:
        record = Record.read(settings.server_record)
        if record and record.pid == process.pid and (found := find(settings)):
            return found
        time.sleep(0.02)
    if process.poll() is None:
        process.terminate()
        raise Unavailable(f"The server did not become ready within {_STARTS_WITHIN:.0f} s.", hint=f"Its log is {log}.")
    with log.open("rb") as printed:
        printed.seek(began)
        lines = tuple(printed.read().decode(errors="replace").splitlines()[-12:])
    raise ProgramFailed(
        "The server ended before it was ready.",
        exit_code_of_program=process.returncode,
        last_lines=lines,
        hint=f"Its log is {log}.",
    )


def gone(record: Record, within: float) -> bool:
    """Wait until the server's process has ended, for `within` seconds at most, and say whether it has."""
    deadline = time.monotonic() + within
    while record.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def signal(record: Record, number: int) -> None:
    """Send the server's process a signal, if that is the process that was recorded."""
    if record.alive():
        os.kill(record.pid, number)
