"""Serving runtimes, inference services and their state; drivers for the places where models run; the gateway."""

from forecourt.serving.api import api_router, install_error_handlers
from forecourt.serving.compose import compose
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.gateway import METRICS_CONTENT_TYPE, UVICORN_SETTINGS, Gateway, metrics_body
from forecourt.serving.local import LocalDriver, Site
from forecourt.serving.model import InferenceService, ServingRuntime, load, load_all
from forecourt.serving.reconcile import Reconciler
from forecourt.serving.registration import Registration, registry_labels
from forecourt.serving.store import ObjectStore
from forecourt.serving.yaml import load_documents

__all__ = [
    "METRICS_CONTENT_TYPE",
    "UVICORN_SETTINGS",
    "Endpoints",
    "Gateway",
    "InferenceService",
    "LocalDriver",
    "ObjectStore",
    "Reconciler",
    "Registration",
    "ServingRuntime",
    "Site",
    "api_router",
    "compose",
    "install_error_handlers",
    "load",
    "load_all",
    "load_documents",
    "metrics_body",
    "registry_labels",
]
