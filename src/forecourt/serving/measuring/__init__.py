"""What deployments do over time: measured every ten seconds, kept for a month, told as series."""

from forecourt.serving.measuring.api import metrics_router
from forecourt.serving.measuring.measuring import Measuring
from forecourt.serving.measuring.store import Measurements

__all__ = ["Measurements", "Measuring", "metrics_router"]
