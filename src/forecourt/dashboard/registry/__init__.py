"""Pages of the model registry."""

from forecourt.dashboard.registry.lineage import LineagePages

__all__ = ["LineagePages"]
