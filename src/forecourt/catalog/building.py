"""A snapshot made from what is in the database: here where that takes no time, else in a process of its own.

Python runs one thread at a time, so that a minute's work among a hundred thousand models would slow every reader down.
The process is asked through its standard input, and ends when that does; it answers with the snapshot in pieces.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from forecourt.catalog import store
from forecourt.catalog.index import ModelRow, Snapshot, build, decoded, in_order, pieces
from forecourt.catalog.options import options_text
from forecourt.catalog.search import warm
from forecourt.db import Database

_FEW = 2_000  # models that are put in order here, within about a second
_CHUNK = 500  # models read at once
_NICE = 5  # how far the process stands behind those who answer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be in a snapshot: the sources that are shown, and the named queries to resolve; and its version."""

    shown: frozenset[str]
    version: int = 0
    named_queries: Mapping[str, Any] = field(default_factory=dict)


class Builder:
    """Builds snapshots of a database, one after the other."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._process: subprocess.Popen[bytes] | None = None
        self._closing = threading.Event()
        # One thread: what C libraries have allocated in many is not used again by the others when it is free.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="index")

    def build(self, wanted: Wanted) -> Snapshot | None:
        """Return a snapshot; None where the builder was closed meanwhile."""
        try:
            building = self._executor.submit(self._build, wanted)
        except RuntimeError:  # it takes no more
            return None
        return building.result()

    def _build(self, wanted: Wanted) -> Snapshot | None:
        with self._database.snapshot() as session:
            many = store.has_more(session.connection(), wanted.shown, _FEW)
        if many:
            try:
                return self._elsewhere(wanted)
            except (OSError, EOFError) as error:
                if self._closing.is_set():
                    return None
                log.warning("The catalog's index is built in the server, since its process has ended: %s", error)
        return made(self._database, wanted)

    def close(self) -> None:
        """Have what is being built elsewhere come to its end."""
        self._closing.set()
        if (process := self._process) is not None:
            process.kill()
        self._executor.shutdown(wait=False)

    def _elsewhere(self, wanted: Wanted) -> Snapshot:
        command = (sys.executable, "-c", f"from {__name__} import answer; answer()")
        # A session of its own: Ctrl-C in the server's terminal is the server's.
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            assert process.stdin and process.stdout
            self._process = process
            try:
                if self._closing.is_set():  # just now
                    raise EOFError
                url = self._database.engine.url.render_as_string(hide_password=False)
                pickle.dump((url, wanted), process.stdin)
                process.stdin.flush()
                return pieces.read(process.stdout)
            finally:
                process.kill()
                self._process = None


def made(database: Database, wanted: Wanted) -> Snapshot:
    """Return the snapshot of a database, ready to be asked."""
    snapshot = build(_rows(database, wanted.shown), wanted.version)
    warm(snapshot)
    options_text(snapshot, wanted.named_queries)
    return snapshot


def _rows(database: Database, shown: frozenset[str]) -> Iterator[ModelRow]:
    with database.snapshot() as session:
        connection = session.connection()
        rows = in_order(store.live_rows(connection, shown))
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            models = store.read_documents(connection, chunk)
            artifacts: dict[int, list[tuple[int, Mapping[str, Any]]]] = {}
            for model, row, document in store.read_artifacts_of(connection, chunk):
                artifacts.setdefault(model, []).append((row, decoded(document)))
            for number in chunk:
                row, identity, source, created, updated, document = models[number]
                yield ModelRow(row, identity, source, created, updated, decoded(document), artifacts.get(number, []))


def answer() -> None:
    """Build what standard input asks for, write it to standard output, and end when nobody waits for it any more."""
    url, wanted = pickle.load(sys.stdin.buffer)  # noqa: S301 - the server's own words

    def until_nobody_waits() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=until_nobody_waits, daemon=True).start()
    os.nice(_NICE)
    database = Database(url)
    pieces.write(made(database, wanted), sys.stdout.buffer)
    sys.stdout.buffer.flush()
