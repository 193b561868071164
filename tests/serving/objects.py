"""Objects for the tests."""

from __future__ import annotations

from typing import Any

from forecourt.serving.model import ClusterServingRuntime, InferenceService, ServingRuntime


def service(name: str = "chat", namespace: str = "default", **model: Any) -> InferenceService:
    """An inference service; `model` is over its spec.predictor.model."""
    about = {"modelFormat": {"name": "gguf"}, "storageUri": "oci://localhost:5000/demo/model:1"} | model
    return InferenceService.from_dict(
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"predictor": {"model": {key: value for key, value in about.items() if value is not None}}},
        }
    )


def runtime(name: str, *formats: dict[str, Any], namespace: str = "", **spec: Any) -> ServingRuntime:
    """A serving runtime, of the cluster where it has no namespace. `created` is its creationTimestamp."""
    kind = ServingRuntime if namespace else ClusterServingRuntime
    metadata = {"name": name, "creationTimestamp": spec.pop("created", "2026-01-01T00:00:00Z")}
    return kind.from_dict(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": kind.__name__,
            "metadata": metadata | ({"namespace": namespace} if namespace else {}),
            "spec": {
                "supportedModelFormats": list(formats) or [{"name": "gguf", "autoSelect": True}],
                "containers": [{"name": "kserve-container", "image": "example.org/runtime:1"}],
            }
            | spec,
        }
    )
