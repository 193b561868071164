"""Projects, connections and their types, hardware profiles."""

from forecourt.projects.accelerators import AMD, GAUDI, NVIDIA, Accelerator, accelerators, device_memory
from forecourt.projects.api import Check, connections_router, contents_router
from forecourt.projects.connection_types import ConnectionType, Field
from forecourt.projects.connections import HIDDEN_KEYS, TYPE, Connections, Values
from forecourt.projects.hardware import AFFINITY, APPS_NAMESPACE, DEVICES, numbers, within
from forecourt.projects.machine import Machine, free_memory, this_machine
from forecourt.projects.model import (
    DASHBOARD,
    DISPLAY_NAME,
    ConfigMap,
    HardwareProfile,
    Identifier,
    Namespace,
    Secret,
)
from forecourt.projects.namespaces import DEFAULT_PROJECT, Endings, project
from forecourt.projects.projects import Projects
from forecourt.projects.vault import Vault

__all__ = [
    "AFFINITY",
    "AMD",
    "APPS_NAMESPACE",
    "DASHBOARD",
    "DEFAULT_PROJECT",
    "DEVICES",
    "DISPLAY_NAME",
    "GAUDI",
    "HIDDEN_KEYS",
    "NVIDIA",
    "TYPE",
    "Accelerator",
    "Check",
    "ConfigMap",
    "ConnectionType",
    "Connections",
    "Endings",
    "Field",
    "HardwareProfile",
    "Identifier",
    "Machine",
    "Namespace",
    "Projects",
    "Secret",
    "Values",
    "Vault",
    "accelerators",
    "connections_router",
    "contents_router",
    "device_memory",
    "free_memory",
    "numbers",
    "project",
    "this_machine",
    "within",
]
