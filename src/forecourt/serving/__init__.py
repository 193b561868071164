"""Serving runtimes, inference services and their state; drivers for the places where models run; the gateway."""

from forecourt.serving.access import AccessControl
from forecourt.serving.admission import Admission
from forecourt.serving.api import fit_router, logs_router, resources, tokens_router
from forecourt.serving.compose import compose
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.gateway import METRICS_CONTENT_TYPE, UVICORN_SETTINGS, Gateway, metrics_body
from forecourt.serving.local import Fitting, LocalDriver, Site
from forecourt.serving.model import InferenceService, ServingRuntime, load, load_all
from forecourt.serving.reconcile import Reconciler
from forecourt.serving.registration import Registration, registry_labels
from forecourt.serving.runtimes import usable_runtimes
from forecourt.serving.source import Source
from forecourt.serving.tokens import Tokens

__all__ = [
    "METRICS_CONTENT_TYPE",
    "UVICORN_SETTINGS",
    "AccessControl",
    "Admission",
    "Endpoints",
    "Fitting",
    "Gateway",
    "InferenceService",
    "LocalDriver",
    "Reconciler",
    "Registration",
    "ServingRuntime",
    "Site",
    "Source",
    "Tokens",
    "compose",
    "fit_router",
    "load",
    "load_all",
    "logs_router",
    "metrics_body",
    "registry_labels",
    "resources",
    "tokens_router",
    "usable_runtimes",
]
