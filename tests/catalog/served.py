"""A catalog whose sources give what a test says, and the server that shows it, as `forecourt.app` puts it together."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from apis import JsonClient, Served
from fastapi import FastAPI
from sqlalchemy import text

from forecourt.catalog.api import catalog_app
from forecourt.catalog.catalog import Catalog, Configuration
from forecourt.catalog.files import define_source, preview
from forecourt.catalog.management import management_router
from forecourt.catalog.model import (
    Document,
    Entry,
    Loading,
    Problem,
    SourceDefinition,
    bool_value,
    double_value,
    int_value,
    string_value,
)
from forecourt.catalog.uploads import Uploads
from forecourt.db import Database
from forecourt.errors import ForecourtError, InvalidInput
from forecourt.objects import install_error_handlers
from forecourt.projects import Vault

TABLES = ("artifacts", "models", "sources")
"""The catalog's tables, in the order in which they can be emptied."""

Given = Entry | Problem | Exception | Callable[[Loading], None]
"""What a source gives: a model, what is wrong with one, an error, or something to do in between."""


def value(said: Any) -> Document:
    """Return a plain value as a custom property's."""
    if isinstance(said, dict):
        return said
    kinds = {bool: bool_value, int: int_value, float: double_value, str: string_value}
    made: Document = kinds[type(said)](said)
    return made


def properties(said: dict[str, Any]) -> Document:
    return {name: value(each) for name, each in said.items()}


def entry(
    name: str, *artifacts: Document, custom: dict[str, Any] | None = None, readme: str = "", **said: Any
) -> Entry:
    """Return a model with custom properties from plain values."""
    return Entry(name, said | ({"customProperties": properties(custom)} if custom else {}), readme, artifacts)


def weights(uri: str = "oci://registry.example.com/m:1", **said: Any) -> Document:
    """Return an artifact that says where a model is."""
    custom = {"customProperties": properties(said)} if said else {}
    return {"artifactType": "model-artifact", "uri": uri} | custom


def metrics(kind: str, /, **said: Any) -> Document:
    """Return an artifact with numbers."""
    return {"artifactType": "metrics-artifact", "metricsType": f"{kind}-metrics", "customProperties": properties(said)}


def point(hardware: str = "H100", count: int = 1, ttft: float = 100.0, rps: float = 1.0, **said: Any) -> Document:
    """Return an artifact with what was measured on some hardware."""
    known = {"hardware_type": hardware, "hardware_count": count, "ttft_p90": ttft, "requests_per_second": rps}
    return metrics("performance", **(known | said))


def defined(source_id: str, **said: Any) -> SourceDefinition:
    return SourceDefinition(source_id, said.pop("name", source_id), said.pop("type", "yaml"), **said)


def emptied(database: Database) -> None:
    """Empty the catalog's tables."""
    with database.transaction() as connection:
        if database.is_sqlite:
            for table in TABLES:
                connection.execute(text(f"DELETE FROM catalog_{table}"))
        else:
            names = ", ".join(f"catalog_{table}" for table in TABLES)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


class Sources:
    """A catalog, with the sources that its files would define, and what each gives."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.given: dict[str, Sequence[Given]] = {}
        self.configuration = Configuration()
        self.broken = ""
        """What is wrong with the files."""
        self.catalog = self.opened()

    def opened(self) -> Catalog:
        """Return a catalog on the same database, as a server that starts has it."""
        catalog = Catalog(self.database, self._configure, dict.fromkeys(("yaml", "hf", "catalog"), self._load))
        catalog.configure()
        catalog.rebuild()
        return catalog

    def define(self, *definitions: SourceDefinition, **more: Any) -> None:
        """Say what the files define from now on."""
        self.configuration = replace(self.configuration, definitions=definitions, **more)
        self.catalog.configure()
        self.catalog.rebuild()

    def give(self, source_id: str, *given: Given, **said: Any) -> None:
        """Have a source give this; it is defined if it was not, and loaded."""
        self.given[source_id] = given
        if source_id not in {one.id for one in self.catalog.sources}:
            self.define(*self.configuration.definitions, defined(source_id, **said))
        self.catalog.load(source_id)

    def _configure(self) -> Configuration:
        if self.broken:
            raise InvalidInput(self.broken)
        return self.configuration

    def _load(self, source: SourceDefinition, loading: Loading) -> Iterator[Entry | Problem]:
        for done, one in enumerate(self.given.get(source.id, ())):
            if loading.stopped():
                return
            loading.progress(done, None)
            if isinstance(one, Exception):
                raise one
            if isinstance(one, Entry | Problem):
                if source.includes(one.name):
                    yield one
            else:
                one(loading)


class Client(JsonClient):
    """A client that knows what a page of Kubeflow's API is, and an error."""

    def listed(self, path: str, **query: Any) -> dict[str, Any]:
        """Return a page, whose envelope says what it must."""
        status, page = self.get(path, query)
        assert status == 200, page
        assert set(page) >= {"items", "nextPageToken", "pageSize", "size"}
        assert page["size"] == len(page["items"]) <= page["pageSize"]
        return dict(page)

    def names(self, path: str = "models", **query: Any) -> list[str]:
        """Return the names of what is on a page."""
        return [item["name"] for item in self.listed(path, **query)["items"]]

    def pages(self, path: str, **query: Any) -> Iterator[list[Any]]:
        """Yield all pages from the first on."""
        page = self.listed(path, **query)
        yield page["items"]
        while page["nextPageToken"]:
            page = self.listed(path, nextPageToken=page["nextPageToken"], **query)
            yield page["items"]

    def refused(self, path: str, **query: Any) -> tuple[int, str]:
        """Return the status and the message of an error, which has the shape that every error has."""
        status, error = self.get(path, query)
        return status, is_error(status, error)


def is_error(status: int, error: Any) -> str:
    assert status >= 400, error
    assert set(error) == {"code", "message"} and all(isinstance(each, str) and each for each in error.values())
    return str(error["message"])


class Api(Client):
    """Kubeflow's API and Forecourt's own over a catalog; itself a client of version ``v1``."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.database.upgrade()
        emptied(self.database)
        self.sources = Sources(self.database)
        self._folder = tempfile.TemporaryDirectory()
        self.asked: list[str] = []
        """The sources that someone asked to be loaded."""
        catalog, application = self.sources.catalog, FastAPI()

        def previewed(config: bytes, data: bytes | None) -> tuple[str, list[tuple[str, bool]]]:
            return preview(config, data, catalog.context(), lambda *_: iter(()))

        uploads = Uploads(Path(self._folder.name), Vault(Path(self._folder.name) / "key"))

        def names(definition: SourceDefinition) -> list[tuple[str, bool]]:
            return [(one.name, definition.includes(one.name)) for one in catalog.preview(definition)]

        install_error_handlers(application)
        application.include_router(
            management_router(catalog, self.asked.append, define_source, names, previewed, uploads)
        )
        shown = catalog_app(catalog, previewed)

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            kubeflow = scope["path"].startswith("/api/model_catalog/")
            await (shown if kubeflow else application)(scope, receive, send)

        self._served = Served(dispatch)
        self.url = self._served.url
        super().__init__(self.url, "/api/model_catalog/v1/")
        self.v1alpha1 = Client(self.url, "/api/model_catalog/v1alpha1/")
        self.management = Client(self.url, "/api/forecourt/v1/catalog/")

    def of(self, version: str) -> Client:
        """Return the client of a version of the API."""
        return self if version == "v1" else self.v1alpha1

    def give(self, source_id: str, *given: Given, **said: Any) -> None:
        self.sources.give(source_id, *given, **said)

    def clear(self) -> None:
        """Empty the catalog."""
        emptied(self.database)
        self.sources.given, self.sources.configuration, self.sources.broken = {}, Configuration(), ""
        self.asked.clear()
        self.sources.catalog.tried.clear()
        self.sources.define()

    def close(self) -> None:
        for client in (self, self.v1alpha1, self.management):
            client.http.close()
        self._served.close()
        self._folder.cleanup()
        self.sources.catalog.close()
        self.database.close()


def failing(message: str) -> ForecourtError:
    """Return the error of a source that cannot be loaded."""
    return InvalidInput(message, hint="Mend it.")


def shown(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)
