"""The model registry: models, versions, artifacts, and which deployments serve them; Kubeflow's registry API.

What is exported is imported when it is asked for: commands that only write properties need no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecourt.registry.api import RegistryApi
    from forecourt.registry.deployments import (
        Deployment,
        ServeState,
        close_deployment,
        close_missing,
        record_deployment,
        served_version,
    )
    from forecourt.registry.exchange import BODY_LIMIT, actor_of
    from forecourt.registry.management import management_router
    from forecourt.registry.registering import Registration
    from forecourt.registry.registry import Registry
    from forecourt.registry.resolve import SCHEME, resolve
    from forecourt.registry.standing import Standing, next_version

_FROM = {
    "api": ("RegistryApi",),
    "deployments": (
        "Deployment",
        "ServeState",
        "close_deployment",
        "close_missing",
        "record_deployment",
        "served_version",
    ),
    "exchange": ("BODY_LIMIT", "actor_of"),
    "management": ("management_router",),
    "registering": ("Registration",),
    "registry": ("Registry",),
    "resolve": ("SCHEME", "resolve"),
    "standing": ("Standing", "next_version"),
}

__all__ = [
    "BODY_LIMIT",
    "SCHEME",
    "Deployment",
    "Registration",
    "Registry",
    "RegistryApi",
    "ServeState",
    "Standing",
    "actor_of",
    "close_deployment",
    "close_missing",
    "management_router",
    "next_version",
    "record_deployment",
    "resolve",
    "served_version",
]


def __getattr__(name: str) -> Any:
    for module, names in _FROM.items():
        if name in names:
            return getattr(import_module(f"forecourt.registry.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
