"""When sources are loaded: at the start, when their files change, when their interval has passed, when someone asks."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from forecourt import __version__
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.model import SourceDefinition
from forecourt.catalog.states import SourceState
from forecourt.catalog.store import now
from forecourt.errors import NotFound

_LOOK_SECONDS = 2.0  # between two looks at the files
_RETRY_SECONDS = 900.0  # until a source that failed is asked again, unless its interval is shorter
_THREADS = 16  # for sources that are loaded or wait until they are in sight
_DAY = 24 * 3600.0
_MOST_BYTES = 64 * 1024 * 1024  # a larger file is refused by who reads it

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Due:
    """A source that may have to be loaded: the files that it reads, what they look like, and whether someone asked."""

    state: SourceState
    files: tuple[Path, ...]
    look: object
    asked: bool


class Refresher:
    """Loads the sources of a catalog in threads of its own, for as long as `run` runs."""

    def __init__(
        self,
        catalog: Catalog,
        configured: Sequence[Path],
        files_of: Callable[[SourceDefinition], Iterable[Path]],
        interval_of: Callable[[SourceDefinition], float | None],
    ) -> None:
        """`configured` are the files that define sources, `files_of` those that one reads; intervals are seconds."""
        self._catalog = catalog
        self._configured = configured
        self._files_of = files_of
        self._interval_of = interval_of
        self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="catalog")
        self._running: dict[str, asyncio.Future[None]] = {}
        self._configured_look: object = None
        self._looks: dict[str, object] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def ask(self, source_id: str) -> None:
        """Have a source loaded soon, whatever its files are like; from any thread."""
        self._catalog.asked.add(source_id)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Load what is due, until it is cancelled; what is known already is in sight first."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    for due in await asyncio.to_thread(self._due):
                        self._start(due)
                except Exception:  # the database is away, a folder cannot be read: the next look may find it otherwise
                    log.exception("The catalog's sources could not be looked after")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):  # wait_for may lose that it was cancelled
                        await self._wake.wait()
                self._wake.clear()
        finally:
            self._catalog.close()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            self._executor.shutdown(wait=False)

    def _due(self) -> list[_Due]:
        """Return the sources to load, after the files that define them were read where they have changed."""
        look = self._look(self._configured)
        if look != self._configured_look:
            self._catalog.configure()
            self._catalog.rebuild()
            self._configured_look = look
        found = []
        for state in self._catalog.sources:
            if state.id in self._running or not state.enabled or state.definition.asset_type != "models":
                continue
            files, asked = tuple(self._files_of(state.definition)), state.id in self._catalog.asked
            due = _Due(state, files, (state.definition, self._look(files)), asked)
            if asked or self._looks.get(state.id) != due.look or self._is_late(due):
                found.append(due)
        return found

    def _start(self, due: _Due) -> None:
        source_id = due.state.id
        self._looks[source_id] = due.look
        loading = asyncio.get_running_loop().run_in_executor(self._executor, self._load, due)
        self._running[source_id] = loading
        loading.add_done_callback(lambda _: self._ended(source_id))

    def _ended(self, source_id: str) -> None:
        self._running.pop(source_id, None)
        self._wake.set()

    def _load(self, due: _Due) -> None:
        stamp = _stamp(due.state.definition, due.files)
        if stamp and stamp == due.state.stamp and not due.asked and not self._is_late(due):
            return
        try:
            self._catalog.load(due.state.id, stamp)
        except NotFound:
            pass  # it was removed meanwhile
        except Exception:
            log.exception("The catalog source %s could not be loaded", due.state.id)

    def _is_late(self, due: _Due) -> bool:
        """Say whether a source that is elsewhere is to be asked again."""
        if due.files:
            return False
        interval = self._interval_of(due.state.definition) or _DAY
        if due.state.status == "error":
            interval = min(interval, _RETRY_SECONDS)
        last = max(due.state.loaded or 0, self._catalog.tried.get(due.state.id, 0))
        return now() - last >= interval * 1000

    @staticmethod
    def _look(files: Iterable[Path]) -> tuple[object, ...]:
        """Return what changes when a file does, without reading it."""
        seen: list[object] = []
        for file in files:
            try:
                status = file.stat()
                seen.append((str(file), status.st_mtime_ns, status.st_size, status.st_ino))
            except OSError:
                seen.append((str(file), None))
        return tuple(seen)


def _stamp(definition: SourceDefinition, files: Iterable[Path]) -> str:
    """Return a digest of what defines a source, of what is in its files, and of who reads them.

    It is empty where a file cannot be read.
    """
    digest = hashlib.sha256(f"{__version__} {SourceState.written(definition)}".encode())
    for file in files:
        try:
            if file.stat().st_size > _MOST_BYTES:
                return ""
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        except OSError:
            return ""
    return digest.hexdigest()
