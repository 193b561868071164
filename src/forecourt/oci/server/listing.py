"""Lists that may be long: repositories and tags, a page at a time.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags; ``_catalog`` is docker-registry's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from forecourt.oci.repositories import Repositories, tag_order
from forecourt.oci.server.errors import Refusal, unknown
from forecourt.oci.server.names import repository_in


class Listing:
    """What a registry answers about the names it knows."""

    def __init__(self, repositories: Repositories) -> None:
        self.repositories = repositories

    def routes(self) -> list[web.RouteDef]:
        """Return the paths that are answered here."""
        return [web.get("/v2/_catalog", self.catalog), web.get("/v2/{name:.+}/tags/list", self.tags)]

    async def catalog(self, request: web.Request) -> web.Response:
        """List the repositories."""
        names = await asyncio.to_thread(list, self.repositories)
        page, headers = _page(request, names, str)
        return web.json_response({"repositories": page}, headers=headers)

    async def tags(self, request: web.Request) -> web.Response:
        """List the tags of a repository."""
        repository = repository_in(request)
        with unknown("NAME_UNKNOWN"):
            tags = await asyncio.to_thread(self.repositories.tags, repository)
        page, headers = _page(request, tags, tag_order)
        return web.json_response({"name": repository, "tags": page}, headers=headers)


def _page(
    request: web.Request, names: Sequence[str], order: Callable[[str], Any]
) -> tuple[Sequence[str], dict[str, str]]:
    """Return at most ``n`` of the sorted `names`, after ``last``, and a link to the next page where there is one."""
    if last := request.query.get("last"):
        names = [name for name in names if order(name) > order(last)]
    count = request.query.get("n")
    if count is None:
        return names, {}
    if not (count.isascii() and count.isdigit()):
        raise Refusal(400, "PAGINATION_NUMBER_INVALID", f"n is {count!r}, which is not a number.")
    page = names[: int(count)]
    if not page or len(page) == len(names):
        return page, {}
    following = request.rel_url.with_query(n=count, last=page[-1])
    return page, {"Link": f'<{following}>; rel="next"'}
