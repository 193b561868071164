"""Kubernetes-shaped routes: KServe's objects at KServe's paths, so that what speaks to a cluster speaks to us.

https://kubernetes.io/docs/reference/using-api/api-concepts/. Errors are ``Status`` objects; what to do next is among
the details' causes, with the reason ``NextStep``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse

from forecourt import __version__
from forecourt.errors import ForecourtError, InvalidInput, NotFound
from forecourt.serving.driver import Key
from forecourt.serving.incoming import document_of, merged
from forecourt.serving.kubernetes import KubernetesObject
from forecourt.serving.model import GROUP, InferenceService, ServingRuntime
from forecourt.serving.resources import RESOURCES, VERSIONS, Resource, group, group_list, resource_list
from forecourt.serving.runtimes import runtimes_in, shipped_runtimes
from forecourt.serving.selector import selector
from forecourt.serving.store import ObjectStore
from forecourt.serving.validation import validate

Logs = Callable[..., AsyncIterator[bytes]]
"""``logs(key, replica=…, tail=…, follow=…)``: what a driver offers."""

_MERGE_PATCHES = ("application/merge-patch+json", "application/strategic-merge-patch+json", "application/json")
_APPLY_PATCH = "application/apply-patch+yaml"
"""What ``kubectl apply --server-side`` sends: the object, merged over what is there, or created."""


def api_router(objects: ObjectStore, logs: Logs, wake: Callable[[], None]) -> APIRouter:
    """Return the routes. `wake` is called after each change, so that something comes of it soon."""
    router = APIRouter()
    for resource in RESOURCES:
        _Routes(resource, objects, wake).add_to(router)

    @router.get("/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}/log")
    async def log(
        namespace: str,
        name: str,
        replica: int | None = None,
        follow: bool = False,
        tail: Annotated[int | None, Query(alias="tailLines", ge=0)] = None,
    ) -> StreamingResponse:
        """Return what the replicas printed, and with ``follow`` what they go on to print."""
        service = await asyncio.to_thread(objects.get, InferenceService, namespace, name)
        lines = logs(Key.of(service), replica=replica, tail=tail, follow=follow)
        return StreamingResponse(lines, media_type="text/plain; charset=utf-8")

    _add_discovery(router)
    return router


class _Routes:
    """The routes of one kind."""

    def __init__(self, resource: Resource, objects: ObjectStore, wake: Callable[[], None]) -> None:
        self.resource = resource
        self.objects = objects
        self.wake = wake

    def add_to(self, router: APIRouter) -> None:
        everywhere = f"/apis/{self.resource.api_version}/{self.resource.plural}"
        some = f"/apis/{self.resource.api_version}/namespaces/{{namespace}}/{self.resource.plural}"
        collection = some if self.resource.namespaced else everywhere
        for path, handler, method in (
            (everywhere, self.list, "GET"),
            *([(some, self.list, "GET")] if self.resource.namespaced else []),
            (collection, self.create, "POST"),
            (collection + "/{name}", self.get, "GET"),
            (collection + "/{name}/status", self.get, "GET"),
            (collection + "/{name}", self.replace, "PUT"),
            (collection + "/{name}", self.patch, "PATCH"),
            (collection + "/{name}", self.delete, "DELETE"),
        ):
            router.add_route(path, handler, methods=[method])

    async def list(self, request: Request) -> Response:
        namespace = request.path_params.get("namespace")
        chosen = _chosen(request)
        if request.query_params.get("watch") in ("true", "1"):
            return StreamingResponse(self._watch(request, namespace, chosen), media_type="application/json")
        found, version = await asyncio.to_thread(self.objects.list_at, self.resource.kind, namespace)
        if self.resource.kind is ServingRuntime:
            found = await asyncio.to_thread(runtimes_in, self.objects, namespace)
        document = {
            "apiVersion": self.resource.api_version,
            "kind": f"{self.resource.name}List",
            "metadata": {"resourceVersion": str(version)},
            "items": [one.to_dict() for one in found if chosen(one)],
        }
        return JSONResponse(document)

    async def get(self, request: Request) -> Response:
        return JSONResponse((await asyncio.to_thread(self._get, *_where(request))).to_dict())

    async def create(self, request: Request) -> Response:
        return await self._create(request, await self._wanted(request))

    async def replace(self, request: Request) -> Response:
        wanted = await self._wanted(request)
        return await self._update(request, lambda _: wanted)

    async def patch(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0]
        if kind not in (*_MERGE_PATCHES, _APPLY_PATCH):
            raise InvalidInput(f"A patch of the type {kind or 'none'} is not understood.", hint="Send a merge patch.")
        change = await document_of(request)
        try:
            return await self._update(request, lambda before: type(before).from_dict(merged(before.to_dict(), change)))
        except NotFound:
            if kind != _APPLY_PATCH:
                raise
            return await self._create(request, self._read(request, change))

    async def delete(self, request: Request) -> Response:
        namespace, name = _where(request)
        options = await document_of(request)
        found = await asyncio.to_thread(self._writable, namespace, name)
        if not _dry(request) and "All" not in (options.get("dryRun") or ()):
            await asyncio.to_thread(self._delete, namespace, name, options.get("preconditions") or {})
            self.wake()
        details = {
            "name": name,
            "group": GROUP,
            "kind": self.resource.plural,
            "uid": found.metadata.uid,
        }
        return JSONResponse({"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details})

    async def _create(self, request: Request, wanted: KubernetesObject) -> Response:
        validate(wanted)
        if not _dry(request):
            wanted = await asyncio.to_thread(self.objects.create, wanted)
            self.wake()
        return JSONResponse(wanted.to_dict(), 201)

    async def _update(self, request: Request, change: Callable[[KubernetesObject], KubernetesObject]) -> Response:
        namespace, name = _where(request)

        def checked(before: KubernetesObject) -> KubernetesObject:
            wanted = change(before)
            _refuse_elsewhere(request, wanted)
            validate(wanted, before)
            return wanted

        before = await asyncio.to_thread(self._writable, namespace, name)
        if _dry(request):
            return JSONResponse(checked(before).to_dict())
        after = await asyncio.to_thread(self.objects.update, self.resource.kind, namespace, name, checked)
        if after.metadata.deletion_timestamp:
            await asyncio.to_thread(self._purge, after)
        self.wake()
        return JSONResponse(after.to_dict())

    def _get(self, namespace: str, name: str) -> KubernetesObject:
        try:
            return self.objects.get(self.resource.kind, namespace, name)
        except NotFound:
            if shipped := self._shipped(name):
                return shipped
            raise

    def _writable(self, namespace: str, name: str) -> KubernetesObject:
        try:
            return self.objects.get(self.resource.kind, namespace, name)
        except NotFound:
            if self._shipped(name):
                raise InvalidInput(
                    f"The serving runtime {name} ships with Forecourt and stays as it is.",
                    hint="Create one of the same name to take its place.",
                ) from None
            raise

    def _delete(self, namespace: str, name: str, preconditions: dict[str, Any]) -> None:
        uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
        self._purge(self.objects.mark_deleted(self.resource.kind, namespace, name, uid=uid, resource_version=version))

    def _purge(self, marked: KubernetesObject) -> None:
        if self.resource.kind is not InferenceService:  # of a deployment, what runs has to end first
            self.objects.purge(self.resource.kind, marked.namespace, marked.name, marked.metadata.uid or "")

    def _shipped(self, name: str) -> KubernetesObject | None:
        ships = shipped_runtimes() if self.resource.kind is ServingRuntime else ()
        return next((one for one in ships if one.name == name), None)

    async def _wanted(self, request: Request) -> KubernetesObject:
        return self._read(request, await document_of(request))

    def _read(self, request: Request, document: dict[str, Any]) -> KubernetesObject:
        said = {"apiVersion": self.resource.api_version, "kind": self.resource.name}
        wanted = self.resource.kind.from_dict(document | {key: document.get(key) or said[key] for key in said})
        if self.resource.namespaced and not wanted.namespace:
            wanted = wanted.with_metadata(namespace=request.path_params["namespace"])
        if not wanted.name and "name" in request.path_params:
            wanted = wanted.with_metadata(name=request.path_params["name"])
        _refuse_elsewhere(request, wanted)
        return wanted

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
                        yield _line("ADDED", one.to_dict())
                async for event, changed in self.objects.watch(kind, namespace, since=version):
                    uid = changed.metadata.uid
                    if chosen(changed):
                        yield _line(event, changed.to_dict())
                    elif uid in shown:
                        yield _line("DELETED", changed.to_dict())
                    (shown.add if chosen(changed) else shown.discard)(uid)
        except TimeoutError:
            return
        except ForecourtError as error:
            yield _line("ERROR", status(error))
        except ValueError:
            wrong = f"resourceVersion {since!r} and timeoutSeconds {seconds!r} must be whole numbers."
            yield _line("ERROR", status(InvalidInput(wrong)))


def status(error: ForecourtError) -> dict[str, Any]:
    """Return the Kubernetes ``Status`` of an error."""
    causes = [{"reason": "NextStep", "message": error.hint}] if error.hint else []
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
        "code": error.status,
        "details": {"causes": causes},
    }


def install_error_handlers(application: FastAPI) -> None:
    """Answer every error of the API with a ``Status``."""

    def answer(error: ForecourtError) -> JSONResponse:
        return JSONResponse(status(error), error.status)

    @application.exception_handler(ForecourtError)
    async def told(_: Request, error: ForecourtError) -> JSONResponse:
        return answer(error)

    @application.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return answer(InvalidInput(f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}"))

    @application.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        missing = NotFound(f"There is nothing at {request.url.path}.") if error.status_code == 404 else None
        document = status(missing or InvalidInput(str(error.detail))) | {"code": error.status_code}
        return JSONResponse(document, error.status_code)

    @application.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> JSONResponse:
        return answer(ForecourtError("Something went wrong in Forecourt.", hint="The server's log has more."))


def _add_discovery(router: APIRouter) -> None:
    """Say what there is, as kubectl and client libraries ask."""
    major, minor = "1", "33"  # the Kubernetes API whose conventions these routes follow
    version = {"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.0+forecourt-{__version__}"}
    documents = {
        "/version": version,
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
        "/apis": group_list(),
        "/apis/serving.kserve.io": group(),
    } | {f"/apis/serving.kserve.io/{version}": resource_list(version) for version in VERSIONS}
    for path, document in documents.items():
        router.add_api_route(path, lambda document=document: JSONResponse(document), methods=["GET"])


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
