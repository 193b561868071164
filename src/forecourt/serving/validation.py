"""What an object must be like to be kept, in the words of Kubernetes' API server; and what KServe adds.

Names: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/; an `InferenceService` has KServe's
stricter ``[a-z]([-a-z0-9]*[a-z0-9])?``, and is short enough that ``<name>-predictor`` and ``<name>-<namespace>`` are
names too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from forecourt.errors import InvalidInput, InvalidObject
from forecourt.oci import Reference
from forecourt.serving.kubernetes import KubernetesObject, quoted
from forecourt.serving.model import InferenceService, ServingRuntime

MAX_SERVICE_NAME = 53
MAX_LABEL = 63
DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"

_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
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
    }
)
_ENVIRONMENT = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


def validate(wanted: KubernetesObject, before: KubernetesObject | None = None) -> None:
    """Check an object that is to be kept (in place of `before`); raises `InvalidObject` that names the field."""
    _validate_metadata(wanted)
    if isinstance(wanted, InferenceService):
        _validate_service(wanted)
        if before:
            _unchanged(f"metadata.annotations[{DEPLOYMENT_MODE}]", *(_mode(one) for one in (wanted, before)))
    if isinstance(wanted, ServingRuntime):
        _validate_runtime(wanted)


def _validate_metadata(wanted: KubernetesObject) -> None:
    name, namespace = wanted.name, wanted.namespace
    if not name:
        raise InvalidObject("metadata.name: Required value")
    if isinstance(wanted, InferenceService):
        if not _SERVICE_NAME.fullmatch(name):
            _refuse(
                "metadata.name",
                name,
                "must start with a lower-case letter, end with a lower-case letter or digit, and have only those and "
                f"'-' between (KServe: {_SERVICE_NAME.pattern})",
            )
        if len(name) > MAX_SERVICE_NAME:
            _refuse("metadata.name", name, f"must be no more than {MAX_SERVICE_NAME} characters")
        if len(f"{name}-{namespace}") > MAX_LABEL:
            _refuse("metadata.name", name, f"must be, with the namespace, no more than {MAX_LABEL - 1} characters")
    elif len(name) > 253 or not _DNS_SUBDOMAIN.fullmatch(name):
        _refuse("metadata.name", name, "must be lower-case letters, digits, '-' and '.', a letter or digit at each end")
    if namespace and (len(namespace) > MAX_LABEL or not _DNS_LABEL.fullmatch(namespace)):
        _refuse("metadata.namespace", namespace, "must be lower-case letters, digits and '-', at most 63 of them")
    for key, value in (wanted.metadata.labels or {}).items():
        _validate_key("metadata.labels", key)
        if value and not _LABEL_NAME.fullmatch(value):
            _refuse(f"metadata.labels[{key}]", value, "must be at most 63 letters, digits, '-', '_' and '.'")
    for key in wanted.metadata.annotations or {}:
        _validate_key("metadata.annotations", key)


def _validate_service(service: InferenceService) -> None:
    predictor = service.spec.predictor
    if not (predictor.model or predictor.containers or predictor.worker_spec):
        raise InvalidObject("spec.predictor.model: Required value: it says which model is served")
    if predictor.model:
        if predictor.model.model_format is None:
            raise InvalidObject("spec.predictor.model.modelFormat: Required value")
        if predictor.model.storage_uri and predictor.storage_uris:
            _refuse("spec.predictor.storageUris", "…", "must not be set together with model.storageUri")
        if predictor.model.storage_uri:
            _validate_uri("spec.predictor.model.storageUri", predictor.model.storage_uri)
        resources = predictor.model.resources
        for kind, quantities in (
            ("requests", resources and resources.requests),
            ("limits", resources and resources.limits),
        ):
            for name, quantity in (quantities or {}).items():
                if isinstance(quantity, str) and not _QUANTITY.fullmatch(quantity):
                    field = f"spec.predictor.model.resources.{kind}[{name}]"
                    _refuse(field, quantity, "must be a quantity such as 2, 500m or 4Gi")
        for index, variable in enumerate(predictor.model.env or ()):
            if not _ENVIRONMENT.fullmatch(variable.name):
                _refuse(f"spec.predictor.model.env[{index}].name", variable.name, "must be a variable's name")
    least, most = predictor.min_replicas, predictor.max_replicas
    if least is not None and least < 0:
        _refuse("spec.predictor.minReplicas", least, "must be 0 or more")
    if most is not None and most < 0:
        _refuse("spec.predictor.maxReplicas", most, "must be 0 or more")
    if least and most and least > most:
        _refuse("spec.predictor.minReplicas", least, f"must not be more than maxReplicas, which is {most}")


def _validate_uri(field: str, uri: str) -> None:
    """Check that KServe knows the scheme (docs of `Storage.download`), and that an image has a proper name."""
    scheme = uri.partition("://")[0] if "://" in uri else "file"
    if scheme not in _SCHEMES:
        _refuse(field, uri, f"must begin with one of {', '.join(sorted(_SCHEMES))}, and '://'")
    if scheme.partition("+")[0] == "oci":
        try:
            Reference.parse(uri.partition("://")[2])
        except InvalidInput as error:
            raise InvalidObject(f"{field}: Invalid value: {error.message}", hint=error.hint) from None


def _validate_runtime(runtime: ServingRuntime) -> None:
    if not runtime.spec.containers:
        raise InvalidObject("spec.containers: Required value")
    for index, known in enumerate(runtime.spec.supported_model_formats or ()):
        if known.priority is not None and known.priority < 1:
            _refuse(f"spec.supportedModelFormats[{index}].priority", known.priority, "must be 1 or more")


def _validate_key(field: str, key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if not _LABEL_NAME.fullmatch(name) or (slash and (len(prefix) > 253 or not _DNS_SUBDOMAIN.fullmatch(prefix))):
        _refuse(field, key, "must be a name of at most 63 characters, optionally after a DNS prefix and '/'")


def _mode(service: KubernetesObject) -> str:
    legacy: Mapping[str, str] = {"RawDeployment": "Standard", "Serverless": "Knative"}
    mode = service.metadata.annotation(DEPLOYMENT_MODE)
    return legacy.get(mode, mode)


def _unchanged(field: str, wanted: str, before: str) -> None:
    if wanted and before and wanted != before:
        _refuse(field, wanted, f"must not be changed; it is {quoted(before)}")


def _refuse(field: str, value: object, rule: str) -> None:
    raise InvalidObject(f"{field}: Invalid value: {quoted(value)}: {rule}")
