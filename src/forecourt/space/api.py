"""Routes for what takes space."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from forecourt.space.space import Space

PATH = "/api/forecourt/v1/storage"


class _Wanted(BaseModel):
    """What ``POST /free`` takes: items by their ids; without any, all that nobody needs."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    items: list[str] | None = Field(None, max_length=10_000)
    dry_run: bool = Field(False, alias="dryRun")


def space_router(space: Space) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix=PATH)

    @router.get("")
    async def measured() -> dict[str, Any]:
        """Return what takes space, what needs each of it, and what can go; sizes are bytes."""
        return await space.measured()

    @router.get("/disk")
    def disk() -> dict[str, Any]:
        """Return the disk alone, which takes no time."""
        return space.disk()

    @router.post("/free")
    async def free(wanted: _Wanted) -> dict[str, Any]:
        """Remove items, or say with ``dryRun`` what that would free. What is needed stays, and is said so."""
        return await space.free(wanted.items, dry_run=wanted.dry_run)

    return router
