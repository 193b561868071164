"""The route that tells what was measured, beside KServe's own."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query

from forecourt.objects import ObjectStore
from forecourt.serving.measuring.series import series
from forecourt.serving.measuring.store import Measurements
from forecourt.serving.model import InferenceService


def metrics_router(objects: ObjectStore, measurements: Measurements) -> APIRouter:
    """Return the route of a deployment's metrics over time."""
    router = APIRouter()

    def told(namespace: str, name: str, asked: str) -> dict[str, Any]:
        service = objects.get(InferenceService, namespace, name)
        found = series(measurements, service.metadata.uid or "", asked, time.time())
        return {"namespace": namespace, "name": name, **found}

    @router.get("/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}/metrics")
    async def of(namespace: str, name: str, asked: Annotated[str, Query(alias="range")] = "1h") -> dict[str, Any]:
        """Return series over ``range``: ``1h``, ``24h``, ``7d`` or ``30d``; null where nothing is known."""
        return await asyncio.to_thread(told, namespace, name, asked)

    return router
