"""Pages of the model registry."""

from forecourt.dashboard.registry.room import RegistryPages

__all__ = ["RegistryPages"]
