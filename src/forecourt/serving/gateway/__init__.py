"""The inference gateway: one address for every deployment, speaking OpenAI's API and whatever a runtime speaks."""

from forecourt.serving.gateway.app import BODY_LIMIT, REPLAY_LIMIT, UVICORN_SETTINGS, Gateway
from forecourt.serving.gateway.metrics import (
    DURATION_BOUNDS,
    FIRST_BYTE_BOUNDS,
    METRICS_CONTENT_TYPE,
    Counts,
    Times,
    metrics_body,
)
from forecourt.serving.gateway.models import model_id

__all__ = [
    "BODY_LIMIT",
    "DURATION_BOUNDS",
    "FIRST_BYTE_BOUNDS",
    "METRICS_CONTENT_TYPE",
    "REPLAY_LIMIT",
    "UVICORN_SETTINGS",
    "Counts",
    "Gateway",
    "Times",
    "metrics_body",
    "model_id",
]
