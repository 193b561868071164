"""What the registry keeps, as data: each kind of resource, its fields, and where the API's two versions differ.

The kinds, their fields and their texts are those of Kubeflow's model registry (its OpenAPI documents, ``v1`` and
``v1alpha3``). Reading a body, answering, the index that filters use and the routes all follow what is declared here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

FieldType = Literal["string", "strings", "int64", "double", "id", "enum"]
"""``int64`` is written as a string of digits in JSON, ``id`` is the id of another resource, likewise."""

Family = Literal["context", "artifact", "execution"]
"""What an ``externalId`` is unique in, as ML Metadata has it."""

NAME_LIMIT = 255
"""The longest name, in characters, with the ``<parent's id>:`` that the database of upstream puts before it."""

EXTERNAL_ID_LIMIT = 255
"""The longest ``externalId``, in characters."""


@dataclass(frozen=True, slots=True)
class Enum:
    """The values that a field can have, and the first one it has; `name` is the schema's."""

    name: str
    values: tuple[str, ...]
    default: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind; `fixed` ones are said when it is created and never again."""

    name: str
    type: FieldType = "string"
    enum: Enum | None = None
    required: bool = False
    fixed: bool = False

    @property
    def default(self) -> str:
        """The value of a new resource that does not say it; empty for none."""
        return self.enum.default if self.enum else ""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of resource. `schema` is its name in the OpenAPI document, `word` the one in messages."""

    schema: str
    word: str
    collection: str
    family: Family
    fields: tuple[Field, ...]
    parent: str = ""
    parent_field: str = ""
    name_required: bool = False
    artifact_type: str = ""

    @property
    def defaults(self) -> dict[str, Any]:
        """The values that a new resource has where nothing else is said."""
        return {field.name: field.default for field in self.fields if field.default} | {"customProperties": {}}


_LIVE = ("LIVE", "ARCHIVED")
_ARTIFACT_STATE = Enum(
    "ArtifactState",
    ("UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"),
    "UNKNOWN",
)
_EXECUTION_STATE = Enum(
    "ExecutionState", ("UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"), "UNKNOWN"
)


def _strings(*names: str) -> tuple[Field, ...]:
    return tuple(map(Field, names))


def _state(name: str, *values: str, field: str = "state", default: str = "") -> Field:
    return Field(field, "enum", Enum(name, values, default or values[0]))


def _parent(name: str) -> Field:
    return Field(name, "id", required=True, fixed=True)


def _artifact(schema: str, word: str, artifact_type: str, *fields: Field, collection: str = "artifacts") -> Kind:
    own = (*fields, Field("state", "enum", _ARTIFACT_STATE))
    return Kind(schema, word, collection, "artifact", own, artifact_type=artifact_type)


REGISTERED_MODEL = Kind(
    "RegisteredModel",
    "registered model",
    "registered_models",
    "context",
    (
        *_strings("readme", "maturity"),
        Field("language", "strings"),
        Field("tasks", "strings"),
        *_strings("provider", "logo", "license", "licenseLink", "libraryName", "owner"),
        _state("RegisteredModelState", *_LIVE),
    ),
    name_required=True,
)
MODEL_VERSION = Kind(
    "ModelVersion",
    "model version",
    "model_versions",
    "context",
    (_parent("registeredModelId"), Field("author"), _state("ModelVersionState", *_LIVE)),
    parent="RegisteredModel",
    parent_field="registeredModelId",
    name_required=True,
)
SERVING_ENVIRONMENT = Kind(
    "ServingEnvironment",
    "serving environment",
    "serving_environments",
    "context",
    (),
    name_required=True,
)
INFERENCE_SERVICE = Kind(
    "InferenceService",
    "inference service",
    "inference_services",
    "context",
    (
        Field("registeredModelId", "id", required=True, fixed=True),
        _parent("servingEnvironmentId"),
        Field("modelVersionId", "id"),
        Field("runtime"),
        _state("InferenceServiceState", "DEPLOYED", "UNDEPLOYED", field="desiredState"),
    ),
    parent="ServingEnvironment",
    parent_field="servingEnvironmentId",
)
SERVE_MODEL = Kind(
    "ServeModel",
    "serve model",
    "serves",
    "execution",
    (
        Field("modelVersionId", "id", required=True, fixed=True),
        Field("lastKnownState", "enum", _EXECUTION_STATE),
    ),
    parent="InferenceService",
)
EXPERIMENT = Kind(
    "Experiment",
    "experiment",
    "experiments",
    "context",
    (Field("owner"), _state("ExperimentState", *_LIVE)),
    name_required=True,
)
EXPERIMENT_RUN = Kind(
    "ExperimentRun",
    "experiment run",
    "experiment_runs",
    "context",
    (
        _parent("experimentId"),
        Field("startTimeSinceEpoch", "int64", fixed=True),
        Field("endTimeSinceEpoch", "int64"),
        _state("ExperimentRunStatus", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED", field="status"),
        _state("ExperimentRunState", *_LIVE),
        Field("owner"),
    ),
    parent="Experiment",
    parent_field="experimentId",
)
MODEL_ARTIFACT = _artifact(
    "ModelArtifact",
    "model artifact",
    "model-artifact",
    *_strings("modelFormatName", "modelFormatVersion", "storageKey", "storagePath", "serviceAccountName"),
    *_strings("modelSourceKind", "modelSourceClass", "modelSourceGroup", "modelSourceId", "modelSourceName", "uri"),
    collection="model_artifacts",
)
DOC_ARTIFACT = _artifact("DocArtifact", "doc artifact", "doc-artifact", Field("uri"))
DATASET = _artifact(
    "DataSet",
    "dataset artifact",
    "dataset-artifact",
    *_strings("digest", "sourceType", "source", "schema", "profile", "uri"),
)
METRIC = _artifact(
    "Metric",
    "metric artifact",
    "metric",
    Field("value", "double", required=True),
    Field("timestamp", "int64"),
    Field("step", "int64"),
)
PARAMETER = _artifact(
    "Parameter",
    "parameter artifact",
    "parameter",
    Field("value"),
    _state("ParameterType", "string", "number", "boolean", "object", field="parameterType"),
)
METRIC_HISTORY = Kind(
    "MetricHistory",
    "metric",
    "metric_history",
    "execution",
    METRIC.fields,
    parent="ExperimentRun",
    artifact_type="metric",
)
"""One value that a run's metric had: a metric that was posted again keeps the newest, and leaves these behind."""

ARTIFACTS = (MODEL_ARTIFACT, DOC_ARTIFACT, DATASET, METRIC, PARAMETER)
KINDS: dict[str, Kind] = {
    kind.schema: kind
    for kind in (
        REGISTERED_MODEL,
        MODEL_VERSION,
        SERVING_ENVIRONMENT,
        INFERENCE_SERVICE,
        SERVE_MODEL,
        EXPERIMENT,
        EXPERIMENT_RUN,
        *ARTIFACTS,
        METRIC_HISTORY,
    )
}
BY_ARTIFACT_TYPE: dict[str, Kind] = {kind.artifact_type: kind for kind in ARTIFACTS}
RUN_FIELDS = ("experimentId", "experimentRunId")
"""What an artifact of a run says beside its own fields, where the API's version has experiments."""


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """How one version of the API differs from the other: which kinds it lacks, and what an artifact looks like."""

    name: str
    experiments: bool
    step: Literal["string", "number"]


V1 = ApiVersion("v1", experiments=False, step="string")
V1ALPHA3 = ApiVersion("v1alpha3", experiments=True, step="number")
VERSIONS: dict[str, ApiVersion] = {version.name: version for version in (V1, V1ALPHA3)}
