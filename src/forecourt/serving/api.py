"""KServe's kinds in the API, and the log of a deployment, at a path of its own beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from forecourt.objects import ObjectStore, Resource, document_of
from forecourt.serving.admission import Admission
from forecourt.serving.checking import runtime_problems
from forecourt.serving.driver import Key
from forecourt.serving.history import REVISIONS, History
from forecourt.serving.model import GROUP, ClusterServingRuntime, InferenceService, ServingRuntime
from forecourt.serving.offering import DASHBOARD_CONFIGS
from forecourt.serving.revisions import revisions
from forecourt.serving.rollback import roll_back
from forecourt.serving.runtimes import shipped_runtimes
from forecourt.serving.service_checking import service_problems
from forecourt.serving.tokens import Tokens
from forecourt.serving.usage import refuse_in_use
from forecourt.serving.validation import validate_runtime, validate_service

Learn = Callable[[str, str], Awaitable[None]]
"""Takes a deployment's namespace and name; returns when its new tokens are known to the gateway."""

Fit = Callable[[str, dict[str, Any]], dict[str, Any]]
"""``fit(namespace, document)``: says whether an `InferenceService` would fit; blocks."""

Logs = Callable[..., AsyncIterator[bytes]]
"""``logs(key, replica=…, tail=…, follow=…)``: what a driver offers."""


def resources(admission: Admission, objects: ObjectStore) -> tuple[Resource, ...]:
    """Return KServe's kinds, how runtimes are offered, and what deployments were before.

    Deployments are completed by `admission`; a runtime that serves one of `objects` cannot be deleted.
    """
    in_use = partial(refuse_in_use, objects)
    services = Resource(
        InferenceService,
        GROUP,
        "v1beta1",
        "inferenceservices",
        ("isvc",),
        validate=validate_service,
        check=service_problems,
        lasting=True,
        kept=admission.kept,
        called=lambda service: ("deployment", service.name),
    )
    runtimes = Resource(
        ServingRuntime,
        GROUP,
        "v1alpha1",
        "servingruntimes",
        validate=validate_runtime,
        check=runtime_problems,
        shipped=shipped_runtimes,
        deletable=in_use,
    )
    of_the_cluster = Resource(
        ClusterServingRuntime,
        GROUP,
        "v1alpha1",
        "clusterservingruntimes",
        namespaced=False,
        validate=validate_runtime,
        check=runtime_problems,
        deletable=in_use,
    )
    return services, runtimes, of_the_cluster, DASHBOARD_CONFIGS, REVISIONS


class _Named(BaseModel):
    """What a token's creation takes: its name."""

    name: str


def tokens_router(tokens: Tokens, learn: Learn) -> APIRouter:
    """Return the routes of deployments' tokens; what they change holds once they have answered."""
    router = APIRouter(prefix="/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}/tokens")

    @router.get("")
    def of(namespace: str, name: str) -> dict[str, Any]:
        """Return the tokens by name; nothing shows what they are."""
        return {"items": [asdict(token) for token in tokens.of(namespace, name)]}

    @router.post("", status_code=201)
    async def issue(namespace: str, name: str, given: _Named) -> dict[str, Any]:
        """Make a token; the answer shows it, and nothing does later."""
        token, text = await asyncio.to_thread(tokens.issue, namespace, name, given.name)
        await learn(namespace, name)
        return asdict(token) | {"token": text}

    @router.delete("/{token}")
    async def revoke(namespace: str, name: str, token: str) -> dict[str, Any]:
        """Have a token open nothing from now on."""
        await asyncio.to_thread(tokens.revoke, namespace, name, token)
        await learn(namespace, name)
        return {"status": "revoked", "name": token}

    return router


class _Back(BaseModel):
    """What going back takes: a revision's number, or the one before; and why."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    revision: int | None = None
    change_cause: str = Field("", alias="changeCause")


def revisions_router(objects: ObjectStore, admission: Admission, wake: Callable[[], None]) -> APIRouter:
    """Return the routes that tell what a deployment was, and make it that again."""
    router = APIRouter()

    def told(namespace: str, name: str) -> list[dict[str, Any]]:
        service = objects.get(InferenceService, namespace, name)
        return [one.to_dict() for one in revisions(service, History(objects).of(service))]

    @router.get("/api/forecourt/v1/namespaces/{namespace}/inferenceservices/{name}/revisions")
    async def of(namespace: str, name: str) -> dict[str, Any]:
        """Return the revisions that are kept, the newest last: what ran, since when, why, with which share."""
        return {"items": await asyncio.to_thread(told, namespace, name)}

    @router.post("/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}/rollback")
    async def rollback(
        namespace: str, name: str, given: _Back, dry_run: Annotated[str, Query(alias="dryRun")] = ""
    ) -> dict[str, Any]:
        """Go back to a revision; ``dryRun=All`` only says what would be. Returns its number, and the deployment."""
        after, revision = await asyncio.to_thread(
            roll_back,
            objects,
            admission,
            namespace,
            name,
            given.revision,
            cause=given.change_cause,
            dry_run=dry_run == "All",
        )
        if dry_run != "All":
            wake()
        return {"revision": revision.revision, "inferenceService": after.to_dict()}

    return router


def fit_router(fit: Fit) -> APIRouter:
    """Return the route that says whether a deployment would fit; nothing is kept of it."""
    router = APIRouter()

    @router.post("/api/forecourt/v1/namespaces/{namespace}/fit")
    async def of(namespace: str, request: Request) -> dict[str, Any]:
        """Return what the `InferenceService` in the body would need of memory, and whether that is there."""
        return await asyncio.to_thread(fit, namespace, await document_of(request))

    return router


def logs_router(objects: ObjectStore, logs: Logs) -> APIRouter:
    """Return the route of a deployment's log."""
    router = APIRouter()

    @router.get("/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}/log")
    async def log(
        namespace: str,
        name: str,
        replica: int | None = None,
        follow: bool = False,
        tail: Annotated[int | None, Query(alias="tailLines", ge=0)] = None,
    ) -> StreamingResponse:
        """Return what the replicas printed, and with ``follow`` what they go on to print."""
        service = await asyncio.to_thread(objects.get, InferenceService, namespace, name)
        lines = logs(Key.of(service), replica=replica, tail=tail, follow=follow)
        return StreamingResponse(lines, media_type="text/plain; charset=utf-8")

    return router
