"""From what a person says to the `InferenceService` that Open Data Hub's dashboard would make of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from forecourt.serving.model import DISPLAY_NAME, InferenceService
from forecourt.serving.validation import validate_service

DASHBOARD = "opendatahub.io/dashboard"
MODEL_TYPE = "opendatahub.io/model-type"
MODEL_CLASS = "modelClass"
GPU = "nvidia.com/gpu"

_LONGEST_NAME = 30  # as the dashboard has it; KServe would allow more
_GENERATIVE = frozenset({"gguf", "vLLM", "caikit"})
_AS_RUNTIMES_SAY = {"safetensors": "vLLM", "openvino": "openvino_ir"}
"""What runtimes call a format that files are known by under another name."""
_CLASSES = {
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "onnx": "mlserver_onnx.OnnxModel",
    "sklearn": "mlserver_sklearn.SKLearnModel",
    "xgboost": "mlserver_xgboost.XGBoostModel",
}
"""What MLServer loads a format with; its runtime asks for it as a label."""
_SPOKEN_V2 = frozenset({*_CLASSES, "openvino_ir", "tensorflow", "paddle", "pytorch"})
"""Formats whose runtimes speak KServe's protocol v2 only; without being asked for it, KServe chooses one of v1."""


def compose(
    name: str,
    uri: str,
    *,
    model_format: str,
    namespace: str = "default",
    runtime: str | None = None,
    replicas: int = 1,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cpu: str | None = None,
    memory: str | None = None,
    gpus: int | None = None,
    display_name: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> InferenceService:
    """Return a deployment of the model at `uri`, which is empty where a connection says where the model is.

    Raises `InvalidObject` where it cannot be one. `cpu` and `memory` are Kubernetes quantities (``2``,
    ``500m``, ``4Gi``) of each replica, requested and granted.
    """
    model_format = _AS_RUNTIMES_SAY.get(model_format, model_format)
    model: dict[str, Any] = {"modelFormat": {"name": model_format}} | ({"storageUri": uri} if uri else {})
    if runtime:
        model["runtime"] = runtime
    elif model_format in _SPOKEN_V2:
        model["protocolVersion"] = "v2"
    if args:
        model["args"] = list(args)
    if env:
        model["env"] = [{"name": key, "value": value} for key, value in env.items()]
    if resources := {key: value for key, value in (("cpu", cpu), ("memory", memory), (GPU, gpus)) if value is not None}:
        model["resources"] = {"requests": resources, "limits": resources}
    notes = {
        DISPLAY_NAME: display_name or name,
        MODEL_TYPE: "generative" if model_format in _GENERATIVE else "predictive",
    }
    class_label = {MODEL_CLASS: _CLASSES[model_format]} if model_format in _CLASSES else {}
    service = InferenceService.from_dict(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {DASHBOARD: "true"} | class_label | dict(labels or {}),
                "annotations": notes | dict(annotations or {}),
            },
            "spec": {"predictor": {"minReplicas": replicas, "maxReplicas": replicas, "model": model}},
        }
    )
    validate_service(service)
    return service


def resource_name(display_name: str) -> str:
    """Return a name for what people call `display_name`, as the dashboard derives it (translateDisplayNameForK8s)."""
    name = re.sub(r"[^a-z0-9-]", "", re.sub(r"\s+", "-", display_name.strip().lower()))
    name = re.sub(r"-{2,}", "-", name).strip("-")[:_LONGEST_NAME].strip("-")
    if not name:
        return f"gen-{secrets.token_hex(3)}"
    return name if name[0].isalpha() else f"m-{name}"[:_LONGEST_NAME].strip("-")
