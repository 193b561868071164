"""KServe's kinds in the API, and the log of a deployment, at a path of its own beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from forecourt.objects import ObjectStore, Resource
from forecourt.serving.admission import Admission
from forecourt.serving.driver import Key
from forecourt.serving.model import GROUP, ClusterServingRuntime, InferenceService, ServingRuntime
from forecourt.serving.runtimes import shipped_runtimes
from forecourt.serving.validation import validate_runtime, validate_service

Logs = Callable[..., AsyncIterator[bytes]]
"""``logs(key, replica=…, tail=…, follow=…)``: what a driver offers."""


def resources(admission: Admission) -> tuple[Resource, ...]:
    """Return KServe's kinds; deployments are completed by `admission`."""
    services = Resource(
        InferenceService,
        GROUP,
        "v1beta1",
        "inferenceservices",
        ("isvc",),
        validate=validate_service,
        lasting=True,
        kept=admission.kept,
    )
    runtimes = Resource(
        ServingRuntime, GROUP, "v1alpha1", "servingruntimes", validate=validate_runtime, shipped=shipped_runtimes
    )
    of_the_cluster = Resource(
        ClusterServingRuntime, GROUP, "v1alpha1", "clusterservingruntimes", namespaced=False, validate=validate_runtime
    )
    return services, runtimes, of_the_cluster


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
