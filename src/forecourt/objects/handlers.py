"""What is done with the objects of a kind, and answered, as Kubernetes' API does it.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from forecourt.errors import ForecourtError, InvalidInput, NotFound
from forecourt.objects.asker import Asker
from forecourt.objects.fieldvalidation import validated, warn
from forecourt.objects.incoming import document_of, located_document_of, merged
from forecourt.objects.located import Located
from forecourt.objects.model import KubernetesObject
from forecourt.objects.read import Written
from forecourt.objects.resources import Resource, as_it_is
from forecourt.objects.selector import selector
from forecourt.objects.statuses import status
from forecourt.objects.store import ObjectStore

Wake = Callable[[], None]
Admit = Callable[[str], None]
"""Takes a namespace in which something is to be created; raises where nothing can be."""

_MERGE_PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json", "application/json")
_APPLY_PATCH = "application/apply-patch+yaml"
"""What ``kubectl apply --server-side`` sends: the object, merged over what is there, or created."""


class Handlers:
    """Answers requests for the objects of one kind; a request's path parameters say for which."""

    def __init__(self, resource: Resource, objects: ObjectStore, wake: Wake, admit: Admit, asker: Asker) -> None:
        self.resource = resource
        self.objects = objects
        self.wake = wake
        self.admit = admit
        self.asker = asker
        self._lately = Written()

    async def list(self, request: Request) -> Response:
        """Answer with the objects of a namespace, or of all; with ``watch`` with their changes as they happen."""
        namespace = request.path_params.get("namespace")
        by_query, seen = _chosen(request), self.asker.sees(self.resource)

        def chosen(one: KubernetesObject) -> bool:
            return by_query(one) and seen(one)

        if request.query_params.get("watch") in ("true", "1"):
            return StreamingResponse(self._watch(request, namespace, chosen), media_type="application/json")
        listed = self.objects.of_late.list(self.resource.kind, namespace)
        if listed is None:
            listed = await asyncio.to_thread(self.objects.list_at, self.resource.kind, namespace)
        made, version = listed
        head = {
            "apiVersion": self.resource.api_version,
            "kind": f"{self.resource.name}List",
            "metadata": {"resourceVersion": str(version)},
        }
        items = b",".join(self._written(one) for one in self.resource.with_shipped(made, namespace) if chosen(one))
        return Response(to_json(head)[:-1] + b',"items":[' + items + b"]}", media_type="application/json")

    async def get(self, request: Request) -> Response:
        """Answer with an object."""
        found = self._found(self.objects.of_late.get, *_where(request))
        if found is None:
            found = await asyncio.to_thread(self._found, self.objects.get, *_where(request))
        return Response(self._written(found), media_type="application/json")

    async def create(self, request: Request) -> Response:
        """Keep a new object."""
        wanted, warnings = await self._wanted(request)
        return _warning(await self._create(request, wanted), warnings)

    async def replace(self, request: Request) -> Response:
        """Put an object in the place of another."""
        wanted, warnings = await self._wanted(request)
        return _warning(await self._update(request, lambda _: wanted), warnings)

    async def patch(self, request: Request) -> Response:
        """Merge a change into an object; a server-side apply creates it where there is none."""
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind not in (*_MERGE_PATCHES, _APPLY_PATCH):
            raise InvalidInput(f"A patch of the type {kind or 'none'} is not understood.", hint="Send a merge patch.")
        change = await located_document_of(request)
        warnings: Sequence[str] = ()

        def patched(before: KubernetesObject) -> KubernetesObject:
            nonlocal warnings
            document = merged(self._shown(before), change.document)
            warnings = self._checked(request, Located(document))
            return type(before).from_dict(document)

        try:
            return _warning(await self._update(request, patched), warnings)
        except NotFound:
            if kind != _APPLY_PATCH:
                raise
            wanted, warnings = self._read(request, change)
            return _warning(await self._create(request, wanted), warnings)

    async def delete(self, request: Request) -> Response:
        """Delete an object, or mark it as deleted where it is lasting."""
        namespace, name = _where(request)
        options = await document_of(request)
        found = await asyncio.to_thread(self._writable, namespace, name)
        await asyncio.to_thread(self.resource.deletable, found)
        if not _dry(request) and "All" not in (options.get("dryRun") or ()):
            await asyncio.to_thread(self._delete, namespace, name, options.get("preconditions") or {})
            self.wake()
        details = {
            "name": name,
            "group": self.resource.group,
            "kind": self.resource.plural,
            "uid": found.metadata.uid,
        }
        return JSONResponse({"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details})

    async def _create(self, request: Request, wanted: KubernetesObject) -> Response:
        self.resource.validate(wanted, None)
        if self.resource.namespaced:
            await asyncio.to_thread(self.admit, wanted.namespace)
        wanted = self.asker.noted(self.resource.kept(wanted, None), None)
        if not _dry(request):
            wanted = await asyncio.to_thread(self.objects.create, wanted)
            await asyncio.to_thread(self.asker.made, wanted)
            self.wake()
        return JSONResponse(self._shown(wanted), 201)

    async def _update(self, request: Request, change: Callable[[KubernetesObject], KubernetesObject]) -> Response:
        namespace, name = _where(request)

        def checked(before: KubernetesObject) -> KubernetesObject:
            wanted = change(before)
            _refuse_elsewhere(request, wanted)
            self.resource.validate(wanted, before)
            return self.asker.noted(self.resource.kept(wanted, before), before)

        before = await asyncio.to_thread(self._writable, namespace, name)
        if _dry(request):
            return JSONResponse(self._shown(checked(before)))
        after = await asyncio.to_thread(self.objects.update, self.resource.kind, namespace, name, checked)
        if after.metadata.deletion_timestamp:
            await asyncio.to_thread(self._purge, after)
        self.wake()
        return JSONResponse(self._shown(after))

    def _found(self, get: Callable[..., Any], namespace: str, name: str) -> Any:
        """Return what `get` does of the store, or the object that ships where none of its name was made."""
        try:
            return get(self.resource.kind, namespace, name)
        except NotFound:
            if shipped := self._shipped(namespace, name):
                return shipped
            raise

    def _writable(self, namespace: str, name: str) -> KubernetesObject:
        try:
            return self.objects.get(self.resource.kind, namespace, name)
        except NotFound:
            if self._shipped(namespace, name):
                raise InvalidInput(
                    f"The {self.resource.singular} {name} ships with Forecourt and stays as it is.",
                    hint="Create one of the same name to take its place.",
                ) from None
            raise

    def _delete(self, namespace: str, name: str, preconditions: dict[str, Any]) -> None:
        uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
        self._purge(self.objects.mark_deleted(self.resource.kind, namespace, name, uid=uid, resource_version=version))

    def _purge(self, marked: KubernetesObject) -> None:
        if not self.resource.lasting:
            self.objects.purge(self.resource.kind, marked.namespace, marked.name, marked.metadata.uid or "")

    def _shipped(self, namespace: str, name: str) -> KubernetesObject | None:
        ships = (one for one in self.resource.shipped() if one.namespace in ("", namespace))
        return next((one for one in ships if one.name == name), None)

    def _shown(self, one: KubernetesObject) -> dict[str, Any]:
        shown: dict[str, Any] = self.resource.shown(one).to_dict()
        return shown

    def _written(self, one: KubernetesObject) -> bytes:
        """Return what is shown of an object as JSON: a list may have hundreds, and is asked for again and again."""
        if self.resource.shown is as_it_is:  # else it may depend on more than the object
            return self._lately.json(one)
        return to_json(self._shown(one))

    async def _wanted(self, request: Request) -> tuple[KubernetesObject, Sequence[str]]:
        return self._read(request, await located_document_of(request))

    def _read(self, request: Request, given: Located) -> tuple[KubernetesObject, Sequence[str]]:
        """Return the object of a request, and the warnings about it."""
        said = {"apiVersion": self.resource.api_version, "kind": self.resource.name}
        document = given.document | {key: given.document.get(key) or said[key] for key in said}
        if "name" in request.path_params:
            metadata = document.get("metadata") or {}
            if isinstance(metadata, dict) and not metadata.get("name"):
                document["metadata"] = metadata | {"name": request.path_params["name"]}
        warnings = self._checked(request, replace(given, document=document))
        wanted = self.resource.kind.from_dict(document)
        if self.resource.namespaced and not wanted.namespace:
            wanted = wanted.with_metadata(namespace=request.path_params["namespace"])
        _refuse_elsewhere(request, wanted)
        return wanted, warnings

    def _checked(self, request: Request, given: Located) -> Sequence[str]:
        level = request.query_params.get("fieldValidation", "")
        return validated(self.resource.name, given, self.resource.check(given.document), level)

    async def _watch(
        self, request: Request, namespace: str | None, chosen: Callable[[KubernetesObject], bool]
    ) -> AsyncIterator[bytes]:
        since = request.query_params.get("resourceVersion") or "0"
        seconds = request.query_params.get("timeoutSeconds") or "0"
        kind = self.resource.kind
        shown = set[str | None]()  # uids: one that is no longer chosen goes away, as far as the watcher sees
        try:
            version = int(since)
            async with asyncio.timeout(int(seconds) or None):
                if not version:  # first what is there
                    there, version = await asyncio.to_thread(self.objects.list_at, kind, namespace)
                    for one in filter(chosen, there):
                        shown.add(one.metadata.uid)
                        yield _line("ADDED", self._shown(one))
                async for event, changed in self.objects.watch(kind, namespace, since=version):
                    uid = changed.metadata.uid
                    if chosen(changed):
                        yield _line(event, self._shown(changed))
                    elif uid in shown:
                        yield _line("DELETED", self._shown(changed))
                    (shown.add if chosen(changed) else shown.discard)(uid)
        except TimeoutError:
            return
        except ForecourtError as error:
            yield _line("ERROR", status(error))
        except ValueError:
            wrong = f"resourceVersion {since!r} and timeoutSeconds {seconds!r} must be whole numbers."
            yield _line("ERROR", status(InvalidInput(wrong)))


def _warning(response: Response, warnings: Sequence[str]) -> Response:
    warn(response, warnings)
    return response


def _where(request: Request) -> tuple[str, str]:
    return request.path_params.get("namespace", ""), request.path_params["name"]


def _dry(request: Request) -> bool:
    return request.query_params.get("dryRun") == "All"


def _chosen(request: Request) -> Callable[[KubernetesObject], bool]:
    by_labels = selector(request.query_params.get("labelSelector", ""))
    field, _, name = request.query_params.get("fieldSelector", "").partition("=")
    if field not in ("", "metadata.name"):
        raise InvalidInput(f"fieldSelector: {field!r} cannot be selected by.", hint="metadata.name can.")
    return lambda one: by_labels(one.metadata.labels or {}) and (not field or one.name == name.lstrip("="))


def _refuse_elsewhere(request: Request, wanted: KubernetesObject) -> None:
    """Refuse an object that says it is another than the path says."""
    namespace, name = request.path_params.get("namespace", ""), request.path_params.get("name", wanted.name)
    if wanted.namespace != namespace:
        raise InvalidInput(f"metadata.namespace is {wanted.namespace!r}, and the path says {namespace!r}.")
    if wanted.name != name:
        raise InvalidInput(f"metadata.name is {wanted.name!r}, and the path says {name!r}.")


def _line(kind: str, document: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"
