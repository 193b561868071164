"""Kubeflow's model catalog API, ``/api/model_catalog/v1`` and ``/v1alpha1``, as its clients speak it.

What differs between the versions is one key of a model, ``sourceId`` or ``source_id``. A model's name has slashes in
it, written as they are or as ``%2F``; what follows it in the path says what of the model is asked for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from forecourt.catalog.api.models import list_artifacts, list_models, one_model
from forecourt.catalog.api.parameters import Parameters
from forecourt.catalog.api.performance import list_performance
from forecourt.catalog.api.sources import list_labels, list_sources, preview_page
from forecourt.catalog.catalog import Catalog
from forecourt.catalog.index import Snapshot
from forecourt.catalog.options import options_text
from forecourt.errors import ForecourtError, InvalidInput

BASE = "/api/model_catalog/"
_SOURCE_KEYS = {"v1": "sourceId", "v1alpha1": "source_id"}
_UPLOAD_LIMIT = 64 * 1024 * 1024
_OF_MODEL = re.compile(
    f"{BASE}[^/]+/sources/(?P<source>[^/]+)/models/(?P<name>.+?)(/(?P<rest>artifacts(/performance)?))?"
)

Preview = Callable[[bytes, bytes | None], tuple[str, list[tuple[str, bool]]]]
"""From a source's configuration and its data, if that comes along, to the type of its assets, and which are shown."""

log = logging.getLogger(__name__)


def catalog_app(catalog: Catalog, preview: Preview) -> Starlette:
    """Return the application that answers below `BASE`."""

    async def models(request: Request) -> Response:
        return _json(await list_models(catalog, Parameters(request.query_params), _source_key(request)))

    async def options(_request: Request) -> Response:
        return _json(options_text(catalog.snapshot, catalog.configuration.named_queries))

    async def sources(request: Request) -> Response:
        return _json(list_sources(catalog, Parameters(request.query_params)))

    async def labels(request: Request) -> Response:
        return _json(list_labels(catalog, Parameters(request.query_params)))

    async def of_model(request: Request) -> Response:
        source, name, rest = _named(request, catalog.snapshot)
        given = Parameters(request.query_params)
        match rest:
            case "":
                return _json(await one_model(catalog, source, name, _source_key(request)))
            case "artifacts":
                return _json(await list_artifacts(catalog, source, name, given))
            case _:
                return _json(await list_performance(catalog, source, name, given))

    async def previewed(request: Request) -> Response:
        given = Parameters(request.query_params)
        config, data = await _uploaded(request)
        try:
            kind, assets = await asyncio.to_thread(preview, config, data)
        except ForecourtError as error:
            return _error(HTTPStatus.UNPROCESSABLE_ENTITY, _said(error))
        return _json(preview_page(assets, kind, given))

    application = Starlette(
        routes=[
            route
            for base in map(BASE.__add__, _SOURCE_KEYS)
            for route in (
                Route(f"{base}/models", models),
                Route(f"{base}/models/filter_options", options),
                Route(f"{base}/sources", sources),
                Route(f"{base}/labels", labels),
                Route(f"{base}/sources/preview", previewed, methods=["POST"]),
                Route(f"{base}/sources/{{rest:path}}", of_model),
            )
        ],
        exception_handlers={
            ForecourtError: _refused,
            HTTPException: _http_error,
            Exception: _broken,
        },
    )
    application.router.redirect_slashes = False
    return application


def _source_key(request: Request) -> str:
    return _SOURCE_KEYS[request.url.path.removeprefix(BASE).partition("/")[0]]


def _named(request: Request, snapshot: Snapshot) -> tuple[str, str, str]:
    """Return the source and the model that a path names, and what of it is asked for; raises `HTTPException`.

    The path is taken as it was sent, where a slash that is written ``%2F`` belongs to the name. So does one that is not
    where there is no other model.
    """
    found = _OF_MODEL.fullmatch(request.scope["raw_path"].decode("ascii", "replace"))
    if found is None:
        raise HTTPException(404)
    source, name, rest = unquote(found["source"]), unquote(found["name"]), found["rest"] or ""
    whole = f"{name}/{rest}"
    if rest and (source, name) not in snapshot.numbers and (source, whole) in snapshot.numbers:
        return source, whole, ""
    return source, name, rest


async def _uploaded(request: Request) -> tuple[bytes, bytes | None]:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidInput("a preview is sent as multipart/form-data with the file config, and catalogData if it likes")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > _UPLOAD_LIMIT:
        raise _too_large()  # before any of it is read
    parser = MultiPartParser(
        request.headers, _limited(request.stream()), max_files=2, max_fields=4, max_part_size=_UPLOAD_LIMIT
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidInput(f"the upload cannot be read: {error.message}") from None
    try:
        parts: dict[str, bytes] = {}
        for name in ("config", "catalogData"):
            part = form.get(name)
            if isinstance(part, str):
                parts[name] = part.encode()
            elif part is not None:
                parts[name] = await part.read()
    finally:
        await form.close()
    if "config" not in parts:
        raise InvalidInput("config is missing: the YAML of the source")
    return parts["config"], parts.get("catalogData")


async def _limited(stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > _UPLOAD_LIMIT:
            raise _too_large()
        yield chunk


def _too_large() -> InvalidInput:
    return InvalidInput(f"the upload is larger than {_UPLOAD_LIMIT // 2**20} MiB")


def _json(text: str) -> Response:
    return Response(text, media_type="application/json; charset=UTF-8")


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps({"code": HTTPStatus(status).phrase, "message": message}, ensure_ascii=False)
    return Response(body, status, headers, media_type="application/json; charset=UTF-8")


async def _refused(_request: Request, error: Any) -> Response:
    return _error(error.status, _said(error))


def _said(error: ForecourtError) -> str:
    """Return what is wrong and what to do about it, as sentences."""
    end = "" if not error.hint or error.message.endswith((".", "!", "?")) else "."
    return f"{error.message}{end} {error.hint}".strip()


async def _http_error(request: Request, error: Any) -> Response:
    detail = f"there is nothing at {request.url.path}" if error.status_code == 404 else error.detail
    return _error(error.status_code, detail, error.headers)


async def _broken(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _error(500, "something broke inside the server; its log says what")
