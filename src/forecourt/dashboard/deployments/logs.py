"""What a deployment prints, as it prints it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from forecourt.dashboard.calls import Calls
from forecourt.dashboard.deployments.frame import LIVE, common, crumbs, where
from forecourt.dashboard.deployments.listing import SECTION
from forecourt.dashboard.deployments.reading import api, bounds, title
from forecourt.dashboard.pages import Page

SHOWN_LINES = 500
"""Of each replica, when the page is opened."""
_MOST_BYTES = 1024 * 1024
_MOST_REPLICAS = 64


class Logs:
    """Shows the logs of the deployments that `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def show(self, request: Request) -> Page:
        """Show the end of the log; the page's script goes on from there."""
        item = await self._calls.get(api(*where(request)))
        replica = _replica(request)
        answer = await self._calls.send("GET", api(*where(request), "log"), query=_query(replica))
        text = answer.body[-_MOST_BYTES:].decode(errors="replace")
        data: dict[str, Any] = common(item, "logs") | {
            "log": text,
            "replica": replica,
            "replicas": list(range(min(_MOST_REPLICAS, max(bounds(item)[1], 1)))),
            "lines": SHOWN_LINES,
        }
        return Page("deployments/logs.html", title(item), data, SECTION, crumbs(item, "Logs"), blocks=LIVE)

    async def stream(self, request: Request) -> Response:
        """Answer with the log as plain text, and with ``follow`` with what is added to it, until the browser goes.

        With ``download`` it is all of the log, as a file. Raises `Refused` where there is no such deployment.
        """
        namespace, name = where(request)
        follow, download = request.query_params.get("follow") == "true", "download" in request.query_params
        query = _query(_replica(request), whole=download) | {"follow": follow}
        stack = AsyncExitStack()
        pieces = await stack.enter_async_context(self._calls.stream(api(namespace, name, "log"), **query))
        headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", "x-accel-buffering": "no"}
        if download:
            headers["content-disposition"] = f'attachment; filename="{namespace}-{name}.log"'
        return StreamingResponse(_until_left(stack, pieces), media_type="text/plain; charset=utf-8", headers=headers)


async def _until_left(stack: AsyncExitStack, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what comes, and let go of its source in the end: of a log that ends, and of a browser that has gone."""
    async with stack:
        async for piece in pieces:
            yield piece


def _replica(request: Request) -> int | None:
    said = request.query_params.get("replica", "")
    return int(said) if said.isdecimal() and len(said) < 5 else None


def _query(replica: int | None, *, whole: bool = False) -> dict[str, Any]:
    return {"replica": replica} | ({} if whole else {"tailLines": SHOWN_LINES})
