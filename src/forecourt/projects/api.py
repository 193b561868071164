"""What no Kubernetes object is for: what is in a project, and whether a connection opens the way to what it names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Request

from forecourt.errors import InvalidObject, NotFound
from forecourt.objects import ObjectStore, Resource, document_of
from forecourt.projects.connections import Connections, Values
from forecourt.projects.contents import contents
from forecourt.projects.model import Secret

Check = Callable[[Values], str]
"""Tries a connection; returns in a sentence what was found, or raises a `ForecourtError`. Blocks."""


def contents_router(objects: ObjectStore, resources: Sequence[Resource]) -> APIRouter:
    """Return the route that says what is in a project, of the kinds that there are."""
    router = APIRouter()

    @router.get("/api/forecourt/v1/namespaces/{namespace}/contents")
    async def of(namespace: str) -> dict[str, Any]:
        """Return what goes with a project when it is deleted: what it is, how many, and their names."""
        return {"items": await asyncio.to_thread(contents, objects, resources, namespace)}

    return router


def connections_router(objects: ObjectStore, connections: Connections, check: Check) -> APIRouter:
    """Return the routes that try connections by `check`; nothing of what they say is in an answer."""
    router = APIRouter(prefix="/api/forecourt/v1/namespaces/{namespace}/connections")

    @router.post("/test")
    async def given(namespace: str, request: Request) -> dict[str, Any]:
        """Try a connection that is not kept yet, or not as it is given: a `Secret`, in the body.

        Of one that is there, values that were not shown and that it does not say are those that are kept.
        """
        document = await document_of(request)
        values = await asyncio.to_thread(_values, objects, connections, namespace, document)
        return await _tried(check, values)

    @router.post("/{name}/test")
    async def kept(namespace: str, name: str) -> dict[str, Any]:
        """Try a connection that is kept."""
        values = await asyncio.to_thread(connections.values, namespace, name)
        return await _tried(check, values)

    return router


def _values(objects: ObjectStore, connections: Connections, namespace: str, document: dict[str, Any]) -> Values:
    secret = Secret.from_dict({"apiVersion": "v1", "kind": "Secret"} | document).with_metadata(namespace=namespace)
    if not secret.name:
        secret = secret.with_metadata(name="connection")  # which a form may not have asked for yet
    if not (secret.data or secret.string_data or secret.metadata.annotations):
        raise InvalidObject("data: Required value: there is nothing to try")
    try:
        before = objects.get(Secret, namespace, secret.name)
    except NotFound:
        return connections.values_of(secret)
    connections.validate(secret, before)
    return connections.reveal(connections.kept(secret, before))


async def _tried(check: Check, values: Values) -> dict[str, Any]:
    return {"status": "ok", "message": await asyncio.to_thread(check, values)}
