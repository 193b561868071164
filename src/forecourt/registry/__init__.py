"""The model registry: models, versions, artifacts, and which deployments serve them; Kubeflow's registry API."""

from forecourt.registry.api import RegistryApi
from forecourt.registry.deployments import (
    Deployment,
    ServeState,
    close_deployment,
    close_missing,
    record_deployment,
    served_version,
)
from forecourt.registry.exchange import BODY_LIMIT
from forecourt.registry.management import management_router
from forecourt.registry.registry import Registry
from forecourt.registry.resolve import SCHEME, resolve

__all__ = [
    "BODY_LIMIT",
    "SCHEME",
    "Deployment",
    "Registry",
    "RegistryApi",
    "ServeState",
    "close_deployment",
    "close_missing",
    "management_router",
    "record_deployment",
    "resolve",
    "served_version",
]
