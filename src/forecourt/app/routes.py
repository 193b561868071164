"""Routes about the server itself, and how it is asked to end."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import psutil
from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from forecourt import __version__
from forecourt.db import Database
from forecourt.errors import ForecourtError, InvalidInput
from forecourt.serving import METRICS_CONTENT_TYPE, metrics_body
from forecourt.settings import Settings

log = logging.getLogger(__name__)


class Ending:
    """Whether the server is to end, and whether the deployments end with it. Asked twice, it does not wait for them."""

    def __init__(self) -> None:
        self.asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.with_deployments = False

    def ask(self, with_deployments: bool) -> None:
        """Have the server end; asked again, it ends at once."""
        if self.asked.done():
            os._exit(130)
        log.info("Ending%s.", " with all deployments" if with_deployments else "; deployments go on")
        self.with_deployments = with_deployments
        self.asked.set_result(None)


class _Shutdown(BaseModel):
    """What ``POST /api/forecourt/v1/server/shutdown`` takes."""

    deployments: str = "stop"


def server_router(
    settings: Settings, record: dict[str, Any], metrics: CollectorRegistry, ending: Ending, database: Database
) -> APIRouter:
    """Routes about the server itself."""
    router = APIRouter()

    @router.get("/api/forecourt/v1/server")
    def server() -> dict[str, Any]:
        """Say which server this is, where it listens, and how much memory it takes (bytes, resident)."""
        memory = psutil.Process().memory_info().rss
        return {"version": __version__, "home": str(settings.home), "memoryBytes": memory, **record}

    @router.post("/api/forecourt/v1/server/shutdown", status_code=202)
    async def shutdown(request: _Shutdown) -> dict[str, str]:
        """End the server; ``deployments`` is ``stop`` or ``keep``."""
        if request.deployments not in ("stop", "keep"):
            raise InvalidInput(f"deployments is {request.deployments!r}.", hint="Say stop or keep.")
        if not ending.asked.done():
            ending.ask(request.deployments == "stop")
        return {"status": "ending"}

    @router.get("/healthz")
    @router.get("/readyz")
    def healthz() -> Response:
        """Answer that the server is up."""
        return Response("ok", media_type="text/plain")

    @router.get("/readyz/health")
    @router.get("/readyz/isDirty")
    def readyz() -> Response:
        """Answer whether the database does, at the paths that Kubeflow's registry has for it."""
        try:
            with database.point() as connection:
                connection.exec_driver_sql("SELECT 1")
        except ForecourtError as error:
            return Response(error.message, 503, media_type="text/plain")
        return Response("OK", media_type="text/plain")

    @router.get("/metrics")
    def prometheus() -> Response:
        """Return the gateway's metrics, in Prometheus' text format."""
        return Response(metrics_body(metrics), media_type=METRICS_CONTENT_TYPE)

    return router
