"""What is registered of a model, before it is: all that is known of it by its URI, and what there is of its name.

``GET /api/forecourt/v1/registry/proposal`` puts together what rooms beside each other know: the catalog of its models,
`importing` of images and files, the registry of names.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from forecourt import modelcar
from forecourt.catalog import SCHEME as CATALOG
from forecourt.errors import InvalidInput
from forecourt.home import Home
from forecourt.importing import links_of, look, registration
from forecourt.modelcar import ModelCar
from forecourt.oci import Reference
from forecourt.registry import Registry, Standing, actor_of
from forecourt.registry.standing import as_document

Document = dict[str, Any]
OfCatalog = Callable[..., Coroutine[Any, Any, Document]]
"""``of_catalog(uri, name=, version=, author=)``: what is registered of a model of the catalog."""

_LONGEST = 4096  # characters of a URI
_NOBODY = "anonymous"


def proposal_router(home: Home, of_catalog: OfCatalog) -> APIRouter:
    """Return the route."""
    router = APIRouter()
    inspect = partial(_inspected, home)

    @router.get("/api/forecourt/v1/registry/proposal")
    async def proposal(
        request: Request,
        uri: Annotated[str, Query(max_length=_LONGEST)] = "",
        name: Annotated[str, Query(max_length=_LONGEST)] = "",
        version: Annotated[str, Query(max_length=_LONGEST)] = "",
        pin: bool = True,
    ) -> Document:
        """Return what ``POST …/register`` takes for the model at a URI, with all that is known of it.

        An image is asked in its registry, files on this machine are read, the catalog tells of its models; ``pin``
        writes an image's digest into its URI. Beside it stands what the registry has of the names, and which versions
        of it lead to the same files. Without a URI it only says that of the names. ``numbered`` says that nothing named
        the version, so that it has the next free number.
        """
        if "\0" in uri + name + version:
            raise InvalidInput("null bytes are not allowed.")
        author = actor_of(request.scope["headers"]).name
        author = "" if author == _NOBODY else author
        warnings: list[str] = []
        if uri.startswith(f"{CATALOG}://"):
            wanted = await of_catalog(uri, name=name, version=version, author=author)
        elif uri:
            wanted = await run_in_threadpool(
                _looked, uri, inspect, name=name, version=version, author=author, pin=pin, warnings=warnings
            )
        else:
            wanted = {"registeredModel": {"name": name}, "modelVersion": {"name": version}, "modelArtifact": {}}
            wanted["links"] = []
        return await run_in_threadpool(_told, home.models, wanted, warnings)

    return router


def _inspected(home: Home, reference: Reference) -> ModelCar:
    return modelcar.inspect(reference, store=home.store, images=home.images, client_for=home.client_for)


def _looked(
    uri: str,
    inspect: Callable[[Reference], ModelCar],
    *,
    name: str,
    version: str,
    author: str,
    pin: bool,
    warnings: list[str],
) -> Document:
    if "://" not in uri:
        raise InvalidInput(
            f"{uri!r} is no URI.", hint="Write oci://…, s3://…, hf://owner/model, https://… or file://…."
        )
    origin = look(uri, inspect, pin=pin, warn=warnings.append)
    wanted = registration(origin, name or origin.name, version or origin.tag, author=author, owner=author)
    return wanted | {"links": links_of(origin)}


def _told(models: Registry, wanted: Document, warnings: list[str]) -> Document:
    """Return it with what the registry has of the names, and the version's name where nothing says it."""
    model, version, artifact = (wanted[part] for part in ("registeredModel", "modelVersion", "modelArtifact"))
    found: Standing = models.standing(model.get("name", ""), version.get("name", ""))
    numbered = not version.get("name")
    if numbered:
        version["name"] = found.following
    digest = artifact.get("customProperties", {}).get("digest", {}).get("string_value", "")
    return {
        "registration": wanted | {"aliases": [], "stage": ""},
        "numbered": numbered,
        **as_document(found),
        "sameFiles": models.leading_to(*({artifact["uri"], digest} if artifact.get("uri") else ())),
        "warnings": warnings,
    }
