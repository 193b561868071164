"""Routes for the environments that serving runtimes run in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from forecourt.errors import InvalidInput
from forecourt.serving.environments import RuntimeEnvironments


class _Wanted(BaseModel):
    """What ``POST`` takes: the runtime whose environment is to be made."""

    runtime: str
    namespace: str = "default"


def environments_router(environments: RuntimeEnvironments) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/forecourt/v1/environments")

    @router.get("")
    async def listed(sizes: bool = True) -> dict[str, Any]:
        """Return all, with what each takes on disk (bytes; null without ``sizes``) and which deployments hold it."""
        return await environments.listed(sizes=sizes)

    @router.post("")
    async def make(wanted: _Wanted) -> StreamingResponse:
        """Make one; a JSON object a line says what is being done, and in the end the environment or the error.

        Who closes the connection has it left off.
        """

        async def lines() -> AsyncIterator[bytes]:
            async for one in environments.made(wanted.runtime, wanted.namespace):
                yield json.dumps(one).encode() + b"\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    @router.delete("")
    async def remove_unused(unused: bool = False) -> dict[str, Any]:
        """Remove all that no deployment holds; ``unused`` must be said."""
        if not unused:
            raise InvalidInput("Which environments are to be removed?", hint="Say unused=true, or name one.")
        return {"items": await environments.remove_unused()}

    @router.get("/{what}")
    async def one(what: str, namespace: str = "default") -> dict[str, Any]:
        """Return one, by its key or a runtime's name."""
        return await environments.get(what, namespace)

    @router.delete("/{what}")
    async def remove(what: str, namespace: str = "default") -> dict[str, Any]:
        """Remove one, by its key or a runtime's name, unless a deployment holds it."""
        return await environments.remove(what, namespace)

    return router
