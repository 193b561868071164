"""What a deployment was before: a `ControllerRevision` (apps/v1) for each change of what runs, the last ten.

How many replicas there are and how they are rolled out is no part of a revision, as with a Kubernetes Deployment:
going back to one leaves that as it is. Which connection and profile completed the deployment is part of it, and which
registered version it is.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import Any, Literal

from forecourt.errors import AlreadyExists, InvalidObject, NotFound
from forecourt.objects import KubernetesObject, ObjectStore, OwnerReference, Resource, validate_metadata
from forecourt.serving.admission import PROFILE, PROFILE_NAMESPACE
from forecourt.serving.compose import MODEL_CLASS
from forecourt.serving.model import InferenceService
from forecourt.serving.registration import MODEL_ID, PREFIXES, VERSION_ID
from forecourt.serving.source import CONNECTION, CONNECTION_PATH

KEPT = 10
DEPLOYMENT = "serving.kserve.io/inferenceservice"
"""The label that says whose revision it is."""
CAUSE = "kubernetes.io/change-cause"

_NOT_OF_A_REVISION = (
    "minReplicas",
    "maxReplicas",
    "scaleTarget",
    "scaleMetric",
    "canaryTrafficPercent",
    "deploymentStrategy",
    "timeout",
)
_ANNOTATIONS = (CONNECTION, CONNECTION_PATH, PROFILE, PROFILE_NAMESPACE)
_LABELS = (MODEL_CLASS, *(prefix + name for prefix in PREFIXES for name in (MODEL_ID, VERSION_ID)))
"""What says which model it is, and which registered version."""
Document = dict[str, Any]


class ControllerRevision(KubernetesObject):
    """One revision: its number, which only grows, and what ran."""

    api_version: Literal["apps/v1"] = "apps/v1"
    kind: Literal["ControllerRevision"] = "ControllerRevision"
    revision: int = 0
    data: dict[str, Any] | None = None


def validate_revision(wanted: ControllerRevision, before: ControllerRevision | None) -> None:
    """Check a revision that is to be kept: what has been does not change. Raises `InvalidObject`."""
    validate_metadata(wanted)
    if before and (wanted.data, wanted.revision) != (before.data, before.revision):
        raise InvalidObject("data: Forbidden: a revision says what was, and does not change")


REVISIONS = Resource(ControllerRevision, "apps", "v1", "controllerrevisions", validate=validate_revision, called=None)


class History:
    """The revisions of the deployments in an object store. Threads may share it."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._recording = threading.Lock()
        self._newest: dict[str, ControllerRevision] = {}  # by the deployments' uids

    def record(self, service: InferenceService) -> ControllerRevision:
        """Return the revision that a deployment is at: the newest, or one that is made now because it differs."""
        data, uid = _data(service), service.metadata.uid or ""
        with self._recording:
            newest = self._newest.get(uid)
            if newest is None or newest.data != data:
                newest = self._newest[uid] = self._record(service, data)
            return newest

    def forget(self, uid: str) -> None:
        """Let go of a deployment that is no more."""
        self._newest.pop(uid, None)

    def _record(self, service: InferenceService, data: Document) -> ControllerRevision:
        there = self.of(service)
        if there and there[-1].data == data:
            return there[-1]
        number = there[-1].revision + 1 if there else 1
        made = _revision(service, number, data)
        try:
            made = self._objects.create(made)
        except AlreadyExists:  # of an earlier deployment of the name, or of one called name-00001
            made = self._objects.create(made.with_metadata(name=f"{made.name}-{(service.metadata.uid or '')[:5]}"))
        self._drop_oldest(service, there)
        return made

    def of(self, service: InferenceService) -> list[ControllerRevision]:
        """Return a deployment's revisions, the newest last."""
        uid = service.metadata.uid
        those = self._objects.list(ControllerRevision, service.namespace)
        mine = (one for one in those if any(owner.uid == uid for owner in one.metadata.owner_references or ()))
        return sorted(mine, key=lambda one: one.revision)

    def stable(self, service: InferenceService) -> InferenceService | None:
        """Return what goes on beside a canary: the deployment as it last was rolled out whole; None without one."""
        percent = service.spec.predictor.canary_traffic_percent
        name = rolled_out(service)
        if percent is None or percent >= 100 or not name:
            return None
        with contextlib.suppress(NotFound):
            return at(service, self._objects.get(ControllerRevision, service.namespace, name))
        return None

    def _drop_oldest(self, service: InferenceService, there: Sequence[ControllerRevision]) -> None:
        """Drop the oldest, except what a canary may have to go back to."""
        needed = rolled_out(service)
        for one in there[: max(0, len(there) + 1 - KEPT)]:
            if one.name != needed:
                marked = self._objects.mark_deleted(ControllerRevision, one.namespace, one.name)
                self._objects.purge(ControllerRevision, one.namespace, one.name, marked.metadata.uid or "")


def rolled_out(service: InferenceService) -> str:
    """Return the name of the revision that was rolled out last, as the status says."""
    components = service.status_document.get("components") or {}
    name: str = (components.get("predictor") or {}).get("latestRolledoutRevision") or ""
    return name


def same(service: InferenceService, revision: ControllerRevision) -> bool:
    """Say whether a deployment is what it was at a revision."""
    return revision.data == _data(service)


def at(service: InferenceService, revision: ControllerRevision) -> InferenceService:
    """Return a deployment as it was at a revision, with the replicas that it has now."""
    document, data = service.to_dict(), revision.data or {}
    now = document["spec"]["predictor"]
    spec: Document = {**data["spec"], "predictor": dict(data["spec"]["predictor"])}
    spec["predictor"] |= {key: now[key] for key in _NOT_OF_A_REVISION if key in now}
    annotations = {
        key: value for key, value in (document["metadata"].get("annotations") or {}).items() if key not in _ANNOTATIONS
    } | (data.get("annotations") or {})
    document["metadata"]["annotations"] = annotations
    labels = {key: value for key, value in (document["metadata"].get("labels") or {}).items() if key not in _LABELS}
    document["metadata"]["labels"] = labels | (data.get("labels") or {})
    return InferenceService.from_dict(document | {"spec": spec})


def _data(service: InferenceService) -> Document:
    spec = service.to_dict()["spec"]
    predictor = {key: value for key, value in spec["predictor"].items() if key not in _NOT_OF_A_REVISION}
    annotations, labels = service.metadata.annotations or {}, service.metadata.labels or {}
    of_the_model = {key: labels[key] for key in _LABELS if key in labels}
    return {
        "spec": spec | {"predictor": predictor},
        "annotations": {key: annotations[key] for key in _ANNOTATIONS if key in annotations},
    } | ({"labels": of_the_model} if of_the_model else {})


def _revision(service: InferenceService, number: int, data: Document) -> ControllerRevision:
    owner = OwnerReference(
        api_version=service.api_version,
        kind=service.kind,
        name=service.name,
        uid=service.metadata.uid or "",
        controller=True,
    )
    cause = service.metadata.annotation(CAUSE)
    return ControllerRevision.from_dict(
        {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": f"{service.name}-{number:05}",
                "namespace": service.namespace,
                "labels": {DEPLOYMENT: service.name},
                "annotations": {CAUSE: cause} if cause else {},
                "ownerReferences": [owner.to_dict()],
            },
            "revision": number,
            "data": data,
        }
    )
