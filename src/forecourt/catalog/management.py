"""What upstream's API lacks, under ``/api/forecourt/v1/catalog``: search, evidence, comparison, sources that change."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from forecourt.catalog import search as searching
from forecourt.catalog.api.models import labelled
from forecourt.catalog.browsing import benchmarks, browsing_router
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.checking import contradictions
from forecourt.catalog.filters import BY_NAME, FILTERS, LATENCIES, Chosen
from forecourt.catalog.model import Document, SourceDefinition
from forecourt.catalog.tables import MODELS
from forecourt.catalog.turns import Turns
from forecourt.catalog.uploads import DATA, TOKEN, Uploads
from forecourt.catalog.views import compared, described, listed, resolve
from forecourt.errors import InvalidInput, NotFound

BASE = "/api/forecourt/v1/catalog"
_MOST = 100
Preview = Callable[[bytes, bytes | None], tuple[str, list[tuple[str, bool]]]]
"""Says of a definition, and of the data that go with it, what kind they are, which names there are and which it shows.
"""
_SAID = frozenset(
    (
        *("q", "filterQuery", "label", "sort", "pageSize", "nextPageToken", "facets", "latency-metric"),
        *("benchmarks", "targetRPS", "name", "at"),
    )
)


class _Enabled(BaseModel):
    model_config = ConfigDict(extra="forbid")

    enabled: bool


def management_router(
    catalog: Catalog,
    refresh: Callable[[str], None],
    define: Callable[[Document], SourceDefinition],
    names: Callable[[SourceDefinition], list[tuple[str, bool]]],
    previewed: Preview,
    uploads: Uploads,
) -> APIRouter:
    """Return the routes.

    `refresh` has a source loaded in the background, `define` reads the definition of one, `names` says
    which names it would look at, and which of them it shows; `previewed` says the same of a definition with its data.
    `uploads` keeps what comes along with a definition.
    """
    router = APIRouter(prefix=BASE)
    turns = Turns()

    def shown(source_id: str) -> Document:
        given = {"uploaded": uploads.data(source_id) is not None, "tokenKept": uploads.has_token(source_id)}
        return _shown(catalog, source_id) | given

    @router.get("/search")
    async def search_(request: Request) -> Response:
        """Return models that fit words and filters, the best first, with how many there are of each other choice."""
        given = request.query_params
        query = query_of(given.multi_items())
        if labels := given.getlist("label"):
            query = replace(query, sources=tuple(labelled(catalog, labels)))
        async with turns:
            snapshot = catalog.snapshot
            found = searching.search(snapshot, query)
            document: Document = {
                "sentence": searching.sentence(query),
                "filterQuery": query.chosen.filter_query,
                "total": found.total,
                "nextPageToken": found.next,
            }
            if _flag("facets", given.get("facets", "")):
                document["facets"] = [searching.shown(facet) for facet in searching.facets(snapshot, query)]
        measured: list[Document] = []
        if _flag("benchmarks", given.get("benchmarks", "")):
            measured = await benchmarks(catalog, snapshot, found.models, query.chosen, given)
        items = ",".join(await listed(catalog, snapshot, found.models, measured))
        return Response(f'{{"items":[{items}],{_encoded(document)[1:]}', media_type="application/json")

    router.include_router(browsing_router(catalog, query_of))

    @router.get("/filters")
    def filters() -> Document:
        """Return what can be filtered by, as a form shows it."""
        return {
            "items": [
                {
                    "name": one.name,
                    "title": one.title,
                    "kind": one.kind,
                    "property": one.path,
                    "unit": one.unit.strip(),
                    "help": one.help,
                    "every": one.every,
                    "performance": one.performance,
                    "groups": {word: list(values) for word, values in one.groups.items()},
                }
                for one in FILTERS
            ],
            "sorts": list(searching.SORTS),
            "latencies": list(LATENCIES),
        }

    @router.get("/models")
    async def model(name: str, source: str = "") -> Response:
        """Return a model with all that is known of it."""
        snapshot = catalog.snapshot
        return _json(await described(catalog, snapshot, resolve(catalog, snapshot, name, source)))

    @router.get("/compare")
    async def compare(model: Annotated[list[str], Query()]) -> Response:
        """Return two to four models side by side."""
        snapshot = catalog.snapshot
        return _json(await compared(catalog, snapshot, [resolve(catalog, snapshot, name) for name in model]))

    @router.get("/contradictions")
    def contradictions_() -> Document:
        """Return the claims that their own scores contradict, of all models in sight."""
        found: Document = catalog.snapshot.once("contradictions", lambda: _contradictions(catalog))
        return found

    @router.get("/sources")
    def sources() -> Document:
        """Return all sources with their state."""
        items = []
        for state in catalog.sources:
            with contextlib.suppress(NotFound):  # it was removed meanwhile
                items.append(shown(state.id))
        return {"items": items, "error": catalog.configuration_error}

    @router.post("/sources", status_code=201)
    def add(wanted: Document) -> Document:
        """Add a source, and begin to load it.

        Besides what an entry of a ``sources.yaml`` has, it may have its models (``catalogData``, YAML) and a token
        (``accessToken``), which is kept encrypted and shown to nobody.
        """
        definition = define(uploads.defined(wanted))
        if any(state.id == definition.id for state in catalog.sources):
            catalog.add(definition)  # which refuses it, before anything is written
        uploads.keep(wanted, definition.id)
        catalog.add(definition)
        refresh(definition.id)
        return shown(definition.id)

    @router.post("/sources/preview")
    def preview(wanted: Document) -> Document:
        """Say which models a source would show, without adding it."""
        entry, data = uploads.defined(wanted, keep=False), wanted.get(DATA)
        if data or wanted.get(TOKEN):
            _, found = previewed(json.dumps(entry).encode(), data.encode() if data else None)
        else:
            found = names(define(entry))
        items = [{"name": name, "included": included} for name, included in found]
        return {"items": items, "total": len(items), "included": sum(included for _, included in found)}

    @router.get("/sources/{source_id:path}/data")
    def data(source_id: str) -> Document:
        """Return the YAML that was given along with a source; null where there is none."""
        return {DATA: uploads.data(catalog.source(source_id).id)}

    @router.get("/sources/{source_id:path}")
    def source(source_id: str) -> Document:
        """Return a source with its state."""
        return shown(source_id)

    @router.put("/sources/{source_id:path}")
    def change(source_id: str, wanted: Document) -> Document:
        """Put another definition in the place of one that was added, and load it anew.

        What was given along with it before stays, as long as the definition still names it.
        """
        catalog.source(source_id)
        definition = define(uploads.defined(wanted | {"id": source_id}))
        catalog.change(definition)
        uploads.keep(wanted, source_id)
        uploads.forget(source_id, but=definition.properties)
        refresh(source_id)
        return shown(source_id)

    @router.patch("/sources/{source_id:path}")
    def enable(source_id: str, wanted: _Enabled) -> Document:
        """Show a source's models or hide them."""
        state = catalog.enable(source_id, wanted.enabled)
        if wanted.enabled and state.loaded is None:
            refresh(source_id)
        return shown(source_id)

    @router.post("/sources/{source_id:path}/refresh", status_code=202)
    def refresh_(source_id: str) -> Document:
        """Load a source anew, in the background."""
        catalog.source(source_id)
        refresh(source_id)
        return shown(source_id)

    @router.delete("/sources/{source_id:path}", status_code=204)
    def remove(source_id: str) -> None:
        """Forget a source that was added, with all that it gave."""
        catalog.remove(source_id)
        uploads.forget(source_id)

    return router


def _contradictions(catalog: Catalog) -> Document:
    shown = {state.id for state in catalog.sources if state.enabled}
    query = select(MODELS.c.source_id, MODELS.c.evidence).where(MODELS.c.live, MODELS.c.evidence != "[]")
    with catalog.database.snapshot() as session:
        texts = [text for source, text in session.execute(query) if source in shown]
    rows = {json.dumps(row, sort_keys=True): row for text in texts for row in json.loads(text)}
    return contradictions(rows.values())


def query_of(pairs: list[tuple[str, str]]) -> searching.Query:
    """Return the query that query parameters are; raises `InvalidInput`."""
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    for name, value in pairs:
        if name not in BY_NAME:
            said[name] = value
        elif BY_NAME[name].kind == "choice":
            values.setdefault(name, []).append(value)
        elif BY_NAME[name].kind == "flag":
            values[name] = _flag(name, value)
        else:
            values[name] = value
    unknown = set(said) - _SAID
    if unknown:
        raise InvalidInput(
            f"There is nothing called {min(unknown)} to search by.", hint=f"There are {', '.join(BY_NAME)}."
        )
    size = said.get("pageSize", "20")
    if not re.fullmatch("[0-9]{1,4}", size) or not 1 <= int(size) <= _MOST:
        raise InvalidInput(f"pageSize {size!r} is no number from 1 to {_MOST}.")
    return searching.Query(
        text=said.get("q", "")[:1000],
        chosen=Chosen(values, said.get("latency-metric") or LATENCIES[0]),
        filter_query=said.get("filterQuery", ""),
        sort=said.get("sort", ""),
        limit=int(size),
        after=said.get("nextPageToken", ""),
    )


def _flag(name: str, value: str) -> bool:
    if value not in ("", "true", "false"):
        raise InvalidInput(f"{name} is true or false, not {value[:40]!r}.")
    return value == "true"


def _shown(catalog: Catalog, source_id: str) -> Document:
    """Return a source with how far it is; raises `NotFound`.

    When it was tried is read first and what became of it last, so that no load is over whose end is not told.
    """
    tried = catalog.tried.get(source_id)
    asked, progress = source_id in catalog.asked, catalog.loading.get(source_id)
    state, snapshot = catalog.source(source_id), catalog.snapshot
    definition = state.definition
    document = state.shown() | {
        "type": definition.type,
        "properties": _without_secrets(definition.properties),
        "origin": str(definition.origin) if definition.origin is not None else None,
        "models": len(snapshot.models.column("source_id").texts.rows(state.id)),
        "status": "loading" if progress or (asked and state.enabled) else state.status or "not-loaded",
        "loadedTimeSinceEpoch": str(state.loaded) if state.loaded is not None else None,
        "triedTimeSinceEpoch": str(tried) if tried is not None else None,
        "problems": [{"name": one.name, "message": one.message} for one in state.problems],
    }
    if progress:
        document["progress"] = {"done": progress.done, "of": progress.of}
    return document


def _without_secrets(properties: Mapping[str, Any]) -> Document:
    return {name: "…" if name == "apiKey" else value for name, value in properties.items()}


def _encoded(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _json(document: Document) -> Response:
    return Response(_encoded(document), media_type="application/json")
