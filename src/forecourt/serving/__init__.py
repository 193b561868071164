"""Serving runtimes, inference services and their state; drivers for the places where models run; the gateway."""

from forecourt.serving.access import AccessControl
from forecourt.serving.admission import Admission
from forecourt.serving.api import fit_router, logs_router, resources, revisions_router, tokens_router
from forecourt.serving.compose import compose, resource_name
from forecourt.serving.deployable import guessed, named, registered
from forecourt.serving.deploying import HIDDEN as HIDDEN_CONNECTION
from forecourt.serving.deploying import Deployer
from forecourt.serving.deploying_api import deploying_router
from forecourt.serving.endpoints import Endpoints
from forecourt.serving.environments import RuntimeEnvironments
from forecourt.serving.environments_api import environments_router
from forecourt.serving.gateway import METRICS_CONTENT_TYPE, UVICORN_SETTINGS, Gateway, metrics_body
from forecourt.serving.local import Fitting, LocalDriver, Site
from forecourt.serving.measuring import Measurements, Measuring, metrics_router
from forecourt.serving.model import InferenceService, ServingRuntime, load, load_all
from forecourt.serving.reconcile import Reconciler
from forecourt.serving.records import Records
from forecourt.serving.registration import Registration, registry_labels
from forecourt.serving.replicas import checked_window
from forecourt.serving.runtime_settings import RuntimeSettings
from forecourt.serving.runtime_text import read_runtimes
from forecourt.serving.runtimes import usable_runtimes
from forecourt.serving.runtimes_api import runtimes_router
from forecourt.serving.service_checking import service_problems
from forecourt.serving.source import Fetched, Source
from forecourt.serving.tokens import Tokens
from forecourt.serving.wanted import ADVANCED, STANDARD, Wanted

__all__ = [
    "ADVANCED",
    "HIDDEN_CONNECTION",
    "METRICS_CONTENT_TYPE",
    "STANDARD",
    "UVICORN_SETTINGS",
    "AccessControl",
    "Admission",
    "Deployer",
    "Endpoints",
    "Fetched",
    "Fitting",
    "Gateway",
    "InferenceService",
    "LocalDriver",
    "Measurements",
    "Measuring",
    "Reconciler",
    "Records",
    "Registration",
    "RuntimeEnvironments",
    "RuntimeSettings",
    "ServingRuntime",
    "Site",
    "Source",
    "Tokens",
    "Wanted",
    "checked_window",
    "compose",
    "deploying_router",
    "environments_router",
    "fit_router",
    "guessed",
    "load",
    "load_all",
    "logs_router",
    "metrics_body",
    "metrics_router",
    "named",
    "read_runtimes",
    "registered",
    "registry_labels",
    "resource_name",
    "resources",
    "revisions_router",
    "runtimes_router",
    "service_problems",
    "tokens_router",
    "usable_runtimes",
]
