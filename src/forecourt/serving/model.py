"""KServe's `ServingRuntime` (serving.kserve.io/v1alpha1) and `InferenceService` (serving.kserve.io/v1beta1).

The fields that Forecourt looks into are typed; all others are kept as they came, so that an object that passed through
Forecourt applies to a cluster unchanged. Tests hold these models against KServe's own CustomResourceDefinitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from forecourt.errors import InvalidObject
from forecourt.objects import Condition, KubernetesObject, ObjectMeta, Part, load_documents
from forecourt.serving.containers import Container, ContainerPort, EnvVar, Probe, ResourceRequirements

__all__ = [
    "ClusterServingRuntime",
    "Condition",
    "Container",
    "ContainerPort",
    "EnvVar",
    "FailureInfo",
    "InferenceService",
    "InferenceServiceStatus",
    "KubernetesObject",
    "ModelFormat",
    "ModelSpec",
    "ModelStatus",
    "ObjectMeta",
    "PredictorSpec",
    "Probe",
    "ResourceRequirements",
    "ServingRuntime",
    "SupportedModelFormat",
    "load",
    "load_all",
]

GROUP = "serving.kserve.io"
STOP = "serving.kserve.io/stop"
"""The annotation that stops an `InferenceService` where it is ``true``."""
DISPLAY_NAME = "openshift.io/display-name"


class SupportedModelFormat(Part):
    """A model format that a runtime serves. `auto_select` lets it be chosen by format, a higher `priority` first."""

    name: str
    version: str | None = None
    auto_select: bool | None = None
    priority: int | None = None


class ServingRuntimeSpec(Part):
    """How a runtime's pod looks, and for which models."""

    supported_model_formats: list[SupportedModelFormat] | None = None
    multi_model: bool | None = None
    disabled: bool | None = None
    protocol_versions: list[str] | None = None
    containers: list[Container] = Field(default_factory=list)
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    worker_spec: dict[str, Any] | None = None


class ServingRuntime(KubernetesObject):
    """How models of some formats are served, for those in its namespace."""

    api_version: Literal["serving.kserve.io/v1alpha1"] = "serving.kserve.io/v1alpha1"
    kind: Literal["ServingRuntime", "ClusterServingRuntime"] = "ServingRuntime"
    spec: ServingRuntimeSpec = Field(default_factory=ServingRuntimeSpec)

    @property
    def container(self) -> Container:
        """The container that serves, which KServe wants to be called ``kserve-container``; raises `InvalidObject`."""
        for container in self.spec.containers:
            if container.name == "kserve-container":
                return container
        raise InvalidObject(
            f'spec.containers: Invalid value: the serving runtime {self.name} has no container named "kserve-container"'
        )

    @property
    def display_name(self) -> str:
        """What people call it."""
        return self.metadata.annotation(DISPLAY_NAME) or self.name


class ClusterServingRuntime(ServingRuntime):
    """The same, for every namespace."""

    kind: Literal["ClusterServingRuntime"] = "ClusterServingRuntime"


class ModelFormat(Part):
    """The format of a model and, where it matters, its version."""

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name}:{self.version}" if self.version else self.name


class _Model(Part):
    """Which model, and with which runtime."""

    model_format: ModelFormat | None = None
    runtime: str | None = None
    storage_uri: str | None = None
    storage: dict[str, Any] | None = None
    protocol_version: str | None = None
    runtime_version: str | None = None
    confidential: dict[str, Any] | None = None


class ModelSpec(Container, _Model):
    """The model to serve, and what its container has other than the runtime says (it is a `Container` itself)."""

    @property
    def container(self) -> Container:
        """The container's part of it."""
        about_the_model = {field.alias for field in _Model.model_fields.values()}
        return Container.from_dict({k: v for k, v in self.to_dict().items() if k not in about_the_model})


class PredictorSpec(Part):
    """What answers: a model, how many replicas of it, and how they are rolled out."""

    model: ModelSpec | None = None
    storage_uris: list[dict[str, str]] | None = None
    worker_spec: dict[str, Any] | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    timeout: int | None = None
    container_concurrency: int | None = None
    canary_traffic_percent: int | None = None
    deployment_strategy: dict[str, Any] | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    containers: list[Container] | None = None


class InferenceServiceSpec(Part):
    """The parts of an inference service; the predictor is the one that must be there."""

    predictor: PredictorSpec = Field(default_factory=PredictorSpec)
    transformer: dict[str, Any] | None = None
    explainer: dict[str, Any] | None = None


class FailureInfo(Part):
    """The last failure; `time` is RFC 3339, `reason` one of KServe's FailureReason values."""

    location: str | None = None
    reason: str | None = None
    message: str | None = None
    model_revision_name: str | None = None
    time: str | None = None
    exit_code: int | None = None


class ModelStates(Part):
    """The model that answers and the one that is to: Pending, Standby, Loading, Loaded or FailedToLoad."""

    active_model_state: str
    target_model_state: str | None = None


class ModelCopies(Part):
    """How many copies of the model there are, and how many have failed of late."""

    failed_copies: int
    total_copies: int | None = None


class ModelStatus(Part):
    """How far the model is. `transition_status` is UpToDate, InProgress, BlockedByFailedLoad or InvalidSpec."""

    transition_status: str
    states: ModelStates | None = None
    last_failure_info: FailureInfo | None = None
    copies: ModelCopies | None = None


class Addressable(Part):
    """Where something answers."""

    url: str | None = None


class ComponentStatus(Part):
    """Where one part of an inference service answers."""

    url: str | None = None
    rest_url: str | None = None
    grpc_url: str | None = None
    address: Addressable | None = None


class InferenceServiceStatus(Part):
    """What has come of the spec."""

    observed_generation: int | None = None
    conditions: list[Condition] | None = None
    annotations: dict[str, str] | None = None
    url: str | None = None
    address: Addressable | None = None
    components: dict[str, ComponentStatus] | None = None
    model_status: ModelStatus | None = None
    deployment_mode: str | None = None
    serving_runtime_name: str | None = None
    cluster_serving_runtime_name: str | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type, where there is one."""
        return next((condition for condition in self.conditions or () if condition.type == kind), None)


class InferenceService(KubernetesObject):
    """A deployment: a model that is served."""

    api_version: Literal["serving.kserve.io/v1beta1"] = "serving.kserve.io/v1beta1"
    kind: Literal["InferenceService"] = "InferenceService"
    spec: InferenceServiceSpec = Field(default_factory=InferenceServiceSpec)
    status: InferenceServiceStatus | None = None

    @property
    def model(self) -> ModelSpec:
        """The model to serve; raises `InvalidObject` where the object has none."""
        if self.spec.predictor.model is None:
            raise InvalidObject(
                "spec.predictor.model: Required value: it says which model is served.",
                hint="Forecourt serves predictors that have a model; one made of containers only runs on a cluster.",
            )
        return self.spec.predictor.model

    @property
    def storage_uri(self) -> str:
        """Where the model is; empty where the object does not say."""
        predictor = self.spec.predictor
        if predictor.model and predictor.model.storage_uri:
            return predictor.model.storage_uri
        return predictor.storage_uris[0].get("uri", "") if predictor.storage_uris else ""

    @property
    def replicas(self) -> int:
        """How many replicas are wanted, whether or not it is stopped (KServe's default is one)."""
        least = self.spec.predictor.min_replicas
        return 1 if least is None else least

    @property
    def status_document(self) -> dict[str, Any]:
        """Its status as a document; empty where it has none yet."""
        return self.status.to_dict() if self.status else {}

    @property
    def stopped(self) -> bool:
        """Whether someone has stopped it."""
        return self.metadata.annotation(STOP).lower() == "true"

    @property
    def recreates(self) -> bool:
        """Whether all replicas of a revision end before the first of the next begins."""
        return (self.spec.predictor.deployment_strategy or {}).get("type") == "Recreate"

    @property
    def ready(self) -> bool:
        """Whether it answers, as its status says."""
        condition = self.status.condition("Ready") if self.status else None
        return condition is not None and condition.status == "True"

    @property
    def display_name(self) -> str:
        """What people call it."""
        return self.metadata.annotation(DISPLAY_NAME) or self.name


_KINDS: Mapping[str, type[ServingRuntime] | type[InferenceService]] = {
    "ClusterServingRuntime": ClusterServingRuntime,
    "InferenceService": InferenceService,
    "ServingRuntime": ServingRuntime,
}


def load(document: object) -> ServingRuntime | InferenceService:
    """Read one object of the kinds that are known here; raises `InvalidObject`."""
    if not isinstance(document, dict):
        raise InvalidObject("This is no Kubernetes object: it is not a map with apiVersion and kind.")
    kind = document.get("kind")
    if not kind:
        raise InvalidObject("kind: Required value", hint=f"Known are {', '.join(_KINDS)}.")
    if kind not in _KINDS:
        raise InvalidObject(
            f"kind: Unsupported value: {kind} ({document.get('apiVersion', 'no apiVersion')})",
            hint=f"Forecourt takes {', '.join(_KINDS)}.",
        )
    return _KINDS[kind].from_dict({"apiVersion": ""} | document)


def load_all(text: str | bytes) -> list[KubernetesObject]:
    """Read every object of a YAML (or JSON) text, those inside a ``List`` too; raises `InvalidObject`."""
    objects: list[KubernetesObject] = []
    for document in load_documents(text):
        is_list = isinstance(document, dict) and str(document.get("kind", "")).endswith("List")
        objects += map(load, document.get("items") or []) if is_list else [load(document)]
    return objects
