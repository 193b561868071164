"""The tables: registered models, archived ones, and a model's versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from forecourt.dashboard.calls import Calls, Document, Refused, path
from forecourt.dashboard.pages import Page
from forecourt.dashboard.registry.reading import (
    ARCHIVE,
    HOME,
    MODELS,
    OURS,
    SECTION,
    shown_model,
    shown_version,
    version_href,
)

BY = {"keyword": "Keyword", "owner": "Owner", "label": "Label", "filter": "Filter"}
"""By what a table is filtered; a filter is a ``filterQuery``."""
_FIELDS = {"keyword": "q", "owner": "owner", "label": "label", "filter": "filterQuery"}
_ORDERS = {"name": "NAME", "created": "CREATE_TIME", "updated": "LAST_UPDATE_TIME"}
PER_PAGE = 20


class Listing:
    """Shows what `calls` reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def live(self, request: Request) -> Page:
        """Show the registered models."""
        data, status = await self._models(request, "LIVE")
        return Page("registry/list.html", "Model registry", data, SECTION, blocks=("registry-rows",), status=status)

    async def archive(self, request: Request) -> Page:
        """Show those that are archived."""
        data, status = await self._models(request, "ARCHIVED")
        crumbs = (HOME, ARCHIVE)
        return Page("registry/list.html", ARCHIVE.title, data, SECTION, crumbs, ("registry-rows",), status)

    async def _models(self, request: Request, state: str) -> tuple[dict[str, Any], int]:
        data, rows, status = await table(self._calls, request.query_params, f"{OURS}/{MODELS}", state, "updated")
        return data | {"models": [_model(one) for one in rows]}, status

    async def versions(self, request: Request, model: Document) -> tuple[dict[str, Any], int]:
        """Return what the table of a model's versions shows."""
        said = request.query_params
        archived = said.get("state") == "archived"
        where = f"{OURS}/{MODELS}{path(model['id'])}/versions"
        data, rows, status = await table(self._calls, said, where, "ARCHIVED" if archived else "LIVE", "created")
        return data | {"versions": [_version(one, model["name"]) for one in rows]}, status


async def table(
    calls: Calls, said: Mapping[str, str], where: str, state: str, usual: str
) -> tuple[dict[str, Any], list[Document], int]:
    """Return what is asked for of a table, its rows, and the page's status: a filter may be none."""
    q, by = said.get("q", "").strip()[:4000], said.get("by", "")
    by = by if by in BY else "keyword"
    sort = said.get("sort", "")
    sort = sort if sort in _ORDERS else usual
    descending = said.get("order", "asc" if sort == "name" else "desc") == "desc"
    query: dict[str, Any] = {"state": state, "orderBy": _ORDERS[sort], "sortOrder": "DESC" if descending else "ASC"}
    data: dict[str, Any] = {
        "q": q,
        "by": by,
        "ways": [*BY.items()],
        "archived": state == "ARCHIVED",
        "sort": {"key": sort, "descending": descending},
        "first": not said.get("token"),
        "next": "",
        "wrong": None,
    }
    try:
        found = await calls.get(where, **query, **{_FIELDS[by]: q}, pageSize=PER_PAGE, nextPageToken=said.get("token"))
    except Refused as refused:
        if refused.status not in (400, 422) or not (q or said.get("token")):
            raise
        return data | {"wrong": {"message": refused.message, "hint": refused.hint}}, [], 422
    return data | {"next": found["nextPageToken"]}, found["items"], 200


def _model(row: Document) -> dict[str, Any]:
    latest = row["latestVersion"]
    return shown_model(row["registeredModel"]) | {
        "versions": row["versions"],
        "latest": latest and {"name": latest["name"], "href": version_href(latest["id"])},
        "aliases": [{"alias": alias, "version": version} for alias, version in row["aliases"].items()],
        "deployments": row["deployments"],
    }


def _version(row: Document, model: str) -> dict[str, Any]:
    shown = shown_version(row["modelVersion"], model)
    return shown | {"aliases": row["aliases"], "deployments": row["deployments"]}
