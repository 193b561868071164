"""What KServe's objects must be like to be kept, in the words of Kubernetes' API server.

An `InferenceService` has KServe's stricter name, ``[a-z]([-a-z0-9]*[a-z0-9])?``, short enough that
``<name>-predictor`` and ``<name>-<namespace>`` are names too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from forecourt.errors import InvalidInput, InvalidObject
from forecourt.objects import MAX_LABEL, KubernetesObject, quoted, refuse, validate_metadata, validate_quantity
from forecourt.oci import Reference
from forecourt.serving.model import InferenceService, ServingRuntime

MAX_SERVICE_NAME = 53
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"

_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SCHEMES = frozenset(
    {
        "oci",
        "oci+native",
        "oci+modelcar",
        "oci+fetch",
        "hf",
        "s3",
        "gs",
        "hdfs",
        "webhdfs",
        "http",
        "https",
        "pvc",
        "file",
        "modelscope",
        "model-registry",
        "catalog",  # ours alone: a cluster is given what it stands for
    }
)
_ENVIRONMENT = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def validate_service(wanted: InferenceService, before: InferenceService | None = None) -> None:
    """Check a deployment that is to be kept (in place of `before`); raises `InvalidObject` that names the field."""
    _validate_name(wanted)
    validate_metadata(wanted)
    _validate_predictor(wanted)
    if before:
        _unchanged(f"metadata.annotations[{DEPLOYMENT_MODE}]", *(_mode(one) for one in (wanted, before)))


def validate_runtime(wanted: ServingRuntime, _before: ServingRuntime | None = None) -> None:
    """Check a runtime that is to be kept; raises `InvalidObject` that names the field."""
    validate_metadata(wanted)
    if not wanted.spec.containers:
        raise InvalidObject("spec.containers: Required value")
    for index, known in enumerate(wanted.spec.supported_model_formats or ()):
        if known.priority is not None and known.priority < 1:
            refuse(f"spec.supportedModelFormats[{index}].priority", known.priority, "must be 1 or more")


def _validate_name(service: InferenceService) -> None:
    name = service.name
    if not name:
        return  # which is told with the rest of the metadata
    if not _SERVICE_NAME.fullmatch(name):
        refuse(
            "metadata.name",
            name,
            "must start with a lower-case letter, end with a lower-case letter or digit, and have only those and "
            f"'-' between (KServe: {_SERVICE_NAME.pattern})",
        )
    if len(name) > MAX_SERVICE_NAME:
        refuse("metadata.name", name, f"must be no more than {MAX_SERVICE_NAME} characters")
    if len(f"{name}-{service.namespace}") > MAX_LABEL:
        refuse("metadata.name", name, f"must be, with the namespace, no more than {MAX_LABEL - 1} characters")


def _validate_predictor(service: InferenceService) -> None:
    predictor = service.spec.predictor
    if not (predictor.model or predictor.containers or predictor.worker_spec):
        raise InvalidObject("spec.predictor.model: Required value: it says which model is served")
    if predictor.model:
        if predictor.model.model_format is None:
            raise InvalidObject("spec.predictor.model.modelFormat: Required value")
        if predictor.model.storage_uri and predictor.storage_uris:
            refuse("spec.predictor.storageUris", "…", "must not be set together with model.storageUri")
        if predictor.model.storage_uri:
            _validate_uri("spec.predictor.model.storageUri", predictor.model.storage_uri)
        resources = predictor.model.resources
        for kind, quantities in (
            ("requests", resources and resources.requests),
            ("limits", resources and resources.limits),
        ):
            for name, quantity in (quantities or {}).items():
                validate_quantity(f"spec.predictor.model.resources.{kind}[{name}]", quantity)
        for index, variable in enumerate(predictor.model.env or ()):
            if not _ENVIRONMENT.fullmatch(variable.name):
                refuse(f"spec.predictor.model.env[{index}].name", variable.name, "must be a variable's name")
    least, most = predictor.min_replicas, predictor.max_replicas
    if least is not None and least < 0:
        refuse("spec.predictor.minReplicas", least, "must be 0 or more")
    if most is not None and most < 0:
        refuse("spec.predictor.maxReplicas", most, "must be 0 or more")
    if least and most and least > most:
        refuse("spec.predictor.minReplicas", least, f"must not be more than maxReplicas, which is {most}")


def _validate_uri(field: str, uri: str) -> None:
    """Check that KServe knows the scheme (docs of `Storage.download`), and that an image has a proper name."""
    scheme = uri.partition("://")[0] if "://" in uri else "file"
    if scheme not in _SCHEMES:
        refuse(field, uri, f"must begin with one of {', '.join(sorted(_SCHEMES))}, and '://'")
    if scheme.partition("+")[0] == "oci":
        try:
            Reference.parse(uri.partition("://")[2])
        except InvalidInput as error:
            raise InvalidObject(f"{field}: Invalid value: {error.message}", hint=error.hint) from None


def _mode(service: KubernetesObject) -> str:
    legacy: Mapping[str, str] = {"RawDeployment": "Standard", "Serverless": "Knative"}
    mode = service.metadata.annotation(DEPLOYMENT_MODE)
    return legacy.get(mode, mode)


def _unchanged(field: str, wanted: str, before: str) -> None:
    if wanted and before and wanted != before:
        refuse(field, wanted, f"must not be changed; it is {quoted(before)}")
