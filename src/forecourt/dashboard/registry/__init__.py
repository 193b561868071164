"""Pages of the model registry."""

from forecourt.dashboard.registry.lineage import LineagePages
from forecourt.dashboard.registry.registering import RegisterPages

__all__ = ["LineagePages", "RegisterPages"]
