"""What Open Data Hub's webhooks write into a deployment as it comes in: its connection's and its profile's part.

So that the object is the same as on a cluster (odh-model-controller, connectionapi and hardwareprofile webhooks): the
annotation ``opendatahub.io/connections`` becomes a URI, a storage key or a pull secret by what the connection speaks;
``opendatahub.io/hardware-profile-name`` becomes resources, a node selector and tolerations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forecourt.errors import InvalidObject, NotFound
from forecourt.projects import AFFINITY, DEVICES, HardwareProfile, Projects, Secret, within
from forecourt.serving.model import InferenceService
from forecourt.serving.source import CONNECTION, CONNECTION_PATH

PROFILE = "opendatahub.io/hardware-profile-name"
PROFILE_NAMESPACE = "opendatahub.io/hardware-profile-namespace"
Document = dict[str, Any]


class Admission:
    """Completes deployments by the connections and profiles of their projects."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects

    def kept(
        self, wanted: InferenceService, before: InferenceService | None, coming: Secret | None = None
    ) -> InferenceService:
        """Return what is kept of a deployment; raises `InvalidObject` where what it names is not there or not right.

        `coming` is a connection that is made with it, and not there yet.
        """
        document = wanted.to_dict()
        old = before.metadata.annotation(CONNECTION) if before else ""
        name = wanted.metadata.annotation(CONNECTION)
        if old and old != name:
            self._disconnect(document, old)
        if name:
            self._connect(document, wanted, name, coming)
        if profile := wanted.metadata.annotation(PROFILE):
            self._equip(document, wanted, profile)
        return InferenceService.from_dict(document)

    def _connect(self, document: Document, wanted: InferenceService, name: str, coming: Secret | None) -> None:
        field, connections = f"metadata.annotations[{CONNECTION}]", self._projects.connections
        if coming and coming.name == name:
            values = connections.values_of(coming)
        else:
            values = _found(field, lambda: connections.values(wanted.namespace, name))
        predictor = document["spec"]["predictor"]
        model = predictor.setdefault("model", {})
        data = values.data
        if "AWS_ACCESS_KEY_ID" in data or "AWS_S3_ENDPOINT" in data:
            if wanted.storage_uri:
                return  # a whole s3:// URI, for which the connection only opens the way
            storage = model.setdefault("storage", {})
            path = wanted.metadata.annotation(CONNECTION_PATH) or storage.get("path") or ""
            storage |= {"key": name, "path": path}
            predictor["serviceAccountName"] = f"{name}-sa"
        elif ".dockerconfigjson" in data:
            secrets = predictor.setdefault("imagePullSecrets", [])
            if {"name": name} not in secrets:
                secrets.append({"name": name})
            host = data.get("OCI_HOST", "")
            if host and wanted.storage_uri.startswith("oci") and not _is_of(wanted.storage_uri, host):
                raise InvalidObject(
                    f"spec.predictor.model.storageUri: {wanted.storage_uri} is not in the registry {host} "
                    f"of the connection {name}.",
                    hint="Choose another connection, or leave it out.",
                )
        elif uri := data.get("https-host") or data.get("URI"):
            model["storageUri"] = uri
        # Any other connection (a token for Hugging Face) opens the way and says nothing of where.

    def _disconnect(self, document: Document, old: str) -> None:
        """Take out what the connection before had put in."""
        predictor = document["spec"]["predictor"]
        model = predictor.get("model") or {}
        if (model.get("storage") or {}).get("key") == old:
            model.pop("storage")
        if predictor.get("serviceAccountName") == f"{old}-sa":
            predictor.pop("serviceAccountName")
        if secrets := [one for one in predictor.get("imagePullSecrets") or () if one.get("name") != old]:
            predictor["imagePullSecrets"] = secrets
        else:
            predictor.pop("imagePullSecrets", None)

    def _equip(self, document: Document, wanted: InferenceService, name: str) -> None:
        where = wanted.metadata.annotation(PROFILE_NAMESPACE) or wanted.namespace
        field = f"metadata.annotations[{PROFILE}]"
        profile = _found(field, lambda: self._projects.profile(name, where))
        predictor = document["spec"]["predictor"]
        resources = predictor.setdefault("model", {}).setdefault("resources", {})
        requests, limits = resources.setdefault("requests", {}), resources.setdefault("limits", {})
        for one in profile.spec.identifiers:
            asked = requests.setdefault(one.identifier, limits.get(one.identifier, one.default_count))
            limits.setdefault(one.identifier, asked)
        for kind, amounts in (("requests", requests), ("limits", limits)):
            for identifier, amount in amounts.items():
                if wrong := within(profile, identifier, amount):
                    raise InvalidObject(f"spec.predictor.model.resources.{kind}[{identifier}]: Invalid value: {wrong}.")
        _place(document, predictor, profile)


def _place(document: Document, predictor: Document, profile: HardwareProfile) -> None:
    node = profile.spec.scheduling.node if profile.spec.scheduling else None
    if node and node.node_selector:
        predictor["nodeSelector"] = node.node_selector | (predictor.get("nodeSelector") or {})
    if node and node.tolerations:
        there = predictor.get("tolerations") or []
        predictor["tolerations"] = [*(one for one in node.tolerations if one not in there), *there]
    kueue = profile.spec.scheduling.kueue if profile.spec.scheduling else None
    if kueue:
        document["metadata"].setdefault("labels", {})["kueue.x-k8s.io/queue-name"] = kueue.local_queue_name
    for annotation in (AFFINITY, DEVICES):
        if value := profile.metadata.annotation(annotation):
            document["metadata"]["annotations"].setdefault(annotation, value)


def _is_of(uri: str, host: str) -> bool:
    rest = uri.partition("://")[2]
    bare = host.removeprefix("https://").removeprefix("http://").rstrip("/")
    return rest == bare or rest.startswith(f"{bare}/")


def _found(field: str, find: Callable[[], Any]) -> Any:
    try:
        return find()
    except NotFound as error:
        raise InvalidObject(f"{field}: {error.message}", hint=error.hint) from None
