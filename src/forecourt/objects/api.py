"""Kubernetes-shaped routes: each kind at the path it has on a cluster, so that what speaks to a cluster speaks to us.

https://kubernetes.io/docs/reference/using-api/api-concepts/. Errors are ``Status`` objects (`statuses`). A table leads
from a path to its kind: a page asks for a dozen lists, and no search through all the routes stands before each.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from forecourt import __version__
from forecourt.errors import ForecourtError
from forecourt.objects.asker import ANYBODY, Asker
from forecourt.objects.handlers import Admit, Handlers, Wake
from forecourt.objects.resources import Resource, discovery
from forecourt.objects.statuses import answer, defect, refused
from forecourt.objects.store import ObjectStore

Handler = Callable[[Request], Awaitable[Response]]
Methods = Mapping[str, Handler]

log = logging.getLogger(__name__)


class ObjectsApi:
    """An ASGI application. `wake` is called after each change, so that something comes of it soon."""

    def __init__(
        self, resources: Sequence[Resource], objects: ObjectStore, wake: Wake, admit: Admit, asker: Asker = ANYBODY
    ) -> None:
        self._kinds = {
            (each.root, each.plural): _Kind(each.namespaced, Handlers(each, objects, wake, admit, asker))
            for each in resources
        }
        documents = discovery(resources) | {"/version": _version()}
        self._documents: dict[str, Methods] = {path: {"GET": _saying(said)} for path, said in documents.items()}

    def serves(self, path: str) -> bool:
        """Say whether a path is an object's, a list's, or that of a document that says what there is."""
        return self._found(path) is not None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request for a path that is served."""
        begun = False

        async def sent(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        found = self._found(scope["path"])
        assert found, scope["path"]
        methods, parameters = found
        request = Request({**scope, "path_params": parameters}, receive)
        try:
            handler = methods.get("GET" if request.method == "HEAD" else request.method)
            response = await handler(request) if handler else refused(405, "Method Not Allowed")
            await response(scope, receive, sent)
        except ForecourtError as error:
            if begun:
                raise
            await answer(error)(scope, receive, send)
        except ClientDisconnect:
            return
        except Exception:
            if begun:
                raise
            log.exception("%s %s failed.", request.method, request.url.path)
            await defect()(scope, receive, send)

    def _found(self, path: str) -> tuple[Methods, dict[str, str]] | None:
        """Return what may be done at a path, and its parameters."""
        if document := self._documents.get(path):
            return document, {}
        parts = path.split("/")
        depth = 4 if parts[1:2] == ["apis"] else 3
        root, rest = "/".join(parts[:depth]), parts[depth:]
        if not all(rest):
            return None
        match rest:
            case ["namespaces", namespace, plural, *more] if (
                kind := self._kinds.get((root, plural))
            ) and kind.namespaced:
                methods, parameters = kind.at(more), {"namespace": namespace}
            case [plural] if kind := self._kinds.get((root, plural)):
                return kind.everywhere, {}
            case [plural, *more] if (kind := self._kinds.get((root, plural))) and not kind.namespaced:
                methods, parameters = kind.at(more), {}
            case _:
                return None
        return (methods, parameters | ({"name": more[0]} if more else {})) if methods else None


class _Kind:
    """What may be done with a kind, and where."""

    def __init__(self, namespaced: bool, do: Handlers) -> None:
        self.namespaced = namespaced
        self._collection: Methods = {"GET": do.list, "POST": do.create}
        self._item: Methods = {"GET": do.get, "PUT": do.replace, "PATCH": do.patch, "DELETE": do.delete}
        self._status: Methods = {"GET": do.get}
        self.everywhere: Methods = {"GET": do.list} if namespaced else self._collection

    def at(self, further: Sequence[str]) -> Methods | None:
        """Return what may be done at its collection, or at what a path says further; None where that is nothing."""
        match further:
            case []:
                return self._collection
            case [_]:
                return self._item
            case [_, "status"]:
                return self._status
        return None


def _saying(document: Mapping[str, Any]) -> Handler:
    async def say(_: Request) -> Response:
        return JSONResponse(document)

    return say


def _version() -> dict[str, str]:
    major, minor = "1", "33"  # the Kubernetes API whose conventions these routes follow
    return {"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.0+forecourt-{__version__}"}
