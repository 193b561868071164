"""The catalog: its sources, and what is in sight of them. Threads may share it.

Whoever reads takes the `snapshot` and keeps to it. A source is loaded aside, comes into sight in one transaction, and
then a new snapshot takes the place of the one before: nobody waits for it, and nobody sees half of a source.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from forecourt.catalog import store
from forecourt.catalog.building import Builder, Wanted
from forecourt.catalog.index import Snapshot
from forecourt.catalog.model import Entry, Loader, Loading, Problem, SourceDefinition
from forecourt.catalog.states import SourceState
from forecourt.db import Database
from forecourt.errors import Conflict, ForecourtError, InvalidInput, NotFound

_TELL_SECONDS = 0.5  # between two words on how far a load is
_AT_ONCE = 2  # sources that are loaded at the same time

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Configuration:
    """What the files say: sources, labels to group them by, and queries that have a name."""

    definitions: tuple[SourceDefinition, ...] = ()
    labels: tuple[Mapping[str, Any], ...] = ()
    named_queries: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a load is: models seen, and of how many where that is known."""

    done: int = 0
    of: int | None = None


class Catalog:
    """The catalog of a database, whose schema must be at its newest."""

    def __init__(
        self,
        database: Database,
        configure: Callable[[], Configuration],
        loaders: Mapping[str, Loader],
        *,
        enrich: Callable[[Entry], tuple[Entry, Sequence[Problem]]] = lambda entry: (entry, ()),
        folders: Sequence[Path] = (),
        private_addresses: bool = False,
        trusted: frozenset[str] = frozenset(),
        environment: Mapping[str, str] = os.environ,
        uploaded: Path | None = None,
    ) -> None:
        """Begin with nothing in sight.

        `configure` reads the files anew; `enrich` adds to each model what is known of it here, and says what it had to
        take away. `trusted` are hosts (``host:port``) that a source may always ask, `environment` has the tokens,
        and `uploaded` is the folder of what people gave along with sources.
        """
        self.database = database
        self.snapshot = Snapshot()
        self.configuration = Configuration()
        self.configuration_error = ""
        """Why the files could not be read; what they said before stays."""
        self.loading: dict[str, Progress] = {}
        """The sources that are being loaded."""
        self.asked: set[str] = set()
        """The sources that someone asked to be loaded, and whose loading has not begun since."""
        self.tried: dict[str, int] = {}
        """When the last load of each source was over, however it ended, in milliseconds since 1970."""
        self.tell: Callable[[str], None] = lambda _source_id: None
        """Told of a source when something about it changes, from any thread."""
        self._environment = environment
        self._uploaded = uploaded
        self._told = 0.0
        self._configure = configure
        self._loaders = loaders
        self._enrich = enrich
        self._folders = tuple(folders)
        self._private_addresses = private_addresses
        self._trusted = trusted
        self._states: dict[str, SourceState] = {}
        self._changing = threading.RLock()
        self._loads: dict[str, threading.Lock] = {}
        self._filling = threading.Semaphore(_AT_ONCE)
        self._builder = Builder(database)
        self._building = threading.Lock()
        self._changes = 0
        self._in_sight = 0
        self._closing = threading.Event()

    # Sources

    @property
    def sources(self) -> list[SourceState]:
        """The sources, in the order in which files define them, then those that were added, by id."""
        return list(self._states.values())

    def source(self, source_id: str) -> SourceState:
        """Return a source; raises `NotFound`."""
        try:
            return self._states[source_id]
        except KeyError:
            raise NotFound(
                f"There is no catalog source {source_id}.", hint="List them: forecourt catalog sources"
            ) from None

    def configure(self) -> None:
        """Read the files and what was added; where a file is wrong, what it said before stays and the error is kept."""
        with self._changing:
            try:
                self.configuration = self._configure()
                self.configuration_error = ""
            except ForecourtError as error:
                self.configuration_error = f"{error.message} {error.hint}".strip()
                log.warning("The catalog's sources are not as their files say: %s", self.configuration_error)
            noted = store.states(self.database)
            states = {one.id: SourceState.of(one, noted.get(one.id)) for one in self.configuration.definitions}
            for source_id, note in noted.items():
                if source_id not in states and note["definition"]:
                    states[source_id] = SourceState.of(SourceState.read(note["definition"]), note)
            self._states = states

    def add(self, definition: SourceDefinition) -> SourceState:
        """Add a source that no file defines; raises `Conflict` where there is one of that id."""
        with self._changing:
            if definition.id in self._states:
                raise Conflict(
                    f"There is a catalog source {definition.id} already.", hint="Choose another id, or remove that one."
                )
            if definition.type not in self._loaders:
                raise InvalidInput(f"No source is of type {definition.type}.")
            written = SourceState.written(definition)
            store.remember(self.database, definition.id, definition=written, enabled=definition.enabled)
            self.configure()
        self.tell(definition.id)
        return self.source(definition.id)

    def change(self, definition: SourceDefinition) -> SourceState:
        """Put another definition in the place of one that was added; what it gave stays until it is loaded anew.

        Raises `NotFound`, and `Conflict` for one that a file defines.
        """
        with self._changing:
            self._refuse_defined(self.source(definition.id), "Change it there.")
            if definition.type not in self._loaders:
                raise InvalidInput(f"No source is of type {definition.type}.")
            written = SourceState.written(definition)
            store.remember(self.database, definition.id, definition=written, enabled=definition.enabled)
            self.configure()
        self.rebuild()
        self.tell(definition.id)
        return self.source(definition.id)

    def enable(self, source_id: str, enabled: bool) -> SourceState:
        """Show a source's models or hide them; what it gave stays."""
        with self._changing:
            self.source(source_id)
            store.remember(self.database, source_id, enabled=enabled)
            self.configure()
        self.rebuild()
        self.tell(source_id)
        return self.source(source_id)

    def remove(self, source_id: str) -> None:
        """Forget a source that was added, with all that it gave; raises `Conflict` for one that a file defines."""
        with self._changing:
            hide = f"Take it out there, or hide it: forecourt catalog sources disable {source_id}"
            self._refuse_defined(self.source(source_id), hide)
            store.forget(self.database, source_id)
            self.tried.pop(source_id, None)
            self.asked.discard(source_id)
            self.configure()
        self.rebuild()
        self.tell(source_id)

    def _refuse_defined(self, state: SourceState, hint: str) -> None:
        if state.definition.origin is not None:
            raise Conflict(f"The source {state.id} is defined in {state.definition.origin}.", hint=hint)

    # Loading

    def load(self, source_id: str, stamp: str = "") -> SourceState:
        """Load a source and show what it gives; where it fails, what it gave before stays, and its state says why.

        `stamp` is noted as what its files are like. Raises `NotFound` for a source that is not there, or was removed
        meanwhile.
        """
        with self._loads.setdefault(source_id, threading.Lock()):
            self.loading[source_id] = Progress()
            self.asked.discard(source_id)  # before its definition is read: who asks from now on means another load
            self.tell(source_id)
            try:
                return self._load(source_id, stamp)
            finally:
                self.loading.pop(source_id, None)
                self.tell(source_id)

    def _load(self, source_id: str, stamp: str) -> SourceState:
        definition = self.source(source_id).definition
        staging = store.Staging(self.database, source_id)
        problems: list[Problem] = []
        error = ""
        try:
            with self._filling:
                self._fill(staging, definition, problems)
        except ForecourtError as raised:
            log.warning("The catalog source %s could not be loaded: %s", source_id, raised.message)
            error = f"{raised.message} {raised.hint}".strip()
        except Exception:
            log.exception("The catalog source %s could not be loaded", source_id)
            error = "Something broke while it was loaded; the server's log says what."
        # The next load of it begins when this one is in sight: it deletes what went out of sight before.
        with self._changing:
            if self._closing.is_set():
                staging.flush()
                return self.source(source_id)
            if source_id not in self._states:
                if source_id not in store.states(self.database):  # it was removed, and left no more than this
                    store.forget(self.database, source_id)
            elif error:
                staging.fail(error)
            else:
                staging.publish(problems, stamp)
            self.configure()
        if not error:
            self.rebuild()
        with self._changing:
            state = self.source(source_id)
            self.tried[source_id] = store.now()  # last: who waits for it then finds what was loaded
        return state

    def preview(self, definition: SourceDefinition) -> Iterator[Entry | Problem]:
        """Yield all that a source would give, what it leaves out too; raises `ForecourtError`."""
        everything = replace(definition, included_models=(), excluded_models=())
        return self._loader(definition)(everything, self.context())

    def rebuild(self) -> None:
        """Make the snapshot anew from what is in sight; return when it has what was changed before."""
        with self._changing:
            self._changes += 1
            mine = self._changes
        with self._building:
            if self._in_sight >= mine:  # whoever was before us began after our change
                return
            with self._changing:
                changes = self._changes
                shown = frozenset(state.id for state in self._states.values() if state.enabled)
                queries = self.configuration.named_queries
            made = self._builder.build(Wanted(shown, self.snapshot.version + 1, queries))
            if made is not None:
                self.snapshot, self._in_sight = made, changes

    def close(self) -> None:
        """Have loads end soon; what they have seen is kept for the next."""
        self._closing.set()
        self._builder.close()

    def _fill(self, staging: store.Staging, definition: SourceDefinition, problems: list[Problem]) -> None:
        """Add what a source gives, and to the problems what is wrong with it; raises `ForecourtError`."""

        def progress(done: int, of: int | None) -> None:
            self.loading[definition.id] = Progress(done, of)
            if (now := time.monotonic()) - self._told > _TELL_SECONDS:
                self._told = now
                self.tell(definition.id)

        def stopped() -> bool:
            return self._closing.is_set() or definition.id not in self._states

        context = replace(self.context(), known=staging.known, progress=progress, stopped=stopped)
        for entry in self._loader(definition)(definition, context):
            if isinstance(entry, Problem):
                problems.append(entry)
                continue
            try:
                enriched, notes = self._enrich(entry)
                staging.add(enriched)
            except InvalidInput as error:
                problems.append(Problem(entry.name, error.message))
            else:
                problems += notes
        staging.flush()

    def _loader(self, definition: SourceDefinition) -> Loader:
        loader = self._loaders.get(definition.type)
        if loader is None:
            raise InvalidInput(f"The source {definition.id} is of type {definition.type}, which nothing here loads.")
        return loader

    def context(self) -> Loading:
        """Return what a loader may use."""
        return Loading(
            folders=self._folders,
            uploaded=self._uploaded,
            environment=self._environment,
            private_addresses=self._private_addresses,
            trusted=self._trusted,
            stopped=self._closing.is_set,
        )
