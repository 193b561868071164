"""The registry's API over a real database, once on SQLite and once on PostgreSQL, served on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from apis import Answer, JsonClient, Served
from fastapi import FastAPI
from sqlalchemy import Connection, event, text

from forecourt.db import Database
from forecourt.objects import install_error_handlers
from forecourt.registry import Registry, RegistryApi, management_router

TABLES = ("changes", "links", "aliases", "attributions", "properties", "resources")
"""The registry's tables, in the order in which they can be emptied."""


_OPENER = build_opener(ProxyHandler({}))


class Statement(NamedTuple):
    """A statement as the database was given it, and how many rows it was found to have."""

    sql: str
    parameters: Any


class Client(JsonClient):
    """A client that knows what a page of Kubeflow's API is."""

    def filtered(self, path: str, text: str) -> Answer:
        """Ask for a list by a filter that may be longer than httpx allows a query to be."""
        url = f"{self.http.base_url}{path}?{urlencode({'filterQuery': text})}"
        try:
            with _OPENER.open(url, timeout=60) as answer:
                return Answer(answer.status, json.load(answer))
        except HTTPError as error:
            with error:
                text = error.read()
                return Answer(error.code, json.loads(text) if text.startswith(b"{") else text.decode())

    def made(self, path: str, **fields: Any) -> dict[str, Any]:
        """Create a resource, and return it."""
        status, resource = self.post(path, fields)
        assert status == 201, resource
        return dict(resource)

    def items(self, path: str, **query: Any) -> list[Any]:
        """Return the items of a list."""
        status, listed = self.get(path, **query)
        assert status == 200, listed
        return list(listed["items"])

    def names(self, path: str, filter_query: str, **query: Any) -> list[str]:
        """Return the names of what a filter finds, in the order of their ids."""
        return [item["name"] for item in self.items(path, filterQuery=filter_query, **query)]


class Api(Client):
    """The whole application, as `forecourt.app` puts it together; itself a client of version ``v1``."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.database.upgrade()
        registry = Registry(self.database)
        self._models = RegistryApi(registry)
        application = FastAPI()
        install_error_handlers(application)
        application.include_router(management_router(registry))

        async def dispatch(scope: Any, receive: Any, send: Any) -> None:
            await (self._models if self._models.serves(scope["path"]) else application)(scope, receive, send)

        self.application = dispatch
        self._served = Served(dispatch)
        self.url = self._served.url
        super().__init__(self.url, "/api/model_registry/v1/")
        self.v1alpha3 = Client(self.url, "/api/model_registry/v1alpha3/")
        self.management = Client(self.url, "/api/forecourt/v1/registry/")

    def of(self, version: str) -> Client:
        """Return the client of a version of the API."""
        return self if version == "v1" else self.v1alpha3

    def close(self) -> None:
        for client in (self, self.v1alpha3, self.management):
            client.http.close()
        self._served.close()
        self._models.close()
        self.database.close()

    def clear(self) -> None:
        """Empty the registry."""
        with self.database.session() as session:
            if self.database.is_sqlite:
                for table in TABLES:
                    session.execute(text(f"DELETE FROM registry_{table}"))
            else:
                names = ", ".join(f"registry_{table}" for table in TABLES)
                session.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """Ask the database itself."""
        with self.database.snapshot() as session:
            return list(session.execute(text(sql), values).all())

    @contextmanager
    def statements(self) -> Iterator[list[Statement]]:
        """Yield the statements that the database is given meanwhile, but for checkpoints, which come at any time."""
        seen: list[Statement] = []

        def note(_connection: Connection, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
            if "wal_checkpoint" not in sql:
                seen.append(Statement(sql, parameters))

        engines = [self.database.engine]
        if self.database._points is not None:
            engines.append(self.database._points._engine)
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)


def is_error(answer: Answer, status: int, code: str, message: str) -> None:
    """Check an answer against the one shape that every error has."""
    assert answer == Answer(status, {"code": code, "message": message}), json.dumps(answer.json)
