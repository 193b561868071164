"""Deployments of registered versions, written into the registry as they come, change and go.

What KServe's registry controller does on a cluster. Which version a deployment serves is said by its labels, as Open
Data Hub's dashboard sets them, or by the ``model-registry://`` URI that it names.
"""

from __future__ import annotations

import asyncio
import logging

from forecourt.errors import InvalidInput, NotFound
from forecourt.objects import ObjectStore, keep_following
from forecourt.registry import (
    SCHEME,
    Deployment,
    Registry,
    ServeState,
    close_deployment,
    close_missing,
    record_deployment,
    served_version,
)
from forecourt.serving.model import InferenceService

MODEL_ID = "registered-model-id"
VERSION_ID = "model-version-id"
SERVICE_ID = "inference-service-id"
PREFIXES = ("modelregistry.opendatahub.io/", "modelregistry.kubeflow.org/")
"""Of the labels that tie a deployment to the registry: Open Data Hub's, which we set too, and Kubeflow's."""

log = logging.getLogger(__name__)


def registry_labels(model_id: str, version_id: str) -> dict[str, str]:
    """Return the labels of a deployment of a registered version."""
    return {f"{PREFIXES[0]}{MODEL_ID}": model_id, f"{PREFIXES[0]}{VERSION_ID}": version_id}


class Registration:
    """Keeps the registry's rows of the deployments in an object store, while `run` runs."""

    def __init__(self, objects: ObjectStore, registry: Registry) -> None:
        self._objects = objects
        self._database = registry.database

    async def run(self) -> None:
        """Write what is there, then every change, until cancelled."""
        await keep_following(self._follow, "The registry was not told of a deployment")

    async def _follow(self) -> None:
        services, version = await asyncio.to_thread(self._objects.list_at, InferenceService)
        await asyncio.to_thread(self._close_missing, {service.metadata.uid or "" for service in services})
        for service in services:
            await asyncio.to_thread(self._write, service)
        async for event, service in self._objects.watch(InferenceService, since=version):
            await asyncio.to_thread(self._close if event == "DELETED" else self._write, service)

    def _close_missing(self, uids: set[str]) -> None:
        with self._database.transaction() as connection:
            close_missing(connection, uids)

    def _close(self, service: InferenceService) -> None:
        with self._database.transaction() as connection:
            close_deployment(connection, service.metadata.uid or "")

    def _write(self, service: InferenceService) -> None:
        labels = service.metadata.labels or {}
        uid, uri = service.metadata.uid or "", service.storage_uri
        said = {"model_id": _label(labels, MODEL_ID), "version_id": _label(labels, VERSION_ID)}
        if uri.startswith(f"{SCHEME}://"):
            said["uri"] = uri
        if not any(said.values()):
            return
        try:
            with self._database.transaction() as connection:
                version = served_version(connection, uid, **said)
                identity = str(record_deployment(connection, _deployment(service, version.id)))
        except (NotFound, InvalidInput) as error:
            log.warning("What %s/%s serves is not in the registry: %s", service.namespace, service.name, error)
            return
        if _label(labels, SERVICE_ID) != identity and not service.metadata.deletion_timestamp:
            self._tie(service, identity)

    def _tie(self, service: InferenceService, identity: str) -> None:
        """Label a deployment with its inference service's id, as the controller does on a cluster."""

        def labelled(before: InferenceService) -> InferenceService:
            if before.metadata.uid != service.metadata.uid:
                return before  # another one of that name, whose turn comes
            return before.with_metadata(
                labels=(before.metadata.labels or {}) | {f"{PREFIXES[0]}{SERVICE_ID}": identity}
            )

        try:
            self._objects.update(InferenceService, service.namespace, service.name, labelled)
        except NotFound:
            return


def _deployment(service: InferenceService, version_id: int) -> Deployment:
    return Deployment(
        namespace=service.namespace,
        name=service.name,
        uid=service.metadata.uid or "",
        version_id=version_id,
        deployed=not service.stopped and not service.metadata.deletion_timestamp,
        state=_state(service),
        runtime=(service.status and service.status.serving_runtime_name) or service.model.runtime or "",
        url=(service.status and service.status.url) or "",
    )


def _state(service: InferenceService) -> ServeState:
    if service.stopped or service.metadata.deletion_timestamp:
        return "COMPLETE"
    if service.ready:
        return "RUNNING"
    states = service.status.model_status.states if service.status and service.status.model_status else None
    return "FAILED" if states and states.target_model_state == "FailedToLoad" else "NEW"


def _label(labels: dict[str, str], name: str) -> str:
    return next((labels[prefix + name] for prefix in PREFIXES if labels.get(prefix + name)), "")
