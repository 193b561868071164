"""The catalog as the server runs it: its settings, its loaders, its routes, and the sources that are kept fresh."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.applications import Starlette

from forecourt.catalog import shipped
from forecourt.catalog.api import BASE, catalog_app
from forecourt.catalog.catalog import Catalog, Configuration
from forecourt.catalog.locating import uri_of
from forecourt.catalog.management import management_router
from forecourt.catalog.model import Document, Entry, Loader, Loading, Problem, SourceDefinition
from forecourt.catalog.refreshing import Refresher
from forecourt.catalog.registering import registration
from forecourt.catalog.remote import LOADERS, candidates
from forecourt.catalog.uploads import Uploads
from forecourt.catalog.views import described, resolve
from forecourt.db import Database
from forecourt.errors import ForecourtError
from forecourt.projects import Vault
from forecourt.settings import Settings

_DAY = 24 * 3600.0
_MOST_FILES = 10_000  # of benchmarks that are looked at for changes


class CatalogService:
    """The catalog of a server; `run` it for as long as the server runs."""

    def __init__(self, settings: Settings, database: Database, registry: str) -> None:
        """`registry` is where the embedded registry listens, ``host:port``, which a source may always ask."""
        self._files = [*([shipped.sources()] if settings.catalog_shipped else []), *settings.catalog_files]
        self._optional = {settings.catalog_files[0]}
        vault = Vault(settings.secret_key_file, settings.secret_key)
        self._uploads = Uploads(settings.home / "catalog" / "uploaded", vault)
        folders = [Path(each.strip()) for each in settings.catalog_folders.split(",") if each.strip()]
        self.catalog = Catalog(
            database,
            self._configuration,
            _loaders(),
            enrich=_Enriching(),
            folders=folders,
            uploaded=self._uploads.folder,
            private_addresses=settings.catalog_private_addresses,
            trusted=frozenset({registry}),
            environment=self._uploads.environment,
        )
        self._refresher = Refresher(self.catalog, self._files, self._files_of, _interval_of)

    @property
    def router(self) -> APIRouter:
        """Forecourt's own routes."""
        return management_router(self.catalog, self._refresher.ask, _define, self._names, self._preview, self._uploads)

    @property
    def application(self) -> Starlette:
        """Kubeflow's API."""
        return catalog_app(self.catalog, self._preview)

    def uri_of(self, uri: str) -> str:
        """Return where the files of a ``catalog://`` model are; blocks. Raises `NotFound`, `InvalidInput`."""
        return uri_of(self.catalog, uri)

    async def registration(self, uri: str, *, name: str, version: str, author: str) -> Document:
        """Return what is registered of a ``catalog://`` model; raises `NotFound`, `InvalidInput`."""
        snapshot = self.catalog.snapshot
        found = await described(self.catalog, snapshot, resolve(self.catalog, snapshot, uri))
        return registration(found, name=name, version=version, author=author)

    def listen(self, tell: Callable[[str], None]) -> None:
        """Have `tell` be called with a source's id when something about it changes, from any thread."""
        self.catalog.tell = tell

    def serves(self, path: str) -> bool:
        """Say whether a path is one of Kubeflow's catalog API."""
        return path.startswith(BASE)

    async def run(self) -> None:
        """Load what is due, until it is cancelled."""
        await self._refresher.run()

    def _configuration(self) -> Configuration:
        from forecourt.catalog.files import merge, read_sources

        there = [path for path in self._files if path not in self._optional or path.exists()]
        merged = merge(map(read_sources, there))
        return Configuration(merged.definitions, merged.labels, _queries(merged.named_queries))

    def _preview(self, config: bytes, data: bytes | None) -> tuple[str, list[tuple[str, bool]]]:
        from forecourt.catalog.files import preview

        return preview(config, data, self.catalog.context(), candidates)

    def _files_of(self, definition: SourceDefinition) -> list[Path]:
        """Return the files that a source reads, as far as it may: its catalog, and what was measured beside it."""
        if definition.type != "yaml":
            return []
        from forecourt.catalog.files import locate

        found: list[Path] = []
        for name in ("yamlCatalogPath", "benchmarksPath"):
            if said := definition.properties.get(name):
                with contextlib.suppress(ForecourtError):  # whoever loads it is told
                    path = locate(definition, str(said), self.catalog.context())
                    found += _within(path) if path.is_dir() else [path]
        return found or [Path(str(definition.properties.get("yamlCatalogPath", "")))]

    def _names(self, definition: SourceDefinition) -> list[tuple[str, bool]]:
        """Return the names that a source would look at, and whether it shows each."""
        if definition.type == "yaml":
            given = self.catalog.preview(definition)
            return [(one.name, definition.includes(one.name)) for one in given if isinstance(one, Entry)]
        return list(candidates(definition, self.catalog.context()))


class _Enriching:
    """Adds to models what is known of them here, and takes from them what could harm a reader.

    The evidence is read when the first model comes.
    """

    def __init__(self) -> None:
        self._enricher: Any = None

    def __call__(self, entry: Entry) -> tuple[Entry, list[Problem]]:
        if self._enricher is None:
            from forecourt.catalog.enriching import Enricher, Published

            self._enricher = Enricher(Published.load())
        from forecourt.catalog.files import make_harmless

        harmless, notes = make_harmless(self._enricher.enrich(entry))
        return harmless, [Problem(entry.name, note) for note in notes]


def _load_files(source: SourceDefinition, loading: Loading) -> Iterator[Entry | Problem]:
    from forecourt.catalog.files import load

    return load(source, loading)


def _loaders() -> Mapping[str, Loader]:
    """Return the loader of each type; what it needs is imported when it is used."""
    return {"yaml": _load_files} | {str(kind): loader for kind, loader in LOADERS.items()}


def _define(entry: Document) -> SourceDefinition:
    """Return the source that a request describes, as an entry of a ``sources.yaml`` does; raises `InvalidInput`."""
    from forecourt.catalog.files import define_source

    return define_source(entry)


def _interval_of(definition: SourceDefinition) -> float:
    from forecourt.catalog.files import sync_interval

    return sync_interval(definition, _DAY)


def _queries(queries: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return named queries on models as the API has them."""
    return {
        name: {field: {"operator": one.operator, "value": one.value} for field, one in query.filters.items()}
        for name, query in queries.items()
        if query.asset_type == "models"
    }


def _within(folder: Path) -> list[Path]:
    """Return the first so many files of a folder of benchmarks."""
    return sorted(islice((path for path in folder.rglob("*.*json") if path.is_file()), _MOST_FILES))
