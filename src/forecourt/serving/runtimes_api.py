"""Routes for those who choose among serving runtimes, and for those who decide which are offered.

Beside KServe's own routes, where runtimes are made and changed.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from forecourt.errors import InvalidInput
from forecourt.objects import Wake
from forecourt.serving.model import ModelFormat
from forecourt.serving.runtime_settings import Question, RuntimeSettings
from forecourt.serving.runtime_text import read_runtimes

PATH = "/api/forecourt/v1/serving-runtimes"
_MAX_TEXT = 1024 * 1024  # bytes

Namespace = Annotated[str, Query(description="Whose runtimes: those of a project, of all projects, and that ship.")]


class _Change(BaseModel):
    """What ``PATCH`` takes."""

    enabled: bool


class _Order(BaseModel):
    """What ``PUT /order`` takes: some names that come first, or one and the name that it comes before."""

    names: list[str] = Field(min_length=1)
    before: str = ""


def runtimes_router(settings: RuntimeSettings, wake: Wake) -> APIRouter:
    """Return the routes; `wake` is called after a change, since deployments may wait for it."""
    router = APIRouter(prefix=PATH)

    @router.get("")
    def listed(
        namespace: Namespace = "default",
        model_format: Annotated[str, Query(alias="format", description="NAME or NAME:VERSION.")] = "",
        accelerator: Annotated[str, Query(description="By its name on a cluster: nvidia.com/gpu.")] = "",
        profile: Annotated[str, Query(alias="hardwareProfile", description="Whose accelerator.")] = "",
    ) -> dict[str, Any]:
        """Return the runtimes in the order set; with a format, those that serve it, and which is chosen by itself."""
        if accelerator and profile:
            raise InvalidInput("Say accelerator or hardwareProfile, not both.")
        if (accelerator or profile) and not model_format:
            raise InvalidInput("An accelerator matters for a model's format only.", hint="Say format=NAME too.")
        question = None
        if model_format:
            name, _, version = model_format.partition(":")
            granted = settings.accelerator_of(profile, namespace) if profile else accelerator
            question = Question(ModelFormat(name=name, version=version or None), granted)
        items = settings.listed(namespace, question)
        chosen = next((one["name"] for one in items if one.get("automatic")), None)
        asked = {"automatic": chosen, "accelerator": question.accelerator} if question else {}
        return {"items": items, **asked}

    @router.put("/order")
    def order(given: _Order, namespace: Namespace = "default") -> dict[str, Any]:
        """Put runtimes in order."""
        if given.before and len(given.names) > 1:
            raise InvalidInput("Only one runtime can be put before another.", hint="Name one, or all in their order.")
        if given.before:
            items = settings.put_before(namespace, given.names[0], given.before)
        else:
            items = settings.put_in_order(namespace, given.names)
        wake()
        return {"items": items}

    @router.post("/validate")
    async def validate(request: Request) -> dict[str, Any]:
        """Say what is wrong with a text, by line, and which runtimes it makes; nothing is kept."""
        text = bytearray()
        async for chunk in request.stream():
            text += chunk
            if len(text) > _MAX_TEXT:
                raise InvalidInput(f"The text has more than {_MAX_TEXT} bytes.")
        reading = await asyncio.to_thread(read_runtimes, bytes(text))
        return {
            "runtimes": [runtime.to_dict() for runtime in reading.runtimes],
            "findings": [finding.to_dict() for finding in reading.findings],
        }

    @router.get("/{name}")
    def one(name: str, namespace: Namespace = "default") -> dict[str, Any]:
        """Return what is known of a runtime."""
        return settings.get(namespace, name)

    @router.patch("/{name}")
    def change(name: str, given: _Change, namespace: Namespace = "default") -> dict[str, Any]:
        """Offer a runtime, or do not; deployments that it serves go on."""
        changed = settings.enable(namespace, name, enabled=given.enabled)
        wake()
        return changed

    @router.delete("/{name}")
    def remove(name: str, namespace: Namespace = "default", force: bool = False) -> dict[str, Any]:
        """Remove a runtime that somebody made, unless deployments are served by it."""
        settings.remove(namespace, name, force=force)
        wake()
        return {"status": "removed", "name": name}

    return router
