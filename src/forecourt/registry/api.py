"""Kubeflow's model registry API, ``/api/model_registry/v1`` and ``/v1alpha3``, as its released clients speak it.

An ASGI application of its own, since a single read is most of what a registry is asked: between the socket and the row
there is a look into a table of routes and one query. What takes longer goes to threads. A list without a page size has
everything in it, as clients expect, and is sent in pieces as it is read.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from forecourt.db import Writer
from forecourt.errors import ForecourtError, Unavailable
from forecourt.registry.documents import RequiredField, parse_id
from forecourt.registry.exchange import Exchange, Receive, Send, error, respond
from forecourt.registry.handlers import ACTIONS
from forecourt.registry.model import ARTIFACTS, VERSIONS, ApiVersion
from forecourt.registry.registry import Registry
from forecourt.registry.routes import ID, Methods, routes

BASE = "/api/model_registry/"

_JSON = (b"content-type", b"application/json; charset=UTF-8")
_READERS = 4  # threads: more of them would only wait for each other
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_NO_ROUTE = (HTTPStatus.NOT_FOUND, "no such path: not found")

log = logging.getLogger(__name__)


class RegistryApi:
    """The application; `close` it when the server ends."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="registry")
        self._writer = Writer(registry.database)
        self._versions = {name: (version, routes(version), _headers(version)) for name, version in VERSIONS.items()}

    def serves(self, path: str) -> bool:
        """Say whether a path is the registry's."""
        return path.startswith(BASE)

    def close(self) -> None:
        """Wait for what is being written, and end the threads."""
        self._readers.shutdown()
        self._writer.close()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        name, _, path = scope["path"][len(BASE) :].partition("/")
        if name not in self._versions:
            await respond(send, *error(*_NO_ROUTE), (_JSON,))
            return
        version, table, headers = self._versions[name]
        request = Exchange(self._registry, version, headers, self._readers, self._writer, scope, receive, send)
        try:
            await self._answer(request, table, path)
        except ForecourtError as problem:
            if request.begun:
                raise
            if isinstance(problem, Unavailable):
                await respond(send, HTTPStatus.SERVICE_UNAVAILABLE, problem.message, (_TEXT,))
                return
            message = f"{problem.message}. {problem.hint}" if problem.hint else problem.message
            await respond(send, *error(problem.status, message, required=isinstance(problem, RequiredField)), headers)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if request.begun:
                raise
            await respond(send, *error(500, "something broke inside the server; its log says what"), headers)

    async def _answer(self, request: Exchange, table: dict[tuple[str, ...], Methods], path: str) -> None:
        words = tuple(path.split("/"))
        identity, methods = "", table.get(words)
        if methods is None and len(words) > 1:
            identity, methods = words[1], table.get((words[0], ID, *words[2:]))
        if methods is None:
            await request.respond(*error(*_NO_ROUTE))
            return
        route = methods.get(request.method)
        if route is None:
            allowed = ", ".join(methods)
            request.headers = (*request.headers, (b"allow", allowed.encode()))
            await request.respond(*error(405, f"{request.method} is not allowed here, {allowed} is"))
            return
        word = (route.parent or route.kinds[0]).word if route.kinds is not ARTIFACTS or route.parent else "artifact"
        await ACTIONS[route.action](request, route, parse_id(identity, word) if identity else 0)


def _headers(version: ApiVersion) -> tuple[tuple[bytes, bytes], ...]:
    """Return what every answer of a version says; the older one says that there is a newer (RFC 8594)."""
    if version.name == "v1":
        return (_JSON,)
    return (_JSON, (b"deprecation", b"true"), (b"link", b'</api/model_registry/v1/>; rel="successor-version"'))
