"""Routes that make a deployment with its connection and its tokens in one go, and say what format a model has.

Beside KServe's own routes, where the same is done object by object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from forecourt.errors import InvalidObject
from forecourt.objects import Located, Wake, document_of, validated, warn
from forecourt.projects import Secret
from forecourt.serving.deploying import Deployer, Order
from forecourt.serving.model import InferenceService
from forecourt.serving.service_checking import service_problems

FormatOf = Callable[[str, str], str]
"""``format_of(namespace, uri)``: says what format the model at a URI has; empty where nothing says it. Blocks."""

Learn = Callable[[str, str], Awaitable[None]]
"""Takes a deployment's namespace and name; returns when its new tokens are known to the gateway."""

Validation = Annotated[str, Query(alias="fieldValidation", description="Ignore, Warn or Strict, as Kubernetes has it.")]
DryRun = Annotated[str, Query(alias="dryRun", description="All: only say what would be.")]


def deploying_router(deployer: Deployer, format_of: FormatOf, learn: Learn, wake: Wake) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/forecourt/v1/namespaces/{namespace}")

    @router.post("/deployments", status_code=201)
    async def deploy(
        namespace: str, request: Request, response: Response, dry_run: DryRun = "", validation: Validation = ""
    ) -> dict[str, Any]:
        """Make ``{"inferenceService": …, "connection": …, "tokens": […]}``; what tokens are is shown this once."""
        order, warnings = _order(namespace, await document_of(request), validation)
        warn(response, warnings)
        made = await asyncio.to_thread(deployer.deploy, namespace, order, dry_run=dry_run == "All")
        return await _told(made.to_dict(), namespace, dry_run)

    @router.put("/deployments/{name}")
    async def change(
        namespace: str,
        name: str,
        request: Request,
        response: Response,
        dry_run: DryRun = "",
        validation: Validation = "",
    ) -> dict[str, Any]:
        """Put the ``inferenceService`` in the place of the one that is there; the rest as for one that is made."""
        order, warnings = _order(namespace, await document_of(request), validation, name)
        warn(response, warnings)
        made = await asyncio.to_thread(deployer.change, namespace, order, dry_run=dry_run == "All")
        return await _told(made.to_dict(), namespace, dry_run)

    @router.get("/model-format")
    async def model_format(namespace: str, uri: str) -> dict[str, str]:
        """Say what format the model at a URI has, by its name, its image or its files; empty where nothing says it."""
        return {"uri": uri, "format": await asyncio.to_thread(format_of, namespace, uri)}

    async def _told(made: dict[str, Any], namespace: str, dry_run: str) -> dict[str, Any]:
        if dry_run != "All":
            wake()
            await learn(namespace, made["inferenceService"]["metadata"]["name"])
        return made

    return router


def _order(namespace: str, document: dict[str, Any], validation: str, name: str = "") -> tuple[Order, Sequence[str]]:
    """Return what a request orders, and the warnings about it."""
    said, connection = document.get("inferenceService"), document.get("connection")
    if not isinstance(said, dict):
        raise InvalidObject("inferenceService: Required value: the deployment, as KServe has it")
    if connection is not None and not isinstance(connection, dict):
        raise InvalidObject("connection: Invalid value: it must be a Secret, or be left out")
    tokens = document.get("tokens") or []
    if not isinstance(tokens, list) or not all(isinstance(each, str) for each in tokens):
        raise InvalidObject("tokens: Invalid value: they must be names")
    said = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"} | _placed(said, namespace, name)
    warnings = validated("InferenceService", Located(said), service_problems(said), validation)
    service = InferenceService.from_dict(said)
    secret = {"apiVersion": "v1", "kind": "Secret"} | _placed(connection, namespace) if connection else None
    return Order(service, Secret.from_dict(secret) if secret else None, tuple(tokens)), warnings


def _placed(document: dict[str, Any], namespace: str, name: str = "") -> dict[str, Any]:
    metadata = document.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise InvalidObject("metadata: Invalid value: it is no map.")
    said = {"namespace": namespace} | ({"name": name} if name else {})
    return document | {"metadata": said | {key: value for key, value in metadata.items() if value}}
