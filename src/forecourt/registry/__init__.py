"""The model registry: models, versions, artifacts, and which deployments serve them; Kubeflow's registry API."""

from forecourt.registry.api import RegistryApi
from forecourt.registry.management import management_router
from forecourt.registry.registry import Registry

__all__ = ["Registry", "RegistryApi", "management_router"]
